/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * IvdHttpCounters: what the HTTP service does and how much of it. A plain
 * struct that begins as zeros. Any thread may add and read; a reader gets each
 * number whole, not all numbers at one moment.
 */

typedef enum
{
  IVD_HTTP_OPEN_CONNECTIONS, /* up and down */
  IVD_HTTP_OPEN_EVENT_STREAMS,
  IVD_HTTP_OPEN_WEBSOCKETS,
  IVD_HTTP_CONNECTIONS,    /* ever, as all that follow */
  IVD_HTTP_RECEIVED_BYTES, /* of bodies */
  IVD_HTTP_SENT_BYTES,
  IVD_HTTP_EVENTS_SENT,         /* to listeners of either kind */
  IVD_HTTP_EVENTS_LOST,         /* that a listener was told it has missed; 1 where the number is not known */
  IVD_HTTP_REFUSED_LIMIT,       /* there were too many connections, streams or requests */
  IVD_HTTP_REFUSED_DESCRIPTORS, /* none were left to accept it */
  IVD_HTTP_REFUSED_CREDENTIALS, /* 401 */
  IVD_HTTP_REFUSED_ORIGIN,      /* a Host or an Origin that is not ours */
  IVD_HTTP_REFUSED_SLOW,        /* took longer than it may */
} IvdHttpCounter;

#define IVD_HTTP_COUNTER_COUNT (IVD_HTTP_REFUSED_SLOW + 1)

/* 1xx to 5xx */
#define IVD_HTTP_STATUS_CLASSES 5

typedef struct
{
  guint64 values[IVD_HTTP_COUNTER_COUNT];
  guint64 responses[IVD_HTTP_STATUS_CLASSES];
} IvdHttpCounters;

/* Only the open ones go down. */
void ivd_http_counters_add (IvdHttpCounters *counters, IvdHttpCounter counter, gint64 count);
guint64 ivd_http_counters_get (const IvdHttpCounters *counters, IvdHttpCounter counter);

/* A request that was answered with this status. */
void ivd_http_counters_add_response (IvdHttpCounters *counters, guint status);
/* class_: 1 to 5 */
guint64 ivd_http_counters_get_responses (const IvdHttpCounters *counters, guint class_);
