/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/* Who is at the other end of a unix socket, as the kernel noted it when they
 * connected: no later change of theirs counts. Any thread. */

typedef struct
{
  gint64 pid, uid, gid;
  guint32 *groups; /* supplementary; NULL when there are none */
  gsize n_groups;
} IvdSocketPeer;

/* Of a connected unix socket; io when the kernel does not say. */
gboolean ivd_socket_peer_read (GSocket *socket, IvdSocketPeer *ret_peer, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ivd_socket_peer_clear (IvdSocketPeer *peer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (IvdSocketPeer, ivd_socket_peer_clear)
