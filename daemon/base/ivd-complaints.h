/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * IvdComplaints: what the log was told already of one thing that is tried again
 * and again, so that each message is there once. Bounded. One thread.
 */

typedef struct _IvdComplaints IvdComplaints;

IvdComplaints *ivd_complaints_new (void);
void ivd_complaints_free (IvdComplaints *complaints);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdComplaints, ivd_complaints_free)

/* TRUE: nobody has said so since the last success, and it is worth a line. */
gboolean ivd_complaints_note (IvdComplaints *complaints, const char *message);
/* It went well: from now on everything is new again. */
void ivd_complaints_forget (IvdComplaints *complaints);
