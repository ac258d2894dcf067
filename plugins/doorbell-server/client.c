/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "doorbell-server/client.h"

#include "ivshmem/wire.h"

#include "doorbell-server/error.h"

DbsClient *
dbs_client_new (DbsPeer *peer, int memory_fd, DbsPeer *first)
{
  DbsClient *client = g_new0 (DbsClient, 1);

  client->peer = peer;
  client->fd = -1;
  client->memory_fd = memory_fd;
  client->cursor.peer = first;
  client->leaves = g_array_new (FALSE, FALSE, sizeof (guint16));
  client->turn.data = client;
  return client;
}

void
dbs_client_free (DbsClient *client)
{
  if (client == NULL)
    return;
  dbs_close (&client->fd);
  g_array_unref (client->leaves);
  g_free (client);
}

static void
tell_peer (const DbsClient *client, DbsCursor *cursor, DbsMessage *message)
{
  DbsPeer *peer = cursor->peer;

  *message = (DbsMessage){ .value = peer->id, .fd = peer->eventfds[cursor->vector] };
  cursor->vector++;
  if (cursor->vector < peer->n_vectors)
    return;

  if (peer == client->peer)
    cursor->greeted = TRUE;
  cursor->peer = dbs_peer_next (peer);
  cursor->vector = 0;
}

/* The message at the cursor, which moves on. FALSE: there is none. */
static gboolean
next_message (const DbsClient *client, DbsCursor *cursor, DbsMessage *message)
{
  switch (cursor->stage)
    {
    case DBS_STAGE_VERSION:
      *message = (DbsMessage){ .value = IVSHMEM_WIRE_VERSION, .fd = -1 };
      cursor->stage = DBS_STAGE_OWN_ID;
      return TRUE;
    case DBS_STAGE_OWN_ID:
      *message = (DbsMessage){ .value = client->peer->id, .fd = -1 };
      cursor->stage = DBS_STAGE_MEMORY;
      return TRUE;
    case DBS_STAGE_MEMORY:
      *message = (DbsMessage){ .value = IVSHMEM_WIRE_MEMORY, .fd = client->memory_fd };
      cursor->stage = DBS_STAGE_PEERS;
      return TRUE;
    case DBS_STAGE_PEERS:
    default:
      break;
    }

  if (cursor->greeted && client->doomed)
    return FALSE;
  if (cursor->greeted && cursor->leaves < client->leaves->len)
    {
      *message = (DbsMessage){ .value = g_array_index (client->leaves, guint16, cursor->leaves), .fd = -1 };
      cursor->leaves++;
      return TRUE;
    }
  if (cursor->peer == NULL)
    return FALSE;
  tell_peer (client, cursor, message);
  return TRUE;
}

static DbsClientState
state_of_result (DbsWireResult result)
{
  switch (result)
    {
    case DBS_WIRE_FULL:
      return DBS_CLIENT_FULL;
    case DBS_WIRE_SCARCE:
      return DBS_CLIENT_SCARCE;
    case DBS_WIRE_BROKEN:
      return DBS_CLIENT_GONE;
    case DBS_WIRE_OK:
    default:
      return DBS_CLIENT_MORE;
    }
}

/* FALSE and *ret_state set when a message begun is still not out. */
static gboolean
finish_tail (DbsClient *client, DbsClientState *ret_state)
{
  DbsWireResult result;

  if (client->tail_missing == 0)
    return TRUE;
  result = dbs_wire_send_tail (client->fd, client->tail_value, &client->tail_missing);
  if (client->tail_missing == 0)
    return TRUE;
  *ret_state = state_of_result (result);
  return FALSE;
}

static void
advance (DbsClient *client, const DbsCursor *cursor)
{
  client->cursor = *cursor;
  if (client->cursor.leaves == client->leaves->len)
    {
      g_array_set_size (client->leaves, 0);
      client->cursor.leaves = 0;
    }
}

static void
note_sent (DbsClient *client, const DbsCursor *after, guint n)
{
  for (guint i = 0; i < n && client->greeting == 0; i++)
    if (after[i].greeted)
      client->greeting = client->sent + i + 1;
  client->sent += n;
  advance (client, &after[n - 1]);
}

DbsClientState
dbs_client_send (DbsClient *client, guint *ret_sent)
{
  DbsMessage messages[DBS_WIRE_BATCH];
  DbsCursor after[DBS_WIRE_BATCH];
  DbsCursor cursor = client->cursor;
  DbsClientState state;
  DbsWireResult result;
  guint n = 0;

  *ret_sent = 0;
  if (!finish_tail (client, &state))
    return state;

  while (n < DBS_WIRE_BATCH && next_message (client, &cursor, &messages[n]))
    {
      after[n] = cursor;
      n++;
    }
  if (n == 0)
    return client->doomed ? DBS_CLIENT_DONE : DBS_CLIENT_IDLE;

  result = dbs_wire_send (client->fd, messages, n, ret_sent, &client->tail_missing);
  if (*ret_sent > 0)
    {
      client->tail_value = messages[*ret_sent - 1].value;
      note_sent (client, after, *ret_sent);
    }
  return state_of_result (result);
}

void
dbs_client_peer_joined (DbsClient *client, DbsPeer *peer)
{
  if (client->cursor.peer == NULL)
    client->cursor.peer = peer;
}

void
dbs_client_peer_left (DbsClient *client, DbsPeer *peer, gboolean announce)
{
  DbsCursor *cursor = &client->cursor;
  gboolean knows = cursor->peer == NULL || peer->serial < cursor->peer->serial;
  guint16 id = (guint16) peer->id;

  if (cursor->peer == peer)
    {
      knows = cursor->vector > 0;
      cursor->peer = dbs_peer_next (peer);
      cursor->vector = 0;
    }
  if (knows && announce)
    g_array_append_val (client->leaves, id);
}
