/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "lib/ivt-shared.h"
#include "memory/ivd-waiter.h"

#define SIZE 4096
#define SECOND ((guint64) G_USEC_PER_SEC)
#define THREAD_NAME "ivd-waiter"

typedef struct
{
  IvdWaiter *waiter;
  IvdMapping *mapping;
  int fd;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->waiter = ivd_waiter_new ();
  fixture->mapping = ivt_shared_mapping (SIZE, 0, &fixture->fd);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  ivd_waiter_free (fixture->waiter);
  ivd_mapping_unref (fixture->mapping);
  close (fixture->fd);
}

static void
on_ready (GObject *source, GAsyncResult *result, gpointer data)
{
  GAsyncResult **answer = data;

  g_assert_null (*answer);
  *answer = g_object_ref (result);
}

static GAsyncResult *
wait_for (GAsyncResult **answer)
{
  while (*answer == NULL)
    g_main_context_iteration (NULL, TRUE);
  return *answer;
}

static IvdWaitParams
params_for (guint64 offset, guint width, IvdWaitOp op, guint64 value, guint64 timeout_usec)
{
  IvdWaitParams params = { .offset = offset, .width = width, .op = op };

  params.value.low = value;
  params.timeout_usec = timeout_usec;
  return params;
}

static void
begin (Fixture *fixture, IvdWaitParams params, GAsyncResult **answer)
{
  ivd_waiter_wait (fixture->waiter, fixture->mapping, &params, NULL, on_ready, answer);
  g_assert_null (*answer);
}

/* The answer, which must be none of the errors. Drops it. */
static gboolean
met (GAsyncResult **answer, guint64 *ret_value)
{
  g_autoptr (GError) error = NULL;
  gboolean result = FALSE;
  IvdWord word = { 0, 0 };

  ivd_waiter_wait_finish (wait_for (answer), &result, &word, &error);
  g_assert_no_error (error);
  g_assert_cmphex (word.high, ==, 0);
  if (ret_value != NULL)
    *ret_value = word.low;
  g_clear_object (answer);
  return result;
}

static void
assert_fails (GAsyncResult **answer, IvdErrorCode code)
{
  g_autoptr (GError) error = NULL;
  gboolean result = 7;
  IvdWord word;

  g_assert_false (ivd_waiter_wait_finish (wait_for (answer), &result, &word, &error));
  g_assert_error (error, IVD_ERROR, (gint) code);
  g_assert_cmpint (result, ==, 7);
  g_clear_object (answer);
}

static gboolean
wait_now (Fixture *fixture, IvdWaitParams params, guint64 *ret_value)
{
  GAsyncResult *answer = NULL;

  begin (fixture, params, &answer);
  return met (&answer, ret_value);
}

static void
refuse_now (Fixture *fixture, IvdWaitParams params, IvdErrorCode code)
{
  GAsyncResult *answer = NULL;

  begin (fixture, params, &answer);
  assert_fails (&answer, code);
}

static void
put (Fixture *fixture, guint64 offset, guint width, guint64 value)
{
  g_assert_true (ivd_memory_write (fixture->mapping, offset, &value, width, NULL));
}

static guint64
get (Fixture *fixture, guint64 offset, guint width)
{
  IvdWord word;

  g_assert_true (ivd_memory_load (fixture->mapping, offset, width, &word, NULL));
  return word.low;
}

/* A3.18: the three conditions, at once, in all widths. */
static void
test_look_once (Fixture *fixture, gconstpointer data)
{
  static const guint widths[] = { 1, 2, 4, 8 };
  guint64 value;

  for (gsize i = 0; i < G_N_ELEMENTS (widths); i++)
    {
      guint width = widths[i];

      put (fixture, 8, 8, G_MAXUINT64);
      put (fixture, 8, width, 5);
      g_assert_true (wait_now (fixture, params_for (8, width, IVD_WAIT_EQUALS, 5, 0), &value));
      g_assert_cmpuint (value, ==, 5);
      g_assert_false (wait_now (fixture, params_for (8, width, IVD_WAIT_EQUALS, 6, 0), &value));
      g_assert_cmpuint (value, ==, 5);
      g_assert_true (wait_now (fixture, params_for (8, width, IVD_WAIT_DIFFERS, 6, 0), NULL));
      g_assert_false (wait_now (fixture, params_for (8, width, IVD_WAIT_DIFFERS, 5, 0), NULL));
      g_assert_true (wait_now (fixture, params_for (8, width, IVD_WAIT_AT_LEAST, 5, 0), NULL));
      g_assert_true (wait_now (fixture, params_for (8, width, IVD_WAIT_AT_LEAST, 0, 0), NULL));
      g_assert_false (wait_now (fixture, params_for (8, width, IVD_WAIT_AT_LEAST, 6, 0), NULL));
    }
}

