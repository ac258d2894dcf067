/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <sys/types.h>

#include <glib.h>

/*
 * Who maps which file: one pass over /proc/PID/maps of all processes that we
 * may look at. It ends at limits of its own, and then says so.
 */

typedef struct _PlainMappers PlainMappers;

PlainMappers *plain_mappers_new (void);
void plain_mappers_free (PlainMappers *mappers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PlainMappers, plain_mappers_free)

/* A file that is asked about later. */
void plain_mappers_add (PlainMappers *mappers, dev_t device, ino_t inode);
/* Not after monotonic time deadline. */
void plain_mappers_scan (PlainMappers *mappers, gint64 deadline);
/* "812 qemu-system-x86, 901 looking-glass and 3 more"; empty: nobody. */
char *plain_mappers_describe (PlainMappers *mappers, dev_t device, ino_t inode);
