/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "model/ivd-event.h"

/*
 * The bounded ring of recent events. A reader keeps only the serial of what it
 * read last; whoever falls behind is told how many events it missed, and costs
 * nothing until then. Any thread.
 */

typedef struct _IvdEventLog IvdEventLog;

/* first_serial: of the first event of this run. */
IvdEventLog *ivd_event_log_new (guint capacity, guint64 first_serial);
void ivd_event_log_free (IvdEventLog *log);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdEventLog, ivd_event_log_free)

/* Serials must be given without gaps. */
void ivd_event_log_append (IvdEventLog *log, IvdEvent *event);

/* The event after serial `after` that is still there, or NULL when there is
 * none yet. ret_missed: how many between the two are gone for ever. An `after`
 * from before this run gives the oldest event there is and
 * IVD_EVENT_LOG_UNKNOWN; one from the future, likewise. (transfer full) */
#define IVD_EVENT_LOG_UNKNOWN G_MAXUINT64
IvdEvent *ivd_event_log_next (IvdEventLog *log, guint64 after, guint64 *ret_missed);

/* The serial of the newest event; first_serial - 1 when there is none. */
guint64 ivd_event_log_last (IvdEventLog *log);
