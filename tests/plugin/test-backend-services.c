/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* What a plugin asks of the daemon; and own vectors, which the daemon reads. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "ivt-backend.h"
#include "platform/ivd-eventfd.h"
#include "plugin/ivd-probe.h"

#define DOORBELL "capabilities 0x473; own-id 1; vectors 2; handles 1; ready"

static void
test_watch (IvtBackend *f, gconstpointer data)
{
  FakeCounters *counters = &f->control->counters;

  ivt_backend_attach_or_die (f, "one", "ready; watch");
  g_assert_cmpint (counters->last_status, ==, IVSHMEM_PLUGIN_OK);
  ivt_backend_run (f, "one", "feed");
  g_assert_cmpuint (counters->watch_calls, ==, 1);
  g_assert_cmpuint (counters->watch_conditions, ==, IVSHMEM_PLUGIN_READABLE);
  ivt_backend_run (f, "one", "hang-up");
  g_assert_cmpuint (counters->watch_calls, ==, 2);
  g_assert_true (counters->watch_conditions & IVSHMEM_PLUGIN_HANGUP);
  ivt_backend_run (f, "one", "unwatch; unwatch");
}

/* What can vanish is touched under the daemon's guard, on any thread. */
static void
test_guarded (IvtBackend *f, gconstpointer data)
{
  FakeCounters *counters = &f->control->counters;

  ivt_backend_attach_or_die (f, "one", "ready; touch");
  g_assert_cmpint (counters->last_status, ==, IVSHMEM_PLUGIN_REGION_LOST);
  counters->last_status = IVSHMEM_PLUGIN_OK;
  ivt_backend_run (f, "one", "thread touch");
  g_assert_cmpint (counters->last_status, ==, IVSHMEM_PLUGIN_REGION_LOST);
  g_assert_cmpuint (counters->destroyed, ==, 0);
}

/* Another instance's watch is none of its business. */
static void
test_ids_are_ones_own (IvtBackend *f, gconstpointer data)
{
  ivt_backend_attach_or_die (f, "one", "ready; watch");
  ivt_backend_attach_or_die (f, "two", "ready; unwatch"); /* of id 0 */
  ivt_backend_run (f, "one", "feed");
  g_assert_cmpuint (f->control->counters.watch_calls, ==, 1);
}

static void
test_timer (IvtBackend *f, gconstpointer data)
{
  gint64 begin = g_get_monotonic_time ();

  ivt_backend_attach_or_die (f, "one", "ready; timer 1500 log once; timer 18446744073709551615 log never");
  ivt_wait_until (f->control->counters.timer_calls == 1);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 1500);
}

static void
test_timer_limit (IvtBackend *f, gconstpointer data)
{
  g_autofree char *all = g_strdup_printf ("timers %d", IVD_LIMIT_PLUGIN_TIMERS);
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", "ready");

  ivt_backend_run (f, "one", all);
  g_assert_cmpint (f->control->counters.last_status, ==, IVSHMEM_PLUGIN_OK);
  ivt_backend_run (f, "one", "timers 1");
  g_assert_cmpint (f->control->counters.last_status, ==, IVSHMEM_PLUGIN_LIMIT);
  ivt_backend_detach (f, region);
  ivt_backend_attach_or_die (f, "two", "timers 1; ready");
  g_assert_cmpint (f->control->counters.last_status, ==, IVSHMEM_PLUGIN_OK);
}

static void
test_post (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", "capabilities 0x83; ready");

  ivt_backend_run (f, "one", "post peer 5 1; post-flood 65535");
  ivt_wait_until (f->control->counters.post_calls == IVD_LIMIT_PLUGIN_POSTS);
  g_assert_cmpuint (ivd_region_get_peer_count (region), ==, 1);
  /* What has not run when it is destroyed never will. */
  g_assert_cmpint (f->control->run ("one", "post-flood 100"), ==, 1);
  ivt_backend_detach (f, region);
  ivt_backend_iterate ();
  g_assert_cmpuint (f->control->counters.post_calls, <=, IVD_LIMIT_PLUGIN_POSTS + 100);
  g_assert_cmpuint (f->control->counters.destroyed, ==, 1);
}