/* A6.14: words are unsigned: what looks negative in a byte is 128 and more. */
static void
test_negative_looking (Fixture *fixture, gconstpointer data)
{
  put (fixture, 0, 1, 0xff);
  put (fixture, 2, 2, 0xfffe);
  put (fixture, 4, 4, 0x80000000);
  put (fixture, 8, 8, (guint64) 1 << 63);
  g_assert_true (wait_now (fixture, params_for (0, 1, IVD_WAIT_EQUALS, 0xff, SECOND), NULL));
  g_assert_true (wait_now (fixture, params_for (2, 2, IVD_WAIT_EQUALS, 0xfffe, SECOND), NULL));
  g_assert_true (wait_now (fixture, params_for (4, 4, IVD_WAIT_EQUALS, 0x80000000, SECOND), NULL));
  g_assert_true (wait_now (fixture, params_for (8, 8, IVD_WAIT_AT_LEAST, G_MAXINT64, SECOND), NULL));
  refuse_now (fixture, params_for (0, 1, IVD_WAIT_EQUALS, G_MAXUINT64, SECOND), IVD_ERROR_INVALID_ARGUMENT);
  refuse_now (fixture, params_for (0, 2, IVD_WAIT_EQUALS, 0x10000, SECOND), IVD_ERROR_INVALID_ARGUMENT);
  refuse_now (fixture, params_for (0, 4, IVD_WAIT_EQUALS, G_MAXUINT64, SECOND), IVD_ERROR_INVALID_ARGUMENT);
}

/* A6.14: a wait is bounded by its own width, up to the region's last byte. */
static void
test_bounds (Fixture *fixture, gconstpointer data)
{
  static const guint64 beyond[] = { SIZE, SIZE + 1, G_MAXINT64, G_MAXUINT64 - 7, G_MAXUINT64 };
  static const guint widths[] = { 1, 2, 4, 8 };

  for (gsize i = 0; i < G_N_ELEMENTS (widths); i++)
    {
      guint width = widths[i];

      g_assert_true (wait_now (fixture, params_for (SIZE - width, width, IVD_WAIT_EQUALS, 0, SECOND), NULL));
      if (width > 1)
        refuse_now (fixture, params_for (SIZE - 1, width, IVD_WAIT_EQUALS, 0, 0), IVD_ERROR_OUT_OF_RANGE);
      for (gsize j = 0; j < G_N_ELEMENTS (beyond); j++)
        refuse_now (fixture, params_for (beyond[j], width, IVD_WAIT_EQUALS, 0, 0), IVD_ERROR_OUT_OF_RANGE);
    }
}

static void
test_bad_arguments (Fixture *fixture, gconstpointer data)
{
  static const guint widths[] = { 0, 3, 5, 7, 16, 32, G_MAXUINT };
  IvdWaitParams params = params_for (0, 4, (IvdWaitOp) IVD_WAIT_OP_COUNT, 0, 0);
  GAsyncResult *answer = NULL;
  g_autoptr (GError) error = NULL;
  IvdWord word;
  gboolean result;

  refuse_now (fixture, params, IVD_ERROR_INVALID_ARGUMENT);
  for (gsize i = 0; i < G_N_ELEMENTS (widths); i++)
    refuse_now (fixture, params_for (0, widths[i], IVD_WAIT_EQUALS, 0, 0), IVD_ERROR_INVALID_ARGUMENT);
  refuse_now (fixture, params_for (62, 4, IVD_WAIT_EQUALS, 0, 0), IVD_ERROR_MISALIGNED);

  begin (fixture, params_for (0, 16, IVD_WAIT_EQUALS, 0, 0), &answer);
  g_assert_false (ivd_waiter_wait_finish (wait_for (&answer), &result, &word, &error));
  g_assert_nonnull (strstr (error->message, "1, 2, 4, 8"));
  g_clear_object (&answer);

  params = params_for (0, 1, IVD_WAIT_EQUALS, 0, 0);
  params.has_set = TRUE;
  params.set.low = 256;
  refuse_now (fixture, params, IVD_ERROR_INVALID_ARGUMENT);
  g_assert_cmpuint (get (fixture, 0, 1), ==, 0);
}

