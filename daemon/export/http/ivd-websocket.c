/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-websocket.h"

#include <string.h>

#define KEY_BYTES 16
#define KEY_CHARS 24
#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define SHA1_BYTES 20

#define FIN_BIT 0x80
#define RESERVED_BITS 0x70
#define OPCODE_BITS 0x0f
#define CONTROL_BIT 0x08
#define MASK_BIT 0x80
#define LENGTH_BITS 0x7f
#define LENGTH_16 126
#define LENGTH_64 127
#define MASK_BYTES 4
#define MAX_HEADER_BYTES 14
/* What a message's buffer may keep for the next one. */
#define KEPT_BYTES 4096

struct _IvdWebsocketReader
{
  gsize max_message;
  guint8 header[MAX_HEADER_BYTES];
  guint header_length;
  gboolean in_payload;

  /* the frame that is being read, once its header is in */
  guint8 opcode;
  gboolean fin;
  guint8 mask[MASK_BYTES];
  guint64 length, at;

  GByteArray *message; /* the fragments so far */
  guint8 message_opcode;
  gboolean in_message;
  guint8 control[IVD_WEBSOCKET_CONTROL_BYTES];
};

char *
ivd_websocket_accept (const char *key)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA1);
  g_autofree guchar *nonce = NULL;
  guint8 digest[SHA1_BYTES];
  gsize length = sizeof digest;

  if (strlen (key) != KEY_CHARS
      || strspn (key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") != KEY_CHARS - 2)
    return NULL;
  nonce = g_base64_decode (key, &length);
  if (length != KEY_BYTES)
    return NULL;
  g_checksum_update (checksum, (const guchar *) key, KEY_CHARS);
  g_checksum_update (checksum, (const guchar *) ACCEPT_GUID, strlen (ACCEPT_GUID));
  length = sizeof digest;
  g_checksum_get_digest (checksum, digest, &length);
  return g_base64_encode (digest, length);
}

/* --- reading --- */

IvdWebsocketReader *
ivd_websocket_reader_new (gsize max_message)
{
  IvdWebsocketReader *self = g_new0 (IvdWebsocketReader, 1);

  self->max_message = max_message;
  self->message = g_byte_array_new ();
  return self;
}

void
ivd_websocket_reader_free (IvdWebsocketReader *reader)
{
  if (reader == NULL)
    return;
  g_byte_array_unref (reader->message);
  g_free (reader);
}

static IvdWebsocketResult
fail (IvdWebsocketItem *item, IvdWebsocketStatus status, const char *reason)
{
  *item = (IvdWebsocketItem){ .status = status, .reason = reason };
  return IVD_WEBSOCKET_FAILED;
}

static guint
length_bytes (guint8 second)
{
  guint length = second & LENGTH_BITS;

  return length == LENGTH_64 ? 8 : length == LENGTH_16 ? 2
                                                       : 0;
}

/* Of the header that is coming, as far as its first two bytes tell. */
static guint
header_bytes (const IvdWebsocketReader *self)
{
  return self->header_length < 2 ? 2 : 2 + length_bytes (self->header[1]) + MASK_BYTES;
}

/* The length of a header that is in; FALSE: it could have been said shorter. */
static gboolean
parse_length (const IvdWebsocketReader *self, guint64 *ret_length)
{
  guint bytes = length_bytes (self->header[1]);
  guint64 length = self->header[1] & LENGTH_BITS;

  if (bytes > 0)
    length = 0;
  for (guint i = 0; i < bytes; i++)
    length = length << 8 | self->header[2 + i];
  *ret_length = length;
  return bytes == 0 || length > (bytes == 2 ? LENGTH_16 - 1 : G_MAXUINT16);
}

static const char *
check_order (const IvdWebsocketReader *self)
{
  switch (self->opcode)
    {
    case IVD_WEBSOCKET_CONTINUATION:
      return self->in_message ? NULL : "a fragment of nothing";
    case IVD_WEBSOCKET_TEXT:
    case IVD_WEBSOCKET_BINARY:
      return self->in_message ? "a message within another" : NULL;
    case IVD_WEBSOCKET_CLOSE:
    case IVD_WEBSOCKET_PING:
    case IVD_WEBSOCKET_PONG:
      return self->fin && self->length <= IVD_WEBSOCKET_CONTROL_BYTES ? NULL : "a control frame too long or in parts";
    default:
      return "an unknown kind of frame";
    }
}

/* The header is in: what does it announce? IVD_WEBSOCKET_MORE: its payload. */
static IvdWebsocketResult
begin_frame (IvdWebsocketReader *self, IvdWebsocketItem *item)
{
  const char *wrong;

  self->fin = (self->header[0] & FIN_BIT) != 0;
  self->opcode = self->header[0] & OPCODE_BITS;
  if ((self->header[0] & RESERVED_BITS) != 0)
    return fail (item, IVD_WEBSOCKET_PROTOCOL_ERROR, "reserved bits are set");
  if (!parse_length (self, &self->length))
    return fail (item, IVD_WEBSOCKET_PROTOCOL_ERROR, "a length written longer than needed");
  wrong = check_order (self);
  if (wrong != NULL)
    return fail (item, IVD_WEBSOCKET_PROTOCOL_ERROR, wrong);
  if ((self->opcode & CONTROL_BIT) == 0 && self->length > self->max_message - self->message->len)
    return fail (item, IVD_WEBSOCKET_TOO_BIG, "a message over the limit");
  if (self->opcode == IVD_WEBSOCKET_TEXT || self->opcode == IVD_WEBSOCKET_BINARY)
    {
      self->message_opcode = self->opcode;
      self->in_message = TRUE;
    }
  memcpy (self->mask, self->header + self->header_length - MASK_BYTES, MASK_BYTES);
  self->at = 0;
  self->in_payload = TRUE;
  return IVD_WEBSOCKET_MORE;
}

/* UTF-8 in which, other than for g_utf8_validate(), NUL is a character. */
static gboolean
is_text (const char *text, gsize length)
{
  const char *end;

  /* No bytes may be nowhere. */
  if (length == 0)
    return TRUE;
  end = text + length;
  while (!g_utf8_validate_len (text, (gsize) (end - text), &text))
    {
      if (text == end || *text != '\0')
        return FALSE;
      text++;
    }
  return TRUE;
}

/* Those that a peer may send: RFC 6455 section 7.4. */
static gboolean
is_status (guint status)
{
  return (status >= 1000 && status <= 1003) || (status >= 1007 && status <= 1014) || (status >= 3000 && status <= 4999);
}

static IvdWebsocketResult
end_close (IvdWebsocketReader *self, IvdWebsocketItem *item)
{
  guint status = self->control[0] << 8 | self->control[1];

  if (self->length == 0)
    {
      *item = (IvdWebsocketItem){ .opcode = IVD_WEBSOCKET_CLOSE, .status = IVD_WEBSOCKET_NO_STATUS };
      return IVD_WEBSOCKET_CONTROL;
    }
  if (self->length < 2 || !is_status (status))
    return fail (item, IVD_WEBSOCKET_PROTOCOL_ERROR, "a close without a proper status");
  if (!is_text ((const char *) self->control + 2, self->length - 2))
    return fail (item, IVD_WEBSOCKET_INVALID_DATA, "the reason of a close is not UTF-8");
  *item = (IvdWebsocketItem){ IVD_WEBSOCKET_CLOSE, self->control + 2, self->length - 2, status, NULL };
  return IVD_WEBSOCKET_CONTROL;
}

static IvdWebsocketResult
end_frame (IvdWebsocketReader *self, IvdWebsocketItem *item)
{
  self->in_payload = FALSE;
  self->header_length = 0;
  if (self->opcode == IVD_WEBSOCKET_CLOSE)
    return end_close (self, item);
  if ((self->opcode & CONTROL_BIT) != 0)
    {
      *item = (IvdWebsocketItem){ .opcode = self->opcode, .data = self->control, .length = self->length };
      return IVD_WEBSOCKET_CONTROL;
    }
  if (!self->fin)
    return IVD_WEBSOCKET_MORE;
  self->in_message = FALSE;
  if (self->message_opcode == IVD_WEBSOCKET_TEXT && !is_text ((const char *) self->message->data, self->message->len))
    return fail (item, IVD_WEBSOCKET_INVALID_DATA, "a text message is not UTF-8");
  *item = (IvdWebsocketItem){ .opcode = self->message_opcode,
                              .data = self->message->data,
                              .length = self->message->len };
  return IVD_WEBSOCKET_MESSAGE;
}

/* Takes the mask off on the way into the frame's place. */
static gsize
take_payload (IvdWebsocketReader *self, const guint8 *bytes, gsize length)
{
  gsize taken = MIN (length, self->length - self->at);
  guint8 *to;

  if ((self->opcode & CONTROL_BIT) != 0)
    {
      to = self->control + self->at;
    }
  else
    {
      g_byte_array_set_size (self->message, self->message->len + (guint) taken);
      to = self->message->data + self->message->len - taken;
    }
  for (gsize i = 0; i < taken; i++)
    to[i] = bytes[i] ^ self->mask[(self->at + i) % MASK_BYTES];
  self->at += taken;
  return taken;
}

/* One byte of a header. */
static IvdWebsocketResult
take_header (IvdWebsocketReader *self, guint8 byte, IvdWebsocketItem *item)
{
  self->header[self->header_length++] = byte;
  if (self->header_length == 2 && (byte & MASK_BIT) == 0)
    return fail (item, IVD_WEBSOCKET_PROTOCOL_ERROR, "a client must mask its frames");
  if (self->header_length < header_bytes (self))
    return IVD_WEBSOCKET_MORE;
  return begin_frame (self, item);
}

/* The message that was given out last is not needed any more. */
static void
forget_message (IvdWebsocketReader *self)
{
  if (self->in_message || self->message->len == 0)
    return;
  if (self->message->len > KEPT_BYTES)
    {
      g_byte_array_unref (self->message);
      self->message = g_byte_array_new ();
    }
  g_byte_array_set_size (self->message, 0);
}

IvdWebsocketResult
ivd_websocket_reader_feed (IvdWebsocketReader *reader, const guint8 *bytes, gsize length, gsize *ret_taken,
                           IvdWebsocketItem *ret_item)
{
  IvdWebsocketResult result = IVD_WEBSOCKET_MORE;
  gsize taken = 0;

  forget_message (reader);
  while (result == IVD_WEBSOCKET_MORE && taken < length)
    {
      if (reader->in_payload)
        taken += take_payload (reader, bytes + taken, length - taken);
      else
        result = take_header (reader, bytes[taken++], ret_item);
      /* Also right after the header of a frame without a payload. */
      if (result == IVD_WEBSOCKET_MORE && reader->in_payload && reader->at == reader->length)
        result = end_frame (reader, ret_item);
    }
  *ret_taken = taken;
  return result;
}

/* --- writing --- */

void
ivd_websocket_append_head (GString *out, IvdWebsocketOpcode opcode, gsize length)
{
  guint bytes = length < LENGTH_16 ? 0 : length <= G_MAXUINT16 ? 2
                                                               : 8;

  g_string_append_c (out, (char) (FIN_BIT | opcode));
  g_string_append_c (out, (char) (bytes == 0 ? length : bytes == 2 ? LENGTH_16
                                                                   : LENGTH_64));
  for (guint i = bytes; i > 0; i--)
    g_string_append_c (out, (char) (length >> 8 * (i - 1) & 0xff));
}

void
ivd_websocket_append (GString *out, IvdWebsocketOpcode opcode, const void *data, gsize length)
{
  ivd_websocket_append_head (out, opcode, length);
  g_string_append_len (out, data, (gssize) length);
}

void
ivd_websocket_append_close (GString *out, IvdWebsocketStatus status, const char *reason)
{
  g_autoptr (GString) payload = g_string_new (NULL);

  g_string_append_c (payload, (char) (status >> 8));
  g_string_append_c (payload, (char) (status & 0xff));
  if (reason != NULL)
    {
      const char *end = reason;

      /* Not in the middle of a character. */
      while (*end != '\0' && g_utf8_next_char (end) - reason <= IVD_WEBSOCKET_CONTROL_BYTES - 2)
        end = g_utf8_next_char (end);
      g_string_append_len (payload, reason, end - reason);
    }
  ivd_websocket_append (out, IVD_WEBSOCKET_CLOSE, payload->str, payload->len);
}
