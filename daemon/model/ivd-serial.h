/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * Serial numbers of events: no gaps within a run, never used twice over runs.
 * Blocks of IVD_SERIAL_BLOCK are reserved in a file before use, so that a
 * restart, however rude, begins after all that was ever given. The next block
 * is reserved on another thread when half of this one is used.
 */

typedef struct _IvdSerial IvdSerial;

/* path: where reservations are kept; NULL: nowhere, and numbering starts at 1
 * in every run. Reads and writes the file once before it returns. */
IvdSerial *ivd_serial_new (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ivd_serial_free (IvdSerial *serial);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdSerial, ivd_serial_free)

guint64 ivd_serial_next (IvdSerial *serial);
/* What the next one will be. */
guint64 ivd_serial_peek (IvdSerial *serial);
