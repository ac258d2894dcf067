/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-streams.h"

#include "base/ivd-error.h"
#include "base/ivd-limits.h"

/* How long turns are given out before requests have theirs. */
#define TURNS_USEC 1000

struct _IvdHttpSeat
{
  IvdHttpStreams *streams;
  IvdCaller *principal;
  const IvdHttpStreamKind *kind;
  gpointer stream;
  gboolean listening;
  gint64 due;    /* 0: nothing is */
  GList seated;  /* in streams' seats */
  GList waiting; /* in streams' queue, if queued */
  gboolean queued;
};

struct _IvdHttpStreams
{
  IvdHttpService *service; /* whose part this is */
  IvdPoller *poller;       /* once somebody was seated */
  IvdHttpNews *news;
  IvdHttpFeeds *feeds;
  IvdHttpCounters *counters;
  GQueue seats;
  GHashTable *principals; /* IvdCaller → how many seats */
  GQueue queue;           /* of those whose turn is to come */
  GSource *turns;         /* while there are any */
  GSource *timer;         /* while there are seats */
  gint64 timer_at;
  guint listener, stop_func; /* while there are seats */
};

static guint64
published_serial (IvdHttpService *service)
{
  const IvdSnapshot *snapshot = ivd_http_service_ref_snapshot (service);
  guint64 serial = snapshot->serial;

  ivd_snapshot_unref (snapshot);
  return serial;
}

IvdHttpStreams *
ivd_http_streams_new (IvdHttpService *service, IvdHttpCounters *counters)
{
  const IvdContext *context = ivd_http_service_get_context (service);
  IvdHttpStreams *self = g_new0 (IvdHttpStreams, 1);

  self->service = service;
  self->counters = counters;
  self->news = ivd_http_news_new (ivd_registry_get_log (context->registry), published_serial (service));
  self->feeds = ivd_http_feeds_new (self->news, context->access);
  self->principals = g_hash_table_new (NULL, NULL);
  return self;
}

void
ivd_http_streams_free (IvdHttpStreams *streams)
{
  if (streams == NULL)
    return;
  g_warn_if_fail (g_queue_is_empty (&streams->seats));
  ivd_http_feeds_free (streams->feeds);
  ivd_http_news_free (streams->news);
  ivd_poller_free (streams->poller);
  g_hash_table_unref (streams->principals);
  g_free (streams);
}

IvdPoller *
ivd_http_streams_get_poller (IvdHttpStreams *streams)
{
  return streams->poller;
}

IvdHttpFeeds *
ivd_http_streams_get_feeds (IvdHttpStreams *streams)
{
  return streams->feeds;
}

void
ivd_http_streams_count (IvdHttpStreams *streams, const IvdHttpBatch *batch)
{
  IvdMetrics *metrics = ivd_http_service_get_context (streams->service)->metrics;

  ivd_http_counters_add (streams->counters, IVD_HTTP_EVENTS_SENT, batch->events);
  if (batch->lost > 0)
    ivd_http_counters_add (streams->counters, IVD_HTTP_EVENTS_LOST, (gint64) batch->lost);
  if (metrics != NULL && batch->oldest_usec != 0)
    ivd_histogram_observe (&metrics->events, g_get_monotonic_time () - batch->oldest_usec);
}

