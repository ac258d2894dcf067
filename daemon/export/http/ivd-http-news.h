/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "model/ivd-event-log.h"

/*
 * IvdHttpNews: the daemon's events as JSON, up to what has been published, each
 * formatted once however many listen. Only the latest are kept so; older ones
 * are formatted anew for whoever is behind. HTTP thread.
 */

typedef struct _IvdHttpNews IvdHttpNews;

typedef struct
{
  const IvdEvent *event;
  const char *json; /* NULL: nobody has wanted it yet */
  gsize json_length;
} IvdHttpRecord;

/* log must outlive it. serial: of the newest event that has been published. */
IvdHttpNews *ivd_http_news_new (IvdEventLog *log, guint64 serial);
void ivd_http_news_free (IvdHttpNews *news);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpNews, ivd_http_news_free)

void ivd_http_news_set_serial (IvdHttpNews *news, guint64 serial);
guint64 ivd_http_news_get_serial (IvdHttpNews *news);

/* As ivd_event_log_next(), published or not. Good until the next call. */
const IvdHttpRecord *ivd_http_news_next (IvdHttpNews *news, guint64 after, guint64 *ret_missed);
/* Sees to the JSON of the record that the last call gave. */
void ivd_http_news_format (IvdHttpNews *news, const IvdHttpRecord *record);

/* Lets go of what is kept. */
void ivd_http_news_forget (IvdHttpNews *news);
