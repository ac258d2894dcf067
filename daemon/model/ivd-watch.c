/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "model/ivd-watch.h"

#include <time.h>

#include "base/ivd-limits.h"
#include "memory/ivd-scan.h"

/* Blocks as small as the range makes worth while, so that a watch of a few
 * words does not tell of its neighbours. */
#define SMALLEST_BLOCK 64

/* What a scan has found. */
typedef struct
{
  guint64 offset, length;
} ChangedRun;

/* Shared between the watch and a scan on its way; the last one frees it. */
typedef struct
{
  IvdScan *scan;
  IvdMapping *mapping;
  IvdWatch *watch; /* NULL: freed meanwhile */
  IvdWatchBudget *budget;
  GArray *runs; /* of ChangedRun, of the scan that has just ended */
  gint64 cost_usec;
  gboolean failed; /* the memory is gone: nothing to look at any more */
} Look;

struct _IvdWatch
{
  IvdCopyPool *pool;
  Look *look;
  gboolean looking; /* on the pool */
  gboolean waiting; /* for its turn there */
  guint64 min_interval_usec;
  guint timer;
  IvdWatchReadyFunc ready; /* NULL once it was called */
  IvdWatchFunc func;
  gpointer data;
};

static void
look_free (Look *look)
{
  g_clear_pointer (&look->scan, ivd_scan_free);
  ivd_mapping_unref (look->mapping);
  g_array_unref (look->runs);
  g_rc_box_release (look->budget);
  g_free (look);
}

static void
on_run (guint64 offset, guint64 length, gpointer data)
{
  Look *look = data;
  ChangedRun run = { offset, length };
  ChangedRun *last;

  if (look->runs->len < IVD_LIMIT_WATCH_RUNS)
    {
      g_array_append_val (look->runs, run);
      return;
    }
  last = &g_array_index (look->runs, ChangedRun, look->runs->len - 1);
  last->length = offset + length - last->offset;
}

static gint64
thread_cpu_usec (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* On the pool. */
static void
scan_work (gpointer data)
{
  Look *look = data;
  gint64 begin = thread_cpu_usec ();
  guint64 blocks;

  g_array_set_size (look->runs, 0);
  look->failed = !ivd_scan_run (look->scan, on_run, look, &blocks, NULL);
  look->cost_usec = thread_cpu_usec () - begin;
}

static void begin_look (IvdWatch *self);

static gboolean
on_timer (gpointer data)
{
  IvdWatch *self = data;

  self->timer = 0;
  begin_look (self);
  return G_SOURCE_REMOVE;
}

/* The first look is not charged: it faults every page in, once, and whoever
 * has asked for the watch waits for it. */
static void
schedule (IvdWatch *self, gboolean first)
{
  gint64 charged = first ? 0 : self->look->cost_usec * (100 / IVD_WATCH_CPU_PERCENT) * self->look->budget->watches;
  gint64 rest = MAX ((gint64) self->min_interval_usec, charged);

  self->timer = g_timeout_add ((guint) MIN ((rest + 999) / 1000, G_MAXINT), on_timer, self);
}

static void
next_turn (IvdWatchBudget *budget)
{
  IvdWatch *next = g_queue_pop_head (&budget->waiting);

  budget->looking = FALSE;
  if (next == NULL)
    return;
  next->waiting = FALSE;
  begin_look (next);
}

static void
scan_done (gpointer data)
{
  Look *look = data;
  IvdWatch *self = look->watch;
  IvdWatchReadyFunc ready;

  next_turn (look->budget);
  if (self == NULL)
    {
      look_free (look);
      return;
    }
  self->looking = FALSE;
  for (guint i = 0; i < look->runs->len; i++)
    {
      const ChangedRun *run = &g_array_index (look->runs, ChangedRun, i);

      self->func (run->offset, run->length, self->data);
    }
  if (!look->failed)
    schedule (self, self->ready != NULL);
  ready = g_steal_pointer (&self->ready);
  if (ready != NULL)
    ready (self->data);
}

static void
begin_look (IvdWatch *self)
{
  IvdWatchBudget *budget = self->look->budget;

  if (budget->looking)
    {
      self->waiting = TRUE;
      g_queue_push_tail (&budget->waiting, self);
      return;
    }
  budget->looking = TRUE;
  self->looking = TRUE;
  ivd_copy_pool_run (self->pool, scan_work, scan_done, self->look);
}

static guint
choose_block (guint64 length)
{
  return length < IVD_SCAN_BLOCK_BYTES ? SMALLEST_BLOCK : IVD_SCAN_BLOCK_BYTES;
}

IvdWatch *
ivd_watch_new (IvdWatchBudget *budget, IvdCopyPool *pool, IvdMapping *mapping, guint64 offset, guint64 length,
               guint64 min_interval_usec, IvdWatchReadyFunc ready, IvdWatchFunc func, gpointer data, GError **error)
{
  IvdScan *scan = ivd_scan_new (mapping, offset, length, choose_block (length), error);
  IvdWatch *self;

  if (scan == NULL)
    return NULL;
  self = g_new0 (IvdWatch, 1);
  self->pool = pool;
  self->min_interval_usec = MIN (min_interval_usec, G_MAXINT64 / 4);
  self->ready = ready;
  self->func = func;
  self->data = data;
  self->look = g_new0 (Look, 1);
  self->look->scan = scan;
  self->look->mapping = ivd_mapping_ref (mapping);
  self->look->watch = self;
  self->look->budget = g_rc_box_acquire (budget);
  self->look->runs = g_array_new (FALSE, FALSE, sizeof (ChangedRun));
  budget->watches++;
  begin_look (self); /* the first only learns */
  return self;
}

void
ivd_watch_free (IvdWatch *watch)
{
  if (watch == NULL)
    return;
  g_clear_handle_id (&watch->timer, g_source_remove);
  watch->look->budget->watches--;
  if (watch->waiting)
    g_queue_remove (&watch->look->budget->waiting, watch);
  watch->look->watch = NULL;
  if (!watch->looking)
    look_free (watch->look);
  g_free (watch);
}
