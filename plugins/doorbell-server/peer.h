/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "doorbell-server/access.h"

typedef struct _DbsClient DbsClient;

/*
 * One participant as all others see it: an id and an eventfd per vector. Its
 * eventfds are made with it, are the same in everything that is sent, and are
 * never read here: they belong to whoever waits on them.
 */
typedef struct
{
  guint id;
  guint64 serial; /* of its join; larger than that of all before it */
  GList link;     /* in the roster's list, which is in the order of joins */
  guint n_vectors;
  int *eventfds;
  DbsCredentials credentials;
  DbsClient *client; /* NULL: the daemon itself, or a socket that was closed */
} DbsPeer;

DbsPeer *dbs_peer_new (guint n_vectors, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void dbs_peer_free (DbsPeer *peer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DbsPeer, dbs_peer_free)

static inline DbsPeer *
dbs_peer_next (const DbsPeer *peer)
{
  return peer->link.next != NULL ? peer->link.next->data : NULL;
}
