/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-handshakes.h"

#include "base/ivd-limits.h"
#include "platform/ivd-log.h"
#include "platform/ivd-tls-stream.h"

/* Who has handshakes under way. */
typedef struct
{
  const char *name; /* of the connection of each, and of the key in the table */
  GQueue all;       /* of Handshake, the oldest first */
  GQueue ready;     /* those of them for which a step is due */
  GList turn;       /* in the owner's turns while any is ready */
} HandshakeClient;

typedef struct
{
  IvdHttpHandshakes *owner;
  HandshakeClient *client;
  IvdHttpConnection *connection;
  IvdTlsSession *session;
  GSource *source; /* waits for the socket; NULL: a step is due */
  GList in_all, in_ready;
} Handshake;

struct _IvdHttpHandshakes
{
  IvdTls *tls;
  IvdHttpShakenFunc func;
  gpointer data;
  GHashTable *clients; /* name → HandshakeClient */
  GQueue turns;        /* of HandshakeClient */
  GSource *turn;       /* the next one's, while there are any */
  guint count;
};

/* --- who is next --- */

static gboolean on_turn (gpointer data);

static void
add_turn (IvdHttpHandshakes *self, HandshakeClient *client)
{
  g_queue_push_tail_link (&self->turns, &client->turn);
  if (self->turn != NULL)
    return;
  self->turn = g_idle_source_new ();
  g_source_set_priority (self->turn, G_PRIORITY_DEFAULT);
  g_source_set_callback (self->turn, on_turn, self, NULL);
  g_source_attach (self->turn, g_main_context_get_thread_default ());
}

static void
stop_turns (IvdHttpHandshakes *self)
{
  if (self->turn != NULL)
    g_source_destroy (self->turn);
  g_clear_pointer (&self->turn, g_source_unref);
}

static void
make_ready (Handshake *handshake)
{
  HandshakeClient *client = handshake->client;

  g_queue_push_tail_link (&client->ready, &handshake->in_ready);
  if (client->ready.length == 1)
    add_turn (handshake->owner, client);
}

static void
make_unready (Handshake *handshake)
{
  HandshakeClient *client = handshake->client;

  g_queue_unlink (&client->ready, &handshake->in_ready);
  if (client->ready.length == 0)
    g_queue_unlink (&handshake->owner->turns, &client->turn);
}

/* --- one of them --- */

static void
clear_source (Handshake *handshake)
{
  g_source_destroy (handshake->source);
  g_clear_pointer (&handshake->source, g_source_unref);
}

static gboolean
on_socket (GSocket *socket, GIOCondition condition, gpointer data)
{
  Handshake *handshake = data;

  clear_source (handshake);
  make_ready (handshake);
  return G_SOURCE_REMOVE;
}

static void
wait_for (Handshake *handshake, GIOCondition wanted)
{
  handshake->source = g_socket_create_source (ivd_http_connection_get_socket (handshake->connection), wanted, NULL);
  g_source_set_callback (handshake->source, G_SOURCE_FUNC (on_socket), handshake, NULL);
  g_source_attach (handshake->source, g_main_context_get_thread_default ());
}

/* What it is about is the caller's now. */
static void
forget (Handshake *handshake, IvdTlsSession **ret_session, IvdHttpConnection **ret_connection)
{
  IvdHttpHandshakes *self = handshake->owner;
  HandshakeClient *client = handshake->client;

  if (handshake->source != NULL)
    clear_source (handshake);
  else
    make_unready (handshake);
  g_queue_unlink (&client->all, &handshake->in_all);
  if (client->all.length == 0)
    g_hash_table_remove (self->clients, client->name);
  self->count--;
  *ret_session = handshake->session;
  *ret_connection = handshake->connection;
  g_free (handshake);
}

static void
drop (Handshake *handshake)
{
  g_autoptr (IvdTlsSession) session = NULL;
  g_autoptr (IvdHttpConnection) connection = NULL;

  forget (handshake, &session, &connection);
  (void) g_socket_close (ivd_http_connection_get_socket (connection), NULL);
}

