/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "plugin/ivd-timer-queue.h"

#define MANY 5000

typedef struct
{
  GMainContext *context;
  IvdTimerQueue *queue;
  GArray *ended; /* of guint64 ids */
  guint64 other; /* removed by the next that ends */
  guint again;   /* how often one that ends starts itself */
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->context = g_main_context_new ();
  f->queue = ivd_timer_queue_new (f->context);
  f->ended = g_array_new (FALSE, FALSE, sizeof (guint64));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_pointer (&f->queue, ivd_timer_queue_free);
  g_array_unref (f->ended);
  g_main_context_unref (f->context);
}

static void
on_timer (guint64 id, gpointer data)
{
  Fixture *f = data;

  g_array_append_val (f->ended, id);
  if (f->other != 0)
    ivd_timer_queue_remove (f->queue, f->other);
  if (f->again-- > 0)
    ivd_timer_queue_add (f->queue, 0, on_timer, f);
  else
    f->again = 0;
}

static guint64
add (Fixture *f, gint64 usec)
{
  return ivd_timer_queue_add (f->queue, g_get_monotonic_time () + usec, on_timer, f);
}

static void
assert_ended (Fixture *f, guint i, guint64 id)
{
  g_assert_cmpuint (f->ended->len, >, i);
  g_assert_cmpuint (g_array_index (f->ended, guint64, i), ==, id);
}

static void
test_order (Fixture *f, gconstpointer data)
{
  guint64 last = add (f, 20000), removed = add (f, 5000), first = add (f, 1000), second = add (f, 10000);
  gint64 begin = g_get_monotonic_time ();

  ivd_timer_queue_remove (f->queue, removed);
  ivd_timer_queue_remove (f->queue, removed);
  ivd_timer_queue_remove (f->queue, 4711);
  while (f->ended->len < 3)
    g_main_context_iteration (f->context, TRUE);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 19000);
  assert_ended (f, 0, first);
  assert_ended (f, 1, second);
  assert_ended (f, 2, last);
  g_assert_false (g_main_context_iteration (f->context, FALSE));
}

/* At the same moment: in the order in which they were added. */
static void
test_many (Fixture *f, gconstpointer data)
{
  gint64 when = g_get_monotonic_time ();

  for (guint i = 0; i < MANY; i++)
    ivd_timer_queue_add (f->queue, when, on_timer, f);
  while (f->ended->len < MANY)
    g_main_context_iteration (f->context, FALSE);
  for (guint i = 0; i < MANY; i++)
    assert_ended (f, i, i + 1);
}

static void
test_far_away (Fixture *f, gconstpointer data)
{
  ivd_timer_queue_add (f->queue, G_MAXINT64, on_timer, f);
  g_assert_false (g_main_context_iteration (f->context, FALSE));
  add (f, -1000);
  ivd_timer_queue_add (f->queue, G_MININT64, on_timer, f);
  while (g_main_context_iteration (f->context, FALSE))
    continue;
  g_assert_cmpuint (f->ended->len, ==, 2);
}

static void
test_remove_from_timer (Fixture *f, gconstpointer data)
{
  guint64 first = add (f, -2);

  f->other = add (f, -1);
  g_main_context_iteration (f->context, FALSE);
  g_assert_cmpuint (f->ended->len, ==, 1);
  assert_ended (f, 0, first);
}

static gboolean
count_turn (gpointer data)
{
  *(guint *) data += 1;
  return G_SOURCE_CONTINUE;
}

/* One that starts itself at once does not keep the loop. */
static void
test_over_and_over (Fixture *f, gconstpointer data)
{
  g_autoptr (GSource) other = g_idle_source_new ();
  guint turns = 0;

  g_source_set_priority (other, G_PRIORITY_DEFAULT);
  g_source_set_callback (other, count_turn, &turns, NULL);
  g_source_attach (other, f->context);
  f->again = 1000;
  add (f, -1);
  while (f->ended->len < 1001)
    g_main_context_iteration (f->context, FALSE);
  g_assert_cmpuint (turns, >=, 10);
  g_source_destroy (other);
}

static void
free_queue (guint64 id, gpointer data)
{
  Fixture *f = data;

  g_clear_pointer (&f->queue, ivd_timer_queue_free);
}

static void
test_free_from_timer (Fixture *f, gconstpointer data)
{
  ivd_timer_queue_add (f->queue, 0, free_queue, f);
  ivd_timer_queue_add (f->queue, 0, free_queue, f);
  while (g_main_context_iteration (f->context, FALSE))
    continue;
  g_assert_null (f->queue);
}

#define ADD(name, func) g_test_add ("/ivd/timer-queue/" name, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("order", test_order);
  ADD ("many", test_many);
  ADD ("far-away", test_far_away);
  ADD ("remove-from-timer", test_remove_from_timer);
  ADD ("over-and-over", test_over_and_over);
  ADD ("free-from-timer", test_free_from_timer);
  return g_test_run ();
}
