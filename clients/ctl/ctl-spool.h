/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ctl-memory.h"
#include "ctl-progress.h"

/*
 * All that is to be written, known whole before the first byte of it is: a
 * file is used as it is, what comes through a pipe is kept in memory while it
 * is small and in an unlinked temporary file from there on.
 */

typedef struct _CtlSpool CtlSpool;

/* path NULL or "-": standard input. Stops reading at one byte more than
 * maximum, so that the caller sees that it is too long. Errors: io. */
CtlSpool *ctl_spool_open (const char *path, guint64 maximum, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ctl_spool_free (CtlSpool *spool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CtlSpool, ctl_spool_free)

guint64 ctl_spool_get_length (CtlSpool *spool);

/* The next bytes: length, or fewer at the end only. Errors: io, when a file
 * has become shorter meanwhile. */
GBytes *ctl_spool_read (CtlSpool *spool, gsize length, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* All that is left of it into memory. progress may be NULL. */
gboolean ctl_spool_copy (CtlSpool *spool, CtlMemory *memory, CtlProgress *progress, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
