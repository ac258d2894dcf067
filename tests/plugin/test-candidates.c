/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What plugins could attach, as it comes and goes: what is told and how often,
 * and monitors that are no good.
 */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "base/ivd-complaints.h"
#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "ivt-backend.h"
#include "plugin/ivd-candidates.h"

typedef struct
{
  IvtBackend backend;
  IvdPluginStore *store;
  IvdCandidates *candidates;
  guint lists; /* calls of on_list() */
  guint changes;
} Fixture;

static void
on_list (const char *plugin, guint changes, gpointer data)
{
  Fixture *f = data;

  g_assert_cmpstr (plugin, ==, "fake");
  f->lists++;
  f->changes = changes;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  ivt_backend_set_up (&f->backend, NULL);
  f->backend.control->monitor = data;
  f->store = ivd_plugin_store_new ();
  g_assert_true (ivd_plugin_store_add (f->store, f->backend.fake));
  f->candidates = ivd_candidates_new (f->backend.host, f->store);
  ivd_candidates_set_func (f->candidates, on_list, f);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_pointer (&f->candidates, ivd_candidates_free);
  g_assert_cmpuint (f->backend.control->counters.monitors, ==, 0);
  ivd_plugin_store_free (f->store);
  ivt_backend_tear_down (&f->backend, NULL);
}

static guint
probes (Fixture *f)
{
  return __atomic_load_n (&f->backend.control->counters.probes, __ATOMIC_SEQ_CST);
}

static void
set_candidates (Fixture *f, const char *named)
{
  __atomic_store_n (&f->backend.control->candidates, named, __ATOMIC_SEQ_CST);
}

static void
signal_news (Fixture *f)
{
  const guint64 one = 1;

  g_assert_cmpint (write (f->backend.control->monitor_fd, &one, sizeof one), ==, sizeof one);
}

/* Says that there is something new, and waits for the list. */
static void
expect_list (Fixture *f, guint changes, const char *events)
{
  guint lists = f->lists;

  g_string_truncate (f->backend.events, 0);
  signal_news (f);
  ivt_wait_until (f->lists > lists);
  g_assert_cmphex (f->changes, ==, changes);
  g_assert_cmpstr (f->backend.events->str, ==, events);
}

static void
expect_first_list (Fixture *f)
{
  ivt_wait_until (f->lists == 1);
  g_assert_cmphex (f->changes, ==, IVD_CANDIDATES_FIRST);
  g_assert_cmpstr (f->backend.events->str, ==, "");
}

static void
run_for (gint64 usec)
{
  gint64 end = g_get_monotonic_time () + usec;

  while (ivt_backend_iterate_until (end))
    continue;
}

static void
test_come_and_go (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (ivd_candidates_check (f->candidates, "fake", &error));
  g_assert_no_error (error);
  g_assert_false (ivd_candidates_check (f->candidates, "other", &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, "plugin 'other'"));
  expect_first_list (f);
  set_candidates (f, "first 1,second 2");
  expect_list (f, IVD_CANDIDATES_ADDED | IVD_CANDIDATES_CHANGED, "candidate-added fake second; ");
  set_candidates (f, "second 2,first 1");
  expect_list (f, 0, "");
  set_candidates (f, "first 1,second 3");
  expect_list (f, IVD_CANDIDATES_CHANGED, "");
  set_candidates (f, "second 3");
  expect_list (f, IVD_CANDIDATES_REMOVED, "candidate-removed fake first; ");
  set_candidates (f, "third 3");
  expect_list (f, IVD_CANDIDATES_REMOVED | IVD_CANDIDATES_ADDED,
               "candidate-removed fake second; candidate-added fake third; ");
  /* Two of one name are one. */
  set_candidates (f, "third 3,third 4");
  expect_list (f, 0, "");
  set_candidates (f, "");
  expect_list (f, IVD_CANDIDATES_REMOVED, "candidate-removed fake third; ");
}

