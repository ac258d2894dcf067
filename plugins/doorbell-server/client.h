/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "doorbell-server/peer.h"
#include "doorbell-server/wire.h"

/*
 * What one connected client has been told, and what it has to hear next.
 *
 * There is no queue of messages. The peers stand in a list in the order of
 * their joins, the client itself among them, and it walks that list: those
 * before it and itself are its greeting, those behind it are news. So a peer
 * that came and left before the walk got there was never there, and what is
 * owed is never more than the peers that are there now, and a leave for each
 * that it was told of. Leaves wait until the greeting is over.
 *
 * Everything that the greeting needs is there before its first byte, and once
 * begun it is finished: a client that shall go goes after it.
 */

typedef enum
{
  DBS_STAGE_VERSION,
  DBS_STAGE_OWN_ID,
  DBS_STAGE_MEMORY,
  DBS_STAGE_PEERS
} DbsStage;

/* How far it has come. */
typedef struct
{
  DbsStage stage;
  gboolean greeted; /* its own vectors are out: the greeting is over */
  DbsPeer *peer;    /* next to be told of; NULL: knows all */
  guint vector;     /* of that peer */
  guint leaves;     /* told of those that wait */
} DbsCursor;

typedef enum
{
  DBS_CLIENT_IDLE,   /* knows everything */
  DBS_CLIENT_MORE,   /* could take more at once */
  DBS_CLIENT_FULL,   /* could take more when its socket is writable */
  DBS_CLIENT_SCARCE, /* could take more when the kernel has room again */
  DBS_CLIENT_DONE,   /* is to go, and its greeting is out */
  DBS_CLIENT_GONE    /* it left */
} DbsClientState;

struct _DbsClient
{
  DbsPeer *peer;
  int fd;        /* set by whoever made it */
  int memory_fd; /* borrowed */

  DbsCursor cursor;
  GArray *leaves;    /* guint16: ids it knows and that have left */
  gint64 tail_value; /* a message of which tail_missing bytes are not out */
  guint tail_missing;
  guint64 sent;      /* messages */
  guint64 greeting;  /* of these, its greeting's; 0: not all of it is out */

  /* The roster's: */
  gpointer roster;
  guint64 watch;
  GList turn;          /* in one of its queues, if in_turn or parked */
  gboolean in_turn;    /* is about to be served */
  gboolean full;       /* waits until its socket is writable */
  gboolean parked;     /* waits until the kernel has room */
  gboolean doomed;     /* is to go once it is greeted ... */
  gint64 doomed_since; /* ... and has taken that, or time is up; 0: it is not all out yet */
  gboolean gone;       /* has left */
  guint64 stall_timer; /* 0: none */
  guint64 taken;       /* messages that it had taken when that began */
};

/* first: of the peers, or peer itself when there is no other. */
DbsClient *dbs_client_new (DbsPeer *peer, int memory_fd, DbsPeer *first);
void dbs_client_free (DbsClient *client);

/* Sends at most DBS_WIRE_BATCH messages; *ret_sent of them went. */
DbsClientState dbs_client_send (DbsClient *client, guint *ret_sent);

/* Another peer is at the end of the list now. */
void dbs_client_peer_joined (DbsClient *client, DbsPeer *peer);

/* A peer is about to be taken out of the list. announce: a leave is owed to
 * those who know it. */
void dbs_client_peer_left (DbsClient *client, DbsPeer *peer, gboolean announce);
