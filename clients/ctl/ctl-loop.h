/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * The main loop of a verb that goes on until it is told to end: by itself, by
 * an error, or by SIGINT or SIGTERM, which are a clean end.
 */

typedef struct _CtlLoop CtlLoop;

CtlLoop *ctl_loop_new (void);
void ctl_loop_free (CtlLoop *loop);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CtlLoop, ctl_loop_free)

/* FALSE with the error that ended it. May be run again, unless a signal ended
 * it. */
gboolean ctl_loop_run (CtlLoop *loop, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Whether a signal or an error ended it. */
gboolean ctl_loop_is_over (CtlLoop *loop);

/* error NULL: all is well. The first error counts. */
void ctl_loop_end (CtlLoop *loop, const GError *error);

/* Writes out what is in standard output's buffer; an error ends the loop. */
void ctl_loop_flush_output (CtlLoop *loop);
