/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "model/ivd-histogram.h"

#define MSEC 1000
#define SEC 1000000

const guint64 ivd_histogram_bounds_usec[IVD_HISTOGRAM_BOUNDS] = {
  10,
  50,
  100,
  500,
  1 * MSEC,
  5 * MSEC,
  10 * MSEC,
  50 * MSEC,
  100 * MSEC,
  500 * MSEC,
  1 * SEC,
  5 * SEC,
  10 * SEC,
  60 * SEC,
};

void
ivd_histogram_observe (IvdHistogram *histogram, gint64 usec)
{
  guint64 time = (guint64) MAX (usec, 0);
  guint bucket = 0;

  while (bucket < IVD_HISTOGRAM_BOUNDS && time > ivd_histogram_bounds_usec[bucket])
    bucket++;
  __atomic_fetch_add (&histogram->counts[bucket], 1, __ATOMIC_RELAXED);
  __atomic_fetch_add (&histogram->sum_usec, time, __ATOMIC_RELAXED);
}

gboolean
ivd_histogram_is_empty (const IvdHistogram *histogram)
{
  for (guint i = 0; i <= IVD_HISTOGRAM_BOUNDS; i++)
    if (__atomic_load_n (&histogram->counts[i], __ATOMIC_RELAXED) != 0)
      return FALSE;
  return TRUE;
}

void
ivd_histogram_read (const IvdHistogram *histogram, IvdHistogram *ret_histogram)
{
  guint64 sum = 0;

  for (guint i = 0; i <= IVD_HISTOGRAM_BOUNDS; i++)
    {
      sum += __atomic_load_n (&histogram->counts[i], __ATOMIC_RELAXED);
      ret_histogram->counts[i] = sum;
    }
  ret_histogram->sum_usec = __atomic_load_n (&histogram->sum_usec, __ATOMIC_RELAXED);
}