static void
finish (Handshake *handshake)
{
  IvdHttpHandshakes *self = handshake->owner;
  IvdTlsSession *session;
  IvdHttpConnection *connection;

  forget (handshake, &session, &connection);
  self->func (ivd_tls_stream_new (session), connection, self->data);
}

static void
step (Handshake *handshake)
{
  g_autoptr (GError) error = NULL;
  GIOCondition wanted;

  if (ivd_tls_session_shake_hands (handshake->session, &wanted, &error))
    finish (handshake);
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    {
      make_unready (handshake);
      wait_for (handshake, wanted);
    }
  else
    drop (handshake);
}

static gboolean
on_turn (gpointer data)
{
  IvdHttpHandshakes *self = data;
  HandshakeClient *client = g_queue_peek_head (&self->turns);

  if (client == NULL)
    {
      stop_turns (self);
      return G_SOURCE_REMOVE;
    }
  g_queue_unlink (&self->turns, &client->turn);
  g_queue_push_tail_link (&self->turns, &client->turn);
  step (g_queue_peek_head (&client->ready));
  return G_SOURCE_CONTINUE;
}

/* --- all of them --- */

static HandshakeClient *
find_client (IvdHttpHandshakes *self, const char *name)
{
  HandshakeClient *client = g_hash_table_lookup (self->clients, name);

  if (client != NULL)
    return client;
  client = g_new0 (HandshakeClient, 1);
  client->turn.data = client;
  client->name = g_strdup (name);
  g_hash_table_insert (self->clients, (gpointer) client->name, client);
  return client;
}

static HandshakeClient *
find_busiest (IvdHttpHandshakes *self)
{
  HandshakeClient *busiest = NULL;
  GHashTableIter iter;
  gpointer client;

  g_hash_table_iter_init (&iter, self->clients);
  while (g_hash_table_iter_next (&iter, NULL, &client))
    if (busiest == NULL || ((const HandshakeClient *) client)->all.length > busiest->all.length)
      busiest = client;
  return busiest;
}

IvdHttpHandshakes *
ivd_http_handshakes_new (IvdTls *tls, IvdHttpShakenFunc func, gpointer data)
{
  IvdHttpHandshakes *self = g_new0 (IvdHttpHandshakes, 1);

  self->tls = ivd_tls_ref (tls);
  self->func = func;
  self->data = data;
  self->clients = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

void
ivd_http_handshakes_free (IvdHttpHandshakes *handshakes)
{
  HandshakeClient *client;

  if (handshakes == NULL)
    return;
  while ((client = find_busiest (handshakes)) != NULL)
    drop (g_queue_peek_head (&client->all));
  stop_turns (handshakes);
  g_hash_table_unref (handshakes->clients);
  ivd_tls_unref (handshakes->tls);
  g_free (handshakes);
}

void
ivd_http_handshakes_add (IvdHttpHandshakes *handshakes, IvdHttpConnection *take_connection)
{
  g_autoptr (IvdHttpConnection) connection = take_connection;
  g_autoptr (GError) error = NULL;
  IvdTlsSession *session
      = ivd_tls_session_new (handshakes->tls, ivd_http_connection_get_socket (connection), &error);
  Handshake *handshake;

  if (session == NULL)
    {
      ivd_log (IVD_LOG_WARNING, NULL, "cannot begin TLS: %s", error->message);
      return;
    }
  if (handshakes->count >= IVD_LIMIT_HTTP_HANDSHAKES)
    drop (g_queue_peek_head (&find_busiest (handshakes)->all));
  handshake = g_new0 (Handshake, 1);
  handshake->owner = handshakes;
  handshake->client = find_client (handshakes, ivd_http_connection_get_client (connection));
  handshake->connection = g_steal_pointer (&connection);
  handshake->session = session;
  handshake->in_all.data = handshake;
  handshake->in_ready.data = handshake;
  g_queue_push_tail_link (&handshake->client->all, &handshake->in_all);
  handshakes->count++;
  ivd_http_connection_set_activity (handshake->connection, IVD_HTTP_HANDSHAKE);
  wait_for (handshake, G_IO_IN);
}

guint
ivd_http_handshakes_count (IvdHttpHandshakes *handshakes)
{
  return handshakes->count;
}
