/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "model/ivd-event-log.h"

#define CAPACITY 4

static void
append (IvdEventLog *log, guint64 serial)
{
  IvdEvent template_
      = { .serial = serial, .type = IVD_EVENT_INTERRUPT, .region = "r", .vector = 3, .count = serial };
  g_autoptr (IvdEvent) event = ivd_event_new (&template_);

  ivd_event_log_append (log, event);
}

static void
assert_next (IvdEventLog *log, guint64 after, guint64 serial, guint64 missed)
{
  guint64 got_missed = 99;
  g_autoptr (IvdEvent) event = ivd_event_log_next (log, after, &got_missed);

  if (serial == 0)
    g_assert_null (event);
  else
    g_assert_cmpuint (event->serial, ==, serial);
  g_assert_cmpuint (got_missed, ==, missed);
}

static void
test_reader_keeps_up (void)
{
  g_autoptr (IvdEventLog) log = ivd_event_log_new (CAPACITY, 100);

  g_assert_cmpuint (ivd_event_log_last (log), ==, 99);
  assert_next (log, 99, 0, 0);
  append (log, 100);
  assert_next (log, 99, 100, 0);
  assert_next (log, 100, 0, 0);
  append (log, 101);
  assert_next (log, 100, 101, 0);
  g_assert_cmpuint (ivd_event_log_last (log), ==, 101);
}

/* At the ring's size nothing is lost, one past it one is. */
static void
test_slow_reader_is_told_how_many (void)
{
  g_autoptr (IvdEventLog) log = ivd_event_log_new (CAPACITY, 1);

  for (guint64 serial = 1; serial <= CAPACITY; serial++)
    append (log, serial);
  assert_next (log, 0, 1, 0);
  append (log, CAPACITY + 1);
  assert_next (log, 0, 2, 1);
  append (log, CAPACITY + 2);
  append (log, CAPACITY + 3);
  assert_next (log, 1, 4, 2);
}

static void
test_serials_of_other_runs (void)
{
  g_autoptr (IvdEventLog) log = ivd_event_log_new (CAPACITY, 1000);

  append (log, 1000);
  assert_next (log, 5, 1000, IVD_EVENT_LOG_UNKNOWN);
  assert_next (log, 5000, 1000, IVD_EVENT_LOG_UNKNOWN);
  assert_next (log, G_MAXUINT64, 1000, IVD_EVENT_LOG_UNKNOWN);
}

static void
test_event_outlives_ring (void)
{
  g_autoptr (IvdEventLog) log = ivd_event_log_new (CAPACITY, 1);
  g_autoptr (IvdEvent) kept = NULL;
  guint64 missed;

  append (log, 1);
  kept = ivd_event_log_next (log, 0, &missed);
  for (guint64 serial = 2; serial < 2 + 2 * CAPACITY; serial++)
    append (log, serial);
  g_assert_cmpuint (kept->serial, ==, 1);
  g_assert_cmpstr (kept->region, ==, "r");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/event-log/reader-keeps-up", test_reader_keeps_up);
  g_test_add_func ("/ivd/event-log/slow-reader-is-told-how-many", test_slow_reader_is_told_how_many);
  g_test_add_func ("/ivd/event-log/serials-of-other-runs", test_serials_of_other_runs);
  g_test_add_func ("/ivd/event-log/event-outlives-ring", test_event_outlives_ring);
  return g_test_run ();
}
