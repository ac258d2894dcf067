/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-stream.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "export/http/ivd-http-shared.h"
#include "export/http/ivd-http-streams.h"
#include "export/http/ivd-http-talk.h"
#include "export/http/ivd-http-wire.h"
#include "export/http/ivd-websocket.h"

#define VERSION "13"
#define INPUT_BYTES 4096
/* Reads and messages before others have their turn. */
#define STEPS 32

typedef struct
{
  IvdHttpStreams *streams;
  IvdHttpSeat *seat;
  IvdHttpWire *wire;
  IvdHttpTalk *talk;
  IvdWebsocketReader *reader;

  guint8 input[INPUT_BYTES]; /* read, and not all taken yet */
  gsize input_at, input_length;

  gboolean readable; /* there may be more to read */
  gboolean failed;   /* the connection is of no more use */
  gboolean closing;  /* a close was sent: nothing else is, and nothing is taken */
  gint64 heard;      /* when the client last sent something */
  gint64 asked;      /* when it was last asked for a sign of life */
  gint64 closed_by;  /* when closing: how long it may take */
} StreamSocket;

static void
stream_free (StreamSocket *self)
{
  ivd_http_talk_free (self->talk);
  ivd_http_wire_free (self->wire);
  ivd_http_seat_free (self->seat);
  ivd_websocket_reader_free (self->reader);
  g_free (self);
}

/* --- out --- */

static void
send_take (StreamSocket *self, GString *take_text)
{
  g_autoptr (GBytes) bytes = g_string_free_to_bytes (take_text);

  if (!self->failed && !ivd_http_wire_write (self->wire, bytes))
    self->failed = TRUE;
}

static void
send_frame (StreamSocket *self, IvdWebsocketOpcode opcode, const void *data, gsize length)
{
  GString *text = g_string_sized_new (length + 16);

  if (self->closing)
    {
      g_string_free (text, TRUE);
      return;
    }
  ivd_websocket_append (text, opcode, data, length);
  send_take (self, text);
}

/* Says why, then waits for the client to close as well. */
static void
close_with (StreamSocket *self, IvdWebsocketStatus status, const char *reason)
{
  GString *text = g_string_new (NULL);

  if (status == IVD_WEBSOCKET_NO_STATUS)
    ivd_websocket_append (text, IVD_WEBSOCKET_CLOSE, "", 0);
  else
    ivd_websocket_append_close (text, status, reason);
  send_take (self, text);
  self->closing = TRUE;
  self->closed_by = g_get_monotonic_time () + IVD_LIMIT_STREAM_CLOSE_USEC;
  ivd_http_seat_set_listening (self->seat, FALSE);
  ivd_http_seat_set_due (self->seat, self->closed_by);
  ivd_http_wire_finish (self->wire);
}

/* --- in --- */

static void
on_control (StreamSocket *self, const IvdWebsocketItem *item)
{
  if (item->opcode == IVD_WEBSOCKET_PING)
    send_frame (self, IVD_WEBSOCKET_PONG, item->data, item->length);
  else if (item->opcode == IVD_WEBSOCKET_CLOSE)
    close_with (self, item->status, NULL);
}

static void
on_message (StreamSocket *self, const IvdWebsocketItem *item)
{
  if (item->opcode == IVD_WEBSOCKET_BINARY)
    close_with (self, IVD_WEBSOCKET_UNSUPPORTED, "messages are text");
  else
    ivd_http_talk_hear (self->talk, (const char *) item->data, item->length);
}

static void
take_input (StreamSocket *self)
{
  IvdWebsocketItem item;
  gsize taken;

  switch (ivd_websocket_reader_feed (self->reader, self->input + self->input_at, self->input_length - self->input_at,
                                     &taken, &item))
    {
    case IVD_WEBSOCKET_MESSAGE:
      on_message (self, &item);
      break;
    case IVD_WEBSOCKET_CONTROL:
      on_control (self, &item);
      break;
    case IVD_WEBSOCKET_FAILED:
      close_with (self, item.status, item.reason);
      break;
    case IVD_WEBSOCKET_MORE:
    default:
      break;
    }
  self->input_at += taken;
}

/* For what is there to send, and what is coming. */
static gboolean
has_room (StreamSocket *self)
{
  return ivd_http_wire_get_pending (self->wire) + ivd_http_talk_get_expected (self->talk)
         < IVD_LIMIT_STREAM_ANSWER_BYTES;
}

