/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-socket-peer.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/ivd-error.h"

G_STATIC_ASSERT (sizeof (gid_t) == sizeof (guint32));

static gboolean
fail (const char *what, GError **error)
{
  g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "the kernel does not tell %s of a connection: %s", what,
               g_strerror (errno));
  return FALSE;
}

static gboolean
read_groups (int fd, IvdSocketPeer *peer, GError **error)
{
  g_autofree guint32 *groups = NULL;
  socklen_t length = 0;

  /* First how many: they are the peer's as they were, so the answer stays. */
  if (getsockopt (fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &length) < 0 && errno != ERANGE)
    return fail ("the groups", error);
  if (length == 0)
    return TRUE;
  groups = g_malloc (length);
  if (getsockopt (fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length) < 0)
    return fail ("the groups", error);
  peer->groups = g_steal_pointer (&groups);
  peer->n_groups = length / sizeof peer->groups[0];
  return TRUE;
}

gboolean
ivd_socket_peer_read (GSocket *socket, IvdSocketPeer *ret_peer, GError **error)
{
  struct ucred credentials;
  socklen_t length = sizeof credentials;
  IvdSocketPeer peer = { 0 };
  int fd = g_socket_get_fd (socket);

  if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0)
    return fail ("the user", error);
  peer.pid = credentials.pid;
  peer.uid = credentials.uid;
  peer.gid = credentials.gid;
  if (!read_groups (fd, &peer, error))
    return FALSE;
  *ret_peer = peer;
  return TRUE;
}

void
ivd_socket_peer_clear (IvdSocketPeer *peer)
{
  g_clear_pointer (&peer->groups, g_free);
  peer->n_groups = 0;
}
