/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ivt-server.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "ivshmem/wire.h"

IvtServer *
ivt_server_new_empty (void)
{
  IvtServer *server = g_new0 (IvtServer, 1);
  g_autoptr (GError) error = NULL;

  server->directory = g_dir_make_tmp ("ivt-server-XXXXXX", &error);
  g_assert_no_error (error);
  server->socket = g_build_filename (server->directory, "r.sock", NULL);
  server->host = ivt_plugin_host_new (IVT_DOORBELL_SERVER, server->directory);
  server->clients = g_ptr_array_new_with_free_func ((GDestroyNotify) ivt_wire_client_free);
  return server;
}

gboolean
ivt_server_attach (IvtServer *server, const char *options, GError **error)
{
  g_autoptr (GString) text = g_string_new (options);

  g_assert_null (server->region);
  g_string_replace (text, "DIR", server->directory, 0);
  server->region = ivt_region_attach (server->host, "r", text->str, error);
  if (server->region == NULL)
    return FALSE;
  server->vectors = server->region->description.own_vectors;
  return TRUE;
}

IvtServer *
ivt_server_new (const char *options)
{
  IvtServer *server = ivt_server_new_empty ();
  g_autoptr (GError) error = NULL;

  (void) ivt_server_attach (server, options, &error);
  g_assert_no_error (error);
  return server;
}

void
ivt_server_close (IvtServer *server, gboolean keep)
{
  ivt_region_close (g_steal_pointer (&server->region), keep);
}

void
ivt_server_free (IvtServer *server)
{
  if (server == NULL)
    return;
  g_ptr_array_unref (server->clients);
  if (server->region != NULL)
    ivt_server_close (server, FALSE);
  ivt_plugin_host_free (server->host);
  /* Nothing may be left. */
  g_assert_cmpint (g_rmdir (server->directory), ==, 0);
  g_free (server->socket);
  g_free (server->directory);
  g_free (server);
}

IvtWireClient *
ivt_server_connect (IvtServer *server)
{
  IvtWireClient *client = ivt_wire_client_new (server->socket);

  g_assert_nonnull (client);
  client->max_vectors = server->vectors;
  g_ptr_array_add (server->clients, client);
  return client;
}

/* Knows exactly those who are there, with all their vectors. */
static gboolean
knows_everybody (const IvtServer *server, const IvtWireClient *client)
{
  GHashTableIter iter;
  gpointer key;
  gint64 own = server->region->description.own_id;
  guint there = g_hash_table_size (server->region->peers) + (own >= 0 ? 1 : 0);

  if (g_hash_table_size (client->peers) != there)
    return FALSE;
  if (own >= 0 && ivt_wire_client_vectors (client, (guint) own) != server->vectors)
    return FALSE;
  g_hash_table_iter_init (&iter, server->region->peers);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    if (ivt_wire_client_vectors (client, GPOINTER_TO_UINT (key)) != server->vectors)
      return FALSE;
  return TRUE;
}

static gboolean
is_settled (gpointer data)
{
  IvtServer *server = data;
  gboolean settled = TRUE;

  for (guint i = 0; i < server->clients->len; i++)
    {
      IvtWireClient *client = g_ptr_array_index (server->clients, i);

      if (client->paused || client->fd < 0 || client->ended)
        continue;
      ivt_wire_client_read (client, G_MAXUINT);
      settled = settled && (client->ended || client->refused || knows_everybody (server, client));
    }
  return settled;
}

void
ivt_server_settle (IvtServer *server)
{
  g_assert_true (ivt_plugin_host_wait (server->host, is_settled, server));
}

typedef struct
{
  IvtServer *server;
  IvtWireClient *client;
  guint n;
} Wait;

static gboolean
has_peers (gpointer data)
{
  const Wait *wait = data;

  return g_hash_table_size (wait->server->region->peers) == wait->n;
}

void
ivt_server_wait_peers (IvtServer *server, guint n)
{
  Wait wait = { .server = server, .n = n };

  g_assert_true (ivt_plugin_host_wait (server->host, has_peers, &wait));
}

static gboolean
has_ended (gpointer data)
{
  const Wait *wait = data;

  ivt_wire_client_read (wait->client, G_MAXUINT);
  return wait->client->ended;
}

void
ivt_server_wait_ended (IvtServer *server, IvtWireClient *client)
{
  Wait wait = { .server = server, .client = client };

  g_assert_true (ivt_plugin_host_wait (server->host, has_ended, &wait));
}

IvtWireClient *
ivt_server_join (IvtServer *server)
{
  guint before = g_hash_table_size (server->region->peers);
  IvtWireClient *client = ivt_server_connect (server);

  ivt_server_wait_peers (server, before + 1);
  ivt_server_settle (server);
  g_assert_cmpint (client->own_id, >=, 0);
  return client;
}

void
ivt_server_leave (IvtServer *server, IvtWireClient *client)
{
  guint before = g_hash_table_size (server->region->peers);

  ivt_wire_client_hang_up (client);
  ivt_server_wait_peers (server, before - 1);
  ivt_server_settle (server);
}

guint
ivt_wire_client_unread (const IvtWireClient *client)
{
  int bytes = 0;

  g_assert_cmpint (ioctl (client->fd, FIONREAD, &bytes), ==, 0);
  return (guint) bytes / IVSHMEM_WIRE_MESSAGE_BYTES;
}
