/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * The frames of RFC 6455 as a server reads and writes them, without any socket
 * or clock. libsoup has a reader of its own, but its limit is one of frames and
 * not of messages, and its queue of answers to pings has none.
 */

typedef enum
{
  IVD_WEBSOCKET_CONTINUATION = 0x0,
  IVD_WEBSOCKET_TEXT = 0x1,
  IVD_WEBSOCKET_BINARY = 0x2,
  IVD_WEBSOCKET_CLOSE = 0x8,
  IVD_WEBSOCKET_PING = 0x9,
  IVD_WEBSOCKET_PONG = 0xa,
} IvdWebsocketOpcode;

/* Why a connection is closed. */
typedef enum
{
  IVD_WEBSOCKET_NORMAL = 1000,
  IVD_WEBSOCKET_GOING_AWAY = 1001,
  IVD_WEBSOCKET_PROTOCOL_ERROR = 1002,
  IVD_WEBSOCKET_UNSUPPORTED = 1003,
  IVD_WEBSOCKET_NO_STATUS = 1005, /* the peer gave none; never sent */
  IVD_WEBSOCKET_INVALID_DATA = 1007,
  IVD_WEBSOCKET_POLICY = 1008,
  IVD_WEBSOCKET_TOO_BIG = 1009,
} IvdWebsocketStatus;

/* What a control frame may carry, and two bytes less in a close's reason. */
#define IVD_WEBSOCKET_CONTROL_BYTES 125

/* --- the handshake --- */

/* The answer to a Sec-WebSocket-Key; NULL when that is not 16 bytes in base64.
 * (transfer full) */
char *ivd_websocket_accept (const char *key);

/* --- reading --- */

/*
 * IvdWebsocketReader: puts the client's frames together. After IVD_WEBSOCKET_FAILED
 * it must not be fed any more.
 */
typedef struct _IvdWebsocketReader IvdWebsocketReader;

typedef enum
{
  IVD_WEBSOCKET_MORE,    /* all was taken, nothing is complete yet */
  IVD_WEBSOCKET_MESSAGE, /* opcode: text (valid UTF-8) or binary */
  IVD_WEBSOCKET_CONTROL, /* opcode: close (status, and data the reason), ping or pong */
  IVD_WEBSOCKET_FAILED,  /* status: what to close with; reason: why */
} IvdWebsocketResult;

typedef struct
{
  IvdWebsocketOpcode opcode;
  const guint8 *data; /* good until the next call */
  gsize length;
  IvdWebsocketStatus status;
  const char *reason;
} IvdWebsocketItem;

/* max_message: bytes of one message, over all of its fragments. */
IvdWebsocketReader *ivd_websocket_reader_new (gsize max_message);
void ivd_websocket_reader_free (IvdWebsocketReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdWebsocketReader, ivd_websocket_reader_free)

/* Takes bytes until something is complete, and says how many in ret_taken. */
IvdWebsocketResult ivd_websocket_reader_feed (IvdWebsocketReader *reader, const guint8 *bytes, gsize length,
                                              gsize *ret_taken, IvdWebsocketItem *ret_item);

/* --- writing --- */

/* Appends what comes before so many bytes of a message or a control frame, as a
 * server sends it. */
void ivd_websocket_append_head (GString *out, IvdWebsocketOpcode opcode, gsize length);
/* The same with the bytes. */
void ivd_websocket_append (GString *out, IvdWebsocketOpcode opcode, const void *data, gsize length);
/* Appends a close; reason may be NULL and is cut where it is too long. */
void ivd_websocket_append_close (GString *out, IvdWebsocketStatus status, const char *reason);