static void
test_work (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", "work ready");
  FakeCounters *counters = &f->control->counters;

  g_assert_cmpuint (counters->done_calls, ==, 1);
  g_assert_cmpuint (g_atomic_int_get (&counters->work_calls), ==, 1);
  /* It is destroyed only after what follows its work has run. */
  g_assert_cmpint (f->control->run ("one", "work log at last"), ==, 1);
  ivd_registry_remove (f->registry, region, FALSE, NULL, NULL);
  g_assert_cmpuint (counters->destroyed, ==, 0);
  ivt_wait_until (counters->destroyed == 1);
  g_assert_cmpuint (counters->done_calls, ==, 2);
}

static void
test_work_limit (IvtBackend *f, gconstpointer data)
{
  g_autoptr (GString) commands = g_string_new (NULL);

  ivt_backend_attach_or_die (f, "one", "ready");
  for (guint i = 0; i < IVD_LIMIT_PLUGIN_JOBS; i++)
    g_string_append (commands, "work unwatch; ");
  g_assert_cmpint (f->control->run ("one", commands->str), ==, 1);
  g_assert_cmpint (f->control->counters.last_status, ==, IVSHMEM_PLUGIN_OK);
  g_assert_cmpint (f->control->run ("one", "work unwatch"), ==, 1);
  g_assert_cmpint (f->control->counters.last_status, ==, IVSHMEM_PLUGIN_LIMIT);
  ivt_wait_until (f->control->counters.done_calls == IVD_LIMIT_PLUGIN_JOBS);
}

static void
test_open_path (IvtBackend *f, gconstpointer data)
{
  g_autofree char *dir = g_dir_make_tmp ("ivd-open-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "file", NULL);
  g_autofree char *good = g_strdup_printf ("open %s; thread open %s", path, path);
  g_autofree char *missing = g_strdup_printf ("open %s/missing; answer create -2 -", dir);
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_set_contents (path, "x", 1, NULL));
  ivt_backend_attach_or_die (f, "one", "ready");
  ivt_backend_run (f, "one", good);
  g_assert_cmpuint (f->control->counters.opened, ==, 2);
  ivt_backend_run (f, "one", "open /dev/null");
  g_assert_cmpint (f->control->counters.last_status, ==, IVSHMEM_PLUGIN_INVALID_ARGUMENT);
  /* Whoever says nothing himself has what open_path() found to say. */
  g_assert_null (ivt_backend_attach (f, "two", missing, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "there is no such file"));
  g_unlink (path);
  g_rmdir (dir);
}

static void
test_long_call_is_logged (IvtBackend *f, gconstpointer data)
{
  if (g_test_subprocess ())
    {
      ivt_backend_attach_or_die (f, "one", "block 60; ready");
      ivt_backend_run (f, "one", "timer 0 block 70");
      ivt_wait_until (f->control->counters.timer_calls == 1);
      ivt_backend_iterate ();
      return;
    }
  g_test_trap_subprocess (NULL, 30 * G_USEC_PER_SEC, 0);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("*plugin 'fake' held the daemon up for * ms in create()*"
                             "plugin 'fake' held the daemon up for * ms in a timer*");
}

static void
test_log (IvtBackend *f, gconstpointer data)
{
  if (g_test_subprocess ())
    {
      ivt_backend_attach_or_die (f, "one", "log from me; thread log from a thread; log-flood 100000; ready");
      return;
    }
  g_test_trap_subprocess (NULL, 30 * G_USEC_PER_SEC, 0);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("*warning ?one? from me\nwarning ?one? from a thread\n*lines of plugin 'fake' "
                             "were too many and left out*");
}

/* --- own vectors --- */

static void
test_vectors (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", DOORBELL);
  g_autoptr (GError) error = NULL;
  int fd = f->control->counters.ring_fd;

  g_assert_cmpuint (ivd_region_get_vectors (region), ==, 2);
  g_string_truncate (f->events, 0);
  g_assert_true (ivd_eventfd_add (fd, 1, NULL));
  ivt_backend_iterate ();
  g_assert_true (ivd_eventfd_add (fd, 41, NULL));
  ivt_backend_iterate ();
  ivt_backend_run (f, "one", "interrupt 1 7");
  g_assert_cmpstr (f->events->str, ==, "interrupt 0 1; interrupt 0 41; interrupt 1 7; ");
  g_assert_cmpuint (ivd_region_get_vector_count (region, 0), ==, 42);
  g_assert_cmpuint (ivd_region_get_vector_count (region, 1), ==, 7);
  /* One has an eventfd of its own, the other not. */
  fd = ivd_region_open_vector (region, 1, &error);
  g_assert_cmpint (fd, ==, -1);
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED);
}

