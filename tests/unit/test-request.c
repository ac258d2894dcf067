/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "operation/ivd-request.h"

/* The door of the daemon: what every call goes through, whoever sent it. */

#define SIZE (4 * 1024 * 1024)

typedef struct
{
  IvdContext context;
  IvdMetrics metrics;
  IvdRegion *region;
  IvdCaller *caller;
  guint answers, failures;
  gint code; /* of the last failure */
  char *message;
} Fixture;

static const IvdRegionBackend no_backend = { 0 };

static void
set_up (Fixture *fixture, gconstpointer data)
{
  IvdCredentials who = { getpid (), getuid (), getgid (), NULL };
  g_autoptr (IvdMapping) mapping = NULL;
  g_autoptr (GError) error = NULL;
  int fd = memfd_create ("ivt", MFD_CLOEXEC);

  fixture->context.registry = ivd_registry_new (ivd_serial_new (NULL, NULL));
  fixture->context.access = ivd_access_new (ivd_path_policy_new ("/run/ivt", NULL));
  fixture->context.pool = ivd_copy_pool_new ();
  fixture->context.waiter = ivd_waiter_new ();
  fixture->context.metrics = &fixture->metrics;
  fixture->caller = ivd_caller_new (":1.1", &who, NULL, 0);
  g_assert_cmpint (ftruncate (fd, SIZE), ==, 0);
  mapping = ivd_mapping_new (fd, 0, SIZE, 0, &error);
  g_assert_no_error (error);
  close (fd);
  fixture->region = ivd_registry_create (fixture->context.registry, "r", "fake", g_variant_new ("a{sv}", NULL),
                                         &no_backend, fixture, &error);
  g_assert_no_error (error);
  ivd_registry_set_own (fixture->context.registry, fixture->region, -1, 0,
                        IVD_CAP_READ | IVD_CAP_WRITE | IVD_CAP_ATOMIC);
  ivd_registry_set_memory (fixture->context.registry, fixture->region, mapping, TRUE);
  ivd_registry_publish (fixture->context.registry, fixture->region);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  ivd_registry_remove (fixture->context.registry, fixture->region, FALSE, NULL, NULL);
  ivd_waiter_free (fixture->context.waiter);
  ivd_copy_pool_free (fixture->context.pool);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  ivd_caller_leave (fixture->caller);
  g_assert_cmpuint (ivd_caller_get_charged (fixture->caller, IVD_CHARGE_REQUESTS), ==, 0);
  g_assert_cmpuint (ivd_caller_get_charged (fixture->caller, IVD_CHARGE_WAITS), ==, 0);
  g_assert_finalize_object (fixture->caller);
  ivd_access_unref (fixture->context.access);
  g_assert_finalize_object (fixture->context.registry);
  g_free (fixture->message);
}

static void
on_answer (GVariant *result, int take_fd, const GError *error, gpointer data)
{
  Fixture *fixture = data;

  fixture->answers++;
  if (error == NULL)
    {
      g_assert_nonnull (result);
      return;
    }
  g_assert_null (result);
  g_assert_cmpint (error->domain, ==, IVD_ERROR);
  fixture->failures++;
  fixture->code = error->code;
  g_free (fixture->message);
  fixture->message = g_strdup (error->message);
}

static void
start (Fixture *fixture, const char *region, const char *method, const char *parameters)
{
  ivd_request_start (&fixture->context, ivd_operation_find (IVD_SCOPE_REGION, method), fixture->caller, region,
                     g_variant_new_parsed (parameters), NULL, on_answer, fixture);
}

static void
wait_for_answers (Fixture *fixture, guint answers)
{
  while (fixture->answers < answers)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (fixture->answers, ==, answers);
}

static void
test_limit_of_requests (Fixture *fixture, gconstpointer data)
{
  /* Long ones, so that they are all in flight at once. */
  for (guint i = 0; i < IVD_LIMIT_REQUESTS_PER_CALLER; i++)
    start (fixture, "r", "Read", "(uint64 0, uint64 131072)");
  g_assert_cmpuint (fixture->failures, ==, 0);
  start (fixture, "r", "Read", "(uint64 0, uint64 131072)");
  g_assert_cmpuint (fixture->failures, ==, 1);
  g_assert_cmpint (fixture->code, ==, IVD_ERROR_LIMIT);
  wait_for_answers (fixture, IVD_LIMIT_REQUESTS_PER_CALLER + 1);
  g_assert_cmpuint (fixture->failures, ==, 1);
  start (fixture, "r", "Read", "(uint64 0, uint64 131072)");
  wait_for_answers (fixture, IVD_LIMIT_REQUESTS_PER_CALLER + 2);
  g_assert_cmpuint (fixture->failures, ==, 1);
}

