/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <glib.h>

#include "export/http/ivd-websocket.h"
#include "fuzz.h"

/*
 * What a client may send on a WebSocket: the first byte tells into what pieces
 * the rest is cut. In pieces or whole, the same must come out of it; text is
 * UTF-8, nothing is longer than its limit.
 */

#define LIMIT 300

static void
check_item (IvdWebsocketResult result, const IvdWebsocketItem *item)
{
  if (result == IVD_WEBSOCKET_FAILED)
    g_assert_nonnull (item->reason);
  if (result == IVD_WEBSOCKET_MESSAGE)
    g_assert_cmpuint (item->length, <=, LIMIT);
  if (result == IVD_WEBSOCKET_CONTROL)
    g_assert_cmpuint (item->length, <=, IVD_WEBSOCKET_CONTROL_BYTES);
}

/* Everything that comes out, as bytes to compare. */
static GByteArray *
read_all (const uint8_t *data, size_t size, size_t piece)
{
  g_autoptr (IvdWebsocketReader) reader = ivd_websocket_reader_new (LIMIT);
  GByteArray *all = g_byte_array_new ();
  IvdWebsocketResult result = IVD_WEBSOCKET_MORE;

  for (size_t at = 0; at < size && result != IVD_WEBSOCKET_FAILED;)
    {
      IvdWebsocketItem item = { 0 };
      gsize taken;
      guint head[4];

      result = ivd_websocket_reader_feed (reader, data + at, MIN (piece, size - at), &taken, &item);
      g_assert_cmpuint (taken, >, 0);
      at += taken;
      if (result == IVD_WEBSOCKET_MORE)
        continue;
      check_item (result, &item);
      head[0] = result;
      head[1] = item.opcode;
      head[2] = item.status;
      head[3] = (guint) item.length;
      g_byte_array_append (all, (const guint8 *) head, sizeof head);
      if (item.length > 0)
        g_byte_array_append (all, item.data, (guint) item.length);
    }
  return all;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GByteArray) whole = NULL;
  g_autoptr (GByteArray) pieces = NULL;

  if (size == 0)
    return 0;
  whole = read_all (data + 1, size - 1, size);
  pieces = read_all (data + 1, size - 1, data[0] + 1u);
  g_assert_cmpmem (whole->data, whole->len, pieces->data, pieces->len);
  return 0;
}
