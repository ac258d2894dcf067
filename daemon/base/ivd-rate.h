/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * How often something may happen: a burst, and then so many a second. Times
 * are monotonic and in microseconds. No lock of its own.
 */

typedef struct
{
  guint64 per_second;
  guint64 full;   /* the burst, in millionths */
  guint64 credit; /* in millionths */
  gint64 last;
} IvdRate;

/* Both at least 1. */
void ivd_rate_init (IvdRate *rate, guint per_second, guint burst, gint64 now);
/* TRUE if it may happen now, which is then counted. */
gboolean ivd_rate_take (IvdRate *rate, gint64 now);
/* How long until ivd_rate_take would say TRUE; 0: it would now. */
gint64 ivd_rate_wait (IvdRate *rate, gint64 now);
