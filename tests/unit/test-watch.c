/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "memory/ivd-memory.h"
#include "memory/ivd-scan.h"
#include "model/ivd-watch.h"

#define SIZE (1024 * 1024)
#define INTERVAL_USEC 2000

typedef struct
{
  IvdCopyPool *pool;
  IvdWatchBudget *budget;
  IvdMapping *mapping;
  gboolean ready;
  guint changes;
  guint64 low, high; /* what the changes span */
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  int fd = memfd_create ("ivt", MFD_CLOEXEC);

  g_assert_cmpint (ftruncate (fd, SIZE), ==, 0);
  fixture->mapping = ivd_mapping_new (fd, 0, SIZE, 0, &error);
  g_assert_no_error (error);
  close (fd);
  fixture->pool = ivd_copy_pool_new ();
  fixture->budget = g_rc_box_new0 (IvdWatchBudget);
  fixture->low = G_MAXUINT64;
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  ivd_copy_pool_free (fixture->pool);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_cmpuint (fixture->budget->watches, ==, 0);
  g_assert_false (fixture->budget->looking);
  g_rc_box_release (fixture->budget);
  ivd_mapping_unref (fixture->mapping);
}

static void
on_ready (gpointer data)
{
  ((Fixture *) data)->ready = TRUE;
}

static void
on_change (guint64 offset, guint64 length, gpointer data)
{
  Fixture *fixture = data;

  fixture->changes++;
  fixture->low = MIN (fixture->low, offset);
  fixture->high = MAX (fixture->high, offset + length);
}

static IvdWatch *
begin (Fixture *fixture, guint64 offset, guint64 length)
{
  g_autoptr (GError) error = NULL;
  IvdWatch *watch;

  fixture->ready = FALSE;
  watch = ivd_watch_new (fixture->budget, fixture->pool, fixture->mapping, offset, length, INTERVAL_USEC, on_ready,
                         on_change, fixture, &error);
  g_assert_no_error (error);
  while (!fixture->ready)
    g_main_context_iteration (NULL, TRUE);
  return watch;
}

static void
poke_byte (Fixture *fixture, guint64 offset, guint8 value)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (ivd_memory_write (fixture->mapping, offset, &value, 1, &error));
  g_assert_no_error (error);
}

static void
test_change_is_told (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdWatch) watch = begin (fixture, 8192, 100);

  poke_byte (fixture, 8192 + 99, 1);
  while (fixture->changes == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (fixture->low, >=, 8192);
  g_assert_cmpuint (fixture->low, <=, 8192 + 99);
  g_assert_cmpuint (fixture->high, ==, 8192 + 100);
}

static void
test_neighbours_are_not_told (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdWatch) watch = begin (fixture, 8192, 100);

  poke_byte (fixture, 8191, 1);
  poke_byte (fixture, 8292, 1);
  poke_byte (fixture, 8192, 1);
  while (fixture->changes == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (fixture->changes, ==, 1);
  g_assert_cmpuint (fixture->low, ==, 8192);
  g_assert_cmpuint (fixture->high, <, 8292);
}

static void
test_every_later_change_is_told (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdWatch) watch = begin (fixture, 0, SIZE);

  for (guint i = 1; i <= 5; i++)
    {
      poke_byte (fixture, 4096 * i, (guint8) i);
      while (fixture->changes < i)
        g_main_context_iteration (NULL, TRUE);
    }
  g_assert_cmpuint (fixture->changes, ==, 5);
}

static void
test_watches_take_turns (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdWatch) first = begin (fixture, 0, 4096);
  g_autoptr (IvdWatch) second = begin (fixture, 4096, 4096);

  g_assert_cmpuint (fixture->budget->watches, ==, 2);
  poke_byte (fixture, 0, 1);
  poke_byte (fixture, 4096, 1);
  while (fixture->changes < 2)
    {
      g_main_context_iteration (NULL, TRUE);
      g_assert_cmpuint (fixture->budget->waiting.length, <=, 1);
    }
}

/* At the limit each run is told by itself; one more, and the last spans two. */
static void
test_limit_of_runs (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdWatch) watch = NULL;

  G_STATIC_ASSERT (SIZE >= 2 * IVD_SCAN_BLOCK_BYTES * (IVD_LIMIT_WATCH_RUNS + 1));
  watch = begin (fixture, 0, SIZE);
  for (guint extra = 0; extra <= 1; extra++)
    {
      /* Between two looks, so that one look sees all of it. */
      while (fixture->budget->looking)
        g_main_context_iteration (NULL, TRUE);
      fixture->changes = 0;
      fixture->high = 0;
      for (guint i = 0; i < IVD_LIMIT_WATCH_RUNS + extra; i++)
        poke_byte (fixture, 2 * IVD_SCAN_BLOCK_BYTES * i, (guint8) (1 + extra));
      while (fixture->high < 2 * IVD_SCAN_BLOCK_BYTES * (IVD_LIMIT_WATCH_RUNS + extra - 1))
        g_main_context_iteration (NULL, TRUE);
      g_assert_cmpuint (fixture->changes, ==, IVD_LIMIT_WATCH_RUNS);
    }
}

static void
test_free_while_it_looks (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < 50; i++)
    {
      g_autoptr (GError) error = NULL;
      IvdWatch *watch = ivd_watch_new (fixture->budget, fixture->pool, fixture->mapping, 0, SIZE, INTERVAL_USEC, on_ready, on_change,
                                       fixture, &error);

      g_assert_no_error (error);
      ivd_watch_free (watch);
    }
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_cmpuint (fixture->changes, ==, 0);
}

static void
test_lost_memory_ends_it_quietly (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdWatch) watch = begin (fixture, 0, SIZE);
  guint idle = 0;

  ivd_mapping_lose (fixture->mapping, "gone");
  /* One more look fails, then no timer is left. */
  while (g_main_context_pending (NULL) || idle++ < 20)
    {
      g_main_context_iteration (NULL, FALSE);
      g_usleep (INTERVAL_USEC / 4);
    }
  g_assert_cmpuint (fixture->changes, ==, 0);
  g_assert_false (g_main_context_pending (NULL));
}

static void
test_bad_ranges (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (ivd_watch_new (fixture->budget, fixture->pool, fixture->mapping, SIZE, 1, INTERVAL_USEC, NULL, on_change, fixture,
                                &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE);
  g_clear_error (&error);
  g_assert_null (ivd_watch_new (fixture->budget, fixture->pool, fixture->mapping, G_MAXUINT64, 2, INTERVAL_USEC, NULL, on_change,
                                fixture, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/ivd/watch/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("change-is-told", test_change_is_told);
  ADD ("neighbours-are-not-told", test_neighbours_are_not_told);
  ADD ("every-later-change-is-told", test_every_later_change_is_told);
  ADD ("watches-take-turns", test_watches_take_turns);
  ADD ("limit-of-runs", test_limit_of_runs);
  ADD ("free-while-it-looks", test_free_while_it_looks);
  ADD ("lost-memory-ends-it-quietly", test_lost_memory_ends_it_quietly);
  ADD ("bad-ranges", test_bad_ranges);
#undef ADD
  return g_test_run ();
}
