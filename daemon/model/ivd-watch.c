/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "model/ivd-watch.h"

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
  GArray *runs;    /* of ChangedRun, of the scan that has just ended */
  gint64 cost_usec;
  gboolean failed; /* the memory is gone: nothing to look at any more */
} Look;

struct _IvdWatch
{
  IvdCopyPool *pool;
  Look *look;
  gboolean looking;
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
  g_free (look);
}

static void
on_run (guint64 offset, guint64 length, gpointer data)
{
  Look *look = data;
  ChangedRun run = { offset, length };

  g_array_append_val (look->runs, run);
}

/* On the pool. */
static void
scan_work (gpointer data)
{
  Look *look = data;
  gint64 begin = g_get_monotonic_time ();
  guint64 blocks;

  g_array_set_size (look->runs, 0);
  look->failed = !ivd_scan_run (look->scan, on_run, look, &blocks, NULL);
  look->cost_usec = g_get_monotonic_time () - begin;
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
scan_done (gpointer data)
{
  Look *look = data;
  IvdWatch *self = look->watch;
  IvdWatchReadyFunc ready;
  gint64 rest;

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
    {
      rest = MAX ((gint64) self->min_interval_usec, look->cost_usec * (100 / IVD_WATCH_CPU_PERCENT));
      self->timer = g_timeout_add ((guint) MIN ((rest + 999) / 1000, G_MAXINT), on_timer, self);
    }
  ready = g_steal_pointer (&self->ready);
  if (ready != NULL)
    ready (self->data);
}

static void
begin_look (IvdWatch *self)
{
  self->looking = TRUE;
  ivd_copy_pool_run (self->pool, scan_work, scan_done, self->look);
}

static guint
choose_block (guint64 length)
{
  return length < IVD_SCAN_BLOCK_BYTES ? SMALLEST_BLOCK : IVD_SCAN_BLOCK_BYTES;
}

IvdWatch *
ivd_watch_new (IvdCopyPool *pool, IvdMapping *mapping, guint64 offset, guint64 length, guint64 min_interval_usec,
               IvdWatchReadyFunc ready, IvdWatchFunc func, gpointer data, GError **error)
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
  self->look->runs = g_array_new (FALSE, FALSE, sizeof (ChangedRun));
  begin_look (self); /* the first only learns */
  return self;
}

void
ivd_watch_free (IvdWatch *watch)
{
  if (watch == NULL)
    return;
  g_clear_handle_id (&watch->timer, g_source_remove);
  watch->look->watch = NULL;
  if (!watch->looking)
    look_free (watch->look);
  g_free (watch);
}
