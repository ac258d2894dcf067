/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * Event descriptors that others hold too. O_NONBLOCK lives on the shared open
 * file description and QEMU clears it (ivshmem-facts B4, qemu-guests 7), so
 * nothing here relies on it, nor sets it: another holder may want to wait.
 */

/* Close-on-exec, non-blocking. -1 and an error (limit when out of descriptors). */
int ivd_eventfd_new (GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* TRUE if fd is an eventfd; anything else that came from outside could block
 * or do something else when it is read or written. Else invalid-argument. */
gboolean ivd_eventfd_check (int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes the count away; 0 when there is none. Never waits (RWF_NOWAIT). */
guint64 ivd_eventfd_take (int fd);

/* Adds count. busy when it is full. Never waits longer than
 * IVD_LIMIT_RING_USEC, whatever other holders do to the descriptor. */
gboolean ivd_eventfd_add (int fd, guint64 count, GError **error);

/* Adds one to an eventfd of ivd_eventfd_new() that nobody else holds: that is
 * all it takes to wake another thread. Any thread. */
void ivd_eventfd_wake (int fd);
