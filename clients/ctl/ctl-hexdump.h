/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * Bytes as `hexdump -C` shows them: sixteen a line with their offset and their
 * text, lines like the one before squeezed to one "*", the end's offset last.
 * Fed piece by piece, so that a large region needs no large memory.
 */

typedef struct _CtlHexdump CtlHexdump;

/* Takes one line, which ends in a newline. FALSE stops the dump. */
typedef gboolean (*CtlHexdumpFunc) (const char *line, gpointer data);

/* offset: that of the first byte. */
CtlHexdump *ctl_hexdump_new (guint64 offset, CtlHexdumpFunc func, gpointer data);
void ctl_hexdump_free (CtlHexdump *dump);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CtlHexdump, ctl_hexdump_free)

/* FALSE when func has stopped it. */
gboolean ctl_hexdump_feed (CtlHexdump *dump, const void *bytes, gsize length);
/* The last line, if it is a short one, and the offset behind it. */
gboolean ctl_hexdump_finish (CtlHexdump *dump);
