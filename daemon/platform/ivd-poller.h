/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * Thousands of descriptors in one main context: one epoll descriptor as one
 * GSource, so that an iteration costs what is ready, not what is watched.
 * One thread: that of the context. Callbacks may add, modify and remove any entry.
 */

typedef struct _IvdPoller IvdPoller;

typedef enum
{
  IVD_POLL_IN = 1 << 0,
  IVD_POLL_OUT = 1 << 1,
  IVD_POLL_HUP = 1 << 2, /* hang-up or error: always told */
} IvdPollFlags;

typedef void (*IvdPollFunc) (int fd, IvdPollFlags ready, gpointer data);

IvdPoller *ivd_poller_new (GMainContext *context, GError **error);
void ivd_poller_free (IvdPoller *poller);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdPoller, ivd_poller_free)

/* Ids are never used twice and never 0. fd must stay open until removal.
 * 0 and an error when fd cannot be watched. The same fd only once. */
guint64 ivd_poller_add (IvdPoller *poller, int fd, IvdPollFlags flags, IvdPollFunc func, gpointer data,
                        GError **error);
/* No flags: only hang-ups, and those only once. */
void ivd_poller_modify (IvdPoller *poller, guint64 id, IvdPollFlags flags);
/* Unknown ids are ignored. */
void ivd_poller_remove (IvdPoller *poller, guint64 id);
