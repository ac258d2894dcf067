/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "doorbell-server/roster.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "doorbell-server/error.h"

/* Messages of one turn: some milliseconds of the main thread. */
#define TURN_MESSAGES 2048

/* Messages that lie in one client's socket. Descriptors in flight count
 * against the user, so that clients get less each the more there are: else
 * those who take nothing would hold all that the kernel allows. */
#define WINDOW_MAX 64
#define WINDOW_MIN 8
#define WINDOW_SHARE 4 /* of the limit, for all that come about now */

/* How long one that is to go may take to take its greeting. It would find it
 * in the socket after we have hung up, but QEMU may notice that first and
 * drop what it has not read. */
#define LAST_WORDS_USEC G_USEC_PER_SEC

/* How long to wait when the kernel has no room for more descriptors. */
#define RETRY_USEC_MIN 5000
#define RETRY_USEC_MAX 250000

static void schedule (DbsRoster *roster);

gboolean
dbs_roster_init (DbsRoster *roster,
                 const IvshmemPluginHost *host,
                 IvshmemPluginRegion *region,
                 const DbsOptions *options,
                 GError **error)
{
  roster->host = host;
  roster->region = region;
  roster->options = options;
  roster->memory_fd = -1;
  roster->retry_usec = RETRY_USEC_MIN;
  roster->message_cost = dbs_wire_cost ();
  roster->ids = dbs_ids_new (options->id_offset, options->id_stride, options->own_id);
  roster->by_id = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) dbs_peer_free);
  g_queue_init (&roster->peers);
  g_queue_init (&roster->turns);
  g_queue_init (&roster->parked);
  if (options->own_id < 0)
    return TRUE;

  roster->own = dbs_peer_new (options->vectors, error);
  if (roster->own == NULL)
    return FALSE;
  roster->own->id = (guint) options->own_id;
  g_queue_push_tail_link (&roster->peers, &roster->own->link);
  g_hash_table_insert (roster->by_id, GUINT_TO_POINTER (roster->own->id), roster->own);
  return TRUE;
}

/* --- turns ------------------------------------------------------------- */

static void
take_turn_away (DbsRoster *roster, DbsClient *client)
{
  if (client->in_turn)
    g_queue_unlink (&roster->turns, &client->turn);
  if (client->parked)
    g_queue_unlink (&roster->parked, &client->turn);
  client->in_turn = FALSE;
  client->parked = FALSE;
}

/* There may be something for client to hear. */
static void
give_turn (DbsRoster *roster, DbsClient *client)
{
  if (client->in_turn || client->parked || client->full || client->gone)
    return;
  client->in_turn = TRUE;
  g_queue_push_tail_link (&roster->turns, &client->turn);
}

/* Those who have gone come first, so that nobody hears of them in vain. */
static void
mark_gone (DbsRoster *roster, DbsClient *client)
{
  if (client->gone)
    return;
  take_turn_away (roster, client);
  client->gone = TRUE;
  client->in_turn = TRUE;
  g_queue_push_head_link (&roster->turns, &client->turn);
}

static void
watch_writable (DbsRoster *roster, DbsClient *client, gboolean writable)
{
  guint32 conditions = IVSHMEM_PLUGIN_READABLE;

  if (writable)
    conditions |= IVSHMEM_PLUGIN_WRITABLE;
  client->full = writable;
  roster->host->rewatch (roster->region, client->watch, conditions);
}

static void
on_retry (void *data)
{
  DbsRoster *roster = data;
  GList *link;

  roster->retry_timer = 0;
  roster->retry_usec = MIN (roster->retry_usec * 2, RETRY_USEC_MAX);
  while ((link = g_queue_pop_head_link (&roster->parked)) != NULL)
    {
      DbsClient *client = link->data;

      client->parked = FALSE;
      give_turn (roster, client);
    }
  dbs_roster_turn (roster);
}

static void
park (DbsRoster *roster, DbsClient *client)
{
  client->parked = TRUE;
  g_queue_push_tail_link (&roster->parked, &client->turn);
  if (roster->retry_timer != 0)
    return;
  /* Without a timer, the next join or leave tries again. */
  if (roster->host->timer (roster->region, roster->retry_usec, on_retry, roster, &roster->retry_timer) < 0)
    roster->retry_timer = 0;
}