static void
test_read_only (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, IVD_MAPPING_READ_ONLY, NULL);
  IvdWaitParams params = params_for (0, 4, IVD_WAIT_EQUALS, 0, 0);
  GAsyncResult *answer = NULL;

  ivd_waiter_wait (fixture->waiter, mapping, &params, NULL, on_ready, &answer);
  g_assert_true (met (&answer, NULL));
  params.has_set = TRUE;
  ivd_waiter_wait (fixture->waiter, mapping, &params, NULL, on_ready, &answer);
  assert_fails (&answer, IVD_ERROR_NOT_SUPPORTED);
}

typedef struct
{
  Fixture *fixture;
  guint64 offset;
  guint64 value;
  gulong delay_usec;
} Writer;

static gpointer
write_later (gpointer data)
{
  Writer *writer = data;

  g_usleep (writer->delay_usec);
  put (writer->fixture, writer->offset, 4, writer->value);
  return NULL;
}

/* A3.18, A3.19: somebody else writes, early or late in the back-off. */
static void
test_met_later (Fixture *fixture, gconstpointer data)
{
  static const gulong delays[] = { 0, 100, 2000, 60000 };
  static const guint64 timeouts[] = { 20 * SECOND, IVD_WAIT_FOREVER, IVD_WAIT_FOREVER - 1 };

  for (gsize i = 0; i < G_N_ELEMENTS (delays); i++)
    for (gsize j = 0; j < G_N_ELEMENTS (timeouts); j++)
      {
        Writer writer = { fixture, 16, 7, delays[i] };
        GAsyncResult *answer = NULL;
        GThread *thread;
        guint64 value;

        put (fixture, 16, 4, 0);
        begin (fixture, params_for (16, 4, IVD_WAIT_AT_LEAST, 7, timeouts[j]), &answer);
        thread = g_thread_new ("write", write_later, &writer);
        g_assert_true (met (&answer, &value));
        g_assert_cmpuint (value, ==, 7);
        g_thread_join (thread);
      }
}

/* A6.14, A3.18: time over is no error, and never comes early, in microseconds
 * and by the monotonic clock. */
static void
test_time_over (Fixture *fixture, gconstpointer data)
{
  static const guint64 limits[] = { 1, 50, 333, 1000, 7001, 50000 };

  for (gsize i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      gint64 begun = g_get_monotonic_time ();
      guint64 value = 99;

      g_assert_false (wait_now (fixture, params_for (0, 8, IVD_WAIT_EQUALS, 1, limits[i]), &value));
      g_assert_cmpuint (value, ==, 0);
      g_assert_cmpint (g_get_monotonic_time () - begun, >=, (gint64) limits[i]);
      g_assert_cmpint (g_get_monotonic_time () - begun, <, (gint64) (limits[i] + 5 * SECOND));
    }
}

/* A3.20: the swap is one with the match, and tells what was there. */
static void
test_set (Fixture *fixture, gconstpointer data)
{
  IvdWaitParams params = params_for (0, 4, IVD_WAIT_EQUALS, 0, 0);
  guint64 value;

  params.has_set = TRUE;
  params.set.low = 0xabcd;
  put (fixture, 0, 8, (guint64) 0x11111111 << 32);
  g_assert_true (wait_now (fixture, params, &value));
  g_assert_cmphex (value, ==, 0);
  g_assert_cmphex (get (fixture, 0, 8), ==, 0x111111110000abcd);
  g_assert_false (wait_now (fixture, params, &value));
  g_assert_cmphex (value, ==, 0xabcd);
  g_assert_cmphex (get (fixture, 0, 4), ==, 0xabcd);

  params.op = IVD_WAIT_AT_LEAST;
  params.value.low = 0xabcc;
  params.set.low = 1;
  g_assert_true (wait_now (fixture, params, &value));
  g_assert_cmphex (value, ==, 0xabcd);
  params.op = IVD_WAIT_DIFFERS;
  params.value.low = 1;
  g_assert_false (wait_now (fixture, params, NULL));
  g_assert_cmphex (get (fixture, 0, 4), ==, 1);
}