static void
test_vectors_grow (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", "capabilities 0x463; ready");

  for (guint i = 1; i <= 64; i++)
    {
      g_autofree char *commands = g_strdup_printf ("handles %u; vectors %u; changed", i, i);

      ivt_backend_run (f, "one", commands);
      g_assert_cmpuint (ivd_region_get_vectors (region), ==, i);
    }
  g_assert_true (ivd_eventfd_add (f->control->counters.ring_fd, 3, NULL));
  ivt_backend_iterate ();
  g_assert_cmpuint (ivd_region_get_vector_count (region, 0), ==, 3);
  ivt_backend_run (f, "one", "vectors 0; changed");
  g_assert_true (ivd_eventfd_add (f->control->counters.ring_fd, 3, NULL));
  ivt_backend_iterate ();
  g_assert_cmpuint (ivd_eventfd_take (f->control->counters.ring_fd), ==, 3);
}

static void
test_exclusive_vector (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", DOORBELL);
  g_autoptr (GError) error = NULL;
  int fd = ivd_region_open_vector (region, 0, &error);

  g_assert_no_error (error);
  ivd_region_pause_vector (region, 0, TRUE);
  g_assert_true (ivd_eventfd_add (f->control->counters.ring_fd, 5, NULL));
  ivt_backend_iterate ();
  g_assert_cmpuint (ivd_region_get_vector_count (region, 0), ==, 0);
  g_assert_cmpuint (ivd_eventfd_take (fd), ==, 5);
  g_assert_true (ivd_eventfd_add (f->control->counters.ring_fd, 6, NULL));
  ivd_region_pause_vector (region, 0, FALSE);
  ivd_region_pause_vector (region, 0, FALSE);
  ivd_region_pause_vector (region, 99, TRUE);
  ivt_backend_iterate ();
  g_assert_cmpuint (ivd_region_get_vector_count (region, 0), ==, 6);
  close (fd);
}

static guint
count_interrupts (IvtBackend *f)
{
  guint n = 0;

  for (const char *p = strstr (f->events->str, "interrupt"); p != NULL; p = strstr (p + 1, "interrupt"))
    n++;
  return n;
}

/* Rung without pause: read a burst, then at the rate, and every ring counts. */
static void
test_rate (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", DOORBELL);
  gint64 begin, usec;
  guint64 rung = 0;
  guint reads;

  g_string_truncate (f->events, 0);
  begin = g_get_monotonic_time ();
  while (g_get_monotonic_time () - begin < 200 * 1000)
    {
      rung++;
      g_assert_true (ivd_eventfd_add (f->control->counters.ring_fd, 1, NULL));
      g_main_context_iteration (NULL, FALSE);
    }
  usec = g_get_monotonic_time () - begin;
  reads = count_interrupts (f);
  g_assert_cmpuint (reads, >=, IVD_LIMIT_VECTOR_BURST);
  g_assert_cmpuint (reads, <=,
                    IVD_LIMIT_VECTOR_BURST + usec * IVD_LIMIT_VECTOR_READS_PER_SECOND / G_USEC_PER_SEC + 1);
  ivt_wait_until (ivd_region_get_vector_count (region, 0) == rung);
}

/* A counter at its very end is an error condition to epoll. */
static void
test_overflowed_vector (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", DOORBELL);

  g_assert_true (ivd_eventfd_add (f->control->counters.ring_fd, G_MAXUINT64 - 1, NULL));
  ivt_backend_iterate ();
  g_assert_cmpuint (ivd_region_get_vector_count (region, 0), ==, G_MAXUINT64 - 1);
}

