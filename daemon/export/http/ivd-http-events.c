/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-events.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "export/http/ivd-http-shared.h"
#include "export/http/ivd-http-streams.h"
#include "export/http/ivd-http-wire.h"
#include "export/http/ivd-query.h"

#define CONTENT_TYPE "text/event-stream"
/* After how many milliseconds a browser comes back. */
#define PREAMBLE "retry: 1000\n\n"
#define HEARTBEAT ":\n\n"
#define DISCARDED_AT_ONCE 4096

typedef struct
{
  IvdHttpStreams *streams;
  IvdHttpSeat *seat;
  IvdHttpWire *wire;
  IvdHttpFeed *feed;
} EventListener;

/* What the request asks for. */
typedef struct
{
  IvdHttpFilter *filter;
  gboolean resume;
  guint64 serial; /* to resume after */
} EventWish;

/* --- a listener --- */

static void
listener_free (EventListener *self)
{
  ivd_http_wire_free (self->wire);
  ivd_http_feed_free (self->feed);
  ivd_http_seat_free (self->seat);
  g_free (self);
}

static gboolean
listener_serve (gpointer stream)
{
  EventListener *self = stream;
  IvdHttpBatch batch;
  gboolean more;

  /* Whoever has not taken the last batch is called when it has. */
  if (ivd_http_wire_get_pending (self->wire) > 0)
    return FALSE;
  more = ivd_http_feed_take (self->feed, &batch);
  if (batch.bytes != NULL)
    {
      if (!ivd_http_wire_write (self->wire, batch.bytes))
        {
          listener_free (self);
          return FALSE;
        }
      ivd_http_streams_count (self->streams, &batch);
    }
  return more && ivd_http_wire_get_pending (self->wire) == 0;
}

/* A sign of life for whoever sits between, or the end of one who reads no more. */
static gint64
listener_tick (gpointer stream, gint64 now)
{
  EventListener *self = stream;
  gint64 progress = ivd_http_wire_get_progress (self->wire);
  gboolean waiting = ivd_http_wire_get_pending (self->wire) > 0;
  g_autoptr (GBytes) heartbeat = NULL;

  if (waiting && now < progress + IVD_LIMIT_STREAM_STALL_USEC)
    return progress + IVD_LIMIT_STREAM_STALL_USEC;
  if (!waiting && now < progress + IVD_LIMIT_STREAM_HEARTBEAT_USEC - IVD_HTTP_STREAMS_SLACK_USEC)
    return progress + IVD_LIMIT_STREAM_HEARTBEAT_USEC;
  heartbeat = g_bytes_new_static (HEARTBEAT, strlen (HEARTBEAT));
  if (!waiting && ivd_http_wire_write (self->wire, heartbeat))
    return now + IVD_LIMIT_STREAM_HEARTBEAT_USEC;
  listener_free (self);
  return 0;
}

static void
listener_stop (gpointer stream, const char *why)
{
  listener_free (stream);
}

static const IvdHttpStreamKind listener_kind = {
  .counter = IVD_HTTP_OPEN_EVENT_STREAMS,
  .serve = listener_serve,
  .tick = listener_tick,
  .stop = listener_stop,
};

/* There is nothing that it could have to say, but that it goes. */
static void
on_wire (IvdHttpWireEvents events, gpointer data)
{
  EventListener *self = data;
  guint8 discarded[DISCARDED_AT_ONCE];

  if ((events & IVD_HTTP_WIRE_GONE)
      || ((events & IVD_HTTP_WIRE_READABLE) && ivd_http_wire_read (self->wire, discarded, sizeof discarded) < 0))
    listener_free (self);
  else if (events & IVD_HTTP_WIRE_DRAINED)
    ivd_http_seat_queue (self->seat);
}

/* --- the request --- */

/* Digits, and nothing else. */
static gboolean
parse_serial (const char *what, const char *text, guint64 *ret_serial, GError **error)
{
  g_autofree char *safe = NULL;

  if (g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, ret_serial, NULL))
    return TRUE;
  safe = ivd_text_safe (text);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "%s is '%s': the id of an event is a number", what, safe);
  return FALSE;
}

static gboolean
take_filter (IvdQuery *query, IvdHttpFilter *filter, GError **error)
{
  g_auto (GStrv) regions = NULL;
  g_auto (GStrv) types = NULL;

  if (!ivd_query_take_texts (query, "region", &regions, error) || !ivd_query_take_texts (query, "type", &types, error))
    return FALSE;
  for (guint i = 0; regions != NULL && regions[i] != NULL; i++)
    if (!ivd_http_filter_add_region (filter, regions[i], error))
      return FALSE;
  for (guint i = 0; types != NULL && types[i] != NULL; i++)
    if (!ivd_http_filter_add_type (filter, types[i], error))
      return FALSE;
  return TRUE;
}

