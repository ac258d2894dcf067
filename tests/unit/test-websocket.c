/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-websocket.h"

#include <string.h>

#define LIMIT 1000

/* A frame as a client sends it. */
static GByteArray *
client_frame (guint8 first, const void *payload, gsize length)
{
  static const guint8 mask[4] = { 0x11, 0xfe, 0x00, 0x7a };
  GByteArray *frame = g_byte_array_new ();
  guint bytes = length < 126 ? 0 : length <= G_MAXUINT16 ? 2
                                                         : 8;
  guint8 byte = 0x80 | (bytes == 0 ? (guint8) length : bytes == 2 ? 126
                                                                  : 127);

  g_byte_array_append (frame, &first, 1);
  g_byte_array_append (frame, &byte, 1);
  for (guint i = bytes; i > 0; i--)
    {
      byte = (guint8) (length >> 8 * (i - 1));
      g_byte_array_append (frame, &byte, 1);
    }
  g_byte_array_append (frame, mask, 4);
  for (gsize i = 0; i < length; i++)
    {
      byte = ((const guint8 *) payload)[i] ^ mask[i % 4];
      g_byte_array_append (frame, &byte, 1);
    }
  return frame;
}

static void
append_frame (GByteArray *all, guint8 first, const char *payload)
{
  g_autoptr (GByteArray) frame = client_frame (first, payload, strlen (payload));

  g_byte_array_append (all, frame->data, frame->len);
}

static IvdWebsocketResult
feed (IvdWebsocketReader *reader, const GByteArray *bytes, IvdWebsocketItem *item)
{
  gsize taken;
  IvdWebsocketResult result = ivd_websocket_reader_feed (reader, bytes->data, bytes->len, &taken, item);

  g_assert_cmpuint (taken, <=, bytes->len);
  if (result == IVD_WEBSOCKET_MORE)
    g_assert_cmpuint (taken, ==, bytes->len);
  return result;
}

static void
assert_fails (guint8 first, const void *payload, gsize length, IvdWebsocketStatus status)
{
  g_autoptr (IvdWebsocketReader) reader = ivd_websocket_reader_new (LIMIT);
  g_autoptr (GByteArray) frame = client_frame (first, payload, length);
  IvdWebsocketItem item;

  g_assert_cmpint (feed (reader, frame, &item), ==, IVD_WEBSOCKET_FAILED);
  g_assert_cmpint (item.status, ==, status);
  g_assert_nonnull (item.reason);
}

