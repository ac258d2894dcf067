/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "memory/ivd-memory.h"
#include "memory/ivd-scan.h"
#include "model/ivd-watch.h"

#define SIZE (1024 * 1024)
#define INTERVAL_USEC 2000
#define LARGE (16 * 1024 * 1024)
#define N_LARGE 32

typedef struct
{
  IvdCopyPool *pool;
  IvdWatchBudget *budget;
  IvdMapping *mapping;
  guint n_ready;
  guint changes;
  guint64 low, high; /* what the changes span */
} Fixture;

static IvdMapping *
map_new (guint64 size)
{
  g_autoptr (GError) error = NULL;
  int fd = memfd_create ("ivt", MFD_CLOEXEC);
  IvdMapping *mapping;

  g_assert_cmpint (ftruncate (fd, (off_t) size), ==, 0);
  mapping = ivd_mapping_new (fd, 0, size, 0, &error);
  g_assert_no_error (error);
  close (fd);
  return mapping;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->mapping = map_new (SIZE);
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
  ((Fixture *) data)->n_ready++;
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
watch_new (Fixture *fixture, IvdMapping *mapping, guint64 offset, guint64 length, guint64 min_interval_usec)
{
  g_autoptr (GError) error = NULL;
  IvdWatch *watch = ivd_watch_new (fixture->budget, fixture->pool, mapping, offset, length, min_interval_usec,
                                   on_ready, on_change, fixture, &error);

  g_assert_no_error (error);
  return watch;
}

static IvdWatch *
begin (Fixture *fixture, guint64 offset, guint64 length)
{
  IvdWatch *watch;

  fixture->n_ready = 0;
  watch = watch_new (fixture, fixture->mapping, offset, length, INTERVAL_USEC);
  while (fixture->n_ready == 0)
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

/* Two watches of pages that are not there yet; a small one comes second. */
static void
assert_first_ready (Fixture *fixture, guint64 length, gboolean small_is_first)
{
  g_autoptr (IvdMapping) mapping = map_new (length);
  Fixture other = *fixture;
  g_autoptr (IvdWatch) large = watch_new (fixture, mapping, 0, length, INTERVAL_USEC);
  g_autoptr (IvdWatch) small = watch_new (&other, fixture->mapping, 0, 4096, INTERVAL_USEC);

  fixture->n_ready = other.n_ready = 0;
  while (fixture->n_ready + other.n_ready == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (other.n_ready, ==, small_is_first ? 1 : 0);
  while (fixture->n_ready + other.n_ready < 2)
    g_main_context_iteration (NULL, TRUE);
}

/* One that needs more than a piece lets others look between two of them. */
static void
test_first_look_in_pieces (Fixture *fixture, gconstpointer data)
{
  assert_first_ready (fixture, IVD_LIMIT_WATCH_PIECE_BYTES, FALSE);
  assert_first_ready (fixture, IVD_LIMIT_WATCH_PIECE_BYTES + 1, TRUE);
}

/* What changes across the end of a piece is one change. */
static void
test_change_across_pieces (Fixture *fixture, gconstpointer data)
{
  const guint64 edge = IVD_LIMIT_WATCH_PIECE_BYTES;
  g_autoptr (IvdMapping) mapping = map_new (2 * edge);
  g_autoptr (IvdWatch) watch = watch_new (fixture, mapping, 0, 2 * edge, INTERVAL_USEC);

  while (fixture->n_ready == 0 || fixture->budget->looking)
    g_main_context_iteration (NULL, TRUE);
  g_assert_true (ivd_memory_fill (mapping, edge - 4096, 8192, 1, NULL));
  while (fixture->high < edge + 4096)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (fixture->changes, ==, 1);
  g_assert_cmpuint (fixture->low, ==, edge - 4096);
  g_assert_cmpuint (fixture->high, ==, edge + 4096);
}

/* Freed between two pieces, too. */
static void
test_free_within_a_look (Fixture *fixture, gconstpointer data)
{
  const guint64 length = 4 * (guint64) IVD_LIMIT_WATCH_PIECE_BYTES;
  g_autoptr (IvdMapping) mapping = map_new (length);

  for (guint turns = 0; turns < 4; turns++)
    {
      g_autoptr (IvdWatch) first = watch_new (fixture, mapping, 0, length, INTERVAL_USEC);
      g_autoptr (IvdWatch) second = watch_new (fixture, mapping, 0, length, INTERVAL_USEC);

      for (guint i = 0; i < turns; i++)
        g_main_context_iteration (NULL, TRUE);
    }
  while (fixture->budget->looking)
    g_main_context_iteration (NULL, TRUE);
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

typedef struct
{
  guint looks;
  guint64 bytes, blocks;
} Tally;

static void
on_look (guint64 bytes, guint64 blocks, gpointer data)
{
  Tally *tally = data;

  tally->looks++;
  tally->bytes += bytes;
  tally->blocks += blocks;
}

/* Of more runs than are told one by one, too. */
static void
test_a_look_tells_the_whole (Fixture *fixture, gconstpointer data)
{
  Tally tally = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdWatch) watch = ivd_watch_new (fixture->budget, fixture->pool, fixture->mapping, 100, SIZE - 200,
                                              INTERVAL_USEC, NULL, NULL, &tally, &error);
  const guint runs = IVD_LIMIT_WATCH_RUNS + 10;

  g_assert_no_error (error);
  ivd_watch_set_look_func (watch, on_look);
  while (fixture->budget->looking)
    g_main_context_iteration (NULL, TRUE);
  for (guint i = 0; i < runs; i++)
    poke_byte (fixture, 2 * IVD_SCAN_BLOCK_BYTES * i + 100, 1);
  while (tally.blocks < runs)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (tally.blocks, ==, runs);
  g_assert_cmpuint (tally.bytes, ==, runs * IVD_SCAN_BLOCK_BYTES - 100);
  g_assert_cmpuint (tally.looks, ==, 1);
}

static void
test_free_while_it_looks (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < 50; i++)
    ivd_watch_free (watch_new (fixture, fixture->mapping, 0, SIZE, INTERVAL_USEC));
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
assert_refused (Fixture *fixture, guint64 offset, guint64 length)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (ivd_watch_new (fixture->budget, fixture->pool, fixture->mapping, offset, length, 1000, NULL,
                                on_change, fixture, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE);
}

static void
test_bad_ranges (Fixture *fixture, gconstpointer data)
{
  assert_refused (fixture, SIZE, 1);
  assert_refused (fixture, 0, SIZE + 1);
  assert_refused (fixture, G_MAXUINT64, 2);
}

/* Freed while one looks and all others wait for the thread, in any order. */
static void
test_free_while_they_wait (Fixture *fixture, gconstpointer data)
{
  IvdWatch *watches[20];

  for (guint i = 0; i < G_N_ELEMENTS (watches); i++)
    watches[i] = watch_new (fixture, fixture->mapping, 0, SIZE, INTERVAL_USEC);
  for (guint i = 0; i < G_N_ELEMENTS (watches); i += 2)
    ivd_watch_free (watches[i]);
  while (fixture->n_ready < G_N_ELEMENTS (watches) / 2)
    g_main_context_iteration (NULL, TRUE);
  for (guint i = 1; i < G_N_ELEMENTS (watches); i += 2)
    ivd_watch_free (watches[i]);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  g_assert_cmpuint (fixture->n_ready, ==, G_N_ELEMENTS (watches) / 2);
}

/* Longer than any timer and any life, but no overflow. */
static void
test_endless_interval (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdWatch) watch = watch_new (fixture, fixture->mapping, 0, SIZE, G_MAXUINT64);

  while (fixture->n_ready == 0)
    g_main_context_iteration (NULL, TRUE);
  poke_byte (fixture, 0, 1);
  ivd_watch_poke (watch);
  g_assert_false (g_main_context_iteration (NULL, FALSE));
}

/* However often it is poked it does not look before its interval is over. */
static void
test_poke_keeps_the_interval (Fixture *fixture, gconstpointer data)
{
  const gint64 interval = 200 * 1000, begun = g_get_monotonic_time ();
  g_autoptr (IvdWatch) watch = watch_new (fixture, fixture->mapping, 0, SIZE, (guint64) interval);

  while (fixture->n_ready == 0)
    g_main_context_iteration (NULL, TRUE);
  poke_byte (fixture, 0, 1);
  while (fixture->changes == 0)
    {
      ivd_watch_poke (watch);
      g_main_context_iteration (NULL, TRUE);
    }
  g_assert_cmpint (g_get_monotonic_time () - begun, >=, interval);
}

/*
 * Watches that together cost far more than they may have: an interval of 1 ms
 * where one look takes longer than that, times N_LARGE.
 */

typedef struct
{
  IvdMapping *mapping;
  guint n_watches;
  IvdWatch *watches[N_LARGE];
} Crowd;

static void
crowd_begin (Fixture *fixture, Crowd *crowd, guint n_watches)
{
  crowd->n_watches = n_watches;
  crowd->mapping = map_new (LARGE);
  /* Pages that are there, so that each look costs the same. */
  g_assert_true (ivd_memory_fill (crowd->mapping, 0, LARGE, 0x55, NULL));
  for (guint i = 0; i < n_watches; i++)
    crowd->watches[i] = watch_new (fixture, crowd->mapping, 0, LARGE, 1000);
  while (fixture->n_ready < n_watches)
    g_main_context_iteration (NULL, TRUE);
}

static void
crowd_end (Crowd *crowd)
{
  for (guint i = 0; i < crowd->n_watches; i++)
    ivd_watch_free (crowd->watches[i]);
  ivd_mapping_unref (crowd->mapping);
}

static gboolean
on_time_over (gpointer data)
{
  gboolean *is_over = data;

  *is_over = TRUE;
  return G_SOURCE_REMOVE;
}

static gdouble
process_seconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
  return (gdouble) now.tv_sec + (gdouble) now.tv_nsec / 1e9;
}

/* All together they keep to the budget. That nothing happens takes its time. */
static void
test_budget (Fixture *fixture, gconstpointer data)
{
  gboolean is_over = FALSE;
  gdouble before;
  Crowd crowd;

  crowd_begin (fixture, &crowd, N_LARGE);
  before = process_seconds ();
  g_timeout_add (1000, on_time_over, &is_over);
  while (!is_over)
    g_main_context_iteration (NULL, TRUE);
  /* Each for itself they would take N_LARGE times 2 %. */
  g_assert_cmpfloat (process_seconds () - before, <, 0.2);
  crowd_end (&crowd);
}

/* The shortest of some times from a change to its telling, each just after a
 * look. */
static gint64
shortest_time (Fixture *fixture, IvdMapping *mapping, IvdWatch *watch, gboolean poke)
{
  gint64 shortest = G_MAXINT64;

  for (guint8 i = 0; i < 5; i++)
    {
      const guint changes = fixture->changes;
      const gint64 begun = g_get_monotonic_time ();
      guint8 value = (guint8) (2 * i + (poke ? 2 : 1));

      g_assert_true (ivd_memory_write (mapping, LARGE - 1, &value, 1, NULL));
      if (poke)
        ivd_watch_poke (watch);
      while (fixture->changes == changes)
        g_main_context_iteration (NULL, TRUE);
      shortest = MIN (shortest, g_get_monotonic_time () - begun);
    }
  return shortest;
}

/* One that is poked looks before its share is saved up. */
static void
test_poke_borrows (Fixture *fixture, gconstpointer data)
{
  gint64 by_itself, poked;
  Crowd crowd;

  crowd_begin (fixture, &crowd, 1);
  (void) shortest_time (fixture, crowd.mapping, crowd.watches[0], FALSE);
  by_itself = shortest_time (fixture, crowd.mapping, crowd.watches[0], FALSE);
  poked = shortest_time (fixture, crowd.mapping, crowd.watches[0], TRUE);
  g_assert_cmpint (poked, <, by_itself / 2);
  crowd_end (&crowd);
}

/* A small one is not slowed with the large ones beside it. */
static void
test_small_among_large (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdWatch) small = NULL;
  Crowd crowd;

  crowd_begin (fixture, &crowd, N_LARGE);
  small = watch_new (fixture, fixture->mapping, 0, 64, INTERVAL_USEC);
  while (fixture->n_ready < N_LARGE + 1)
    g_main_context_iteration (NULL, TRUE);
  for (guint8 i = 1; i <= 5; i++)
    {
      poke_byte (fixture, 3, i);
      while (fixture->changes < i)
        g_main_context_iteration (NULL, TRUE);
    }
  crowd_end (&crowd);
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
  ADD ("first-look-in-pieces", test_first_look_in_pieces);
  ADD ("change-across-pieces", test_change_across_pieces);
  ADD ("free-within-a-look", test_free_within_a_look);
  ADD ("limit-of-runs", test_limit_of_runs);
  ADD ("a-look-tells-the-whole", test_a_look_tells_the_whole);
  ADD ("free-while-it-looks", test_free_while_it_looks);
  ADD ("lost-memory-ends-it-quietly", test_lost_memory_ends_it_quietly);
  ADD ("bad-ranges", test_bad_ranges);
  ADD ("free-while-they-wait", test_free_while_they_wait);
  ADD ("endless-interval", test_endless_interval);
  ADD ("poke-keeps-the-interval", test_poke_keeps_the_interval);
  ADD ("poke-borrows", test_poke_borrows);
  ADD ("budget", test_budget);
  ADD ("small-among-large", test_small_among_large);
#undef ADD
  return g_test_run ();
}
