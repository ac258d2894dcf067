/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-rate.h"

static guint
take_all (IvdRate *rate, gint64 now)
{
  guint n = 0;

  while (ivd_rate_take (rate, now))
    n++;
  return n;
}

static void
test_burst_and_rate (void)
{
  IvdRate rate;

  ivd_rate_init (&rate, 1000, 64, 5000);
  g_assert_cmpuint (take_all (&rate, 5000), ==, 64);
  g_assert_cmpint (ivd_rate_wait (&rate, 5000), ==, 1000);
  g_assert_cmpint (ivd_rate_wait (&rate, 5999), ==, 1);
  g_assert_false (ivd_rate_take (&rate, 5999));
  g_assert_cmpint (ivd_rate_wait (&rate, 6000), ==, 0);
  g_assert_true (ivd_rate_take (&rate, 6000));
  g_assert_false (ivd_rate_take (&rate, 6000));
  g_assert_cmpuint (take_all (&rate, 16000), ==, 10);
  /* It never saves more than a burst. */
  g_assert_cmpuint (take_all (&rate, G_MAXINT64), ==, 64);
}

/* However it is asked, over a second it is the burst and the rate. */
static void
test_every_microsecond (void)
{
  IvdRate rate;
  guint n = 0;

  ivd_rate_init (&rate, 7, 3, 0);
  for (gint64 now = 0; now <= G_USEC_PER_SEC; now++)
    n += take_all (&rate, now);
  g_assert_cmpuint (n, ==, 10);
}

static void
test_clock_going_back (void)
{
  IvdRate rate;

  ivd_rate_init (&rate, 1, 1, 1000);
  g_assert_true (ivd_rate_take (&rate, 1000));
  g_assert_false (ivd_rate_take (&rate, 0));
  g_assert_false (ivd_rate_take (&rate, G_MININT64));
  g_assert_true (ivd_rate_take (&rate, 1000 + G_USEC_PER_SEC));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/rate/burst-and-rate", test_burst_and_rate);
  g_test_add_func ("/ivd/rate/every-microsecond", test_every_microsecond);
  g_test_add_func ("/ivd/rate/clock-going-back", test_clock_going_back);
  return g_test_run ();
}
