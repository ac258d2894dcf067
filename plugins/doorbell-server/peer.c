/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "doorbell-server/peer.h"

#include <errno.h>
#include <sys/eventfd.h>

#include "doorbell-server/error.h"

DbsPeer *
dbs_peer_new (guint n_vectors, GError **error)
{
  g_autoptr (DbsPeer) peer = g_new0 (DbsPeer, 1);

  peer->link.data = peer;
  peer->eventfds = g_new (int, n_vectors);
  for (; peer->n_vectors < n_vectors; peer->n_vectors++)
    {
      int fd = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC);

      if (fd < 0)
        {
          dbs_error_set_errno (error, errno, "cannot make eventfd %u of %u for a peer", peer->n_vectors + 1,
                               n_vectors);
          return NULL;
        }
      peer->eventfds[peer->n_vectors] = fd;
    }
  return g_steal_pointer (&peer);
}

void
dbs_peer_free (DbsPeer *peer)
{
  if (peer == NULL)
    return;
  for (guint i = 0; i < peer->n_vectors; i++)
    dbs_close (&peer->eventfds[i]);
  g_free (peer->eventfds);
  dbs_credentials_clear (&peer->credentials);
  g_free (peer);
}
