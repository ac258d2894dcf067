/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "ivshmem/plugin.h"

#include "doorbell-server/client.h"
#include "doorbell-server/ids.h"
#include "doorbell-server/options.h"

/*
 * Who is there, and the turns in which they are served: peers in the order of
 * their joins, clients that have something to hear, clients that wait.
 *
 * Nobody is taken out but in a turn, so that whoever walks the list may find
 * somebody gone and need not care. A turn is bounded; what is left over is
 * posted. Main thread only.
 */

typedef void (*DbsRosterFunc) (gpointer data);

typedef struct
{
  const IvshmemPluginHost *host;
  IvshmemPluginRegion *region;
  const DbsOptions *options; /* borrowed */
  int memory_fd;             /* borrowed; -1 until there is one */

  DbsRosterFunc left;  /* somebody has gone: there are descriptors again */
  DbsRosterFunc empty; /* stopping, and the last client has gone */
  gpointer data;       /* for both */

  DbsIds *ids;
  DbsPeer *own;      /* NULL: the daemon is no peer */
  GHashTable *by_id; /* guint → DbsPeer, owned */
  GQueue peers;      /* in the order of joins */
  guint n_clients;
  guint64 serial; /* of the latest join or leave */

  GQueue turns;  /* clients to be served */
  GQueue parked; /* clients for which the kernel had no room */
  guint64 retry_timer;
  guint64 retry_usec;
  guint message_cost;
  gboolean posted; /* a turn will come by itself */
  gboolean stopping;
} DbsRoster;

/* With the daemon's own peer, if it is to be one. */
gboolean dbs_roster_init (DbsRoster *roster,
                          const IvshmemPluginHost *host,
                          IvshmemPluginRegion *region,
                          const DbsOptions *options,
                          GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Cuts whoever is still there. */
void dbs_roster_clear (DbsRoster *roster);

/* A new peer. *fd and credentials' contents are taken, but not on failure. */
DbsPeer *dbs_roster_adopt (DbsRoster *roster, int *fd, DbsCredentials *credentials, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Serves those who have something to hear. */
void dbs_roster_turn (DbsRoster *roster);

DbsPeer *dbs_roster_find (DbsRoster *roster, guint id);

/* Makes a peer leave, as soon as its greeting is over. */
void dbs_roster_kick (DbsRoster *roster, DbsPeer *peer);

/* Closes every client whose greeting is over, and each other when it is.
 * TRUE: there is none left; FALSE: empty() will tell. Nothing is reported
 * any more. */
gboolean dbs_roster_stop (DbsRoster *roster);
