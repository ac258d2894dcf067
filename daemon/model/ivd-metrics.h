/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "model/ivd-histogram.h"
#include "model/ivd-statistics.h"

/*
 * IvdMetrics: how long things take in this daemon, whatever the region. A plain
 * struct that begins as zeros; any thread adds to it and reads it.
 */
typedef struct
{
  gint64 began_usec;                                  /* when the daemon started, wall clock; 0: not known */
  IvdHistogram operations[IVD_STATISTICS_OPERATIONS]; /* from the door to the answer, by the operation's index */
  IvdHistogram waits;                                 /* until the value was there; those in vain do not count */
  IvdHistogram events;                                /* of an interrupt: from its reading to its listener */
} IvdMetrics;