#define TAKERS 32

static guint
count_done (GAsyncResult **answers)
{
  guint count = 0;

  for (gsize i = 0; i < TAKERS; i++)
    count += answers[i] != NULL ? 1 : 0;
  return count;
}

/* A3.20: each token is taken by exactly one of many. */
static void
test_set_is_taken_once (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdWaiter) other = ivd_waiter_new ();
  IvdWaiter *waiters[] = { fixture->waiter, other };
  IvdWaitParams params = params_for (0, 4, IVD_WAIT_EQUALS, 1, IVD_WAIT_FOREVER);
  GAsyncResult *answers[TAKERS] = { NULL };

  params.has_set = TRUE;
  for (gsize i = 0; i < TAKERS; i++)
    ivd_waiter_wait (waiters[i % 2], fixture->mapping, &params, NULL, on_ready, &answers[i]);
  for (guint given = 1; given <= TAKERS; given++)
    {
      put (fixture, 0, 4, 1);
      ivd_waiter_wake (fixture->waiter, fixture->mapping);
      ivd_waiter_wake (other, fixture->mapping);
      while (count_done (answers) < given)
        g_main_context_iteration (NULL, TRUE);
      g_assert_cmpuint (count_done (answers), ==, given);
      g_assert_cmpuint (get (fixture, 0, 4), ==, 0);
    }
  for (gsize i = 0; i < TAKERS; i++)
    g_assert_true (met (&answers[i], NULL));
}

/* A3.22: whoever waits is told promptly, with and without a limit. */
static void
check_ends (Fixture *fixture, guint64 timeout_usec, gboolean lose)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, NULL);
  IvdWaitParams params = params_for (0, 8, IVD_WAIT_EQUALS, 1, timeout_usec);
  GAsyncResult *answers[3] = { NULL }, *other = NULL;

  begin (fixture, params_for (0, 8, IVD_WAIT_EQUALS, 1, IVD_WAIT_FOREVER), &other);
  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    ivd_waiter_wait (fixture->waiter, mapping, &params, NULL, on_ready, &answers[i]);
  if (lose)
    ivd_mapping_lose (mapping, "gone");
  else
    ivd_mapping_close (mapping);
  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    assert_fails (&answers[i], lose ? IVD_ERROR_REGION_LOST : IVD_ERROR_CLOSED);

  /* From now on at once; and others do not notice. */
  ivd_waiter_wait (fixture->waiter, mapping, &params, NULL, on_ready, &answers[0]);
  assert_fails (&answers[0], lose ? IVD_ERROR_REGION_LOST : IVD_ERROR_CLOSED);
  g_assert_null (other);
  put (fixture, 0, 8, 1);
  g_assert_true (met (&other, NULL));
  put (fixture, 0, 8, 0);
}

static void
test_closed (Fixture *fixture, gconstpointer data)
{
  check_ends (fixture, IVD_WAIT_FOREVER, FALSE);
  check_ends (fixture, 3600 * SECOND, FALSE);
}

static void
test_lost (Fixture *fixture, gconstpointer data)
{
  check_ends (fixture, IVD_WAIT_FOREVER, TRUE);
  check_ends (fixture, 3600 * SECOND, TRUE);
}

/* A6.13: the waiter's own look finds the hole. */
static void
test_truncated (Fixture *fixture, gconstpointer data)
{
  GAsyncResult *answers[2] = { NULL };

  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    begin (fixture, params_for (0, 8, IVD_WAIT_EQUALS, 1, IVD_WAIT_FOREVER), &answers[i]);
  g_assert_cmpint (ftruncate (fixture->fd, 0), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    assert_fails (&answers[i], IVD_ERROR_REGION_LOST);
}

static void
test_cancelled (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GCancellable) before = g_cancellable_new ();
  g_autoptr (GCancellable) during = g_cancellable_new ();
  g_autoptr (GCancellable) after = g_cancellable_new ();
  IvdWaitParams params = params_for (0, 8, IVD_WAIT_EQUALS, 1, IVD_WAIT_FOREVER);
  GAsyncResult *answer = NULL;

  g_cancellable_cancel (before);
  ivd_waiter_wait (fixture->waiter, fixture->mapping, &params, before, on_ready, &answer);
  assert_fails (&answer, IVD_ERROR_CLOSED);

  ivd_waiter_wait (fixture->waiter, fixture->mapping, &params, during, on_ready, &answer);
  g_cancellable_cancel (during);
  assert_fails (&answer, IVD_ERROR_CLOSED);

  ivd_waiter_wait (fixture->waiter, fixture->mapping, &params, after, on_ready, &answer);
  put (fixture, 0, 8, 1);
  g_assert_true (met (&answer, NULL));
  g_cancellable_cancel (after);
}

