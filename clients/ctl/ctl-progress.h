/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ctl-command.h"

/* One line on standard error that says how far a copy is, rewritten in place;
 * nothing at all when that is no terminal, or with --quiet or --json. */

typedef struct _CtlProgress CtlProgress;

CtlProgress *ctl_progress_new (CtlCommand *command, const char *what, guint64 total);
void ctl_progress_update (CtlProgress *progress, guint64 done);
/* Wipes the line. */
void ctl_progress_free (CtlProgress *progress);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CtlProgress, ctl_progress_free)
