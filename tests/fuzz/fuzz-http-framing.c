/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <libsoup/soup.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "export/http/ivd-http-framing.h"
#include "fuzz.h"

/*
 * What a client sends. Wherever it is cut on its way it is taken apart the
 * same; and of every head that is let through libsoup must think what we do:
 * that it is good, where its body ends, and how many fields it has.
 */

typedef struct
{
  GArray *ends; /* of what was used, as offsets; not within bodies */
  gboolean failed;
} Outcome;

static guint
count_lines (const char *head, gsize length)
{
  guint lines = 0;

  for (gsize i = 0; i < length; i++)
    lines += head[i] == '\n';
  return lines;
}

static guint
count_fields (SoupMessageHeaders *headers)
{
  SoupMessageHeadersIter iter;
  const char *name, *value;
  guint fields = 0;

  soup_message_headers_iter_init (&iter, headers);
  while (soup_message_headers_iter_next (&iter, &name, &value))
    fields++;
  return fields;
}

static void
check_uri (SoupMessageHeaders *headers, const char *target)
{
  const char *host = soup_message_headers_get_one (headers, "Host");
  g_autofree char *text = g_strdup_printf ("http://%s%s", host != NULL ? host : "x", target[0] == '/' ? target : "/");
  g_autoptr (GUri) uri = g_uri_parse (text, SOUP_HTTP_URI_FLAGS, NULL);

  g_assert_nonnull (uri);
  g_assert_nonnull (g_uri_get_host (uri));
}

static void
check_head (const char *head, gsize length, const IvdHttpFraming *framing)
{
  g_autoptr (SoupMessageHeaders) headers = soup_message_headers_new (SOUP_MESSAGE_HEADERS_REQUEST);
  g_autofree char *method = NULL;
  g_autofree char *target = NULL;
  SoupHTTPVersion version;
  SoupEncoding encoding;
  guint blank = head[0] == '\r' ? 1 : 0;

  /* libsoup takes the head without its last line end. */
  g_assert_cmpuint (soup_headers_parse_request (head, (int) length - 2, headers, &method, &target, &version), ==,
                    SOUP_STATUS_OK);
  /* The request line, and the empty one. */
  g_assert_cmpuint (count_fields (headers), ==, count_lines (head, length) - 2 - blank);
  check_uri (headers, target);
  encoding = soup_message_headers_get_encoding (headers);
  if (framing->state == IVD_HTTP_FRAMING_CHUNK_LINE)
    g_assert_cmpint (encoding, ==, SOUP_ENCODING_CHUNKED);
  else if (framing->left > 0)
    g_assert_cmpint (soup_message_headers_get_content_length (headers), ==, (goffset) framing->left);
  else
    g_assert_true (encoding == SOUP_ENCODING_NONE
                   || (encoding == SOUP_ENCODING_CONTENT_LENGTH
                       && soup_message_headers_get_content_length (headers) == 0));
}

static Outcome
use_all (const char *data, gsize length, gsize step)
{
  IvdHttpFraming framing = { 0 };
  Outcome outcome = { .ends = g_array_new (FALSE, FALSE, sizeof (gsize)) };
  gsize start = 0, end = MIN (step, length);

  while (!outcome.failed)
    {
      gboolean head = framing.state == IVD_HTTP_FRAMING_HEAD;
      g_autoptr (GError) error = NULL;
      gsize used;

      outcome.failed = !ivd_http_framing_use (&framing, data + start, end - start, &used, &error);
      g_assert_true (outcome.failed == (error != NULL));
      if (outcome.failed)
        g_assert_true (error->domain == IVD_ERROR && g_utf8_validate (error->message, -1, NULL));
      g_assert_cmpuint (used, <=, end - start);
      if (head && used > 0)
        check_head (data + start, used, &framing);
      start += used;
      if (used > 0 && ivd_http_framing_plain (&framing) == 0)
        g_array_append_val (outcome.ends, start);
      if (used == 0 && end == length)
        break;
      if (used == 0)
        end = MIN (end + step, length);
    }
  return outcome;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const gsize steps[] = { 1, 13 };
  Outcome whole = use_all ((const char *) data, size, size);

  for (guint i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      Outcome pieces = use_all ((const char *) data, size, steps[i]);

      g_assert_true (whole.failed == pieces.failed);
      g_assert_cmpmem (whole.ends->data, whole.ends->len * sizeof (gsize), pieces.ends->data,
                       pieces.ends->len * sizeof (gsize));
      g_array_unref (pieces.ends);
    }
  g_array_unref (whole.ends);
  return 0;
}