/* --- stalling ---------------------------------------------------------- */

static guint64
messages_taken (const DbsRoster *roster, const DbsClient *client)
{
  return client->sent - MIN (client->sent, dbs_wire_in_flight (client->fd, roster->message_cost));
}

static void on_stall_timer (void *data);

static void
watch_for_stall (DbsRoster *roster, DbsClient *client)
{
  if (roster->options->stall_usec == 0 || client->stall_timer != 0 || !client->cursor.greeted || client->gone)
    return;
  client->taken = messages_taken (roster, client);
  if (client->taken == client->sent)
    return;
  if (roster->host->timer (roster->region, roster->options->stall_usec, on_stall_timer, client,
                           &client->stall_timer)
      < 0)
    client->stall_timer = 0;
}

static void
on_stall_timer (void *data)
{
  DbsClient *client = data;
  DbsRoster *roster = client->roster;
  guint64 before = client->taken;
  g_autofree char *message = NULL;

  client->stall_timer = 0;
  if (messages_taken (roster, client) > before)
    {
      watch_for_stall (roster, client);
      return;
    }
  message
      = g_strdup_printf ("peer %u has taken nothing for %" G_GUINT64_FORMAT " ms and is cut (stall-timeout)",
                         client->peer->id, roster->options->stall_usec / 1000);
  roster->host->log (roster->region, IVSHMEM_PLUGIN_LOG_NOTICE, message);
  mark_gone (roster, client);
  dbs_roster_turn (roster);
}

/* --- leaving ----------------------------------------------------------- */

static void
free_client (DbsRoster *roster, DbsClient *client)
{
  take_turn_away (roster, client);
  roster->host->unwatch (roster->region, client->watch);
  if (client->stall_timer != 0)
    roster->host->cancel_timer (roster->region, client->stall_timer);
  client->peer->client = NULL;
  dbs_client_free (client);
  roster->n_clients--;
}

/* Takes peer out of the list; whoever knows it will hear that it left. */
static void
forget_peer (DbsRoster *roster, DbsPeer *peer)
{
  guint id = peer->id;

  for (GList *l = roster->peers.head; l != NULL; l = l->next)
    {
      DbsPeer *other = l->data;

      if (other->client == NULL || other->client->gone)
        continue;
      dbs_client_peer_left (other->client, peer, roster->options->announce_leaves);
      give_turn (roster, other->client);
    }
  g_queue_unlink (&roster->peers, &peer->link);
  dbs_ids_give_back (roster->ids, id, ++roster->serial);
  g_hash_table_remove (roster->by_id, GUINT_TO_POINTER (id));
  roster->host->peer_gone (roster->region, id);
}

static void
let_go (DbsRoster *roster, DbsClient *client)
{
  DbsPeer *peer = client->peer;

  free_client (roster, client);
  /* While stopping, the peers stay in the list: they live on without us, and
   * a greeting that is under way shall be whole. */
  if (!roster->stopping)
    forget_peer (roster, peer);
  roster->left (roster->data);
}

/* TRUE if it may be closed now. */
static gboolean
has_heard_us_out (const DbsRoster *roster, DbsClient *client)
{
  gint64 now = g_get_monotonic_time ();

  if (client->greeting == 0 || client->tail_missing > 0)
    return FALSE;
  if (messages_taken (roster, client) >= client->greeting)
    return TRUE;
  if (client->doomed_since == 0)
    client->doomed_since = now;
  return now - client->doomed_since > LAST_WORDS_USEC;
}

/* --- serving ----------------------------------------------------------- */

static guint
serve (DbsRoster *roster, DbsClient *client)
{
  guint sent;

  switch (dbs_client_send (client, &sent))
    {
    case DBS_CLIENT_MORE:
      give_turn (roster, client);
      break;
    case DBS_CLIENT_FULL:
      watch_writable (roster, client, TRUE);
      break;
    case DBS_CLIENT_SCARCE:
      park (roster, client);
      break;
    case DBS_CLIENT_GONE:
      mark_gone (roster, client);
      break;
    case DBS_CLIENT_DONE:
      if (has_heard_us_out (roster, client))
        mark_gone (roster, client);
      else
        park (roster, client);
      break;
    case DBS_CLIENT_IDLE:
    default:
      break;
    }
  watch_for_stall (roster, client);
  return sent;
}