static void
test_limit_of_waits_per_caller (Fixture *fixture, gconstpointer data)
{
  const char *parameters = "(uint64 0, uint32 4, 'equals', '0x1', uint64 18446744073709551615, @a{sv} {})";

  for (guint i = 0; i < IVD_LIMIT_WAITS_PER_CALLER; i++)
    start (fixture, "r", "Wait", parameters);
  g_assert_cmpuint (fixture->failures, ==, 0);
  start (fixture, "r", "Wait", parameters);
  g_assert_cmpint (fixture->code, ==, IVD_ERROR_LIMIT);
  start (fixture, "r", "Write", "(uint64 0, [byte 1])");
  wait_for_answers (fixture, IVD_LIMIT_WAITS_PER_CALLER + 2);
  g_assert_cmpuint (fixture->failures, ==, 1);
}

static void
test_waits_end_with_their_caller (Fixture *fixture, gconstpointer data)
{
  start (fixture, "r", "Wait", "(uint64 0, uint32 4, 'equals', '0x1', uint64 18446744073709551615, @a{sv} {})");
  ivd_caller_leave (fixture->caller);
  wait_for_answers (fixture, 1);
  g_assert_cmpint (fixture->code, ==, IVD_ERROR_CLOSED);
}

static void
test_failures_are_counted_by_code (Fixture *fixture, gconstpointer data)
{
  const IvdStatistics *statistics = ivd_region_get_statistics (fixture->region);

  start (fixture, "r", "Read", "(uint64 18446744073709551615, uint64 2)");
  wait_for_answers (fixture, 1);
  g_assert_cmpint (fixture->code, ==, IVD_ERROR_OUT_OF_RANGE);
  start (fixture, "r", "Read", "(uint64 0, uint64 10)");
  wait_for_answers (fixture, 2);
  g_assert_cmpuint (ivd_statistics_get (statistics, IVD_STAT_OPERATIONS), ==, 2);
  g_assert_cmpuint (ivd_statistics_get (statistics, IVD_STAT_ERRORS), ==, 1);
  g_assert_cmpuint (ivd_statistics_get_errors (statistics, IVD_ERROR_OUT_OF_RANGE), ==, 1);
  g_assert_cmpuint (ivd_statistics_get (statistics, IVD_STAT_READ_BYTES), ==, 10);
}

static guint
index_of (const char *method)
{
  return ivd_operation_index (ivd_operation_find (IVD_SCOPE_REGION, method));
}

static guint64
count_measured (const IvdHistogram *histogram)
{
  IvdHistogram read;

  ivd_histogram_read (histogram, &read);
  return read.counts[IVD_HISTOGRAM_BOUNDS];
}

static void
test_each_operation_is_counted_and_measured (Fixture *fixture, gconstpointer data)
{
  const IvdStatistics *statistics = ivd_region_get_statistics (fixture->region);

  start (fixture, "r", "Write", "(uint64 0, [byte 1])");
  start (fixture, "r", "Read", "(uint64 0, uint64 10)");
  start (fixture, "r", "Read", "(uint64 0, uint64 131072)");
  start (fixture, "r", "Ring", "(uint32 0, uint32 0)"); /* no such capability: turned away */
  wait_for_answers (fixture, 4);
  g_assert_cmpuint (ivd_statistics_get_operations (statistics, index_of ("Read")), ==, 2);
  g_assert_cmpuint (ivd_statistics_get_operations (statistics, index_of ("Write")), ==, 1);
  g_assert_cmpuint (ivd_statistics_get_operations (statistics, index_of ("Ring")), ==, 1);
  g_assert_cmpuint (ivd_statistics_get_operations (statistics, index_of ("Fill")), ==, 0);
  g_assert_cmpuint (ivd_statistics_get (statistics, IVD_STAT_OPERATIONS), ==, 4);
  g_assert_cmpuint (count_measured (&fixture->metrics.operations[index_of ("Read")]), ==, 2);
  g_assert_cmpuint (count_measured (&fixture->metrics.operations[index_of ("Write")]), ==, 1);
  g_assert_cmpuint (count_measured (&fixture->metrics.operations[index_of ("Ring")]), ==, 0);
}

static void
test_waits_that_were_worth_it_are_measured (Fixture *fixture, gconstpointer data)
{
  IvdHistogram read;

  start (fixture, "r", "Wait", "(uint64 0, uint32 4, 'equals', '0x1', uint64 1000, @a{sv} {})");
  wait_for_answers (fixture, 1);
  g_assert_cmpuint (count_measured (&fixture->metrics.waits), ==, 0);
  start (fixture, "r", "Wait", "(uint64 0, uint32 4, 'equals', '0x1', uint64 18446744073709551615, @a{sv} {})");
  g_usleep (2000);
  start (fixture, "r", "Write", "(uint64 0, [byte 1])");
  wait_for_answers (fixture, 3);
  ivd_histogram_read (&fixture->metrics.waits, &read);
  g_assert_cmpuint (read.counts[IVD_HISTOGRAM_BOUNDS], ==, 1);
  g_assert_cmpuint (read.sum_usec, >=, 2000);
  g_assert_cmpuint (fixture->failures, ==, 0);
}

/* --- nobody wants the answer any more --- */

