/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ctl-command.h"

/*
 * A range of a region, to be copied piece by piece. What is short goes through
 * the bus; a long range is copied through the memory's own descriptor, if the
 * daemon may hand it out and the descriptor can be read like a file. Nothing
 * is mapped, so a region that is cut short meanwhile is an error and not a
 * SIGBUS.
 */

typedef struct _CtlMemory CtlMemory;

/* The most that one piece has. */
#define CTL_MEMORY_PIECE_BYTES (1024 * 1024)

typedef enum
{
  CTL_MEMORY_READ,
  CTL_MEMORY_WRITE,
} CtlMemoryAccess;

typedef struct
{
  guint64 offset, length;
  gboolean to_end; /* then length means nothing */
} CtlRange;

/* What --offset and --length say. */
CtlRange ctl_memory_range (CtlArguments *arguments);

/* Checks that the range lies within the region. Errors: out-of-range, and
 * those of the daemon. */
CtlMemory *ctl_memory_open (CtlCommand *command,
                            const char *region,
                            CtlRange range,
                            CtlMemoryAccess access,
                            GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void ctl_memory_free (CtlMemory *memory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CtlMemory, ctl_memory_free)

guint64 ctl_memory_get_offset (CtlMemory *memory);
guint64 ctl_memory_get_length (CtlMemory *memory);

/* The next piece of the range: at most CTL_MEMORY_PIECE_BYTES, none at its end. */
GBytes *ctl_memory_read (CtlMemory *memory, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* length: at most CTL_MEMORY_PIECE_BYTES. */
gboolean ctl_memory_write (CtlMemory *memory, const void *bytes, gsize length, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Errors: out-of-range, naming the range and the region's size. */
gboolean ctl_memory_check_range (const char *region,
                                 guint64 size,
                                 guint64 offset,
                                 guint64 length,
                                 GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
