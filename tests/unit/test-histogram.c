/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "model/ivd-histogram.h"

#define ALL IVD_HISTOGRAM_BOUNDS

static void
test_bounds_rise (void)
{
  for (guint i = 1; i < IVD_HISTOGRAM_BOUNDS; i++)
    g_assert_cmpuint (ivd_histogram_bounds_usec[i], >, ivd_histogram_bounds_usec[i - 1]);
}

static void
test_bounds_are_inclusive (void)
{
  for (guint i = 0; i < IVD_HISTOGRAM_BOUNDS; i++)
    {
      IvdHistogram histogram = { 0 }, read;

      ivd_histogram_observe (&histogram, (gint64) ivd_histogram_bounds_usec[i]);
      ivd_histogram_observe (&histogram, (gint64) ivd_histogram_bounds_usec[i] + 1);
      ivd_histogram_read (&histogram, &read);
      g_assert_cmpuint (i > 0 ? read.counts[i - 1] : 0, ==, 0);
      g_assert_cmpuint (read.counts[i], ==, 1);
      g_assert_cmpuint (read.counts[i + 1], ==, 2);
      g_assert_cmpuint (read.counts[ALL], ==, 2);
    }
}

static void
test_extremes (void)
{
  IvdHistogram histogram = { 0 }, read;

  ivd_histogram_read (&histogram, &read);
  g_assert_cmpuint (read.counts[ALL], ==, 0);
  ivd_histogram_observe (&histogram, 0);
  ivd_histogram_observe (&histogram, -5);
  ivd_histogram_observe (&histogram, G_MAXINT64);
  ivd_histogram_read (&histogram, &read);
  g_assert_cmpuint (read.counts[0], ==, 2);
  g_assert_cmpuint (read.counts[ALL - 1], ==, 2);
  g_assert_cmpuint (read.counts[ALL], ==, 3);
  g_assert_cmpuint (read.sum_usec, ==, G_MAXINT64);
}

#define THREADS 4
#define TIMES 20000

static gpointer
observe_often (gpointer data)
{
  for (gint64 i = 0; i < TIMES; i++)
    ivd_histogram_observe (data, i % 1000);
  return NULL;
}

static void
test_nothing_is_lost_between_threads (void)
{
  IvdHistogram histogram = { 0 }, read;
  GThread *threads[THREADS];

  for (guint i = 0; i < THREADS; i++)
    threads[i] = g_thread_new ("observer", observe_often, &histogram);
  for (guint i = 0; i < THREADS; i++)
    g_thread_join (threads[i]);
  ivd_histogram_read (&histogram, &read);
  g_assert_cmpuint (read.counts[ALL], ==, THREADS * TIMES);
  g_assert_cmpuint (read.sum_usec, ==, (guint64) THREADS * (TIMES / 1000) * (999 * 1000 / 2));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/histogram/bounds-rise", test_bounds_rise);
  g_test_add_func ("/ivd/histogram/bounds-are-inclusive", test_bounds_are_inclusive);
  g_test_add_func ("/ivd/histogram/extremes", test_extremes);
  g_test_add_func ("/ivd/histogram/nothing-is-lost-between-threads", test_nothing_is_lost_between_threads);
  return g_test_run ();
}
