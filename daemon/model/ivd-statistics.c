/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "model/ivd-statistics.h"

#include "base/ivd-limits.h"

/* Counters of vectors are kept in chunks that are made when first needed and
 * stay where they are, so that a reader needs no lock while they grow. */
#define CHUNK 64
#define CHUNKS ((IVD_LIMIT_VECTORS + CHUNK - 1) / CHUNK)

struct _IvdStatistics
{
  guint64 counters[IVD_STAT_COUNT];
  guint64 operations[IVD_STATISTICS_OPERATIONS];
  guint64 errors[IVD_ERROR_COUNT];
  guint64 *interrupts[CHUNKS]; /* each NULL or CHUNK counters */
};

static const char *const stat_names[IVD_STAT_COUNT] = {
  "read_bytes",
  "written_bytes",
  "interrupts_received",
  "interrupts_sent",
  "peers_connected",
  "peers_disconnected",
  "losses",
  "changed_bytes",
  "changed_blocks",
  "operations",
  "errors",
};

const char *
ivd_stat_name (IvdStat stat)
{
  g_return_val_if_fail ((guint) stat < IVD_STAT_COUNT, "unknown");
  return stat_names[stat];
}

IvdStatistics *
ivd_statistics_new (void)
{
  return g_atomic_rc_box_new0 (IvdStatistics);
}

IvdStatistics *
ivd_statistics_ref (IvdStatistics *statistics)
{
  return g_atomic_rc_box_acquire (statistics);
}

static void
statistics_clear (gpointer data)
{
  IvdStatistics *statistics = data;

  for (guint i = 0; i < CHUNKS; i++)
    g_free (statistics->interrupts[i]);
}

void
ivd_statistics_unref (IvdStatistics *statistics)
{
  if (statistics != NULL)
    g_atomic_rc_box_release_full (statistics, statistics_clear);
}

static void
add (guint64 *counter, guint64 count)
{
  __atomic_fetch_add (counter, count, __ATOMIC_RELAXED);
}

static guint64
get (const guint64 *counter)
{
  return __atomic_load_n (counter, __ATOMIC_RELAXED);
}

void
ivd_statistics_add (IvdStatistics *statistics, IvdStat stat, guint64 count)
{
  add (&statistics->counters[stat], count);
}

guint64
ivd_statistics_get (const IvdStatistics *statistics, IvdStat stat)
{
  return get (&statistics->counters[stat]);
}

void
ivd_statistics_add_operation (IvdStatistics *statistics, guint operation)
{
  g_return_if_fail (operation < IVD_STATISTICS_OPERATIONS);
  add (&statistics->operations[operation], 1);
  ivd_statistics_add (statistics, IVD_STAT_OPERATIONS, 1);
}

guint64
ivd_statistics_get_operations (const IvdStatistics *statistics, guint operation)
{
  g_return_val_if_fail (operation < IVD_STATISTICS_OPERATIONS, 0);
  return get (&statistics->operations[operation]);
}

void
ivd_statistics_add_error (IvdStatistics *statistics, const GError *error)
{
  add (&statistics->errors[ivd_error_code (error)], 1);
  ivd_statistics_add (statistics, IVD_STAT_ERRORS, 1);
}

guint64
ivd_statistics_get_errors (const IvdStatistics *statistics, IvdErrorCode code)
{
  return get (&statistics->errors[code]);
}

/* The chunk that stands there, made by whoever comes first. */
static guint64 *
need_chunk (guint64 **chunk)
{
  guint64 *there = __atomic_load_n (chunk, __ATOMIC_ACQUIRE);
  guint64 *fresh;

  if (there != NULL)
    return there;
  fresh = g_new0 (guint64, CHUNK);
  if (__atomic_compare_exchange_n (chunk, &there, fresh, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    return fresh;
  g_free (fresh);
  return there;
}

void
ivd_statistics_add_interrupts (IvdStatistics *statistics, guint vector, guint64 count)
{
  g_return_if_fail (vector < IVD_LIMIT_VECTORS);
  add (&need_chunk (&statistics->interrupts[vector / CHUNK])[vector % CHUNK], count);
  ivd_statistics_add (statistics, IVD_STAT_INTERRUPTS_RECEIVED, count);
}

guint64
ivd_statistics_get_interrupts (const IvdStatistics *statistics, guint vector)
{
  const guint64 *chunk = NULL;

  if (vector < IVD_LIMIT_VECTORS)
    chunk = __atomic_load_n (&statistics->interrupts[vector / CHUNK], __ATOMIC_ACQUIRE);
  return chunk != NULL ? get (&chunk[vector % CHUNK]) : 0;
}
