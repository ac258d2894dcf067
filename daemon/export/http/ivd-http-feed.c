/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-feed.h"

#include <string.h>

#include "base/ivd-limits.h"
#include "export/http/ivd-json-event.h"
#include "export/http/ivd-websocket.h"

/* Events that one call looks at, wanted or not. */
#define LOOKED_AT 2048
#define FRAME_HEAD "{\"event\":"
#define FRAME_TAIL "}"

/* What listeners of one caller with one filter have in common. */
typedef struct
{
  guint references;
  IvdHttpFeeds *feeds;
  char *key;
  IvdCaller *caller;
  IvdHttpFilter *filter;
  IvdHttpFeedStyle style;
  GHashTable *verdicts; /* region → whether its events are wanted and may be seen; "": of none */

  /* What was put together last: of what comes after `from`, up to `to`. */
  gboolean has_batch;
  guint64 from, to;
  IvdHttpBatch batch;
} FeedView;

struct _IvdHttpFeeds
{
  IvdHttpNews *news;
  const IvdAccess *access;
  GHashTable *views; /* key → FeedView */
};

struct _IvdHttpFeed
{
  FeedView *view;
  guint64 serial;
  gint64 begun; /* monotonic */
};

IvdHttpFeeds *
ivd_http_feeds_new (IvdHttpNews *news, const IvdAccess *access)
{
  IvdHttpFeeds *self = g_new0 (IvdHttpFeeds, 1);

  self->news = news;
  self->access = access;
  self->views = g_hash_table_new (g_str_hash, g_str_equal);
  return self;
}

void
ivd_http_feeds_free (IvdHttpFeeds *feeds)
{
  if (feeds == NULL)
    return;
  g_warn_if_fail (g_hash_table_size (feeds->views) == 0);
  g_hash_table_unref (feeds->views);
  g_free (feeds);
}

/* --- what some listeners have in common --- */

static FeedView *
view_new (IvdHttpFeeds *feeds, const char *key, IvdCaller *caller, IvdHttpFilter *filter, IvdHttpFeedStyle style)
{
  FeedView *view = g_new0 (FeedView, 1);

  view->feeds = feeds;
  view->key = g_strdup (key);
  view->caller = g_object_ref (caller);
  view->filter = ivd_http_filter_ref (filter);
  view->style = style;
  view->verdicts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_hash_table_insert (feeds->views, view->key, view);
  return view;
}

static void
view_unref (FeedView *view)
{
  if (--view->references > 0)
    return;
  g_hash_table_remove (view->feeds->views, view->key);
  g_hash_table_unref (view->verdicts);
  ivd_http_filter_unref (view->filter);
  g_object_unref (view->caller);
  g_clear_pointer (&view->batch.bytes, g_bytes_unref);
  g_free (view->key);
  g_free (view);
}

/* Worked out once for each region; neither access nor filter ever change. */
static gboolean
may_hear_of (FeedView *view, const char *region)
{
  const char *name = region != NULL ? region : "";
  gpointer verdict;

  if (g_hash_table_lookup_extended (view->verdicts, name, NULL, &verdict))
    return GPOINTER_TO_INT (verdict);
  /* Names come and go. */
  if (g_hash_table_size (view->verdicts) > IVD_LIMIT_REGIONS)
    g_hash_table_remove_all (view->verdicts);
  verdict = GINT_TO_POINTER (ivd_http_filter_wants_region (view->filter, region)
                             && ivd_access_allows (view->feeds->access, view->caller, IVD_PERMISSION_SEE, region));
  g_hash_table_insert (view->verdicts, g_strdup (name), verdict);
  return GPOINTER_TO_INT (verdict);
}

/* What a watch finds is its owner's alone: it took the right to read. */
static gboolean
wants (FeedView *view, const IvdEvent *event)
{
  return ivd_http_filter_wants_type (view->filter, event->type)
         && (event->type != IVD_EVENT_CHANGED || event->owner == ivd_caller_get_id (view->caller))
         && may_hear_of (view, event->region);
}

/* --- text --- */

static void
append_event (GString *out, const IvdHttpRecord *record)
{
  g_string_append (out, "id: ");
  g_string_append_printf (out, "%" G_GUINT64_FORMAT, record->event->serial);
  g_string_append (out, "\nevent: ");
  g_string_append (out, ivd_event_type_name (record->event->type));
  g_string_append (out, "\ndata: ");
  g_string_append_len (out, record->json, (gssize) record->json_length);
  g_string_append (out, "\n\n");
}

static void
append_frame (GString *out, const IvdHttpRecord *record)
{
  gsize length = strlen (FRAME_HEAD) + record->json_length + strlen (FRAME_TAIL);

  ivd_websocket_append_head (out, IVD_WEBSOCKET_TEXT, length);
  g_string_append (out, FRAME_HEAD);
  g_string_append_len (out, record->json, (gssize) record->json_length);
  g_string_append (out, FRAME_TAIL);
}

static void
append (FeedView *view, GString *out, const IvdHttpRecord *record)
{
  if (view->style == IVD_HTTP_FEED_EVENTS)
    append_event (out, record);
  else
    append_frame (out, record);
}

