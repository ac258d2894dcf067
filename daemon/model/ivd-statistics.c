/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "model/ivd-statistics.h"

static const char *const stat_names[IVD_STAT_COUNT] = {
  "read_bytes",
  "written_bytes",
  "interrupts_received",
  "interrupts_sent",
  "peers_connected",
  "peers_disconnected",
  "losses",
  "operations",
  "errors",
};

const char *
ivd_stat_name (IvdStat stat)
{
  g_return_val_if_fail ((guint) stat < IVD_STAT_COUNT, "unknown");
  return stat_names[stat];
}

void
ivd_statistics_add (IvdStatistics *statistics, IvdStat stat, guint64 count)
{
  __atomic_fetch_add (&statistics->counters[stat], count, __ATOMIC_RELAXED);
}

guint64
ivd_statistics_get (const IvdStatistics *statistics, IvdStat stat)
{
  return __atomic_load_n (&statistics->counters[stat], __ATOMIC_RELAXED);
}

void
ivd_statistics_add_error (IvdStatistics *statistics, const GError *error)
{
  __atomic_fetch_add (&statistics->errors[ivd_error_code (error)], 1, __ATOMIC_RELAXED);
  ivd_statistics_add (statistics, IVD_STAT_ERRORS, 1);
}

guint64
ivd_statistics_get_errors (const IvdStatistics *statistics, IvdErrorCode code)
{
  return __atomic_load_n (&statistics->errors[code], __ATOMIC_RELAXED);
}