static void
test_free_ends_waits (Fixture *fixture, gconstpointer data)
{
  IvdWaiter *waiter = ivd_waiter_new ();
  IvdWaitParams params = params_for (0, 8, IVD_WAIT_EQUALS, 1, IVD_WAIT_FOREVER);
  GAsyncResult *answers[5] = { NULL };

  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    ivd_waiter_wait (waiter, fixture->mapping, &params, NULL, on_ready, &answers[i]);
  ivd_waiter_free (waiter);
  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    assert_fails (&answers[i], IVD_ERROR_CLOSED);
  ivd_waiter_free (NULL);
}

static void
test_limit (Fixture *fixture, gconstpointer data)
{
  g_autofree GAsyncResult **answers = g_new0 (GAsyncResult *, IVD_LIMIT_WAITS);
  GAsyncResult *one_more = NULL;

  for (gsize i = 0; i < IVD_LIMIT_WAITS; i++)
    begin (fixture, params_for (0, 8, IVD_WAIT_AT_LEAST, 1, IVD_WAIT_FOREVER), &answers[i]);
  begin (fixture, params_for (0, 8, IVD_WAIT_AT_LEAST, 1, SECOND), &one_more);
  assert_fails (&one_more, IVD_ERROR_LIMIT);
  /* What needs no waiting needs no place. */
  g_assert_true (wait_now (fixture, params_for (0, 8, IVD_WAIT_EQUALS, 0, SECOND), NULL));
  g_assert_false (wait_now (fixture, params_for (0, 8, IVD_WAIT_EQUALS, 1, 0), NULL));

  put (fixture, 0, 8, 1);
  for (gsize i = 0; i < IVD_LIMIT_WAITS; i++)
    g_assert_true (met (&answers[i], NULL));
  begin (fixture, params_for (0, 8, IVD_WAIT_EQUALS, 2, 1000), &one_more);
  g_assert_false (met (&one_more, NULL));
}

/* What the kernel says of the waiter's thread: its file under /proc. */
static char *
thread_file (const char *name)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/task", 0, NULL);
  const char *id;

  while ((id = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *comm_path = g_build_filename ("/proc/self/task", id, "comm", NULL);
      g_autofree char *comm = NULL;

      if (g_file_get_contents (comm_path, &comm, NULL, NULL) && g_str_equal (g_strstrip (comm), THREAD_NAME))
        return g_build_filename ("/proc/self/task", id, name, NULL);
    }
  g_assert_not_reached ();
}

/* Times that the thread went to sleep, so that it had been woken. */
static guint64
count_sleeps (void)
{
  static const char key[] = "\nvoluntary_ctxt_switches:";
  g_autofree char *path = thread_file ("status");
  g_autofree char *status = NULL;

  g_assert_true (g_file_get_contents (path, &status, NULL, NULL));
  return g_ascii_strtoull (strstr (status, key) + strlen (key), NULL, 10);
}

/* Nanoseconds of processor time. */
static guint64
cpu_time (void)
{
  g_autofree char *path = thread_file ("schedstat");
  g_autofree char *stat = NULL;

  g_assert_true (g_file_get_contents (path, &stat, NULL, NULL));
  return g_ascii_strtoull (stat, NULL, 10);
}

/* These two look at what does not happen, hence the fixed times. */
static void
test_idle (Fixture *fixture, gconstpointer data)
{
  guint64 before;

  g_assert_false (wait_now (fixture, params_for (0, 8, IVD_WAIT_EQUALS, 1, 1000), NULL));
  g_usleep (50 * 1000);
  before = count_sleeps ();
  ivd_waiter_wake (fixture->waiter, fixture->mapping);
  g_usleep (200 * 1000);
  g_assert_cmpuint (count_sleeps (), ==, before);
}

