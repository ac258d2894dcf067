/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/* Who a participant is, as far as the kernel told; -1 and NULL: not known. */
typedef struct
{
  gint64 pid, uid, gid;
  const char *executable;
} IvdCredentials;

#define IVD_CREDENTIALS_UNKNOWN ((IvdCredentials){ -1, -1, -1, NULL })

/* A participant of a region with interrupts. Immutable and reference counted,
 * so that any thread may keep it. */
typedef struct
{
  guint id;
  guint vectors;
  IvdCredentials credentials;
} IvdPeer;

/* credentials: copied; NULL: not known. (transfer full) */
const IvdPeer *ivd_peer_new (guint id, guint vectors, const IvdCredentials *credentials);
const IvdPeer *ivd_peer_ref (const IvdPeer *peer);
void ivd_peer_unref (const IvdPeer *peer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdPeer, ivd_peer_unref)
