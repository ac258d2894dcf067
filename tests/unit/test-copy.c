/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "lib/ivt-shared.h"
#include "memory/ivd-copy.h"

#define MIB (1024 * 1024)
#define LONG_BYTES (IVD_LIMIT_INLINE_COPY_BYTES + 1)

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

static GBytes *
read_now (IvdCopyPool *pool, IvdMapping *mapping, guint64 offset, gsize length, GError **error)
{
  g_autoptr (GAsyncResult) answer = NULL;

  ivd_copy_read (pool, mapping, offset, length, on_ready, &answer);
  g_assert_null (answer);
  return ivd_copy_read_finish (wait_for (&answer), error);
}

static gboolean
fill_now (IvdCopyPool *pool,
          IvdMapping *mapping,
          guint64 offset,
          guint64 length,
          guint8 value,
          GError **error)
{
  g_autoptr (GAsyncResult) answer = NULL;

  ivd_copy_fill (pool, mapping, offset, length, value, on_ready, &answer);
  g_assert_null (answer);
  return ivd_copy_finish (wait_for (&answer), error);
}

static gboolean
write_now (IvdCopyPool *pool, IvdMapping *mapping, guint64 offset, GBytes *bytes, GError **error)
{
  g_autoptr (GAsyncResult) answer = NULL;

  ivd_copy_write (pool, mapping, offset, bytes, on_ready, &answer);
  g_assert_null (answer);
  return ivd_copy_finish (wait_for (&answer), error);
}

static void
check_round_trip (gsize length)
{
  g_autoptr (IvdCopyPool) pool = ivd_copy_pool_new ();
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (4 * MIB, 0, NULL);
  g_autofree guint8 *data = g_malloc (length + 1);
  g_autoptr (GBytes) written = NULL, found = NULL;
  guint8 beside = 0;

  for (gsize i = 0; i < length; i++)
    data[i] = (guint8) (i * 7 + 1);
  written = g_bytes_new (data, length);

  g_assert_true (fill_now (pool, mapping, 0, 4 * MIB, 0xaa, NULL));
  g_assert_true (write_now (pool, mapping, 100, written, NULL));
  found = read_now (pool, mapping, 100, length, NULL);
  g_assert_true (g_bytes_equal (found, written));
  g_assert_true (ivd_memory_read (mapping, 99, &beside, 1, NULL));
  g_assert_cmpuint (beside, ==, 0xaa);
  g_assert_true (ivd_memory_read (mapping, 100 + length, &beside, 1, NULL));
  g_assert_cmpuint (beside, ==, 0xaa);
}

/* At the limit within the call, past it on the pool, with the same result. */
static void
test_round_trip (void)
{
  check_round_trip (0);
  check_round_trip (1);
  check_round_trip (IVD_LIMIT_INLINE_COPY_BYTES);
  check_round_trip (LONG_BYTES);
  check_round_trip (3 * MIB);
}

static void
assert_code (GError *error, IvdErrorCode code)
{
  g_assert_error (error, IVD_ERROR, (gint) code);
  g_error_free (error);
}

static void
test_bounds (void)
{
  g_autoptr (IvdCopyPool) pool = ivd_copy_pool_new ();
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (MIB, 0, NULL);
  g_autoptr (GBytes) bytes = g_bytes_new_static ("12345678", 8);
  GError *error = NULL;

  g_assert_null (read_now (pool, mapping, MIB - 7, 8, &error));
  assert_code (g_steal_pointer (&error), IVD_ERROR_OUT_OF_RANGE);
  g_assert_null (read_now (pool, mapping, 0, G_MAXSIZE, &error));
  assert_code (g_steal_pointer (&error), IVD_ERROR_OUT_OF_RANGE);
  g_assert_null (read_now (pool, mapping, G_MAXUINT64, G_MAXSIZE, &error));
  assert_code (g_steal_pointer (&error), IVD_ERROR_OUT_OF_RANGE);
  g_assert_false (write_now (pool, mapping, MIB - 7, bytes, &error));
  assert_code (g_steal_pointer (&error), IVD_ERROR_OUT_OF_RANGE);
  g_assert_false (fill_now (pool, mapping, 1, G_MAXUINT64, 0, &error));
  assert_code (g_steal_pointer (&error), IVD_ERROR_OUT_OF_RANGE);
}