static void
test_no_busy_core (Fixture *fixture, gconstpointer data)
{
  GAsyncResult *answers[100] = { NULL };
  guint64 before;

  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    begin (fixture, params_for (0, 8, IVD_WAIT_EQUALS, 1, IVD_WAIT_FOREVER), &answers[i]);
  g_usleep (100 * 1000);
  before = cpu_time ();
  g_usleep (500 * 1000);
  /* a fifth of a core is far more than it takes, also under a sanitizer */
  g_assert_cmpuint (cpu_time () - before, <, 100 * 1000 * 1000);
  put (fixture, 0, 8, 1);
  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    g_assert_true (met (&answers[i], NULL));
}

/* Each wake is a look: no value that was there at a wake is missed. */
static void
test_wake (Fixture *fixture, gconstpointer data)
{
  GAsyncResult *answer = NULL;

  for (guint round = 1; round <= 50; round++)
    {
      begin (fixture, params_for (0, 8, IVD_WAIT_EQUALS, round, IVD_WAIT_FOREVER), &answer);
      put (fixture, 0, 8, round);
      ivd_waiter_wake (fixture->waiter, fixture->mapping);
      g_assert_true (met (&answer, NULL));
    }
}

static gpointer
add_and_wake (gpointer data)
{
  Fixture *fixture = data;
  IvdWord one = { 1, 0 }, old;
  gboolean done;

  for (guint i = 0; i < 2000; i++)
    {
      g_assert_true (ivd_memory_atomic (fixture->mapping, IVD_ATOMIC_ADD, 0, 8, one, one, &old, &done, NULL));
      ivd_waiter_wake (fixture->waiter, fixture->mapping);
    }
  return NULL;
}

/* Waits come, go and are woken from several threads. */
static void
test_many_threads (Fixture *fixture, gconstpointer data)
{
  GThread *threads[3];
  GAsyncResult *answers[40] = { NULL };

  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("add", add_and_wake, fixture);
  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    begin (fixture, params_for (0, 8, IVD_WAIT_AT_LEAST, 150 * (i + 1), IVD_WAIT_FOREVER), &answers[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    g_assert_true (met (&answers[i], NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (get (fixture, 0, 8), ==, 6000);
}

static void
test_names (void)
{
  g_assert_cmpstr (ivd_wait_op_names[IVD_WAIT_EQUALS], ==, "equals");
  g_assert_cmpstr (ivd_wait_op_names[IVD_WAIT_DIFFERS], ==, "differs");
  g_assert_cmpstr (ivd_wait_op_names[IVD_WAIT_AT_LEAST], ==, "at-least");
}

int
main (int argc, char **argv)
{
  const struct
  {
    const char *path;
    void (*func) (Fixture *fixture, gconstpointer data);
  } tests[] = {
    { "a3-18-look-once", test_look_once },
    { "a3-18-met-later", test_met_later },
    { "a3-18-time-over", test_time_over },
    { "a3-19-no-limit", test_met_later },
    { "a3-20-set", test_set },
    { "a3-20-set-is-taken-once", test_set_is_taken_once },
    { "a3-21-bounds", test_bounds },
    { "a3-22-closed-while-waiting", test_closed },
    { "a3-22-lost-while-waiting", test_lost },
    { "a6-13-truncated-while-waiting", test_truncated },
    { "a6-14-negative-looking", test_negative_looking },
    { "a6-14-last-bytes", test_bounds },
    { "a6-14-never-early", test_time_over },
    { "bad-arguments", test_bad_arguments },
    { "read-only", test_read_only },
    { "cancelled", test_cancelled },
    { "free-ends-waits", test_free_ends_waits },
    { "limit", test_limit },
    { "idle", test_idle },
    { "no-busy-core", test_no_busy_core },
    { "wake", test_wake },
    { "many-threads", test_many_threads },
  };

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/waiter/names", test_names);
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strconcat ("/ivd/waiter/", tests[i].path, NULL);

      g_test_add (path, Fixture, NULL, set_up, tests[i].func, tear_down);
    }
  return g_test_run ();
}
