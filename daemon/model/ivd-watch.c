/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "model/ivd-watch.h"

#include "base/ivd-limits.h"
#include "memory/ivd-scan.h"
#include "platform/ivd-thread-time.h"

/* Blocks as small as the range makes worth while, so that a watch of a few
 * words does not tell of its neighbours. */
#define SMALLEST_BLOCK 64

/* How long a poked watch may look before its share has been saved up. */
#define BORROW_USEC G_USEC_PER_SEC

/* An interval that is over in no lifetime, and can be added to a time. */
#define INTERVAL_MAX_USEC ((guint64) G_MAXINT64 / 4)

/* Processor time by time. */
#define MILLIONTHS 1000000
#define BUDGET_MILLIONTHS (IVD_WATCH_CPU_PERCENT * (MILLIONTHS / 100))

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
  gboolean under_way; /* a part has been looked at, and a part has not */
  GArray *runs;       /* of ChangedRun, of this look */
  guint64 bytes, blocks;
  gint64 begun;
  gint64 cost_usec;
} Look;

struct _IvdWatch
{
  IvdCopyPool *pool;
  Look *look;
  gboolean looking; /* on the pool */
  gboolean waiting; /* for its turn there */
  gint64 min_interval_usec;
  gint64 paid; /* when all looks so far have been saved up for */
  gint64 next, next_if_poked;
  gboolean poked; /* since the last look began */
  guint64 demand;
  guint timer;
  IvdWatchReadyFunc ready; /* NULL once it was called */
  IvdWatchFunc func;
  IvdWatchLookFunc look_func;
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
  ChangedRun *last = NULL;

  look->bytes += length;
  if (look->runs->len > 0)
    last = &g_array_index (look->runs, ChangedRun, look->runs->len - 1);
  /* One that goes on in the next piece is one. */
  if (last == NULL || (look->runs->len < IVD_LIMIT_WATCH_RUNS && last->offset + last->length < offset))
    g_array_append_val (look->runs, run);
  else
    last->length = offset + length - last->offset;
}

static void
look_begin (Look *look)
{
  look->begun = g_get_monotonic_time ();
  look->bytes = 0;
  look->blocks = 0;
  look->cost_usec = 0;
  g_array_set_size (look->runs, 0);
}

/* On the pool. A failure is no news: the mapping says what there is to say. */
static void
scan_work (gpointer data)
{
  Look *look = data;
  gint64 before = ivd_thread_time ();
  gboolean complete = TRUE;
  guint64 blocks = 0;

  if (!look->under_way)
    look_begin (look);
  (void) !ivd_scan_run (look->scan, IVD_LIMIT_WATCH_PIECE_BYTES, on_run, look, &blocks, &complete, NULL);
  look->blocks += blocks;
  look->under_way = !complete;
  look->cost_usec += ivd_thread_time () - before;
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

static void
rest_until (IvdWatch *self, gint64 when)
{
  gint64 left = MAX (when - g_get_monotonic_time (), 0);

  g_clear_handle_id (&self->timer, g_source_remove);
  self->timer = g_timeout_add ((guint) MIN ((left + 999) / 1000, G_MAXINT), on_timer, self);
}

static void
set_demand (IvdWatch *self, guint64 demand)
{
  self->look->budget->demand -= self->demand;
  self->look->budget->demand += demand;
  self->demand = demand;
}

/* When the next look may be. As long as everybody together stays within the
 * budget nobody has to slow down. The first look is not charged: it faults
 * every page in, once, and whoever has asked for the watch waits for it. */
static void
schedule (IvdWatch *self, gboolean first)
{
  const Look *look = self->look;
  const IvdWatchBudget *budget = look->budget;
  guint64 cost = first ? 0 : (guint64) look->cost_usec;
  gint64 share = 0, allowed = look->begun + self->min_interval_usec;

  set_demand (self, cost * MILLIONTHS / (guint64) self->min_interval_usec);
  if (budget->demand > BUDGET_MILLIONTHS)
    share = (gint64) (cost * budget->watches * MILLIONTHS / BUDGET_MILLIONTHS);

  self->paid = MAX (self->paid, look->begun) + share;
  self->next = MAX (allowed, self->paid);
  self->next_if_poked = MAX (allowed, self->paid - BORROW_USEC);
  rest_until (self, self->poked ? self->next_if_poked : self->next);
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
  if (look->under_way)
    {
      begin_look (self);
      return;
    }
  if (self->look_func != NULL && look->bytes > 0)
    self->look_func (look->bytes, look->blocks, self->data);
  for (guint i = 0; self->func != NULL && i < look->runs->len; i++)
    {
      const ChangedRun *run = &g_array_index (look->runs, ChangedRun, i);

      self->func (run->offset, run->length, self->data);
    }
  if (ivd_mapping_check (look->mapping, NULL))
    schedule (self, self->ready != NULL);
  else
    set_demand (self, 0);
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
  if (!self->look->under_way)
    self->poked = FALSE;
  ivd_copy_pool_run (self->pool, scan_work, scan_done, self->look);
}

static guint
choose_block (guint64 length)
{
  return length < IVD_SCAN_BLOCK_BYTES ? SMALLEST_BLOCK : IVD_SCAN_BLOCK_BYTES;
}

IvdWatch *
ivd_watch_new (IvdWatchBudget *budget, IvdCopyPool *pool, IvdMapping *mapping, guint64 offset, guint64 length,
               guint64 min_interval_usec, IvdWatchReadyFunc ready, IvdWatchFunc func, gpointer data,
               GError **error)
{
  IvdScan *scan = ivd_scan_new (mapping, offset, length, choose_block (length), error);
  IvdWatch *self;

  if (scan == NULL)
    return NULL;
  self = g_new0 (IvdWatch, 1);
  self->pool = pool;
  self->min_interval_usec = (gint64) CLAMP (min_interval_usec, 1, INTERVAL_MAX_USEC);
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
ivd_watch_set_look_func (IvdWatch *watch, IvdWatchLookFunc func)
{
  watch->look_func = func;
}

void
ivd_watch_free (IvdWatch *watch)
{
  if (watch == NULL)
    return;
  g_clear_handle_id (&watch->timer, g_source_remove);
  set_demand (watch, 0);
  watch->look->budget->watches--;
  if (watch->waiting)
    g_queue_remove (&watch->look->budget->waiting, watch);
  watch->look->watch = NULL;
  if (!watch->looking)
    look_free (watch->look);
  g_free (watch);
}

void
ivd_watch_poke (IvdWatch *watch)
{
  if (watch->poked)
    return;
  watch->poked = TRUE;
  if (watch->timer != 0)
    rest_until (watch, watch->next_if_poked);
}
