/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "memory/ivd-memory.h"

/*
 * The one thread that all waits share. A wait looks at its word at once, then
 * a little while in a tight loop, then sleeps with back-off: microseconds at
 * first, milliseconds after a while, never a busy core. ivd_waiter_wake()
 * makes it look again at once. Closing or losing the mapping ends its waits
 * with closed or region-lost. Without waits the thread sleeps for ever.
 */

typedef struct _IvdWaiter IvdWaiter;

typedef enum
{
  IVD_WAIT_EQUALS,
  IVD_WAIT_DIFFERS,
  IVD_WAIT_AT_LEAST, /* unsigned */
} IvdWaitOp;

#define IVD_WAIT_OP_COUNT (IVD_WAIT_AT_LEAST + 1)
extern const char *const ivd_wait_op_names[IVD_WAIT_OP_COUNT];

#define IVD_WAIT_FOREVER G_MAXUINT64

typedef struct
{
  guint64 offset;
  guint width; /* 1 2 4 8 */
  IvdWaitOp op;
  IvdWord value;
  guint64 timeout_usec; /* monotonic; IVD_WAIT_FOREVER = no limit; 0 = look once */
  gboolean has_set;     /* swap in set, atomically with the match */
  IvdWord set;
} IvdWaitParams;

IvdWaiter *ivd_waiter_new (void);
/* Ends every wait with closed. NULL is fine. */
void ivd_waiter_free (IvdWaiter *waiter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdWaiter, ivd_waiter_free)

/* Answers on the caller's thread-default main context. Errors: those of
 * ivd_memory_load, limit (IVD_LIMIT_WAITS), closed (cancelled counts too). */
void ivd_waiter_wait (IvdWaiter *waiter, IvdMapping *mapping, const IvdWaitParams *params,
                      GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);

/* TRUE: answered; ret_met FALSE = time was over. ret_value: what was there
 * (before the swap, when one was made). */
gboolean ivd_waiter_wait_finish (GAsyncResult *result, gboolean *ret_met, IvdWord *ret_value, GError **error);

/* Every wait on mapping looks again now. Any thread. */
void ivd_waiter_wake (IvdWaiter *waiter, IvdMapping *mapping);