static void
start_wait (Fixture *fixture, GCancellable *cancellable)
{
  ivd_request_start (&fixture->context, ivd_operation_find (IVD_SCOPE_REGION, "Wait"), fixture->caller, "r",
                     g_variant_new_parsed ("(uint64 0, uint32 4, 'equals', '0x1', uint64 18446744073709551615, @a{sv} {})"),
                     cancellable, on_answer, fixture);
}

static gpointer
cancel_it (gpointer data)
{
  g_cancellable_cancel (data);
  return NULL;
}

static void
test_wait_ends_when_nobody_wants_it (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  start_wait (fixture, cancellable);
  start_wait (fixture, NULL);
  g_thread_join (g_thread_new ("other", cancel_it, cancellable));
  wait_for_answers (fixture, 1);
  g_assert_cmpint (fixture->code, ==, IVD_ERROR_CLOSED);
  start (fixture, "r", "Write", "(uint64 0, [byte 1])");
  wait_for_answers (fixture, 3);
  g_assert_cmpuint (fixture->failures, ==, 1);
}

static void
test_wait_that_nobody_wants_from_the_start (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();

  g_cancellable_cancel (cancellable);
  start_wait (fixture, cancellable);
  wait_for_answers (fixture, 1);
  g_assert_cmpint (fixture->code, ==, IVD_ERROR_CLOSED);
}

static void
test_unknown_region (Fixture *fixture, gconstpointer data)
{
  start (fixture, "other", "Read", "(uint64 0, uint64 1)");
  g_assert_cmpint (fixture->code, ==, IVD_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (fixture->message, "'other'"));
}

static void
test_missing_capabilities (Fixture *fixture, gconstpointer data)
{
  const char *const calls[][3] = {
    { "Ring", "(uint32 0, uint32 0)", "'ring'" },
    { "ListPeers", "()", "'peers'" },
    { "Join", "()", "'join'" },
    { "OpenMemory", "(@a{sv} {},)", "'memory-fd'" },
    { "OpenVector", "(uint32 0, @a{sv} {})", "'receive'" },
    { "Atomic", "('exchange', uint64 0, uint32 16, '0x1', '')", "'atomic16'" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    {
      start (fixture, "r", calls[i][0], calls[i][1]);
      g_assert_cmpuint (fixture->failures, ==, i + 1);
      g_assert_cmpint (fixture->code, ==, IVD_ERROR_NOT_SUPPORTED);
      g_assert_nonnull (strstr (fixture->message, calls[i][2]));
    }
}

static void
test_lost_region_says_so_everywhere (Fixture *fixture, gconstpointer data)
{
  const char *const calls[][2] = {
    { "Read", "(uint64 0, uint64 1)" },
    { "Write", "(uint64 0, [byte 1])" },
    { "Fill", "(uint64 0, uint64 1, byte 1)" },
    { "Atomic", "('add', uint64 0, uint32 4, '0x1', '')" },
    { "Wait", "(uint64 0, uint32 4, 'equals', '0x0', uint64 0, @a{sv} {})" },
  };

  ivd_registry_set_lost (fixture->context.registry, fixture->region, "somebody cut the file");
  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    {
      start (fixture, "r", calls[i][0], calls[i][1]);
      g_assert_cmpuint (fixture->failures, ==, i + 1);
      g_assert_cmpint (fixture->code, ==, IVD_ERROR_REGION_LOST);
      g_assert_nonnull (strstr (fixture->message, "cut the file"));
    }
}

static void
test_connecting_region_says_so (Fixture *fixture, gconstpointer data)
{
  ivd_registry_set_connecting (fixture->context.registry, fixture->region);
  ivd_registry_set_own (fixture->context.registry, fixture->region, -1, 0, IVD_CAP_NONE);
  start (fixture, "r", "Read", "(uint64 0, uint64 1)");
  g_assert_cmpint (fixture->code, ==, IVD_ERROR_REGION_LOST);
  g_assert_nonnull (strstr (fixture->message, "connecting"));
  start (fixture, "r", "ListPeers", "()");
  g_assert_cmpuint (fixture->failures, ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/ivd/request/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("limit-of-requests", test_limit_of_requests);
  ADD ("limit-of-waits-per-caller", test_limit_of_waits_per_caller);
  ADD ("waits-end-with-their-caller", test_waits_end_with_their_caller);
  ADD ("failures-are-counted-by-code", test_failures_are_counted_by_code);
  ADD ("each-operation-is-counted-and-measured", test_each_operation_is_counted_and_measured);
  ADD ("waits-that-were-worth-it-are-measured", test_waits_that_were_worth_it_are_measured);
  ADD ("wait-ends-when-nobody-wants-it", test_wait_ends_when_nobody_wants_it);
  ADD ("wait-that-nobody-wants-from-the-start", test_wait_that_nobody_wants_from_the_start);
  ADD ("unknown-region", test_unknown_region);
  ADD ("missing-capabilities", test_missing_capabilities);
  ADD ("connecting-region-says-so", test_connecting_region_says_so);
  ADD ("lost-region-says-so-everywhere", test_lost_region_says_so_everywhere);
#undef ADD
  return g_test_run ();
}
