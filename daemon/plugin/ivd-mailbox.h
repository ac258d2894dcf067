/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * IvdMailbox: calls that any thread may put in and that the main thread makes,
 * in their order. One GSource for all senders, however many there are. A
 * sender that goes away takes its letters with it.
 */

typedef struct _IvdMailbox IvdMailbox;

/* Part of whatever sends; starts out as zeros. */
typedef struct
{
  guint pending; /* the mailbox's, under its lock */
} IvdMailboxSender;

typedef void (*IvdMailboxFunc) (gpointer data);
/* Makes the call. */
typedef void (*IvdMailboxDeliver) (IvdMailboxSender *sender, IvdMailboxFunc func, gpointer data);

/* limit: how many letters one sender may have in it. */
IvdMailbox *ivd_mailbox_new (GMainContext *context, gint priority, guint limit, IvdMailboxDeliver deliver);
void ivd_mailbox_free (IvdMailbox *mailbox);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdMailbox, ivd_mailbox_free)

/* Any thread. FALSE when the sender has reached the limit. */
gboolean ivd_mailbox_post (IvdMailbox *mailbox, IvdMailboxSender *sender, IvdMailboxFunc func, gpointer data)
    G_GNUC_WARN_UNUSED_RESULT;

/* Main thread. Throws away what sender has in it. */
void ivd_mailbox_forget (IvdMailbox *mailbox, IvdMailboxSender *sender);