static void
test_limit (void)
{
  const guint64 size = IVD_LIMIT_COPY_READ_BYTES + 1;
  g_autoptr (IvdCopyPool) pool = ivd_copy_pool_new ();
  g_autoptr (IvdMapping) mapping = NULL;
  g_autoptr (GBytes) bytes = NULL;
  GError *error = NULL;
  gpointer zeros;

  zeros = mmap (NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  g_assert_true (zeros != MAP_FAILED);
  mapping = ivd_mapping_new_for_address (zeros, size, IVD_MAPPING_READ_ONLY);

  bytes = read_now (pool, mapping, 1, IVD_LIMIT_COPY_READ_BYTES, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (bytes), ==, IVD_LIMIT_COPY_READ_BYTES);
  g_assert_null (read_now (pool, mapping, 0, size, &error));
  assert_code (error, IVD_ERROR_TOO_LARGE);
  munmap (zeros, size);
}

static void
test_closed_and_read_only (void)
{
  g_autoptr (IvdCopyPool) pool = ivd_copy_pool_new ();
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (MIB, IVD_MAPPING_READ_ONLY, NULL);
  g_autoptr (GBytes) bytes = g_bytes_new_static ("12345678", 8);
  GError *error = NULL;

  g_assert_false (write_now (pool, mapping, 0, bytes, &error));
  assert_code (g_steal_pointer (&error), IVD_ERROR_NOT_SUPPORTED);
  g_assert_false (fill_now (pool, mapping, 0, MIB, 0, &error));
  assert_code (g_steal_pointer (&error), IVD_ERROR_NOT_SUPPORTED);
  ivd_mapping_close (mapping);
  g_assert_null (read_now (pool, mapping, 0, LONG_BYTES, &error));
  assert_code (g_steal_pointer (&error), IVD_ERROR_CLOSED);
}

static void
test_truncated (void)
{
  g_autoptr (IvdCopyPool) pool = ivd_copy_pool_new ();
  int fd = -1;
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (MIB, 0, &fd);
  GError *error = NULL;

  g_assert_cmpint (ftruncate (fd, MIB / 2), ==, 0);
  g_assert_null (read_now (pool, mapping, 0, MIB, &error));
  assert_code (error, IVD_ERROR_REGION_LOST);
  close (fd);
}

/* A3.4, A6.10: closing in mid-copy waits for nobody; who has asked still gets
 * an answer, and the pages stay until then. */
static void
test_close_while_copying (void)
{
  g_autoptr (IvdCopyPool) pool = ivd_copy_pool_new ();
  g_autoptr (GAsyncResult) answer = NULL;
  guint64 size = (guint64) 1024 * MIB;
  GError *error = NULL;
  int fd = -1;
  IvdMapping *mapping = ivt_shared_mapping (size, 0, &fd);

  ivd_copy_fill (pool, mapping, 0, size, 1, on_ready, &answer);
  ivt_wait_for_bytes (fd, 4 * MIB);
  ivd_mapping_close (mapping);
  ivd_mapping_unref (mapping);
  g_assert_false (ivd_copy_finish (wait_for (&answer), &error));
  assert_code (error, IVD_ERROR_CLOSED);
  close (fd);
}

/* Freeing the pool waits for the copies; their answers come afterwards. */
static void
test_free_with_copies_in_flight (void)
{
  IvdCopyPool *pool = ivd_copy_pool_new ();
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (4 * MIB, 0, NULL);
  GAsyncResult *answers[20] = { NULL };
  guint8 byte = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    ivd_copy_fill (pool, mapping, i * LONG_BYTES, LONG_BYTES, 9, on_ready, &answers[i]);
  ivd_copy_pool_free (pool);
  g_assert_true (ivd_memory_read (mapping, G_N_ELEMENTS (answers) * LONG_BYTES - 1, &byte, 1, NULL));
  g_assert_cmpuint (byte, ==, 9);
  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    {
      g_assert_true (ivd_copy_finish (wait_for (&answers[i]), NULL));
      g_object_unref (answers[i]);
    }
  ivd_copy_pool_free (NULL);
}

/* The answer comes on the context that was the caller's. */
static void
test_context (void)
{
  g_autoptr (IvdCopyPool) pool = ivd_copy_pool_new ();
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (MIB, 0, NULL);
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GAsyncResult) answer = NULL;

  g_main_context_push_thread_default (context);
  ivd_copy_fill (pool, mapping, 0, MIB, 1, on_ready, &answer);
  g_main_context_pop_thread_default (context);
  while (answer == NULL)
    {
      g_assert_false (g_main_context_iteration (NULL, FALSE));
      g_main_context_iteration (context, TRUE);
    }
  g_assert_true (ivd_copy_finish (answer, NULL));
}

