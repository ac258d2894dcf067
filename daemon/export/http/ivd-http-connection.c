/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-connection.h"

#include <string.h>

#include "base/ivd-limits.h"
#include "platform/ivd-socket-peer.h"

/*
 * Each activity has a fixed time, so the connections in it stand in a queue in
 * the order in which their time ends, and one timer for the earliest head is
 * enough. It exists only while somebody's time is running.
 */

struct _IvdHttpConnection
{
  grefcount references;
  IvdHttpConnections *owner; /* NULL once that has gone */
  GSocket *socket;
  char *client; /* whose it is: a user of this machine, or an address */
  IvdCaller *caller;
  char *authorization; /* what bearer has shown; NULL: nobody has */
  IvdCaller *bearer;
  gboolean secure;
  gpointer intake;
  gpointer idle;
  GDestroyNotify free_idle;
  IvdHttpActivity activity;
  gint64 deadline; /* monotonic; 0: none */
  GList link;      /* in owner's queue of its activity */
};

struct _IvdHttpConnections
{
  GQueue queues[IVD_HTTP_ACTIVITY_COUNT];
  guint count;
  GHashTable *clients; /* client → how many are theirs */
  IvdHttpCounters *counters;
  GSource *timer; /* fires at timer_at, or exists not */
  gint64 timer_at;
};

/* Microseconds; 0: as long as it takes. */
static const gint64 times[IVD_HTTP_ACTIVITY_COUNT] = {
  [IVD_HTTP_HANDSHAKE] = IVD_LIMIT_HTTP_HANDSHAKE_USEC,
  [IVD_HTTP_IDLE] = IVD_LIMIT_HTTP_IDLE_USEC,
  [IVD_HTTP_HEADERS] = IVD_LIMIT_HTTP_HEADERS_USEC,
  [IVD_HTTP_BODY] = IVD_LIMIT_HTTP_STALL_USEC,
  [IVD_HTTP_WORKING] = 0,
  [IVD_HTTP_WRITING] = IVD_LIMIT_HTTP_STALL_USEC,
  [IVD_HTTP_LEAVING] = IVD_LIMIT_HTTP_LEAVE_USEC,
};

IvdHttpConnections *
ivd_http_connections_new (IvdHttpCounters *counters)
{
  IvdHttpConnections *self = g_new0 (IvdHttpConnections, 1);

  self->counters = counters;
  self->clients = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

static void
clear_timer (IvdHttpConnections *self)
{
  if (self->timer == NULL)
    return;
  g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
}

void
ivd_http_connections_free (IvdHttpConnections *connections)
{
  if (connections == NULL)
    return;
  for (guint i = 0; i < IVD_HTTP_ACTIVITY_COUNT; i++)
    {
      GList *link;

      while ((link = g_queue_pop_head_link (&connections->queues[i])) != NULL)
        ((IvdHttpConnection *) link->data)->owner = NULL;
    }
  clear_timer (connections);
  g_hash_table_unref (connections->clients);
  g_free (connections);
}

guint
ivd_http_connections_count (IvdHttpConnections *connections)
{
  return connections->count;
}

void
ivd_http_connections_shutdown (IvdHttpConnections *connections)
{
  for (guint i = 0; i < IVD_HTTP_ACTIVITY_COUNT; i++)
    for (GList *l = connections->queues[i].head; l != NULL; l = l->next)
      ivd_http_connection_shutdown (l->data);
}

/* --- deadlines --- */

static gint64
earliest_deadline (IvdHttpConnections *self)
{
  gint64 earliest = 0;

  for (guint i = 0; i < IVD_HTTP_ACTIVITY_COUNT; i++)
    {
      const IvdHttpConnection *head = g_queue_peek_head (&self->queues[i]);

      if (head != NULL && head->deadline != 0 && (earliest == 0 || head->deadline < earliest))
        earliest = head->deadline;
    }
  return earliest;
}

static gboolean on_timer (gpointer data);

/* A timer that fires too early for nothing is cheaper than moving it with
 * every request: it is only ever moved forward. */
static void
arm (IvdHttpConnections *self)
{
  gint64 earliest = earliest_deadline (self);

  if (earliest == 0)
    clear_timer (self);
  if (earliest == 0 || (self->timer != NULL && self->timer_at <= earliest))
    return;
  clear_timer (self);
  self->timer_at = earliest;
  self->timer = g_timeout_source_new (0);
  g_source_set_callback (self->timer, on_timer, self, NULL);
  g_source_set_ready_time (self->timer, earliest);
  g_source_attach (self->timer, g_main_context_get_thread_default ());
}

static void
end_overdue (IvdHttpConnections *self, GQueue *queue, gint64 now)
{
  IvdHttpConnection *head;

  while ((head = g_queue_peek_head (queue)) != NULL && head->deadline != 0 && head->deadline <= now)
    {
      head->deadline = 0; /* once is enough: libsoup sees its end */
      g_queue_unlink (queue, &head->link);
      g_queue_push_tail_link (&self->queues[IVD_HTTP_WORKING], &head->link);
      if (head->activity != IVD_HTTP_IDLE && head->activity != IVD_HTTP_LEAVING)
        ivd_http_counters_add (self->counters, IVD_HTTP_REFUSED_SLOW, 1);
      head->activity = IVD_HTTP_WORKING;
      ivd_http_connection_shutdown (head);
    }
}

static gboolean
on_timer (gpointer data)
{
  IvdHttpConnections *self = data;
  gint64 now = g_get_monotonic_time ();

  clear_timer (self);
  for (guint i = 0; i < IVD_HTTP_ACTIVITY_COUNT; i++)
    end_overdue (self, &self->queues[i], now);
  arm (self);
  return G_SOURCE_REMOVE;
}

/* --- one connection --- */

static char *
name_client (GSocket *socket)
{
  g_autoptr (GSocketAddress) address = NULL;
  g_auto (IvdSocketPeer) peer = { 0 };

  if (g_socket_get_family (socket) == G_SOCKET_FAMILY_UNIX)
    return ivd_socket_peer_read (socket, &peer, NULL) ? g_strdup_printf ("uid %" G_GINT64_FORMAT, peer.uid)
                                                      : g_strdup ("nobody known");
  address = g_socket_get_remote_address (socket, NULL);
  if (address == NULL)
    return g_strdup ("nowhere known");
  return g_inet_address_to_string (g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address)));
}