static void
read_input (StreamSocket *self)
{
  gssize count = ivd_http_wire_read (self->wire, self->input, sizeof self->input);

  self->readable = count > 0;
  if (count < 0)
    self->failed = TRUE;
  if (count <= 0)
    return;
  self->heard = g_get_monotonic_time ();
  self->input_at = 0;
  self->input_length = (gsize) count;
}

/* FALSE: nothing more for now. */
static gboolean
step (StreamSocket *self)
{
  if (self->failed)
    return FALSE;
  if (self->closing)
    self->input_at = self->input_length; /* thrown away */
  else if (!has_room (self))
    return FALSE;
  if (self->input_at < self->input_length)
    take_input (self);
  else if (self->readable)
    read_input (self);
  else
    return FALSE;
  return TRUE;
}

/* Takes what the client says while there is room for answers. TRUE: there is
 * more, for after others had their turn. */
static gboolean
listen (StreamSocket *self)
{
  guint steps = 0;

  while (steps < STEPS && step (self))
    steps++;
  ivd_http_wire_set_reading (self->wire, self->closing || has_room (self));
  return steps == STEPS;
}

/* --- turns --- */

static gboolean
tell_events (StreamSocket *self)
{
  IvdHttpFeed *feed = ivd_http_talk_get_feed (self->talk);
  IvdHttpBatch batch;
  gboolean more;

  if (feed == NULL || self->failed || self->closing || ivd_http_wire_get_pending (self->wire) > 0)
    return FALSE;
  more = ivd_http_feed_take (feed, &batch);
  if (batch.bytes != NULL)
    {
      if (!ivd_http_wire_write (self->wire, batch.bytes))
        self->failed = TRUE;
      ivd_http_streams_count (self->streams, &batch);
    }
  return more && ivd_http_wire_get_pending (self->wire) == 0;
}

static gboolean
stream_serve (gpointer data)
{
  StreamSocket *self = data;
  gboolean more = listen (self);

  more |= tell_events (self);
  if (!self->failed)
    return more;
  stream_free (self);
  return FALSE;
}

/* Asks a silent client for a sign of life, and ends one that gives none. */
static gint64
check_life (StreamSocket *self, gint64 now)
{
  gint64 since = MAX (self->heard, self->asked);

  if (now < since + IVD_LIMIT_STREAM_PING_USEC - IVD_HTTP_STREAMS_SLACK_USEC)
    return since + IVD_LIMIT_STREAM_PING_USEC;
  if (self->asked > self->heard)
    return 0;
  self->asked = now;
  send_frame (self, IVD_WEBSOCKET_PING, "", 0);
  return self->failed ? 0 : now + IVD_LIMIT_STREAM_PING_USEC;
}

static gint64
next_due (StreamSocket *self, gint64 now)
{
  gint64 progress = ivd_http_wire_get_progress (self->wire);

  if (self->closing)
    return now < self->closed_by ? self->closed_by : 0;
  if (ivd_http_wire_get_pending (self->wire) > 0)
    return now < progress + IVD_LIMIT_STREAM_STALL_USEC ? progress + IVD_LIMIT_STREAM_STALL_USEC : 0;
  /* Whom we do not listen to is not silent. */
  if (!has_room (self))
    self->heard = now;
  return check_life (self, now);
}

static gint64
stream_tick (gpointer data, gint64 now)
{
  gint64 due = next_due (data, now);

  if (due == 0)
    stream_free (data);
  return due;
}

static void
stream_stop (gpointer data, const char *why)
{
  StreamSocket *self = data;

  if (!self->closing)
    close_with (self, IVD_WEBSOCKET_GOING_AWAY, why);
  stream_free (self);
}

static const IvdHttpStreamKind stream_kind = {
  .counter = IVD_HTTP_OPEN_WEBSOCKETS,
  .serve = stream_serve,
  .tick = stream_tick,
  .stop = stream_stop,
};

static void
on_wire (IvdHttpWireEvents events, gpointer data)
{
  StreamSocket *self = data;

  if (events & IVD_HTTP_WIRE_READABLE)
    self->readable = TRUE;
  if (events & IVD_HTTP_WIRE_GONE)
    {
      (void) listen (self); /* its last words */
      self->failed = TRUE;
    }
  if (stream_serve (self))
    ivd_http_seat_queue (self->seat);
}