/* Every listener is told of what is lost, whatever it wants. The record has the
 * serial of the last event that is lost: from there it can be resumed. */
static void
append_lost (FeedView *view, GString *out, guint64 serial, guint64 count)
{
  const IvdEvent lost = { .serial = serial,
                          .monotonic_usec = g_get_monotonic_time (),
                          .realtime_usec = g_get_real_time (),
                          .type = IVD_EVENT_LOST,
                          .count = count };
  g_autoptr (GString) json = g_string_new (NULL);
  IvdHttpRecord record = { .event = &lost };

  ivd_json_event_append (json, &lost);
  record.json = json->str;
  record.json_length = json->len;
  append (view, out, &record);
}

/* --- batches --- */

/* What lies between `after` and the event that is still there, if it is known
 * to be over. TRUE: *after has moved. */
static gboolean
pass_lost (FeedView *view, GString *out, const IvdHttpRecord *next, guint64 missed, guint64 *after)
{
  guint64 published = ivd_http_news_get_serial (view->feeds->news);
  guint64 last = next != NULL ? next->event->serial - 1 : published;

  if (missed == IVD_EVENT_LOG_UNKNOWN)
    last = MIN (last, published);
  else if (last > published)
    return FALSE;
  else
    view->batch.lost += missed;
  append_lost (view, out, last, missed);
  *after = last;
  return TRUE;
}

static void
pass_event (FeedView *view, GString *out, const IvdHttpRecord *record)
{
  if (!wants (view, record->event))
    return;
  ivd_http_news_format (view->feeds->news, record);
  append (view, out, record);
  view->batch.events++;
  if (record->event->type == IVD_EVENT_INTERRUPT && view->batch.oldest_usec == 0)
    view->batch.oldest_usec = record->event->monotonic_usec;
}

/* FALSE: nothing more for now. */
static gboolean
step (FeedView *view, GString *out, guint64 *after)
{
  IvdHttpNews *news = view->feeds->news;
  const IvdHttpRecord *record;
  guint64 missed;

  if (*after == ivd_http_news_get_serial (news))
    return FALSE;
  record = ivd_http_news_next (news, *after, &missed);
  if (missed != 0)
    return pass_lost (view, out, record, missed, after);
  if (record == NULL || record->event->serial > ivd_http_news_get_serial (news))
    return FALSE;
  pass_event (view, out, record);
  *after = record->event->serial;
  return TRUE;
}

/* TRUE: there may be more. */
static gboolean
make_batch (FeedView *view, guint64 after)
{
  GString *out = g_string_new (NULL);
  gboolean more = TRUE;

  g_clear_pointer (&view->batch.bytes, g_bytes_unref);
  view->batch = (IvdHttpBatch){ 0 };
  view->has_batch = TRUE;
  view->from = after;
  for (guint i = 0; more && i < LOOKED_AT && out->len < IVD_LIMIT_STREAM_BATCH_BYTES; i++)
    more = step (view, out, &after);
  view->to = after;
  if (out->len > 0)
    view->batch.bytes = g_string_free_to_bytes (out);
  else
    g_string_free (out, TRUE);
  return more;
}

/* --- one listener --- */

IvdHttpFeed *
ivd_http_feed_new (IvdHttpFeeds *feeds, IvdCaller *caller, IvdHttpFilter *filter, IvdHttpFeedStyle style)
{
  g_autofree char *wanted = ivd_http_filter_describe (filter);
  g_autofree char *key = g_strdup_printf ("%p %d %s", (void *) caller, style, wanted);
  IvdHttpFeed *self = g_new0 (IvdHttpFeed, 1);

  self->view = g_hash_table_lookup (feeds->views, key);
  if (self->view == NULL)
    self->view = view_new (feeds, key, caller, filter, style);
  self->view->references++;
  self->serial = ivd_http_news_get_serial (feeds->news);
  self->begun = g_get_monotonic_time ();
  return self;
}

void
ivd_http_feed_free (IvdHttpFeed *feed)
{
  if (feed == NULL)
    return;
  view_unref (feed->view);
  g_free (feed);
}

void
ivd_http_feed_set_serial (IvdHttpFeed *feed, guint64 serial)
{
  feed->serial = serial;
}

guint64
ivd_http_feed_get_serial (const IvdHttpFeed *feed)
{
  return feed->serial;
}

gboolean
ivd_http_feed_take (IvdHttpFeed *feed, IvdHttpBatch *ret_batch)
{
  FeedView *view = feed->view;
  gboolean more = view->to < ivd_http_news_get_serial (view->feeds->news);

  /* Who stands where another stood gets the same; unless there was nothing, or
   * something was lost, which may be more by now. */
  if (!view->has_batch || view->from != feed->serial || view->to == feed->serial || view->batch.lost != 0)
    more = make_batch (view, feed->serial);
  feed->serial = view->to;
  *ret_batch = view->batch;
  /* What it missed before says nothing of how fast it is told. */
  if (ret_batch->oldest_usec < feed->begun)
    ret_batch->oldest_usec = 0;
  return more;
}
