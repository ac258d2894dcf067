/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "memory/ivd-copy.h"

/*
 * IvdWatch: looks at a byte range of a mapping now and then and says what has
 * changed. It looks on the pool, at its interval or slower: so slowly that the
 * scans of all watches of one budget together take at most
 * IVD_WATCH_CPU_PERCENT of one core. While they would take more each gets the
 * same share, so that a watch of gigabytes slows itself and not its neighbours.
 * One scan at a time in a budget, so that the pool is there for others, and in
 * pieces between which the others have their turn, so that a first look at
 * gigabytes holds up nobody; a timer exists only while a watch does. Main thread.
 */

typedef struct _IvdWatch IvdWatch;

#define IVD_WATCH_CPU_PERCENT 2

/* What watches share: made with g_rc_box_new0(), and each holds a reference. */
typedef struct
{
  guint watches;    /* how many there are */
  guint64 demand;   /* millionths of a core, if each looked at its interval */
  gboolean looking; /* one of them is on the pool */
  GQueue waiting;   /* of IvdWatch, whose turn comes after */
} IvdWatchBudget;

/* One run of changed bytes, to the grain of a block; of more than
 * IVD_LIMIT_WATCH_RUNS in one look the last spans the rest. Must not free the
 * watch. */
typedef void (*IvdWatchFunc) (guint64 offset, guint64 length, gpointer data);

/* All that one look has found, whatever the number of runs, to the grain of a
 * block; before it is told run by run. Must not free the watch. */
typedef void (*IvdWatchLookFunc) (guint64 bytes, guint64 blocks, gpointer data);

/* The first look, against which changes are told, has been taken. Once; the
 * watch may be freed from within. */
typedef void (*IvdWatchReadyFunc) (gpointer data);

/* min_interval_usec: from the beginning of one look to that of the next. ready
 * and func: may be NULL. pool must outlive it. When the mapping has been closed or lost
 * it looks no more. Errors: out-of-range, limit. */
IvdWatch *ivd_watch_new (IvdWatchBudget *budget, IvdCopyPool *pool, IvdMapping *mapping, guint64 offset,
                         guint64 length, guint64 min_interval_usec, IvdWatchReadyFunc ready, IvdWatchFunc func,
                         gpointer data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Of looks that find something, from now on. NULL to unset. */
void ivd_watch_set_look_func (IvdWatch *watch, IvdWatchLookFunc func);
/* Also while a scan runs; func is not called any more. */
void ivd_watch_free (IvdWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdWatch, ivd_watch_free)

/* Something has happened that makes a change likely: looks as soon as its
 * interval allows, though it be early for its share of the processor. That is
 * saved up later; at most a second of waiting can be borrowed. */
void ivd_watch_poke (IvdWatch *watch);