/* --- what is said on it --- */

static void
on_say (const char *text, gsize length, gpointer data)
{
  send_frame (data, IVD_WEBSOCKET_TEXT, text, length);
}

/* There may be room for what it has said meanwhile, and its event for it to see. */
static void
on_settled (gpointer data)
{
  ivd_http_seat_queue (((StreamSocket *) data)->seat);
}

static const IvdHttpTalkFuncs talk_funcs = {
  .say = on_say,
  .settled = on_settled,
};

/* --- the handshake --- */

/* The answer to the client's key, or what is wrong. */
static char *
check_handshake (IvdHttpExchange *exchange, GError **error)
{
  SoupServerMessage *message = ivd_http_exchange_get_message (exchange);
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
  const char *key = ivd_http_exchange_get_header (exchange, "Sec-WebSocket-Key");
  const char *version = ivd_http_exchange_get_header (exchange, "Sec-WebSocket-Version");
  char *accept;

  soup_message_headers_replace (soup_server_message_get_response_headers (message), "Sec-WebSocket-Version", VERSION);
  if (!soup_message_headers_header_contains (headers, "Upgrade", "websocket")
      || !soup_message_headers_header_contains (headers, "Connection", "upgrade")
      || ivd_http_exchange_is_head (exchange))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                   "this is for WebSockets: the request needs 'Connection: Upgrade' and 'Upgrade: websocket'");
      return NULL;
    }
  if (g_strcmp0 (version, VERSION) != 0)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "Sec-WebSocket-Version must be " VERSION);
      return NULL;
    }
  accept = key != NULL ? ivd_websocket_accept (key) : NULL;
  if (accept == NULL)
    g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "Sec-WebSocket-Key must be 16 bytes in base64");
  return accept;
}

static gboolean
connect_wire (StreamSocket *self, IvdHttpExchange *exchange, const char *accept)
{
  g_autoptr (GError) error = NULL;
  IvdHttpConnection *connection;
  GIOStream *stream = ivd_http_exchange_steal (exchange, &connection);
  GString *head;

  if (stream == NULL)
    return FALSE;
  self->wire = ivd_http_wire_new (ivd_http_streams_get_poller (self->streams), stream, connection, on_wire, self,
                                  &error);
  if (self->wire == NULL)
    {
      g_warning ("a stream ends before it began: %s", error->message);
      return FALSE;
    }
  head = g_string_new (NULL);
  g_string_printf (head, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Accept: %s\r\n\r\n",
                   accept);
  send_take (self, head);
  return !self->failed;
}

static void
stream_begin (IvdHttpExchange *exchange, const char *accept)
{
  IvdHttpService *service = ivd_http_exchange_get_service (exchange);
  IvdHttpStreams *streams = ivd_http_service_get_shared (service)->streams;
  IvdCaller *caller = ivd_http_exchange_get_caller (exchange);
  StreamSocket *self = g_new0 (StreamSocket, 1);
  GError *error = NULL;

  self->streams = streams;
  self->seat = ivd_http_streams_take_seat (streams, caller, &stream_kind, self, &error);
  if (self->seat == NULL)
    {
      g_free (self);
      ivd_http_exchange_take_error (exchange, error);
      return;
    }
  self->reader = ivd_websocket_reader_new (IVD_LIMIT_STREAM_MESSAGE_BYTES);
  self->talk = ivd_http_talk_new (service, ivd_http_streams_get_feeds (streams), caller, &talk_funcs, self);
  if (!connect_wire (self, exchange, accept))
    {
      stream_free (self);
      return;
    }
  /* libsoup may have read on behind the request. */
  self->readable = TRUE;
  self->heard = g_get_monotonic_time ();
  ivd_http_seat_set_listening (self->seat, TRUE);
  ivd_http_seat_set_due (self->seat, self->heard + IVD_LIMIT_STREAM_PING_USEC);
  ivd_http_seat_queue (self->seat);
}

void
ivd_http_stream_run (IvdHttpExchange *exchange)
{
  GError *error = NULL;
  g_autofree char *accept = check_handshake (exchange, &error);

  if (accept == NULL)
    ivd_http_exchange_take_error (exchange, error);
  else
    stream_begin (exchange, accept);
}
