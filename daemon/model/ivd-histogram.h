/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * IvdHistogram: how long something took, how often: times sorted into fixed
 * buckets. A plain struct that begins as zeros. Any thread may add and read; a
 * reader gets each number whole, not all numbers at one moment.
 */

#define IVD_HISTOGRAM_BOUNDS 14

/* The upper bound of each bucket but the last, which takes the rest. */
extern const guint64 ivd_histogram_bounds_usec[IVD_HISTOGRAM_BOUNDS];

typedef struct
{
  guint64 counts[IVD_HISTOGRAM_BOUNDS + 1];
  guint64 sum_usec;
} IvdHistogram;

/* A time below 0 counts as 0. */
void ivd_histogram_observe (IvdHistogram *histogram, gint64 usec);
gboolean ivd_histogram_is_empty (const IvdHistogram *histogram);
/* ret_histogram: what it holds now, to be read without further ado. Its counts
 * are cumulative: of all times up to the bound; the last is of all there are. */
void ivd_histogram_read (const IvdHistogram *histogram, IvdHistogram *ret_histogram);
