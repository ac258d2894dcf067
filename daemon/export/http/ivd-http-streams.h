/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-http-feed.h"
#include "export/http/ivd-http-service.h"
#include "export/metrics/ivd-http-counters.h"
#include "platform/ivd-poller.h"

/*
 * IvdHttpStreams: all connections that stay open to be told of events, and what
 * they share: the poller, the feeds, one timer, and the turns they take, so
 * that a thousand listeners hold up no request. HTTP thread.
 *
 * IvdHttpSeat: one stream's place among them, counted against the limits.
 */

/* How much too early a tick may be, so that many streams make few wake-ups. */
#define IVD_HTTP_STREAMS_SLACK_USEC G_USEC_PER_SEC

typedef struct _IvdHttpStreams IvdHttpStreams;
typedef struct _IvdHttpSeat IvdHttpSeat;

/* What a kind of stream does when. Each may end the stream, and so free its seat. */
typedef struct
{
  IvdHttpCounter counter; /* of those that are open */
  /* Its turn has come. TRUE: it has more to do at once; FALSE also when it ended. */
  gboolean (*serve) (gpointer stream);
  /* Its time has come. When next, monotonic; 0: it ended. */
  gint64 (*tick) (gpointer stream, gint64 now);
  /* The daemon or the principal's session ends: ends it, saying why where that can be said. */
  void (*stop) (gpointer stream, const char *why);
} IvdHttpStreamKind;

/* counters must outlive it. */
IvdHttpStreams *ivd_http_streams_new (IvdHttpService *service, IvdHttpCounters *counters);
/* All streams must have been stopped: service does so at its end. */
void ivd_http_streams_free (IvdHttpStreams *streams);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpStreams, ivd_http_streams_free)

/* Ends those that count for principal. streams: NULL: there are none. */
void ivd_http_streams_end_of (IvdHttpStreams *streams, IvdCaller *principal);

/* For those who have a seat. */
IvdPoller *ivd_http_streams_get_poller (IvdHttpStreams *streams);
IvdHttpFeeds *ivd_http_streams_get_feeds (IvdHttpStreams *streams);

/* Whoever has written a batch says so. */
void ivd_http_streams_count (IvdHttpStreams *streams, const IvdHttpBatch *batch);

/* limit. principal: whom it counts for. (transfer full) */
IvdHttpSeat *ivd_http_streams_take_seat (IvdHttpStreams *streams, IvdCaller *principal, const IvdHttpStreamKind *kind,
                                         gpointer stream, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ivd_http_seat_free (IvdHttpSeat *seat);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpSeat, ivd_http_seat_free)

/* While TRUE it has a turn after each publication. */
void ivd_http_seat_set_listening (IvdHttpSeat *seat, gboolean listening);
/* Gives it a turn soon. */
void ivd_http_seat_queue (IvdHttpSeat *seat);
/* When tick is to be called, at the latest; it may be a little before. */
void ivd_http_seat_set_due (IvdHttpSeat *seat, gint64 due);
