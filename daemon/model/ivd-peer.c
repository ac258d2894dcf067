/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "model/ivd-peer.h"

const IvdPeer *
ivd_peer_new (guint id, guint vectors, const IvdCredentials *credentials)
{
  IvdPeer *peer = g_atomic_rc_box_new0 (IvdPeer);

  peer->id = id;
  peer->vectors = vectors;
  peer->credentials = credentials != NULL ? *credentials : IVD_CREDENTIALS_UNKNOWN;
  peer->credentials.executable = g_strdup (peer->credentials.executable);
  return peer;
}

const IvdPeer *
ivd_peer_ref (const IvdPeer *peer)
{
  return g_atomic_rc_box_acquire ((IvdPeer *) peer);
}

static void
peer_clear (gpointer data)
{
  const IvdPeer *peer = data;

  g_free ((char *) peer->credentials.executable);
}

void
ivd_peer_unref (const IvdPeer *peer)
{
  if (peer != NULL)
    g_atomic_rc_box_release_full ((IvdPeer *) peer, peer_clear);
}
