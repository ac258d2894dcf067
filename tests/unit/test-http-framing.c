/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include <glib.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "export/http/ivd-http-framing.h"

#define GET "GET / HTTP/1.1\r\nHost: x\r\n"
#define POST "POST / HTTP/1.1\r\nHost: x\r\n"

/* The pieces that are used, with | between heads, bodies and chunk lines; and
 * what the end is: "." all used, "?" more is needed, else the status or "!". */
static char *
use_all (const char *data, gsize length, gsize step)
{
  IvdHttpFraming framing = { 0 };
  g_autoptr (GString) pieces = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  gsize start = 0, end = MIN (step, length);

  for (;;)
    {
      /* Exactly so long, that a sanitizer sees who reads past the end. */
      g_autofree char *seen = g_memdup2 (data + start, end - start);
      gsize used;

      if (!ivd_http_framing_use (&framing, seen, end - start, &used, &error))
        break;
      g_string_append_len (pieces, data + start, (gssize) used);
      /* Where a body is cut depends on what came at once. */
      if (used > 0 && ivd_http_framing_plain (&framing) == 0)
        g_string_append_c (pieces, '|');
      start += used;
      if (used == 0 && end == length)
        break;
      if (used == 0)
        end = MIN (end + step, length);
    }
  if (error != NULL && framing.head.status != 0)
    g_string_append_printf (pieces, "%u", framing.head.status);
  else
    g_string_append (pieces, error != NULL ? "!" : start == length ? "."
                                                                   : "?");
  return g_string_free (g_steal_pointer (&pieces), FALSE);
}

static void
assert_use (const char *data, const char *expected)
{
  static const gsize steps[] = { 1, 2, 3, 7, 4096, G_MAXSIZE };

  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      g_autofree char *pieces = use_all (data, strlen (data), steps[i]);

      g_assert_cmpstr (pieces, ==, expected);
    }
}

static void
test_requests (void)
{
  assert_use ("", ".");
  assert_use (GET "\r\n", GET "\r\n|.");
  assert_use (GET "\r\n" GET "\r\n", GET "\r\n|" GET "\r\n|.");
  assert_use ("\r\n" GET "\r\n", "\r\n" GET "\r\n|.");
  assert_use (GET "\r\n\r\n" GET "\r\n", GET "\r\n|\r\n" GET "\r\n|.");
  assert_use (GET, "?");
  assert_use (GET "\r", "?");
  assert_use (POST "Content-Length: 5\r\n\r\nhello" GET "\r\n", POST "Content-Length: 5\r\n\r\nhello|" GET "\r\n|.");
  assert_use (POST "Content-Length: 0\r\n\r\n" GET "\r\n", POST "Content-Length: 0\r\n\r\n|" GET "\r\n|.");
  assert_use (POST "content-length:\t005 \r\n\r\nhello", POST "content-length:\t005 \r\n\r\nhello|.");
}

#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static void
test_chunks (void)
{
  assert_use (CHUNKED "0\r\n\r\n" GET "\r\n", CHUNKED "|0\r\n|\r\n|" GET "\r\n|.");
  assert_use (CHUNKED "5\r\nhello\r\n0\r\n\r\n", CHUNKED "|5\r\nhello|\r\n|0\r\n|\r\n|.");
  assert_use (CHUNKED "1;a=b\r\nx\r\n00\r\n\r\n" GET "\r\n",
              CHUNKED "|1;a=b\r\nx|\r\n|00\r\n|\r\n|" GET "\r\n|.");
  assert_use (CHUNKED "0\r\nTrailer: y\r\n\r\n", CHUNKED "|0\r\n|!");
  assert_use (CHUNKED "0\r\n\rx", CHUNKED "|0\r\n|!");
  assert_use (CHUNKED "aF\r\n", CHUNKED "|aF\r\n.");
  assert_use (CHUNKED "x\r\n", CHUNKED "|!");
  assert_use (CHUNKED "\r\n", CHUNKED "|!");
  assert_use (CHUNKED " 5\r\nhello", CHUNKED "|!");
  assert_use (CHUNKED "5 \r\nhello", CHUNKED "|!");
  assert_use (CHUNKED "+5\r\nhello", CHUNKED "|!");
  assert_use (CHUNKED "-5\r\nhello", CHUNKED "|!");
  assert_use (CHUNKED "0x5\r\nhello", CHUNKED "|!");
  assert_use (CHUNKED "5\nhello", CHUNKED "|!");
  assert_use (CHUNKED "5;\x01\r\nhello", CHUNKED "|!");
  assert_use (CHUNKED "5\r\nhello!\r\n", CHUNKED "|5\r\nhello|!");
  assert_use (CHUNKED "5\r\nhello\n0", CHUNKED "|5\r\nhello|!");
  assert_use (CHUNKED "5\r\nhello\rx", CHUNKED "|5\r\nhello|!");
  assert_use (CHUNKED "0\r\nTrailer: y\n\r\n", CHUNKED "|0\r\n|!");
  assert_use (CHUNKED "7fffffffffffffff\r\n", CHUNKED "|7fffffffffffffff\r\n.");
  assert_use (CHUNKED "8000000000000000\r\n", CHUNKED "|!");
  assert_use (CHUNKED "00000000000000005\r\n", CHUNKED "|!");
}