static guint
count_client (IvdHttpConnections *self, const char *client)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (self->clients, client));
}

static void
set_client_count (IvdHttpConnections *self, const char *client, guint count)
{
  if (count > 0)
    g_hash_table_insert (self->clients, g_strdup (client), GUINT_TO_POINTER (count));
  else
    g_hash_table_remove (self->clients, client);
}

/* client: NULL for anybody's. */
static IvdHttpConnection *
find_oldest (IvdHttpConnections *self, IvdHttpActivity activity, const char *client)
{
  for (GList *l = self->queues[activity].head; l != NULL; l = l->next)
    if (client == NULL || strcmp (((const IvdHttpConnection *) l->data)->client, client) == 0)
      return l->data;
  return NULL;
}

/* Who has not got on for the longest time; NULL: all are busy. Those that have
 * never asked for anything come no later than those between two requests.
 * client: NULL for anybody's. */
static IvdHttpConnection *
find_slowest (IvdHttpConnections *self, const char *client)
{
  static const IvdHttpActivity activities[]
      = { IVD_HTTP_LEAVING, IVD_HTTP_HANDSHAKE, IVD_HTTP_IDLE, IVD_HTTP_HEADERS, IVD_HTTP_BODY };
  IvdHttpConnection *slowest = NULL;
  gint64 slowest_since = 0;

  for (guint i = 0; i < G_N_ELEMENTS (activities); i++)
    {
      IvdHttpConnection *oldest = find_oldest (self, activities[i], client);
      gint64 since = oldest != NULL ? oldest->deadline - times[activities[i]] : 0;

      if (oldest == NULL || (slowest != NULL && slowest_since <= since))
        continue;
      slowest = oldest;
      slowest_since = since;
    }
  return slowest;
}

/* Whoever waits longest gives way to a newcomer: so that those who only sit
 * there cannot keep others out. */
static gboolean
evict (IvdHttpConnections *self, const char *client)
{
  IvdHttpConnection *slowest = find_slowest (self, client);

  if (slowest == NULL)
    return FALSE;
  ivd_http_connection_set_activity (slowest, IVD_HTTP_WORKING);
  ivd_http_connection_shutdown (slowest);
  return TRUE;
}

/* An end is seen a moment after it was made; for so long there may be a few
 * more. */
static gboolean
make_room (IvdHttpConnections *self, const char *client)
{
  guint theirs = count_client (self, client);

  if (theirs >= IVD_LIMIT_HTTP_CONNECTIONS_PER_CLIENT
      && (!evict (self, client) || theirs >= IVD_LIMIT_HTTP_CONNECTIONS_PER_CLIENT + IVD_LIMIT_HTTP_OVERLAP))
    return FALSE;
  return self->count < IVD_LIMIT_HTTP_CONNECTIONS
         || (evict (self, NULL) && self->count < IVD_LIMIT_HTTP_CONNECTIONS + IVD_LIMIT_HTTP_OVERLAP);
}

IvdHttpConnection *
ivd_http_connection_new (IvdHttpConnections *connections, GSocket *socket)
{
  g_autofree char *client = name_client (socket);
  IvdHttpConnection *self;

  if (!make_room (connections, client))
    return NULL;
  set_client_count (connections, client, count_client (connections, client) + 1);
  self = g_new0 (IvdHttpConnection, 1);
  g_ref_count_init (&self->references);
  self->owner = connections;
  self->socket = g_object_ref (socket);
  self->client = g_steal_pointer (&client);
  self->link.data = self;
  self->activity = IVD_HTTP_WORKING;
  g_queue_push_tail_link (&connections->queues[self->activity], &self->link);
  connections->count++;
  ivd_http_counters_add (connections->counters, IVD_HTTP_OPEN_CONNECTIONS, 1);
  ivd_http_connection_set_activity (self, IVD_HTTP_HEADERS);
  return self;
}

