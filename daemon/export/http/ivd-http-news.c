/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-news.h"

#include "export/http/ivd-json-event.h"

/* Enough for those who keep up, about 300 bytes each. */
#define KEPT_RECORDS 1024

/* A record, and what belongs to it. */
typedef struct
{
  IvdHttpRecord record;
  IvdEvent *event;
  GString *json;
} KeptRecord;

struct _IvdHttpNews
{
  IvdEventLog *log;
  guint64 serial;
  KeptRecord *entries; /* serial n lives at n % KEPT_RECORDS; NULL: none are kept */
};

IvdHttpNews *
ivd_http_news_new (IvdEventLog *log, guint64 serial)
{
  IvdHttpNews *self = g_new0 (IvdHttpNews, 1);

  self->log = log;
  self->serial = serial;
  return self;
}

void
ivd_http_news_free (IvdHttpNews *news)
{
  if (news == NULL)
    return;
  ivd_http_news_forget (news);
  g_free (news);
}

void
ivd_http_news_set_serial (IvdHttpNews *news, guint64 serial)
{
  news->serial = serial;
}

guint64
ivd_http_news_get_serial (IvdHttpNews *news)
{
  return news->serial;
}

/* Keeps the buffer of its predecessor. */
static const IvdHttpRecord *
keep (IvdHttpNews *self, IvdEvent *take_event)
{
  KeptRecord *entry;

  if (self->entries == NULL)
    self->entries = g_new0 (KeptRecord, KEPT_RECORDS);
  entry = &self->entries[take_event->serial % KEPT_RECORDS];
  ivd_event_unref (entry->event);
  entry->event = take_event;
  entry->record = (IvdHttpRecord){ .event = take_event };
  return &entry->record;
}

const IvdHttpRecord *
ivd_http_news_next (IvdHttpNews *news, guint64 after, guint64 *ret_missed)
{
  const KeptRecord *entry = news->entries != NULL ? &news->entries[(after + 1) % KEPT_RECORDS] : NULL;
  IvdEvent *event;

  if (entry != NULL && entry->event != NULL && entry->event->serial == after + 1)
    {
      *ret_missed = 0;
      return &entry->record;
    }
  event = ivd_event_log_next (news->log, after, ret_missed);
  return event != NULL ? keep (news, event) : NULL;
}

void
ivd_http_news_format (IvdHttpNews *news, const IvdHttpRecord *record)
{
  KeptRecord *entry = &news->entries[record->event->serial % KEPT_RECORDS];

  if (record->json != NULL)
    return;
  if (entry->json == NULL)
    entry->json = g_string_sized_new (256);
  g_string_truncate (entry->json, 0);
  ivd_json_event_append (entry->json, record->event);
  entry->record.json = entry->json->str;
  entry->record.json_length = entry->json->len;
}

void
ivd_http_news_forget (IvdHttpNews *news)
{
  if (news->entries == NULL)
    return;
  for (guint i = 0; i < KEPT_RECORDS; i++)
    {
      ivd_event_unref (news->entries[i].event);
      if (news->entries[i].json != NULL)
        g_string_free (news->entries[i].json, TRUE);
    }
  g_clear_pointer (&news->entries, g_free);
}
