/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "access/ivd-access.h"
#include "export/http/ivd-http-filter.h"
#include "export/http/ivd-http-news.h"

/*
 * IvdHttpFeed: the events for one listener, one after the other: a place in the
 * log, and nothing else of its own. What its caller may see and its filter wants
 * is worked out once for all listeners of the same caller and filter, and so is
 * the text for those of them that are at the same place. Whoever falls behind
 * the log gets one `lost` record instead of what it missed. HTTP thread.
 */

typedef struct _IvdHttpFeeds IvdHttpFeeds;
typedef struct _IvdHttpFeed IvdHttpFeed;

/* How an event is written. */
typedef enum
{
  IVD_HTTP_FEED_EVENTS, /* a record of server-sent events */
  IVD_HTTP_FEED_FRAMES, /* a text frame of a WebSocket: {"event":…} */
} IvdHttpFeedStyle;

typedef struct
{
  GBytes *bytes;      /* NULL: nothing for this listener; (transfer none), good until the next call */
  guint events;       /* in bytes, without `lost` */
  guint64 lost;       /* that a `lost` record tells of, as far as known */
  gint64 oldest_usec; /* monotonic; of the first interrupt among them, while this listens; 0: none */
} IvdHttpBatch;

/* news and access must outlive it; it must outlive its feeds. */
IvdHttpFeeds *ivd_http_feeds_new (IvdHttpNews *news, const IvdAccess *access);
void ivd_http_feeds_free (IvdHttpFeeds *feeds);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpFeeds, ivd_http_feeds_free)

/* What is published from now on. */
IvdHttpFeed *ivd_http_feed_new (IvdHttpFeeds *feeds, IvdCaller *caller, IvdHttpFilter *filter,
                                IvdHttpFeedStyle style);
void ivd_http_feed_free (IvdHttpFeed *feed);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpFeed, ivd_http_feed_free)

/* What comes after that event. One that this run does not know gives a `lost`
 * with an unknown count, and then what there is. */
void ivd_http_feed_set_serial (IvdHttpFeed *feed, guint64 serial);
/* Of the last event that was taken or passed over. */
guint64 ivd_http_feed_get_serial (const IvdHttpFeed *feed);

/* The next, about IVD_LIMIT_STREAM_BATCH_BYTES at most. TRUE: there may be more
 * to take at once. */
gboolean ivd_http_feed_take (IvdHttpFeed *feed, IvdHttpBatch *ret_batch);