/* A list that fails changes nothing, and is no end. */
static void
test_failing_list (Fixture *f, gconstpointer data)
{
  expect_first_list (f);
  f->backend.control->probe = "fail";
  signal_news (f);
  ivt_wait_until (probes (f) == 2);
  run_for (IVD_LIMIT_CANDIDATE_SETTLE_USEC);
  g_assert_cmpuint (f->lists, ==, 1);
  f->backend.control->probe = NULL;
  set_candidates (f, "");
  expect_list (f, IVD_CANDIDATES_REMOVED, "candidate-removed fake first; ");
}

static void
test_burst (Fixture *f, gconstpointer data)
{
  guint takes;

  expect_first_list (f);
  set_candidates (f, "second 2");
  for (guint i = 0; i < 50; i++)
    {
      signal_news (f);
      ivt_backend_iterate ();
    }
  ivt_wait_until (f->lists == 2);
  run_for (2 * IVD_LIMIT_CANDIDATE_SETTLE_USEC);
  g_assert_cmpuint (probes (f), ==, 2);
  /* What it did not take at once it finds when it has settled. */
  takes = f->backend.control->counters.takes;
  g_assert_cmpuint (takes, <=, 4);
  /* And when nothing happens, nothing is done. */
  run_for (3 * IVD_LIMIT_CANDIDATE_SETTLE_USEC);
  g_assert_cmpuint (f->backend.control->counters.takes, ==, takes);
}

/* It never falls silent for long enough: listed all the same, but not often. */
static void
test_storm (Fixture *f, gconstpointer data)
{
  gint64 begin, took;

  expect_first_list (f);
  set_candidates (f, "second 2");
  begin = g_get_monotonic_time ();
  while (f->lists == 1)
    {
      signal_news (f);
      run_for (IVD_LIMIT_CANDIDATE_SETTLE_USEC / 6);
    }
  took = g_get_monotonic_time () - begin;
  g_assert_cmpint (took, >, IVD_LIMIT_CANDIDATE_DELAY_USEC - IVD_LIMIT_CANDIDATE_SETTLE_USEC);
  g_assert_cmpint (took, <, IVD_LIMIT_CANDIDATE_DELAY_USEC + 5 * G_USEC_PER_SEC);
  g_assert_cmpuint (probes (f), ==, 2);
}

/* Always ready: read a few times a second, listed every two seconds. */
static void
test_busy (Fixture *f, gconstpointer data)
{
  const gint64 usec = IVD_LIMIT_CANDIDATE_DELAY_USEC + G_USEC_PER_SEC;
  guint takes;

  expect_first_list (f);
  signal_news (f);
  takes = f->backend.control->counters.takes;
  run_for (usec);
  takes = f->backend.control->counters.takes - takes;
  g_assert_cmpuint (takes, >, 1);
  g_assert_cmpuint (takes, <=, 2 * (guint) (usec / IVD_LIMIT_CANDIDATE_SETTLE_USEC + 1));
  g_assert_cmpuint (probes (f), <=, 2);
}

static void
test_nothing (Fixture *f, gconstpointer data)
{
  expect_first_list (f);
  set_candidates (f, "second 2");
  signal_news (f);
  ivt_wait_until (f->backend.control->counters.takes >= 2);
  run_for (IVD_LIMIT_CANDIDATE_SETTLE_USEC);
  g_assert_cmpuint (probes (f), ==, 1);
}

