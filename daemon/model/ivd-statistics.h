/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "base/ivd-error.h"

/*
 * What is counted of a region. Reference counted, so that it may be read after
 * its region has gone. Any thread may add and read; readers get each number
 * whole, not all numbers at one moment.
 */

typedef enum
{
  IVD_STAT_READ_BYTES,
  IVD_STAT_WRITTEN_BYTES,
  IVD_STAT_INTERRUPTS_RECEIVED, /* rings, the collapsed ones counted */
  IVD_STAT_INTERRUPTS_SENT,
  IVD_STAT_PEERS_CONNECTED, /* ever */
  IVD_STAT_PEERS_DISCONNECTED,
  IVD_STAT_LOSSES,
  IVD_STAT_CHANGED_BYTES, /* these two only of regions with activity=true */
  IVD_STAT_CHANGED_BLOCKS,
  IVD_STAT_OPERATIONS,
  IVD_STAT_ERRORS,
} IvdStat;

#define IVD_STAT_COUNT (IVD_STAT_ERRORS + 1)

/* Operations that are counted one by one, at most. */
#define IVD_STATISTICS_OPERATIONS 32

typedef struct _IvdStatistics IvdStatistics;

/* "read_bytes" ... */
const char *ivd_stat_name (IvdStat stat);

/* All at 0. (transfer full) */
IvdStatistics *ivd_statistics_new (void);
IvdStatistics *ivd_statistics_ref (IvdStatistics *statistics);
void ivd_statistics_unref (IvdStatistics *statistics);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdStatistics, ivd_statistics_unref)

void ivd_statistics_add (IvdStatistics *statistics, IvdStat stat, guint64 count);
guint64 ivd_statistics_get (const IvdStatistics *statistics, IvdStat stat);
/* Counts an operation, under its index in the table of operations. */
void ivd_statistics_add_operation (IvdStatistics *statistics, guint operation);
guint64 ivd_statistics_get_operations (const IvdStatistics *statistics, guint operation);
/* Counts an operation's failure under its code. */
void ivd_statistics_add_error (IvdStatistics *statistics, const GError *error);
guint64 ivd_statistics_get_errors (const IvdStatistics *statistics, IvdErrorCode code);

/* Rings received on an own vector, ever; vector < IVD_LIMIT_VECTORS. */
void ivd_statistics_add_interrupts (IvdStatistics *statistics, guint vector, guint64 count);
/* 0 for vectors that there never were. */
guint64 ivd_statistics_get_interrupts (const IvdStatistics *statistics, guint vector);