typedef struct
{
  GThread *work_thread, *done_thread;
} Work;

static void
on_work (gpointer data)
{
  Work *work = data;

  work->work_thread = g_thread_self ();
}

static void
on_done (gpointer data)
{
  Work *work = data;

  work->done_thread = g_thread_self ();
}

static void
test_run (void)
{
  g_autoptr (IvdCopyPool) pool = ivd_copy_pool_new ();
  Work work = { NULL, NULL };

  ivd_copy_pool_run (pool, on_work, on_done, &work);
  while (work.done_thread == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_true (work.done_thread == g_thread_self ());
  g_assert_true (work.work_thread != NULL && work.work_thread != g_thread_self ());
}

typedef struct
{
  GMutex lock;
  GCond changed;
  guint running, most, done;
  gboolean release;
} Gate;

static void
pass_gate (gpointer data)
{
  Gate *gate = data;

  g_mutex_lock (&gate->lock);
  gate->running++;
  gate->most = MAX (gate->most, gate->running);
  g_cond_broadcast (&gate->changed);
  while (!gate->release)
    g_cond_wait (&gate->changed, &gate->lock);
  gate->running--;
  g_mutex_unlock (&gate->lock);
}

static void
on_passed (gpointer data)
{
  ((Gate *) data)->done++;
}

/* As many at once as there are processors, but two, and not more than the limit. */
static void
test_threads (void)
{
  const guint threads = CLAMP (g_get_num_processors (), 2, IVD_LIMIT_COPY_THREADS);
  IvdCopyPool *pool = ivd_copy_pool_new ();
  Gate gate = { 0 };

  g_mutex_init (&gate.lock);
  g_cond_init (&gate.changed);
  for (guint i = 0; i < 2 * IVD_LIMIT_COPY_THREADS; i++)
    ivd_copy_pool_run (pool, pass_gate, on_passed, &gate);
  g_mutex_lock (&gate.lock);
  while (gate.running < threads)
    g_cond_wait (&gate.changed, &gate.lock);
  gate.release = TRUE;
  g_cond_broadcast (&gate.changed);
  g_mutex_unlock (&gate.lock);
  while (gate.done < 2 * IVD_LIMIT_COPY_THREADS)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (gate.most, ==, threads);
  ivd_copy_pool_free (pool);
  g_mutex_clear (&gate.lock);
  g_cond_clear (&gate.changed);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/copy/round-trip", test_round_trip);
  g_test_add_func ("/ivd/copy/a3-21-bounds", test_bounds);
  g_test_add_func ("/ivd/copy/limit", test_limit);
  g_test_add_func ("/ivd/copy/a3-22-closed-and-read-only", test_closed_and_read_only);
  g_test_add_func ("/ivd/copy/a6-13-truncated", test_truncated);
  g_test_add_func ("/ivd/copy/a6-10-close-while-copying", test_close_while_copying);
  g_test_add_func ("/ivd/copy/free-with-copies-in-flight", test_free_with_copies_in_flight);
  g_test_add_func ("/ivd/copy/context", test_context);
  g_test_add_func ("/ivd/copy/run", test_run);
  g_test_add_func ("/ivd/copy/threads", test_threads);
  return g_test_run ();
}
