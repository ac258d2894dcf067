/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "memory/ivd-memory.h"

/*
 * The pool for long copies: so that the main thread never copies more than
 * IVD_LIMIT_INLINE_COPY_BYTES at once. Results come back on the thread-default
 * main context of the caller. Short ones (at most that limit) are done at
 * once, before the call returns, but still answered from the main context.
 */

typedef struct _IvdCopyPool IvdCopyPool;

IvdCopyPool *ivd_copy_pool_new (void);
/* Waits for the copies in flight. NULL is fine. */
void ivd_copy_pool_free (IvdCopyPool *pool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdCopyPool, ivd_copy_pool_free)

/* Errors: those of ivd_memory_read; too-large above IVD_LIMIT_COPY_READ_BYTES,
 * or when there is no memory for so many bytes. */
void ivd_copy_read (IvdCopyPool *pool, IvdMapping *mapping, guint64 offset, gsize length,
                    GAsyncReadyCallback callback, gpointer data);
GBytes *ivd_copy_read_finish (GAsyncResult *result, GError **error);

void ivd_copy_write (IvdCopyPool *pool, IvdMapping *mapping, guint64 offset, GBytes *bytes,
                     GAsyncReadyCallback callback, gpointer data);
void ivd_copy_fill (IvdCopyPool *pool, IvdMapping *mapping, guint64 offset, guint64 length, guint8 value,
                    GAsyncReadyCallback callback, gpointer data);
/* For write and fill. */
gboolean ivd_copy_finish (GAsyncResult *result, GError **error);

/* Any other work for the pool: work on a pool thread, done on the main
 * context that was the default when called. */
typedef void (*IvdCopyWork) (gpointer data);
void ivd_copy_pool_run (IvdCopyPool *pool, IvdCopyWork work, IvdCopyWork done, gpointer data);
