/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-json-event.h"

#include <time.h>

#include "export/http/ivd-json.h"

/* 9999-12-31T23:59:59Z */
#define LAST_SECOND G_GINT64_CONSTANT (253402300799)

static void
append_digits (GString *json, guint value, guint digits)
{
  char text[8];

  for (guint i = digits; i > 0; i--)
    {
      text[i - 1] = (char) ('0' + value % 10);
      value /= 10;
    }
  g_string_append_len (json, text, digits);
}

void
ivd_json_append_time (GString *json, gint64 realtime_usec)
{
  gint64 usec = CLAMP (realtime_usec, 0, LAST_SECOND * G_USEC_PER_SEC);
  time_t seconds = (time_t) (usec / G_USEC_PER_SEC);
  struct tm tm;

  gmtime_r (&seconds, &tm);
  append_digits (json, (guint) tm.tm_year + 1900, 4);
  g_string_append_c (json, '-');
  append_digits (json, (guint) tm.tm_mon + 1, 2);
  g_string_append_c (json, '-');
  append_digits (json, (guint) tm.tm_mday, 2);
  g_string_append_c (json, 'T');
  append_digits (json, (guint) tm.tm_hour, 2);
  g_string_append_c (json, ':');
  append_digits (json, (guint) tm.tm_min, 2);
  g_string_append_c (json, ':');
  append_digits (json, (guint) tm.tm_sec, 2);
  g_string_append_c (json, '.');
  append_digits (json, (guint) (usec % G_USEC_PER_SEC), 6);
  g_string_append_c (json, 'Z');
}

/* key: with its comma, quotes and colon. */
static void
add_number (GString *json, const char *key, guint64 value)
{
  g_string_append (json, key);
  ivd_json_append_uint64 (json, value);
}

static void
add_text (GString *json, const char *key, const char *text)
{
  if (text == NULL)
    return;
  g_string_append (json, key);
  ivd_json_append_text (json, text);
}

static void
add_lost (GString *json, gint64 count)
{
  if (count >= 0)
    add_number (json, ",\"count\":", (guint64) count);
  else
    g_string_append (json, ",\"count\":null");
}

static void
append_details (GString *json, const IvdEvent *event)
{
  switch (event->type)
    {
    case IVD_EVENT_INTERRUPT:
      add_number (json, ",\"vector\":", event->vector);
      add_number (json, ",\"count\":", (guint64) event->count);
      break;
    case IVD_EVENT_PEER_CONNECTED:
      add_number (json, ",\"id\":", event->peer);
      add_number (json, ",\"vectors\":", event->vectors);
      break;
    case IVD_EVENT_PEER_DISCONNECTED:
      add_number (json, ",\"id\":", event->peer);
      break;
    case IVD_EVENT_REGION_ATTACHED:
      add_text (json, ",\"plugin\":", event->text);
      break;
    case IVD_EVENT_STATE_CHANGED:
    case IVD_EVENT_BRIDGE_STATE:
      add_text (json, ",\"state\":", event->text);
      add_text (json, ",\"reason\":", event->reason);
      break;
    case IVD_EVENT_CANDIDATE_ADDED:
    case IVD_EVENT_CANDIDATE_REMOVED:
      add_text (json, ",\"plugin\":", event->plugin);
      add_text (json, ",\"candidate\":", event->text);
      break;
    case IVD_EVENT_CHANGED:
      add_number (json, ",\"watch\":", event->watch);
      add_number (json, ",\"offset\":", event->offset);
      add_number (json, ",\"length\":", event->length);
      break;
    case IVD_EVENT_LOST:
      add_lost (json, event->count);
      break;
    case IVD_EVENT_REGION_DETACHED:
    default:
      break;
    }
}

void
ivd_json_event_append (GString *json, const IvdEvent *event)
{
  g_string_append (json, "{\"serial\":");
  ivd_json_append_uint64 (json, event->serial);
  g_string_append (json, ",\"time\":\"");
  ivd_json_append_time (json, event->realtime_usec);
  g_string_append (json, "\",\"monotonic_us\":");
  ivd_json_append_int64 (json, event->monotonic_usec);
  add_text (json, ",\"region\":", event->region);
  g_string_append (json, ",\"type\":\"");
  g_string_append (json, ivd_event_type_name (event->type));
  g_string_append_c (json, '"');
  append_details (json, event);
  g_string_append_c (json, '}');
}