static void
test_no_monitor (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (ivd_candidates_check (f->candidates, "fake", &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  g_assert_cmpuint (f->backend.control->counters.monitors, ==, 0);
  run_for (IVD_LIMIT_CANDIDATE_SETTLE_USEC);
  g_assert_cmpuint (probes (f), ==, 0);
}

static void
test_hang_up (Fixture *f, gconstpointer data)
{
  const int fd = f->backend.control->monitor_fd;

  expect_first_list (f);
  f->backend.control->monitor_fd = -1;
  close (fd);
  ivt_wait_until (f->backend.control->counters.monitors == 0);
  g_assert_false (ivd_candidates_check (f->candidates, "fake", NULL));
  g_assert_cmpuint (f->backend.control->counters.takes, <=, 2);
}

static void
test_freed_while_listing (Fixture *f, gconstpointer data)
{
  g_clear_pointer (&f->candidates, ivd_candidates_free);
  g_assert_cmpuint (f->backend.control->counters.monitors, ==, 0);
  ivt_wait_until (probes (f) == 1);
  run_for (IVD_LIMIT_CANDIDATE_SETTLE_USEC);
  g_assert_cmpuint (f->lists, ==, 0);
}

static void
test_freed_while_settling (Fixture *f, gconstpointer data)
{
  expect_first_list (f);
  signal_news (f);
  ivt_wait_until (f->backend.control->counters.takes == 1);
  g_clear_pointer (&f->candidates, ivd_candidates_free);
  run_for (2 * IVD_LIMIT_CANDIDATE_SETTLE_USEC);
  g_assert_cmpuint (f->lists, ==, 1);
}

static guint
count_events (Fixture *f)
{
  g_auto (GStrv) parts = g_strsplit (f->backend.events->str, "; ", -1);

  return MAX (g_strv_length (parts), 1) - 1;
}

static void
test_most_candidates (Fixture *f, gconstpointer data)
{
  g_autoptr (GString) most = g_string_new (NULL);
  guint lists;

  expect_first_list (f);
  for (guint i = 0; i < IVD_LIMIT_CANDIDATES; i++)
    g_string_append_printf (most, "c%u 1,", i);
  set_candidates (f, most->str);
  signal_news (f);
  ivt_wait_until (f->lists == 2);
  g_assert_cmpuint (count_events (f), ==, IVD_LIMIT_CANDIDATES + 1); /* and "first" goes */
  g_string_append (most, "one-more 1");
  set_candidates (f, most->str);
  lists = f->lists;
  g_string_truncate (f->backend.events, 0);
  signal_news (f);
  ivt_wait_until (f->lists > lists);
  g_assert_cmphex (f->changes, ==, 0);
  g_assert_cmpuint (count_events (f), ==, 0);
  set_candidates (f, NULL);
  signal_news (f);
  ivt_wait_until (f->lists > lists + 1);
}

static void
test_complaints (void)
{
  g_autoptr (IvdComplaints) complaints = ivd_complaints_new ();

  g_assert_true (ivd_complaints_note (complaints, "one"));
  g_assert_false (ivd_complaints_note (complaints, "one"));
  for (guint i = 2; i <= IVD_LIMIT_COMPLAINTS; i++)
    {
      g_autofree char *message = g_strdup_printf ("%u", i);

      g_assert_true (ivd_complaints_note (complaints, message));
    }
  g_assert_false (ivd_complaints_note (complaints, "one past the limit"));
  ivd_complaints_forget (complaints);
  g_assert_true (ivd_complaints_note (complaints, "one"));
}

#define ADD(name, how, func) g_test_add ("/ivd/candidates/" name, Fixture, how, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("come-and-go", NULL, test_come_and_go);
  ADD ("failing-list", NULL, test_failing_list);
  ADD ("burst", NULL, test_burst);
  ADD ("storm", NULL, test_storm);
  ADD ("busy", "busy", test_busy);
  ADD ("busy-nothing", "busy-nothing", test_busy);
  ADD ("nothing", "nothing", test_nothing);
  ADD ("no-monitor/none", "none", test_no_monitor);
  ADD ("no-monitor/fail", "fail", test_no_monitor);
  ADD ("no-monitor/null", "null", test_no_monitor);
  ADD ("no-monitor/closed", "closed", test_no_monitor);
  ADD ("no-monitor/file", "file", test_no_monitor);
  ADD ("hang-up", "hang-up", test_hang_up);
  ADD ("freed-while-listing", NULL, test_freed_while_listing);
  ADD ("freed-while-settling", NULL, test_freed_while_settling);
  ADD ("most-candidates", NULL, test_most_candidates);
  g_test_add_func ("/ivd/complaints", test_complaints);
  return g_test_run ();
}