IvdHttpConnection *
ivd_http_connection_ref (IvdHttpConnection *connection)
{
  g_ref_count_inc (&connection->references);
  return connection;
}

void
ivd_http_connection_unref (IvdHttpConnection *connection)
{
  IvdHttpConnections *owner;

  if (connection == NULL || !g_ref_count_dec (&connection->references))
    return;
  owner = connection->owner;
  if (owner != NULL)
    {
      g_queue_unlink (&owner->queues[connection->activity], &connection->link);
      owner->count--;
      set_client_count (owner, connection->client, count_client (owner, connection->client) - 1);
      ivd_http_counters_add (owner->counters, IVD_HTTP_OPEN_CONNECTIONS, -1);
      arm (owner);
    }
  g_clear_object (&connection->caller);
  g_clear_object (&connection->bearer);
  g_free (connection->authorization);
  g_object_unref (connection->socket);
  g_free (connection->client);
  g_free (connection);
}

void
ivd_http_connection_set_activity (IvdHttpConnection *connection, IvdHttpActivity activity)
{
  IvdHttpConnections *owner = connection->owner;

  if (owner == NULL)
    return;
  g_queue_unlink (&owner->queues[connection->activity], &connection->link);
  connection->activity = activity;
  connection->deadline = times[activity] != 0 ? g_get_monotonic_time () + times[activity] : 0;
  g_queue_push_tail_link (&owner->queues[activity], &connection->link);
  if (connection->deadline != 0)
    arm (owner);
}

void
ivd_http_connection_shutdown (IvdHttpConnection *connection)
{
  (void) g_socket_shutdown (connection->socket, TRUE, TRUE, NULL);
}

const char *
ivd_http_connection_get_client (IvdHttpConnection *connection)
{
  return connection->client;
}

GSocket *
ivd_http_connection_get_socket (IvdHttpConnection *connection)
{
  return connection->socket;
}

gboolean
ivd_http_connection_is_unix (IvdHttpConnection *connection)
{
  return g_socket_get_family (connection->socket) == G_SOCKET_FAMILY_UNIX;
}

void
ivd_http_connection_set_secure (IvdHttpConnection *connection)
{
  connection->secure = TRUE;
}

gboolean
ivd_http_connection_is_secure (IvdHttpConnection *connection)
{
  return connection->secure;
}

void
ivd_http_connection_set_intake (IvdHttpConnection *connection, gpointer intake)
{
  connection->intake = intake;
}

gpointer
ivd_http_connection_get_intake (IvdHttpConnection *connection)
{
  return connection->intake;
}

void
ivd_http_connection_set_caller (IvdHttpConnection *connection, IvdCaller *caller)
{
  g_set_object (&connection->caller, caller);
}

IvdCaller *
ivd_http_connection_get_caller (IvdHttpConnection *connection)
{
  return connection->caller;
}

void
ivd_http_connection_set_bearer (IvdHttpConnection *connection, const char *authorization, IvdCaller *caller)
{
  g_free (connection->authorization);
  connection->authorization = g_strdup (authorization);
  g_set_object (&connection->bearer, caller);
}

/* Of the same length, in a time that does not tell where they differ: behind a
 * proxy several clients share a connection. */
static gboolean
is_same (const char *a, const char *b)
{
  gsize length = strlen (a);
  guint8 differences = 0;

  if (strlen (b) != length)
    return FALSE;
  for (gsize i = 0; i < length; i++)
    differences |= (guint8) (a[i] ^ b[i]);
  return differences == 0;
}

IvdCaller *
ivd_http_connection_find_bearer (IvdHttpConnection *connection, const char *authorization)
{
  if (connection->authorization == NULL || !is_same (connection->authorization, authorization))
    return NULL;
  return connection->bearer;
}

void
ivd_http_connection_set_idle (IvdHttpConnection *connection, gpointer idle, GDestroyNotify free_func)
{
  gpointer old = g_steal_pointer (&connection->idle);
  GDestroyNotify free_old = connection->free_idle;

  connection->idle = idle;
  connection->free_idle = free_func;
  if (old != NULL)
    free_old (old);
}

gpointer
ivd_http_connection_get_idle (IvdHttpConnection *connection)
{
  return connection->idle;
}

/* --- found again from libsoup's messages --- */

#define CONNECTION_KEY "ivd-http-connection"

GSocketAddress *
ivd_http_connection_make_address (IvdHttpConnection *connection)
{
  /* What kind of address it is nobody asks; that it is one of the internet
   * keeps libsoup from casting a unix socket's to it. */
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  GSocketAddress *address = g_inet_socket_address_new (loopback, 0);

  g_object_set_data_full (G_OBJECT (address), CONNECTION_KEY, ivd_http_connection_ref (connection),
                          (GDestroyNotify) ivd_http_connection_unref);
  return address;
}

IvdHttpConnection *
ivd_http_connection_from_address (GSocketAddress *address)
{
  return g_object_get_data (G_OBJECT (address), CONNECTION_KEY);
}
