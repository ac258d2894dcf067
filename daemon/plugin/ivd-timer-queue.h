/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * IvdTimerQueue: any number of timers behind one GSource, because a main loop
 * looks at every source in every iteration. Main thread.
 */

typedef struct _IvdTimerQueue IvdTimerQueue;

/* The timer has ended. May add and remove timers, and free the queue. */
typedef void (*IvdTimerFunc) (guint64 id, gpointer data);

IvdTimerQueue *ivd_timer_queue_new (GMainContext *context);
void ivd_timer_queue_free (IvdTimerQueue *queue);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdTimerQueue, ivd_timer_queue_free)

/* when: monotonic, in microseconds. Ids are never used twice and never 0. */
guint64 ivd_timer_queue_add (IvdTimerQueue *queue, gint64 when, IvdTimerFunc func, gpointer data);
/* Unknown ids are ignored. */
void ivd_timer_queue_remove (IvdTimerQueue *queue, guint64 id);