void
dbs_roster_turn (DbsRoster *roster)
{
  guint work = 0;
  GList *link;

  while (work < TURN_MESSAGES && (link = g_queue_pop_head_link (&roster->turns)) != NULL)
    {
      DbsClient *client = link->data;

      client->in_turn = FALSE;
      if (client->gone)
        let_go (roster, client);
      else
        work += serve (roster, client);
      work++;
    }
  if (roster->parked.length == 0)
    roster->retry_usec = RETRY_USEC_MIN;
  if (roster->turns.length > 0)
    schedule (roster);
  else if (roster->stopping && roster->n_clients == 0)
    roster->empty (roster->data);
}

static void
on_posted (void *data)
{
  DbsRoster *roster = data;

  roster->posted = FALSE;
  dbs_roster_turn (roster);
}

static void
schedule (DbsRoster *roster)
{
  if (roster->posted)
    return;
  roster->posted = TRUE;
  roster->host->post (roster->region, on_posted, roster);
}

static void
on_client_ready (void *data, uint32_t conditions)
{
  DbsClient *client = data;
  DbsRoster *roster = client->roster;
  gboolean leaving = (conditions & (IVSHMEM_PLUGIN_READABLE | IVSHMEM_PLUGIN_HANGUP)) != 0;

  /* Clients have nothing to say: data means the same as the end. */
  if (leaving)
    {
      roster->host->rewatch (roster->region, client->watch, 0);
      mark_gone (roster, client);
    }
  else if (client->full)
    {
      watch_writable (roster, client, FALSE);
      give_turn (roster, client);
    }
  dbs_roster_turn (roster);
}

/* --- joining ----------------------------------------------------------- */

static guint64
oldest_join (const DbsRoster *roster)
{
  for (const GList *l = roster->peers.head; l != NULL; l = l->next)
    {
      const DbsPeer *peer = l->data;

      if (peer->client != NULL)
        return peer->serial;
    }
  return G_MAXUINT64;
}

static guint
window_of_next (const DbsRoster *roster)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    return WINDOW_MAX;
  return (guint) CLAMP (limit.rlim_cur / WINDOW_SHARE / (roster->n_clients + 1), WINDOW_MIN, WINDOW_MAX);
}

static gboolean
may_join (DbsRoster *roster, GError **error)
{
  if (roster->stopping || roster->memory_fd < 0)
    {
      g_set_error_literal (error, DBS_ERROR, IVSHMEM_PLUGIN_CLOSED, "the server is stopping");
      return FALSE;
    }
  if (roster->n_clients >= roster->options->max_peers)
    {
      g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_LIMIT,
                   "there are %u peers already, as many as max-peers allows", roster->n_clients);
      return FALSE;
    }
  return TRUE;
}

/* The last of what can fail. */
static gboolean
admit (DbsRoster *roster, DbsClient *client, int fd, GError **error)
{
  IvshmemPluginStatus status;
  gint id;

  status = roster->host->watch (roster->region, fd, IVSHMEM_PLUGIN_READABLE, on_client_ready, client,
                                &client->watch);
  if (status < 0)
    {
      g_set_error_literal (error, DBS_ERROR, status, "the host cannot watch one more socket");
      return FALSE;
    }
  id = dbs_ids_take (roster->ids, oldest_join (roster));
  if (id < 0)
    {
      roster->host->unwatch (roster->region, client->watch);
      g_set_error_literal (
          error, DBS_ERROR, IVSHMEM_PLUGIN_LIMIT,
          "every id was used since the oldest peer joined, and using one again would crash it");
      return FALSE;
    }
  client->peer->id = (guint) id;
  return TRUE;
}