static void
clear_source (GSource **source)
{
  if (*source == NULL)
    return;
  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

/* --- turns --- */

static gboolean on_turns (gpointer data);

/* As important as requests, and no more: each has its turns. */
static void
schedule_turns (IvdHttpStreams *self)
{
  if (self->turns != NULL)
    return;
  self->turns = g_idle_source_new ();
  g_source_set_priority (self->turns, G_PRIORITY_DEFAULT);
  g_source_set_callback (self->turns, on_turns, self, NULL);
  g_source_attach (self->turns, g_main_context_get_thread_default ());
}

static void
enqueue (IvdHttpSeat *seat)
{
  if (seat->queued)
    return;
  seat->queued = TRUE;
  g_queue_push_tail_link (&seat->streams->queue, &seat->waiting);
}

static void
give_turns (IvdHttpStreams *self)
{
  gint64 until = g_get_monotonic_time () + TURNS_USEC;
  GList *link;

  while ((link = g_queue_pop_head_link (&self->queue)) != NULL)
    {
      IvdHttpSeat *seat = link->data;

      seat->queued = FALSE;
      if (seat->kind->serve (seat->stream))
        enqueue (seat);
      if (g_get_monotonic_time () >= until)
        break;
    }
  if (g_queue_is_empty (&self->queue))
    clear_source (&self->turns);
  else
    schedule_turns (self);
}

static gboolean
on_turns (gpointer data)
{
  give_turns (data);
  return G_SOURCE_CONTINUE;
}

void
ivd_http_seat_queue (IvdHttpSeat *seat)
{
  enqueue (seat);
  schedule_turns (seat->streams);
}

static void
on_published (gpointer data)
{
  IvdHttpStreams *self = data;

  ivd_http_news_set_serial (self->news, published_serial (self->service));
  for (GList *l = self->seats.head; l != NULL; l = l->next)
    {
      IvdHttpSeat *seat = l->data;

      if (seat->listening)
        enqueue (seat);
    }
  give_turns (self);
}

/* --- time --- */

static gboolean on_timer (gpointer data);

static void
arm (IvdHttpStreams *self, gint64 due)
{
  if (self->timer != NULL && self->timer_at <= due)
    return;
  clear_source (&self->timer);
  self->timer_at = due;
  self->timer = g_timeout_source_new (0);
  g_source_set_ready_time (self->timer, due);
  g_source_set_callback (self->timer, on_timer, self, NULL);
  g_source_attach (self->timer, g_main_context_get_thread_default ());
}

static gboolean
on_timer (gpointer data)
{
  IvdHttpStreams *self = data;
  gint64 now = g_get_monotonic_time ();
  gint64 earliest = G_MAXINT64;
  GList *next;

  clear_source (&self->timer);
  for (GList *l = self->seats.head; l != NULL; l = next)
    {
      IvdHttpSeat *seat = l->data;
      gint64 due = seat->due;

      next = l->next;
      if (due != 0 && due <= now + IVD_HTTP_STREAMS_SLACK_USEC)
        {
          due = seat->kind->tick (seat->stream, now);
          if (due == 0)
            continue;
          seat->due = due;
        }
      if (due != 0)
        earliest = MIN (earliest, due);
    }
  if (earliest != G_MAXINT64)
    arm (self, earliest);
  return G_SOURCE_REMOVE;
}

void
ivd_http_seat_set_due (IvdHttpSeat *seat, gint64 due)
{
  seat->due = due;
  arm (seat->streams, due);
}

/* --- seats --- */

/* principal: NULL: all of them. */
static void
stop_streams (IvdHttpStreams *self, IvdCaller *principal, const char *why)
{
  GList *next;

  for (GList *l = self->seats.head; l != NULL; l = next)
    {
      IvdHttpSeat *seat = l->data;

      next = l->next;
      if (principal == NULL || seat->principal == principal)
        seat->kind->stop (seat->stream, why);
    }
}

static void
on_stop (gpointer data)
{
  stop_streams (data, NULL, "the daemon stops");
}

void
ivd_http_streams_end_of (IvdHttpStreams *streams, IvdCaller *principal)
{
  if (streams != NULL && g_hash_table_contains (streams->principals, principal))
    stop_streams (streams, principal, "the session has ended");
}

static void
open_hall (IvdHttpStreams *self)
{
  self->listener = ivd_http_service_add_listener (self->service, on_published, self);
  self->stop_func = ivd_http_service_add_stop_func (self->service, on_stop, self);
  /* What was published while nobody listened is nobody's. */
  ivd_http_news_set_serial (self->news, published_serial (self->service));
}

static void
close_hall (IvdHttpStreams *self)
{
  ivd_http_service_remove_listener (self->service, self->listener);
  ivd_http_service_remove_stop_func (self->service, self->stop_func);
  ivd_http_news_forget (self->news);
  clear_source (&self->timer);
  clear_source (&self->turns);
}

/* One more, of so many of the same. */
static gboolean
check_limits (IvdHttpStreams *self, guint own, GError **error)
{
  if (self->seats.length < IVD_LIMIT_STREAMS && own < IVD_LIMIT_STREAMS_PER_CALLER)
    return TRUE;
  ivd_http_counters_add (self->counters, IVD_HTTP_REFUSED_LIMIT, 1);
  g_set_error (error, IVD_ERROR, IVD_ERROR_LIMIT,
               "%u event streams are open, %u of them yours; at most %d, and %d of one caller: close some first",
               self->seats.length, own, IVD_LIMIT_STREAMS, IVD_LIMIT_STREAMS_PER_CALLER);
  return FALSE;
}

static gboolean
ensure_poller (IvdHttpStreams *self, GError **error)
{
  if (self->poller == NULL)
    self->poller = ivd_poller_new (g_main_context_get_thread_default (), error);
  return self->poller != NULL;
}

IvdHttpSeat *
ivd_http_streams_take_seat (IvdHttpStreams *streams, IvdCaller *principal, const IvdHttpStreamKind *kind,
                            gpointer stream, GError **error)
{
  guint own = GPOINTER_TO_UINT (g_hash_table_lookup (streams->principals, principal));
  IvdHttpSeat *seat;

  if (!check_limits (streams, own, error) || !ensure_poller (streams, error))
    return NULL;
  if (g_queue_is_empty (&streams->seats))
    open_hall (streams);
  ivd_http_counters_add (streams->counters, kind->counter, 1);
  seat = g_new0 (IvdHttpSeat, 1);
  seat->streams = streams;
  seat->principal = g_object_ref (principal);
  seat->kind = kind;
  seat->stream = stream;
  seat->seated.data = seat;
  seat->waiting.data = seat;
  g_queue_push_tail_link (&streams->seats, &seat->seated);
  g_hash_table_insert (streams->principals, principal, GUINT_TO_POINTER (own + 1));
  return seat;
}

void
ivd_http_seat_free (IvdHttpSeat *seat)
{
  IvdHttpStreams *streams;
  guint own;

  if (seat == NULL)
    return;
  streams = seat->streams;
  own = GPOINTER_TO_UINT (g_hash_table_lookup (streams->principals, seat->principal));
  if (own > 1)
    g_hash_table_insert (streams->principals, seat->principal, GUINT_TO_POINTER (own - 1));
  else
    g_hash_table_remove (streams->principals, seat->principal);
  if (seat->queued)
    g_queue_unlink (&streams->queue, &seat->waiting);
  g_queue_unlink (&streams->seats, &seat->seated);
  ivd_http_counters_add (streams->counters, seat->kind->counter, -1);
  g_object_unref (seat->principal);
  g_free (seat);
  if (g_queue_is_empty (&streams->seats))
    close_hall (streams);
}

void
ivd_http_seat_set_listening (IvdHttpSeat *seat, gboolean listening)
{
  seat->listening = listening;
}