static void
test_lost_vectors (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", DOORBELL);
  g_autoptr (GError) error = NULL;

  ivt_backend_run (f, "one", "lost -11 gone");
  g_assert_true (ivd_eventfd_add (f->control->counters.ring_fd, 2, NULL));
  ivt_backend_iterate ();
  g_assert_cmpuint (ivd_region_get_vector_count (region, 0), ==, 0);
  g_assert_cmpint (ivd_region_open_vector (region, 0, &error), ==, -1);
  ivt_backend_run (f, "one", "ready");
  g_assert_cmpuint (ivd_region_get_vector_count (region, 0), ==, 2);
}

/* --- probing --- */

typedef struct
{
  gboolean answered;
  GVariant *candidates;
  GError *error;
} Answer;

static void
on_probed (GObject *source, GAsyncResult *result, gpointer data)
{
  Answer *answer = data;

  answer->answered = TRUE;
  answer->candidates = ivd_probe_finish (result, &answer->error);
}

static Answer
probe (IvtBackend *f, const char *how)
{
  Answer answer = { FALSE };

  f->control->probe = how;
  ivd_probe_start (f->host, f->fake, on_probed, &answer);
  ivt_wait_until (answer.answered);
  return answer;
}

static void
test_probe (IvtBackend *f, gconstpointer data)
{
  Answer good = probe (f, NULL), bad = probe (f, "bad"), many = probe (f, "many"), failed = probe (f, "fail");
  g_autofree char *text = g_variant_print (good.candidates, FALSE);
  g_autofree char *same = g_variant_print (bad.candidates, FALSE);

  g_assert_nonnull (strstr (text, "'plugin': <'fake'>"));
  g_assert_nonnull (strstr (text, "'name': <'first'>"));
  g_assert_nonnull (strstr (text, "'size': <uint64 4096>"));
  g_assert_nonnull (strstr (text, "'busy': <true>"));
  /* What is no good is left out, and the rest stays. */
  g_assert_cmpstr (same, ==, text);
  g_assert_cmpuint (g_variant_n_children (many.candidates), ==, IVD_LIMIT_CANDIDATES);
  g_assert_error (failed.error, IVD_ERROR, IVD_ERROR_DENIED);
  g_variant_unref (good.candidates);
  g_variant_unref (bad.candidates);
  g_variant_unref (many.candidates);
  g_error_free (failed.error);
}

static void
test_limit_of_candidate_fields (IvtBackend *f, gconstpointer data)
{
  Answer at = probe (f, "fields " G_STRINGIFY (IVD_LIMIT_CANDIDATE_FIELDS));
  g_autofree char *past_limit = g_strdup_printf ("fields %d", IVD_LIMIT_CANDIDATE_FIELDS + 1);
  Answer past = probe (f, past_limit);
  g_autoptr (GVariant) wide = NULL;

  g_assert_cmpuint (g_variant_n_children (at.candidates), ==, 2);
  wide = g_variant_get_child_value (at.candidates, 1);
  g_assert_cmpuint (g_variant_n_children (wide), ==, IVD_LIMIT_CANDIDATE_FIELDS + 1); /* and the plugin's name */
  g_assert_cmpuint (g_variant_n_children (past.candidates), ==, 1);
  g_variant_unref (at.candidates);
  g_variant_unref (past.candidates);
}

#define ADD(name, func)                                                                  \
  g_test_add ("/ivd/backend-services/" name, IvtBackend, NULL, ivt_backend_set_up, func, \
              ivt_backend_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("watch", test_watch);
  ADD ("guarded", test_guarded);
  ADD ("ids-are-ones-own", test_ids_are_ones_own);
  ADD ("timer", test_timer);
  ADD ("timer-limit", test_timer_limit);
  ADD ("post", test_post);
  ADD ("work", test_work);
  ADD ("work-limit", test_work_limit);
  ADD ("open-path", test_open_path);
  ADD ("long-call-is-logged", test_long_call_is_logged);
  ADD ("log", test_log);
  ADD ("vectors", test_vectors);
  ADD ("vectors-grow", test_vectors_grow);
  ADD ("exclusive-vector", test_exclusive_vector);
  ADD ("rate", test_rate);
  ADD ("overflowed-vector", test_overflowed_vector);
  ADD ("lost-vectors", test_lost_vectors);
  ADD ("probe", test_probe);
  ADD ("limit-of-candidate-fields", test_limit_of_candidate_fields);
  return g_test_run ();
}
