/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * IvdListenFds: the descriptors that the service manager passed to this process
 * by their names. Taken out of the environment once, at start, before there is
 * another thread, so that no child believes they are its own.
 */

typedef struct _IvdListenFds IvdListenFds;

/* Takes them; none when there is no service manager. (transfer full) */
IvdListenFds *ivd_listen_fds_new (void);
/* Closes those that nobody took. */
void ivd_listen_fds_free (IvdListenFds *fds);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdListenFds, ivd_listen_fds_free)

/* The next of that name, the caller's, close-on-exec; -1: no more. */
int ivd_listen_fds_take (IvdListenFds *fds, const char *name);

/* The name of one that nobody took; NULL: there is none. (transfer none) */
const char *ivd_listen_fds_peek_left (const IvdListenFds *fds);