/* The example of RFC 6455, section 1.3. */
static void
test_accept (void)
{
  static const char *const bad[] = {
    "",
    "dGhlIHNhbXBsZSBub25jZQ",
    "dGhlIHNhbXBsZSBub25jZQ=",
    "dGhlIHNhbXBsZSBub25jZQ==x",
    "dGhlIHNhbXBsZSBub25j!Q==",
    "dGhlIHNhbXBsZSBub25jZWZm",
  };
  g_autofree char *accept = ivd_websocket_accept ("dGhlIHNhbXBsZSBub25jZQ==");

  g_assert_cmpstr (accept, ==, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_null (ivd_websocket_accept (bad[i]));
}

/* However the bytes come, the same comes out. */
static void
test_any_pieces (void)
{
  g_autoptr (GByteArray) all = g_byte_array_new ();
  static const struct
  {
    IvdWebsocketResult result;
    IvdWebsocketOpcode opcode;
    const char *text;
  } wanted[] = {
    { IVD_WEBSOCKET_MESSAGE, IVD_WEBSOCKET_TEXT, "one" },
    { IVD_WEBSOCKET_CONTROL, IVD_WEBSOCKET_PING, "p" },
    { IVD_WEBSOCKET_MESSAGE, IVD_WEBSOCKET_TEXT, "twotwo" },
    { IVD_WEBSOCKET_MESSAGE, IVD_WEBSOCKET_TEXT, "" },
    { IVD_WEBSOCKET_CONTROL, IVD_WEBSOCKET_PONG, "" },
    { IVD_WEBSOCKET_MESSAGE, IVD_WEBSOCKET_BINARY, "b" },
    { IVD_WEBSOCKET_CONTROL, IVD_WEBSOCKET_CLOSE, "bye" },
  };

  append_frame (all, 0x81, "one");
  append_frame (all, 0x01, "two");
  append_frame (all, 0x89, "p");
  append_frame (all, 0x00, "");
  append_frame (all, 0x80, "two");
  append_frame (all, 0x81, "");
  append_frame (all, 0x8a, "");
  append_frame (all, 0x82, "b");
  append_frame (all, 0x88, "\x03\xe8"
                           "bye");
  for (gsize piece = 1; piece <= all->len; piece++)
    {
      g_autoptr (IvdWebsocketReader) reader = ivd_websocket_reader_new (LIMIT);
      guint n = 0;

      for (gsize at = 0; at < all->len;)
        {
          IvdWebsocketItem item = { 0 };
          gsize taken;
          IvdWebsocketResult result
              = ivd_websocket_reader_feed (reader, all->data + at, MIN (piece, all->len - at), &taken, &item);

          at += taken;
          if (result == IVD_WEBSOCKET_MORE)
            continue;
          g_assert_cmpuint (n, <, G_N_ELEMENTS (wanted));
          g_assert_cmpint (result, ==, wanted[n].result);
          g_assert_cmpint (item.opcode, ==, wanted[n].opcode);
          g_assert_cmpmem (item.data, item.length, wanted[n].text, strlen (wanted[n].text));
          n++;
        }
      g_assert_cmpuint (n, ==, G_N_ELEMENTS (wanted));
    }
}

/* Over all fragments together; at the limit, and one past it. */
static void
test_message_limit (void)
{
  g_autofree char *text = g_strnfill (LIMIT + 1, 'x');
  g_autoptr (IvdWebsocketReader) reader = ivd_websocket_reader_new (LIMIT);
  g_autoptr (GByteArray) whole = client_frame (0x81, text, LIMIT);
  g_autoptr (GByteArray) first = client_frame (0x01, text, LIMIT - 1);
  g_autoptr (GByteArray) one = client_frame (0x80, text, 1);
  g_autoptr (GByteArray) two = client_frame (0x80, text, 2);
  IvdWebsocketItem item;

  g_assert_cmpint (feed (reader, whole, &item), ==, IVD_WEBSOCKET_MESSAGE);
  g_assert_cmpuint (item.length, ==, LIMIT);
  g_assert_cmpint (feed (reader, first, &item), ==, IVD_WEBSOCKET_MORE);
  g_assert_cmpint (feed (reader, one, &item), ==, IVD_WEBSOCKET_MESSAGE);
  g_assert_cmpuint (item.length, ==, LIMIT);
  g_assert_cmpint (feed (reader, first, &item), ==, IVD_WEBSOCKET_MORE);
  g_assert_cmpint (feed (reader, two, &item), ==, IVD_WEBSOCKET_FAILED);
  g_assert_cmpint (item.status, ==, IVD_WEBSOCKET_TOO_BIG);
  assert_fails (0x81, text, LIMIT + 1, IVD_WEBSOCKET_TOO_BIG);
}

/* It is refused by its header: nobody waits for 2^62 bytes. */
static void
test_huge_announcement (void)
{
  static const guint8 header[] = { 0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4 };
  g_autoptr (IvdWebsocketReader) reader = ivd_websocket_reader_new (LIMIT);
  IvdWebsocketItem item;
  gsize taken;

  g_assert_cmpint (ivd_websocket_reader_feed (reader, header, sizeof header, &taken, &item), ==, IVD_WEBSOCKET_FAILED);
  g_assert_cmpint (item.status, ==, IVD_WEBSOCKET_TOO_BIG);
}

static void
test_broken_rules (void)
{
  static const guint8 unmasked[] = { 0x81, 0x01, 'x' };
  static const guint8 long_way[] = { 0x81, 0xfe, 0x00, 0x7d, 1, 2, 3, 4 };
  static const guint8 longer_way[] = { 0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4 };
  g_autoptr (IvdWebsocketReader) a = ivd_websocket_reader_new (LIMIT);
  g_autoptr (IvdWebsocketReader) b = ivd_websocket_reader_new (LIMIT);
  g_autoptr (IvdWebsocketReader) c = ivd_websocket_reader_new (LIMIT);
  g_autofree char *text = g_strnfill (126, 'x');
  IvdWebsocketItem item;
  gsize taken;

  g_assert_cmpint (ivd_websocket_reader_feed (a, unmasked, sizeof unmasked, &taken, &item), ==, IVD_WEBSOCKET_FAILED);
  g_assert_cmpint (item.status, ==, IVD_WEBSOCKET_PROTOCOL_ERROR);
  g_assert_cmpint (ivd_websocket_reader_feed (b, long_way, sizeof long_way, &taken, &item), ==, IVD_WEBSOCKET_FAILED);
  g_assert_cmpint (item.status, ==, IVD_WEBSOCKET_PROTOCOL_ERROR);
  g_assert_cmpint (ivd_websocket_reader_feed (c, longer_way, sizeof longer_way, &taken, &item), ==,
                   IVD_WEBSOCKET_FAILED);
  g_assert_cmpint (item.status, ==, IVD_WEBSOCKET_PROTOCOL_ERROR);

  assert_fails (0xc1, "x", 1, IVD_WEBSOCKET_PROTOCOL_ERROR); /* a reserved bit */
  assert_fails (0x83, "x", 1, IVD_WEBSOCKET_PROTOCOL_ERROR); /* an unknown kind */
  assert_fails (0x8b, "x", 1, IVD_WEBSOCKET_PROTOCOL_ERROR); /* an unknown control */
  assert_fails (0x80, "x", 1, IVD_WEBSOCKET_PROTOCOL_ERROR); /* the end of nothing */
  assert_fails (0x09, "x", 1, IVD_WEBSOCKET_PROTOCOL_ERROR); /* a ping in parts */
  assert_fails (0x89, text, 126, IVD_WEBSOCKET_PROTOCOL_ERROR);
  assert_fails (0x88, "\x03", 1, IVD_WEBSOCKET_PROTOCOL_ERROR);
  assert_fails (0x88, "\x03\xed", 2, IVD_WEBSOCKET_PROTOCOL_ERROR); /* 1005 is not for sending */
  assert_fails (0x88, "\x03\xe7", 2, IVD_WEBSOCKET_PROTOCOL_ERROR); /* 999 */
  assert_fails (0x88, "\x13\x88", 2, IVD_WEBSOCKET_PROTOCOL_ERROR); /* 5000 */
  assert_fails (0x88, "\x03\xe8\xff", 3, IVD_WEBSOCKET_INVALID_DATA);
}

static void
test_message_in_message (void)
{
  g_autoptr (IvdWebsocketReader) reader = ivd_websocket_reader_new (LIMIT);
  g_autoptr (GByteArray) all = g_byte_array_new ();
  IvdWebsocketItem item;

  append_frame (all, 0x01, "one");
  append_frame (all, 0x81, "two");
  g_assert_cmpint (feed (reader, all, &item), ==, IVD_WEBSOCKET_FAILED);
  g_assert_cmpint (item.status, ==, IVD_WEBSOCKET_PROTOCOL_ERROR);
}

/* A character may be cut by fragments, and NUL is one. */
static void
test_text (void)
{
  static const char with_nul[] = "a\0\xc3\xa4\0";
  g_autoptr (IvdWebsocketReader) reader = ivd_websocket_reader_new (LIMIT);
  g_autoptr (GByteArray) whole = client_frame (0x81, with_nul, sizeof with_nul - 1);
  g_autoptr (GByteArray) halves = g_byte_array_new ();
  IvdWebsocketItem item;

  g_assert_cmpint (feed (reader, whole, &item), ==, IVD_WEBSOCKET_MESSAGE);
  g_assert_cmpmem (item.data, item.length, with_nul, sizeof with_nul - 1);
  append_frame (halves, 0x01, "\xc3");
  append_frame (halves, 0x80, "\xa4");
  g_assert_cmpint (feed (reader, halves, &item), ==, IVD_WEBSOCKET_MESSAGE);
  g_assert_cmpmem (item.data, item.length, "\xc3\xa4", 2);
  assert_fails (0x81, "a\xff", 2, IVD_WEBSOCKET_INVALID_DATA);
  assert_fails (0x81, "\xed\xa0\x80", 3, IVD_WEBSOCKET_INVALID_DATA); /* half a surrogate pair */
  assert_fails (0x81, "\xc3", 1, IVD_WEBSOCKET_INVALID_DATA);
}

static void
test_close_without_status (void)
{
  g_autoptr (IvdWebsocketReader) reader = ivd_websocket_reader_new (LIMIT);
  g_autoptr (GByteArray) frame = client_frame (0x88, "", 0);
  IvdWebsocketItem item;

  g_assert_cmpint (feed (reader, frame, &item), ==, IVD_WEBSOCKET_CONTROL);
  g_assert_cmpint (item.opcode, ==, IVD_WEBSOCKET_CLOSE);
  g_assert_cmpint (item.status, ==, IVD_WEBSOCKET_NO_STATUS);
}

static void
assert_head (gsize length, const void *head, gsize head_length)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autofree char *payload = g_strnfill (length, 'x');

  ivd_websocket_append (out, IVD_WEBSOCKET_TEXT, payload, length);
  g_assert_cmpuint (out->len, ==, head_length + length);
  g_assert_cmpmem (out->str, head_length, head, head_length);
}

