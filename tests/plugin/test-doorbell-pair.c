/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ivt-plugin-host.h"
#include "ivt-server.h"
#include "ivt-wire-client.h"

/*
 * Our client and our server, each under a host of its own: what one says of
 * the other's doing.
 */

#define CLIENTS_MAX 32
#define SERVER_ID 255

typedef struct
{
  IvtServer *server;
  IvtPluginHost *host; /* of the clients */
  IvtRegion *clients[CLIENTS_MAX];
  guint n_clients;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer options)
{
  fixture->server = ivt_server_new (options);
  fixture->host = ivt_plugin_host_new (IVT_DOORBELL, NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer options)
{
  while (fixture->n_clients > 0)
    ivt_region_close (fixture->clients[--fixture->n_clients], FALSE);
  ivt_plugin_host_free (fixture->host);
  ivt_server_free (fixture->server);
}

static guint
id_of (IvtRegion *client)
{
  g_assert_cmpint (client->description.own_id, >=, 0);
  return (guint) client->description.own_id;
}

/* Everybody knows everybody, with all vectors. */
static gboolean
is_settled (gpointer data)
{
  Fixture *fixture = data;
  guint vectors = fixture->server->vectors;

  if (g_hash_table_size (fixture->server->region->peers) != fixture->n_clients)
    return FALSE;
  for (guint i = 0; i < fixture->n_clients; i++)
    {
      IvtRegion *client = fixture->clients[i];

      if (g_hash_table_size (client->peers) != fixture->n_clients || client->description.own_vectors != vectors
          || ivt_region_peer (client, SERVER_ID)->vectors != vectors
          || ivt_region_peer (fixture->server->region, id_of (client)) == NULL)
        return FALSE;
      for (guint j = 0; j < fixture->n_clients; j++)
        if (j != i
            && (ivt_region_peer (client, id_of (fixture->clients[j])) == NULL
                || ivt_region_peer (client, id_of (fixture->clients[j]))->vectors != vectors))
          return FALSE;
    }
  return TRUE;
}

static void
settle (Fixture *fixture)
{
  g_assert_true (ivt_plugin_host_wait (fixture->host, is_settled, fixture));
}

static IvtRegion *
attach (Fixture *fixture, const char *more)
{
  g_autofree char *options = g_strdup_printf ("socket=%s %s", fixture->server->socket, more);
  g_autoptr (GError) error = NULL;
  IvtRegion *client = ivt_region_attach (fixture->host, "c", options, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (fixture->n_clients, <, CLIENTS_MAX);
  fixture->clients[fixture->n_clients++] = client;
  settle (fixture);
  return client;
}

/* How often a vector was rung. */
static guint64
take (IvtRegion *region, guint vector)
{
  g_autoptr (GError) error = NULL;
  int fd = ivt_region_vector (region, vector, &error);
  guint64 count = 0;

  g_assert_no_error (error);
  if (read (fd, &count, sizeof count) < 0)
    g_assert_cmpint (errno, ==, EAGAIN);
  return count;
}

static void
ring (IvtRegion *region, guint peer, guint vector)
{
  g_autoptr (GError) error = NULL;

  (void) ivt_region_ring (region, peer, vector, &error);
  g_assert_no_error (error);
}

static void
expect_only (IvtRegion *region, guint vector, guint64 count)
{
  for (guint i = 0; i < region->description.own_vectors; i++)
    g_assert_cmpuint (take (region, i), ==, i == vector ? count : 0);
}

static guint8 *
map (IvtRegion *region)
{
  void *address = mmap (NULL, region->memory.size, PROT_READ | PROT_WRITE, MAP_SHARED, (int) region->memory.handle,
                        (off_t) region->memory.offset);

  g_assert_true (address != MAP_FAILED);
  return address;
}

static void
test_memory (Fixture *fixture, gconstpointer options)
{
  IvtRegion *client = attach (fixture, "");
  guint8 *here = map (client), *there = map (fixture->server->region);

  g_assert_cmpuint (client->memory.size, ==, fixture->server->region->memory.size);
  memcpy (here, "from client", 12);
  g_assert_cmpstr ((char *) there, ==, "from client");
  there[client->memory.size - 1] = 0x5a;
  g_assert_cmpuint (here[client->memory.size - 1], ==, 0x5a);
  munmap (here, client->memory.size);
  munmap (there, client->memory.size);
}

static void
test_rings (Fixture *fixture, gconstpointer options)
{
  IvtRegion *a = attach (fixture, ""), *b = attach (fixture, "");
  IvtRegion *server = fixture->server->region;
  guint step = fixture->server->vectors > 16 ? (fixture->server->vectors - 1) / 23 : 1;

  /* All of a few vectors; of 2048 every 89th, and so the first and the last. */
  g_assert_cmpuint (id_of (a), !=, id_of (b));
  for (guint vector = 0; vector < fixture->server->vectors; vector += step)
    {
      ring (server, id_of (a), vector);
      expect_only (a, vector, 1);
      expect_only (b, vector, 0);
      ring (a, SERVER_ID, vector);
      expect_only (server, vector, 1);
      ring (a, id_of (b), vector);
      ring (a, id_of (b), vector);
      ring (a, id_of (b), vector);
      expect_only (b, vector, 3);
      ring (b, id_of (b), vector);
      expect_only (b, vector, 1);
      expect_only (a, vector, 0);
    }
}

static void
test_joins_and_leaves (Fixture *fixture, gconstpointer options)
{
  IvtRegion *first = attach (fixture, "");
  guint n = 1;

  while (fixture->n_clients < CLIENTS_MAX)
    {
      attach (fixture, "");
      n++;
    }
  while (fixture->n_clients > 1)
    {
      ivt_region_close (fixture->clients[--fixture->n_clients], FALSE);
      settle (fixture);
    }
  g_assert_cmpuint (first->n_joins, ==, n);
  g_assert_cmpuint (first->n_leaves, ==, n - 1);
}

static gboolean
is_all_lost (gpointer data)
{
  Fixture *fixture = data;

  return fixture->clients[0]->lost && fixture->clients[1]->lost;
}

static gboolean
is_ready_again (gpointer data)
{
  Fixture *fixture = data;

  return fixture->clients[0]->n_ready == 2;
}

static void
test_server_returns (Fixture *fixture, gconstpointer options)
{
  g_autoptr (GError) error = NULL;
  IvtRegion *patient = attach (fixture, "reconnect=true"), *other = attach (fixture, "");

  ivt_server_close (fixture->server, FALSE);
  g_assert_true (ivt_plugin_host_wait (fixture->host, is_all_lost, fixture));
  g_assert_cmpuint (g_hash_table_size (patient->peers), ==, 0);
  ivt_region_close (other, FALSE);
  fixture->n_clients--;

  (void) ivt_server_attach (fixture->server, "socket=DIR/r.sock size=1M vectors=7", &error);
  g_assert_no_error (error);
  g_assert_true (ivt_plugin_host_wait (fixture->host, is_ready_again, fixture));
  settle (fixture);
  g_assert_cmpuint (patient->memory.size, ==, 1024 * 1024);
  g_assert_cmpuint (patient->description.own_vectors, ==, 7);
}

static gboolean
is_greeted (gpointer data)
{
  Fixture *fixture = data;
  IvtWireClient *joined = g_ptr_array_index (fixture->server->clients, 0);

  ivt_wire_client_read (joined, 100);
  return joined->own_id >= 0 && ivt_wire_client_vectors (joined, (guint) joined->own_id) == fixture->server->vectors
         && ivt_region_peer (fixture->clients[0], (guint) joined->own_id) != NULL;
}

/* A connection that was handed over is a peer like any other. */
static void
test_join (Fixture *fixture, gconstpointer options)
{
  IvtRegion *client = attach (fixture, "");
  g_autoptr (GError) error = NULL;
  IvtWireClient *joined;
  int fd = ivt_region_join (client, 0, 0, &error);

  g_assert_no_error (error);
  joined = ivt_wire_client_new_for_fd (fd);
  g_ptr_array_add (fixture->server->clients, joined);
  g_assert_true (ivt_plugin_host_wait (fixture->host, is_greeted, fixture));
  ring (client, (guint) joined->own_id, 1);
  g_assert_cmpuint (ivt_wire_client_take (joined, 1), ==, 1);
  ivt_wire_client_ring (joined, id_of (client), 2);
  expect_only (client, 2, 1);
}

static void
test_refused (Fixture *fixture, gconstpointer options)
{
  g_autofree char *text = g_strdup_printf ("socket=%s", fixture->server->socket);
  g_autoptr (GError) error = NULL;

  g_assert_null (ivt_region_attach (fixture->host, "c", text, &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_DENIED);
  g_assert_nonnull (strstr (error->message, "refused this client (version -1)"));
}

static gboolean
is_alone (gpointer data)
{
  Fixture *fixture = data;

  return fixture->clients[0]->lost;
}

static void
test_kicked (Fixture *fixture, gconstpointer options)
{
  IvtRegion *client = attach (fixture, "");
  g_autoptr (GError) error = NULL;

  g_assert_true (ivt_region_kick (fixture->server->region, id_of (client), &error));
  g_assert_true (ivt_plugin_host_wait (fixture->host, is_alone, fixture));
  g_assert_cmpint (client->lost_status, ==, IVSHMEM_PLUGIN_REGION_LOST);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/doorbell-pair/memory", Fixture, "size=4M vectors=1", set_up, test_memory, tear_down);
  g_test_add ("/doorbell-pair/rings", Fixture, "size=4K vectors=9", set_up, test_rings, tear_down);
  g_test_add ("/doorbell-pair/joins-and-leaves", Fixture, "size=4K vectors=16", set_up, test_joins_and_leaves,
              tear_down);
  g_test_add ("/doorbell-pair/two-thousand-vectors", Fixture, "size=4K vectors=2048 max-peers=3", set_up, test_rings,
              tear_down);
  g_test_add ("/doorbell-pair/server-returns", Fixture, "size=4M vectors=3", set_up, test_server_returns, tear_down);
  g_test_add ("/doorbell-pair/join", Fixture, "size=4K vectors=4", set_up, test_join, tear_down);
  g_test_add ("/doorbell-pair/refused", Fixture, "size=4K allow-uids=4000000", set_up, test_refused, tear_down);
  g_test_add ("/doorbell-pair/kicked", Fixture, "size=4K vectors=2", set_up, test_kicked, tear_down);
  return g_test_run ();
}
