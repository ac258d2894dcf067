/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * IvdPages: a piece of a file, mapped shared into this process, and a
 * descriptor of that file. Immutable but for its revocation; any thread.
 */

typedef struct _IvdPages IvdPages;

/* fd is copied. offset: a multiple of the page size. Errors: invalid-argument
 * (size 0, offset, a descriptor that cannot be mapped), out-of-range (the file
 * is shorter), denied, no-space (no huge pages), limit, io. */
IvdPages *ivd_pages_new (int fd, guint64 offset, guint64 size, gboolean writable, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void ivd_pages_free (IvdPages *pages);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdPages, ivd_pages_free)

gpointer ivd_pages_get_address (IvdPages *pages);
guint64 ivd_pages_get_offset (IvdPages *pages);

/* Another descriptor of the file, close-on-exec, the caller's. read_only: opened
 * anew with O_RDONLY, never a share of ours. -1 and denied, limit or io. */
int ivd_pages_open (IvdPages *pages, gboolean read_only, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* TRUE if the file still reaches into the page of position (counted from the
 * pages' first byte): then what cannot be touched there has no room, else the
 * file was cut. */
gboolean ivd_pages_reaches (IvdPages *pages, guint64 position);

/* Lets go of the file, now, whoever still uses the pages: they are memory of our
 * own from here on, and the descriptor is one of nothing. For a device that is
 * being removed, which the kernel cannot do while somebody has it. */
void ivd_pages_revoke (IvdPages *pages);