static void
test_writing (void)
{
  assert_head (0, "\x81\x00", 2);
  assert_head (125, "\x81\x7d", 2);
  assert_head (126, "\x81\x7e\x00\x7e", 4);
  assert_head (65535, "\x81\x7e\xff\xff", 4);
  assert_head (65536, "\x81\x7f\0\0\0\0\0\1\0\0", 10);
}

/* A reason that is too long is cut between characters. */
static void
test_writing_close (void)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autoptr (GString) reason = g_string_new (NULL);

  ivd_websocket_append_close (out, IVD_WEBSOCKET_TOO_BIG, NULL);
  g_assert_cmpmem (out->str, out->len, "\x88\x02\x03\xf1", 4);
  g_string_truncate (out, 0);
  for (guint i = 0; i < 100; i++)
    g_string_append (reason, "\xc3\xa4");
  ivd_websocket_append_close (out, IVD_WEBSOCKET_NORMAL, reason->str);
  g_assert_cmpuint (out->len, ==, 2 + 2 + 122);
  g_assert_cmpint (out->str[1], ==, 124);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/websocket/accept", test_accept);
  g_test_add_func ("/ivd/websocket/any-pieces", test_any_pieces);
  g_test_add_func ("/ivd/websocket/message-limit", test_message_limit);
  g_test_add_func ("/ivd/websocket/huge-announcement", test_huge_announcement);
  g_test_add_func ("/ivd/websocket/broken-rules", test_broken_rules);
  g_test_add_func ("/ivd/websocket/message-in-message", test_message_in_message);
  g_test_add_func ("/ivd/websocket/text", test_text);
  g_test_add_func ("/ivd/websocket/close-without-status", test_close_without_status);
  g_test_add_func ("/ivd/websocket/writing", test_writing);
  g_test_add_func ("/ivd/websocket/writing-close", test_writing_close);
  return g_test_run ();
}