static void
test_bad_heads (void)
{
  static const struct
  {
    const char *text;
    const char *status;
  } cases[] = {
    { "GET /\r\n", "400" },
    { "GET\r\n", "400" },
    { " GET / HTTP/1.1\r\n", "400" },
    { "GET  / HTTP/1.1\r\n", "400" },
    { "GET /  HTTP/1.1\r\n", "400" },
    { "GET / HTTP/1.1 \r\n", "400" },
    { "GET\t/ HTTP/1.1\r\n", "400" },
    { "GE(T / HTTP/1.1\r\n", "400" },
    { "GET / http/1.1\r\n", "400" },
    { "GET / HTTP/1.10\r\n", "400" },
    { "GET / HTTP/1\r\n", "400" },
    { "GET / HTTP/2.0\r\n", "505" },
    { "GET / HTTP/0.9\r\n", "505" },
    { "GET / HTTP/1.2\r\n", "505" },
    { "GET x HTTP/1.1\r\n", "400" },
    { "GET * HTTP/1.1\r\n", "400" },
    { "GET /% HTTP/1.1\r\n", "400" },
    { "GET /%4 HTTP/1.1\r\n", "400" },
    { "GET /%zz HTTP/1.1\r\n", "400" },
    { "GET /# HTTP/1.1\r\n", "400" },
    { "GET /\xc3\xa9 HTTP/1.1\r\n", "400" },
    { "GET /\x01 HTTP/1.1\r\n", "400" },
    { "GET http:///x HTTP/1.1\r\n", "400" },
    { "GET http://u@x/ HTTP/1.1\r\n", "400" },
    { "GET ftp://x/ HTTP/1.1\r\n", "400" },
    { "CONNECT x:80 HTTP/1.1\r\n", "501" },
    { "GET / HTTP/1.1\n", "400" },
    { "\n", "400" },
    { "\r\n\r\n", "400" },
    { GET "Host: y\r\n", "400" },
    { "GET / HTTP/1.1\r\n\r\n", "400" },
    { "GET /?a HTTP/1.0\r\n\r\n", "400" },
    { "GET / HTTP/1.1\r\nHost:\r\n", "400" },
    { "GET / HTTP/1.1\r\nHost: a b\r\n", "400" },
    { "GET / HTTP/1.1\r\nHost: a, b\r\n", "400" },
    { "GET / HTTP/1.1\r\nHost: u@x\r\n", "400" },
    { "GET / HTTP/1.1\r\nHost: x/y\r\n", "400" },
    { "GET / HTTP/1.1\r\nHost: x:\r\n", "400" },
    { "GET / HTTP/1.1\r\nHost: x:65536\r\n", "400" },
    { "GET / HTTP/1.1\r\nHost: x:80:80\r\n", "400" },
    { "GET / HTTP/1.1\r\nHost: [::1\r\n", "400" },
    { "GET / HTTP/1.1\r\nHost: [x]\r\n", "400" },
    { "GET / HTTP/1.1\r\nHost: [1.2.3.4]\r\n", "400" },
    { GET "X\r\n", "400" },
    { GET ": x\r\n", "400" },
    { GET "X : x\r\n", "400" },
    { GET "X Y: x\r\n", "400" },
    { GET " X: x\r\n", "400" },
    { GET "X: a\r\n b\r\n", "400" },
    { GET "X: a\rb\r\n", "400" },
    { GET "X: a\x7f\r\n", "400" },
    { GET "X: a\n", "400" },
    { GET "Content-Length: 1\r\nContent-Length: 1\r\n", "400" },
    { GET "Content-Length:\r\n", "400" },
    { GET "Content-Length: -1\r\n", "400" },
    { GET "Content-Length: +1\r\n", "400" },
    { GET "Content-Length: 1, 1\r\n", "400" },
    { GET "Content-Length: 0x1\r\n", "400" },
    { GET "Content-Length: 9223372036854775808\r\n", "400" },
    { GET "Content-Length : 5\r\n", "400" },
    { GET "Transfer-Encoding: gzip, chunked\r\n", "501" },
    { GET "Transfer-Encoding: identity\r\n", "501" },
    { GET "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "400" },
    { GET "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "400" },
    { "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400" },
    { GET "Expect: x\r\n", "417" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_test_message ("%s", cases[i].text);
      assert_use (cases[i].text, cases[i].status);
    }
}

static void
test_good_heads (void)
{
  static const char *const heads[] = {
    "GET / HTTP/1.0\r\n\r\n",
    "GET /a%20b?c=d&e=%ff HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET http://x:80/y?z HTTP/1.1\r\nHost: x\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "M-SEARCH / HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET / HTTP/1.1\r\nhost:x:65535\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:8086\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [::1]:8086\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: [2001:db8::1]\r\n\r\n",
    GET "X:\r\nY: a\tb \r\nZ: \xc3\xa9\r\n\r\n",
    GET "Expect: 100-Continue\r\nContent-Length: 0\r\n\r\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (heads); i++)
    {
      g_autofree char *expected = g_strconcat (heads[i], "|.", NULL);

      assert_use (heads[i], expected);
    }
}

static void
test_nul (void)
{
  static const char target[] = "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n";
  static const char value[] = GET "X: a\0b\r\n\r\n";
  static const char name[] = GET "X\0: a\r\n\r\n";
  static const char method[] = "G\0T / HTTP/1.1\r\nHost: x\r\n\r\n";
  static const char length[] = POST "Content-Length: 5\0x\r\n\r\n";
  g_autofree char *first = use_all (target, sizeof target - 1, 4096);
  g_autofree char *second = use_all (value, sizeof value - 1, 4096);
  g_autofree char *third = use_all (name, sizeof name - 1, 4096);
  g_autofree char *fourth = use_all (method, sizeof method - 1, 4096);
  g_autofree char *fifth = use_all (length, sizeof length - 1, 4096);

  g_assert_cmpstr (first, ==, "400");
  g_assert_cmpstr (second, ==, "400");
  g_assert_cmpstr (third, ==, "400");
  g_assert_cmpstr (fourth, ==, "400");
  g_assert_cmpstr (fifth, ==, "400");
}

/* A head of just so many bytes. */
static char *
head_of (gsize bytes)
{
  GString *head = g_string_new (GET "X: ");

  while (head->len + 4 < bytes)
    g_string_append_c (head, 'x');
  g_string_append (head, "\r\n\r\n");
  return g_string_free (head, FALSE);
}

static char *
fields_of (guint fields)
{
  GString *head = g_string_new (GET);

  for (guint i = 1; i < fields; i++)
    g_string_append (head, "X: y\r\n");
  g_string_append (head, "\r\n");
  return g_string_free (head, FALSE);
}

static void
assert_end (const char *text, const char *end)
{
  g_autofree char *pieces = use_all (text, strlen (text), 4096);

  g_assert_true (g_str_has_suffix (pieces, end));
}

static void
test_limits (void)
{
  g_autofree char *head = head_of (IVD_LIMIT_HTTP_HEAD_BYTES);
  g_autofree char *long_head = head_of (IVD_LIMIT_HTTP_HEAD_BYTES + 1);
  g_autofree char *fields = fields_of (IVD_LIMIT_HTTP_HEAD_FIELDS);
  g_autofree char *more_fields = fields_of (IVD_LIMIT_HTTP_HEAD_FIELDS + 1);
  g_autofree char *line = g_strnfill (IVD_LIMIT_HTTP_CHUNK_LINE_BYTES - strlen ("0;\r\n"), 'x');
  g_autofree char *chunk = g_strconcat (CHUNKED "0;", line, "\r\n\r\n", NULL);
  g_autofree char *long_chunk = g_strconcat (CHUNKED "0;x", line, "\r\n\r\n", NULL);
  g_autofree char *endless = g_strnfill (2 * IVD_LIMIT_HTTP_HEAD_BYTES, 'x');

  g_assert_cmpuint (strlen (head), ==, IVD_LIMIT_HTTP_HEAD_BYTES);
  assert_end (head, "|.");
  assert_end (long_head, "431");
  assert_end (endless, "431");
  assert_end (fields, "|.");
  assert_end (more_fields, "431");
  assert_end (chunk, "|.");
  assert_end (long_chunk, "|!");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/http-framing/requests", test_requests);
  g_test_add_func ("/ivd/http-framing/chunks", test_chunks);
  g_test_add_func ("/ivd/http-framing/bad-heads", test_bad_heads);
  g_test_add_func ("/ivd/http-framing/good-heads", test_good_heads);
  g_test_add_func ("/ivd/http-framing/nul", test_nul);
  g_test_add_func ("/ivd/http-framing/limits", test_limits);
  return g_test_run ();
}