/* Puts peer at the end of the list, where everybody before it will see it. */
static void
enter (DbsRoster *roster, DbsPeer *peer, DbsClient *client)
{
  peer->serial = ++roster->serial;
  peer->client = client;
  for (GList *l = roster->peers.head; l != NULL; l = l->next)
    {
      DbsPeer *other = l->data;

      if (other->client == NULL || other->client->gone)
        continue;
      dbs_client_peer_joined (other->client, peer);
      give_turn (roster, other->client);
    }
  g_queue_push_tail_link (&roster->peers, &peer->link);
  g_hash_table_insert (roster->by_id, GUINT_TO_POINTER (peer->id), peer);
  /* Behind the others: they are told before it is. */
  give_turn (roster, client);
  roster->n_clients++;
}

static void
report_peer (DbsRoster *roster, const DbsPeer *peer)
{
  const IvshmemPluginCredentials credentials = {
    .struct_size = sizeof credentials,
    .pid = peer->credentials.pid,
    .uid = peer->credentials.uid,
    .gid = peer->credentials.gid,
    .executable = peer->credentials.executable,
  };

  roster->host->peer (roster->region, peer->id, peer->n_vectors, &credentials);
}

DbsPeer *
dbs_roster_adopt (DbsRoster *roster, int *fd, DbsCredentials *credentials, GError **error)
{
  g_autoptr (DbsPeer) peer = NULL;
  DbsClient *client;
  DbsPeer *first;

  if (!may_join (roster, error))
    return NULL;
  peer = dbs_peer_new (roster->options->vectors, error);
  if (peer == NULL)
    return NULL;

  first = roster->peers.head != NULL ? roster->peers.head->data : peer;
  client = dbs_client_new (peer, roster->memory_fd, first);
  client->roster = roster;
  if (!admit (roster, client, *fd, error))
    {
      dbs_client_free (client);
      return NULL;
    }

  client->fd = dbs_steal_fd (fd);
  dbs_wire_limit (client->fd, window_of_next (roster), roster->message_cost);
  peer->credentials = *credentials;
  *credentials = (DbsCredentials){ .pid = -1, .uid = -1, .gid = -1 };
  enter (roster, peer, client);
  report_peer (roster, peer);
  return g_steal_pointer (&peer);
}

DbsPeer *
dbs_roster_find (DbsRoster *roster, guint id)
{
  return g_hash_table_lookup (roster->by_id, GUINT_TO_POINTER (id));
}

/* --- the end ----------------------------------------------------------- */

/* There is nothing more to say. */
static void
wait_for_taking (DbsRoster *roster, DbsClient *client)
{
  take_turn_away (roster, client);
  if (client->full)
    watch_writable (roster, client, FALSE);
  park (roster, client);
}

static void
doom (DbsRoster *roster, DbsClient *client)
{
  client->doomed = TRUE;
  if (has_heard_us_out (roster, client))
    mark_gone (roster, client);
  else if (client->greeting > 0)
    wait_for_taking (roster, client);
  else
    give_turn (roster, client);
}

void
dbs_roster_kick (DbsRoster *roster, DbsPeer *peer)
{
  g_return_if_fail (peer->client != NULL);

  doom (roster, peer->client);
  /* Not within this call: whoever makes it may be walking its own list. */
  schedule (roster);
}

gboolean
dbs_roster_stop (DbsRoster *roster)
{
  roster->stopping = TRUE;
  for (GList *l = roster->peers.head; l != NULL; l = l->next)
    {
      DbsPeer *peer = l->data;

      if (peer->client == NULL)
        continue;
      doom (roster, peer->client);
      if (peer->client->gone)
        let_go (roster, peer->client);
    }
  return roster->n_clients == 0;
}

void
dbs_roster_clear (DbsRoster *roster)
{
  if (roster->retry_timer != 0)
    roster->host->cancel_timer (roster->region, roster->retry_timer);
  roster->retry_timer = 0;
  for (GList *l = roster->peers.head; l != NULL; l = l->next)
    {
      DbsPeer *peer = l->data;

      if (peer->client != NULL)
        free_client (roster, peer->client);
    }
  g_queue_init (&roster->peers);
  g_clear_pointer (&roster->by_id, g_hash_table_unref);
  g_clear_pointer (&roster->ids, dbs_ids_free);
  roster->own = NULL;
}