/* The header is the browser's, when it comes back, and newer than the query. */
static gboolean
parse_wish (IvdHttpExchange *exchange, EventWish *wish, GError **error)
{
  g_autoptr (IvdQuery) query = ivd_query_new (ivd_http_exchange_get_query (exchange), error);
  const char *header = ivd_http_exchange_get_header (exchange, "Last-Event-ID");
  g_autofree char *last = NULL;

  if (query == NULL || !take_filter (query, wish->filter, error)
      || !ivd_query_take_text (query, "last_event_id", &last, error) || !ivd_query_end (query, error))
    return FALSE;
  wish->resume = last != NULL || header != NULL;
  return (last == NULL || parse_serial ("last_event_id", last, &wish->serial, error))
         && (header == NULL || parse_serial ("Last-Event-ID", header, &wish->serial, error));
}

/* What libsoup and others have put on the message goes along: Date. */
static GBytes *
make_head (SoupServerMessage *message)
{
  GString *head = g_string_new ("HTTP/1.1 200 OK\r\n");
  SoupMessageHeadersIter iter;
  const char *name, *value;

  soup_message_headers_iter_init (&iter, soup_server_message_get_response_headers (message));
  while (soup_message_headers_iter_next (&iter, &name, &value))
    g_string_append_printf (head, "%s: %s\r\n", name, value);
  g_string_append (head, "Content-Type: " CONTENT_TYPE "\r\n"
                         "X-Accel-Buffering: no\r\n" /* nginx would hold events back */
                         "Connection: close\r\n\r\n" PREAMBLE);
  return g_string_free_to_bytes (head);
}

/* Takes the connection. FALSE: it went away meanwhile, or cannot be watched. */
static gboolean
connect_wire (EventListener *self, IvdHttpExchange *exchange)
{
  g_autoptr (GBytes) head = make_head (ivd_http_exchange_get_message (exchange));
  g_autoptr (GError) error = NULL;
  IvdHttpConnection *connection;
  GIOStream *stream = ivd_http_exchange_steal (exchange, &connection);

  if (stream == NULL)
    return FALSE;
  self->wire = ivd_http_wire_new (ivd_http_streams_get_poller (self->streams), stream, connection, on_wire, self,
                                  &error);
  if (self->wire == NULL)
    g_warning ("an event stream ends before it began: %s", error->message);
  return self->wire != NULL && ivd_http_wire_write (self->wire, head);
}

static void
listen (IvdHttpExchange *exchange, const EventWish *wish)
{
  IvdHttpStreams *streams = ivd_http_service_get_shared (ivd_http_exchange_get_service (exchange))->streams;
  IvdCaller *caller = ivd_http_exchange_get_caller (exchange);
  EventListener *self = g_new0 (EventListener, 1);
  GError *error = NULL;

  self->streams = streams;
  self->seat = ivd_http_streams_take_seat (streams, caller, &listener_kind, self, &error);
  if (self->seat == NULL)
    {
      g_free (self);
      ivd_http_exchange_take_error (exchange, error);
      return;
    }
  self->feed = ivd_http_feed_new (ivd_http_streams_get_feeds (streams), caller, wish->filter, IVD_HTTP_FEED_EVENTS);
  if (wish->resume)
    ivd_http_feed_set_serial (self->feed, wish->serial);
  if (!connect_wire (self, exchange))
    {
      listener_free (self);
      return;
    }
  ivd_http_seat_set_listening (self->seat, TRUE);
  ivd_http_seat_set_due (self->seat, g_get_monotonic_time () + IVD_LIMIT_STREAM_HEARTBEAT_USEC);
  ivd_http_seat_queue (self->seat);
}

void
ivd_http_events_run (IvdHttpExchange *exchange)
{
  g_autoptr (IvdHttpFilter) filter = ivd_http_filter_new ();
  EventWish wish = { .filter = filter };
  SoupMessageHeaders *headers;
  GError *error = NULL;

  if (!parse_wish (exchange, &wish, &error))
    {
      ivd_http_exchange_take_error (exchange, error);
      return;
    }
  if (!ivd_http_exchange_is_head (exchange))
    {
      listen (exchange, &wish);
      return;
    }
  headers = soup_server_message_get_response_headers (ivd_http_exchange_get_message (exchange));
  soup_message_headers_replace (headers, "Content-Type", CONTENT_TYPE);
  /* It has no length, as a GET has none. */
  soup_message_headers_set_encoding (headers, SOUP_ENCODING_EOF);
  soup_message_headers_replace (headers, "Connection", "close");
  ivd_http_exchange_answer (exchange, SOUP_STATUS_OK, NULL, NULL);
}
