/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "memory/ivd-copy.h"

/*
 * IvdWatch: looks at a byte range of a mapping now and then and says what has
 * changed. It looks on the pool, at its interval or slower: so slowly that its
 * scans take at most IVD_WATCH_CPU_PERCENT of one core. One scan at a time;
 * its timer exists only while it does. Main thread.
 */

typedef struct _IvdWatch IvdWatch;

#define IVD_WATCH_CPU_PERCENT 2

/* One run of changed bytes, to the grain of a block. Must not free the watch. */
typedef void (*IvdWatchFunc) (guint64 offset, guint64 length, gpointer data);

/* The first look, against which changes are told, has been taken. Once; the
 * watch may be freed from within. */
typedef void (*IvdWatchReadyFunc) (gpointer data);

/* ready: may be NULL. pool must outlive it. Errors: out-of-range,
 * invalid-argument, closed, region-lost. */
IvdWatch *ivd_watch_new (IvdCopyPool *pool, IvdMapping *mapping, guint64 offset, guint64 length,
                         guint64 min_interval_usec, IvdWatchReadyFunc ready, IvdWatchFunc func, gpointer data,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Also while a scan runs; func is not called any more. */
void ivd_watch_free (IvdWatch *watch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdWatch, ivd_watch_free)
