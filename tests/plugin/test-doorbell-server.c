/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

/*
 * What the server says to clients that do as they should: the greeting, who
 * comes and goes, ids, and the daemon as a peer.
 */

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ivshmem/wire.h"

#include "ivt-server.h"

static void
assert_message (const IvtWireClient *client, guint index, gint64 value, gboolean has_fd)
{
  const IvtWireMessage *message;

  g_assert_cmpuint (index, <, client->messages->len);
  message = &g_array_index (client->messages, IvtWireMessage, index);
  g_assert_cmpint (message->value, ==, value);
  g_assert_cmpint (message->has_fd, ==, has_fd);
}

/* Version, id, memory, the others in the order they came, oneself; and not a
 * message more. */
static void
test_greeting (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=2");
  IvtWireClient *first = ivt_server_join (server);
  IvtWireClient *second = ivt_server_join (server);
  const gint64 expected[] = { IVSHMEM_WIRE_VERSION, 1, IVSHMEM_WIRE_MEMORY, 255, 255, 0, 0, 1, 1 };

  g_assert_cmpint (first->own_id, ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++)
    assert_message (second, i, expected[i], i >= 2);
  g_assert_cmpuint (second->messages->len, ==, G_N_ELEMENTS (expected));
  /* The first one's greeting, then the newcomer. */
  g_assert_cmpuint (first->messages->len, ==, 7 + 2);
  assert_message (first, 7, 1, TRUE);
  assert_message (first, 8, 1, TRUE);
}

static gboolean
has_unread (gpointer data)
{
  return ivt_wire_client_unread (data) > 0;
}

static void
test_newcomer_is_announced_before_it_is_greeted (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=8");
  IvtWireClient *first = ivt_server_join (server);
  IvtWireClient *second = ivt_server_connect (server);

  g_assert_true (ivt_plugin_host_wait (server->host, has_unread, second));
  ivt_wire_client_read (first, G_MAXUINT);
  g_assert_cmpuint (ivt_wire_client_vectors (first, 1), ==, 8);
}

static void
test_leave (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=3");
  IvtWireClient *stays = ivt_server_join (server);
  IvtWireClient *leaves = ivt_server_join (server);

  ivt_server_leave (server, leaves);
  g_assert_cmpuint (stays->n_leaves, ==, 1);
  g_assert_true (g_hash_table_contains (stays->leavers, GUINT_TO_POINTER (1)));
  g_assert_cmpuint (server->region->n_leaves, ==, 1);
  /* The next one never hears of it. */
  g_assert_cmpint (ivt_server_join (server)->own_id, ==, 2);
}

/* Clients have nothing to say. */
static void
test_data_is_a_leave (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("");
  IvtWireClient *stays = ivt_server_join (server);
  IvtWireClient *talks = ivt_server_join (server);

  g_assert_cmpint (send (talks->fd, "x", 1, 0), ==, 1);
  ivt_server_wait_peers (server, 1);
  ivt_server_wait_ended (server, talks);
  ivt_server_settle (server);
  g_assert_cmpuint (stays->n_leaves, ==, 1);
}

static void
test_end_of_file_is_a_leave (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("");
  IvtWireClient *shuts = ivt_server_join (server);

  g_assert_cmpint (shutdown (shuts->fd, SHUT_WR), ==, 0);
  ivt_server_wait_peers (server, 0);
  ivt_server_wait_ended (server, shuts);
  g_assert_false (shuts->reset);
}

static void
test_leaves_are_withheld (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("announce-leaves=false");
  IvtWireClient *stays = ivt_server_join (server);
  IvtWireClient *leaves = ivt_server_join (server);

  ivt_wire_client_hang_up (leaves);
  ivt_server_wait_peers (server, 1);
  stays->paused = TRUE;
  g_assert_cmpint (ivt_server_join (server)->own_id, ==, 2);
  ivt_wire_client_read (stays, G_MAXUINT);
  g_assert_cmpuint (stays->n_leaves, ==, 0);
  g_assert_cmpuint (ivt_wire_client_vectors (stays, 2), ==, 1);
}

/* Whoever stays through 300 reconnects of others hears each of them, and no
 * id twice, which the client asserts. */
static void
test_reconnects (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=2");
  IvtWireClient *stays = ivt_server_join (server);

  for (guint i = 0; i < 300; i++)
    {
      IvtWireClient *visitor = ivt_server_join (server);

      /* One more from the daemon's own id on. */
      g_assert_cmpint (visitor->own_id, ==, i + 1 < 255 ? i + 1 : i + 2);
      ivt_server_leave (server, visitor);
      g_ptr_array_remove (server->clients, visitor);
    }
  g_assert_cmpuint (stays->n_leaves, ==, 300);
  g_assert_cmpuint (ivt_wire_client_n_peers (stays), ==, 1);
}

static void
test_ids_have_offset_and_stride (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("id-offset=1 id-stride=2 own-id=3");

  g_assert_cmpint (ivt_server_join (server)->own_id, ==, 1);
  g_assert_cmpint (ivt_server_join (server)->own_id, ==, 5);
  g_assert_cmpint (ivt_server_join (server)->own_id, ==, 7);
}

/* Four ids in all; the own one is one of them. */
static void
test_id_is_used_again_only_for_those_who_came_later (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("id-offset=65532 own-id=65534");
  IvtWireClient *stays = ivt_server_join (server);
  IvtWireClient *visitor = ivt_server_join (server);

  g_assert_cmpint (visitor->own_id, ==, 65533);
  ivt_server_leave (server, visitor);
  visitor = ivt_server_join (server);
  g_assert_cmpint (visitor->own_id, ==, 65535);

  /* Every id was used, and one who is there knew 65533. */
  ivt_server_wait_ended (server, ivt_server_connect (server));
  g_assert_true (ivt_region_logged (server->region, "every id was used"));

  /* 65535 came after 65533 had gone. */
  ivt_server_leave (server, stays);
  stays = ivt_server_join (server);
  g_assert_cmpint (stays->own_id, ==, 65533);

  /* And after nobody knows anybody, the one that is gone for longest. */
  ivt_server_leave (server, visitor);
  ivt_server_leave (server, stays);
  g_assert_cmpint (ivt_server_join (server)->own_id, ==, 65532);
  g_assert_cmpint (ivt_server_join (server)->own_id, ==, 65535);
}

/* --- the daemon as a peer ---------------------------------------------- */

static guint64
take (int eventfd)
{
  struct pollfd poll_fd = { .fd = eventfd, .events = POLLIN };
  guint64 count = 0;

  if (poll (&poll_fd, 1, 0) == 1)
    g_assert_cmpint (read (eventfd, &count, sizeof count), ==, sizeof count);
  return count;
}

static void
test_daemon_is_a_peer (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=2 own-id=7");
  g_autoptr (GError) error = NULL;
  IvtWireClient *client = ivt_server_join (server);
  const IvshmemPluginDescription *description = &server->region->description;

  g_assert_cmpint (description->own_id, ==, 7);
  g_assert_cmpuint (description->own_vectors, ==, 2);
  g_assert_cmpuint (description->capabilities & IVSHMEM_PLUGIN_CAP_RECEIVE, !=, 0);
  g_assert_cmpuint (description->capabilities & IVSHMEM_PLUGIN_CAP_OWN_ID, !=, 0);
  /* It never lists itself. */
  g_assert_null (ivt_region_peer (server->region, 7));

  ivt_wire_client_ring (client, 7, 1);
  g_assert_cmpuint (take (ivt_region_vector (server->region, 0, &error)), ==, 0);
  g_assert_cmpuint (take (ivt_region_vector (server->region, 1, &error)), ==, 1);
  g_assert_no_error (error);
  g_assert_cmpint (ivt_region_vector (server->region, 2, &error), ==, -1);
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_OUT_OF_RANGE);
}

static void
test_daemon_is_no_peer (void)
{
  g_autoptr (IvtServer) server = ivt_server_new_empty ();
  g_autoptr (GError) error = NULL;
  IvtWireClient *client;

  g_assert_true (ivt_server_attach (server, "vectors=2 own-id=none", &error));
  server->vectors = 2;
  g_assert_cmpint (server->region->description.own_id, ==, -1);
  g_assert_cmpuint (server->region->description.own_vectors, ==, 0);
  g_assert_cmpuint (server->region->description.capabilities & IVSHMEM_PLUGIN_CAP_RECEIVE, ==, 0);
  g_assert_cmpuint (server->region->description.capabilities & IVSHMEM_PLUGIN_CAP_OWN_ID, ==, 0);
  g_assert_cmpuint (server->region->description.capabilities & IVSHMEM_PLUGIN_CAP_VECTOR_FD, ==, 0);

  client = ivt_server_join (server);
  g_assert_cmpuint (ivt_wire_client_n_peers (client), ==, 0);
  g_assert_cmpint (ivt_region_vector (server->region, 0, &error), ==, -1);
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_NOT_SUPPORTED);
  g_clear_error (&error);
  /* Ringing is possible all the same. */
  g_assert_true (ivt_region_ring (server->region, 0, 1, &error));
  g_assert_cmpuint (ivt_wire_client_take (client, 1), ==, 1);
}

static void
test_rings (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=4");
  g_autoptr (GError) error = NULL;
  IvtWireClient *first = ivt_server_join (server);
  IvtWireClient *second = ivt_server_join (server);

  /* Vector n is vector n, for clients and for the daemon. */
  for (guint vector = 0; vector < 4; vector++)
    {
      ivt_wire_client_ring (first, 1, vector);
      g_assert_true (ivt_region_ring (server->region, 0, vector, &error));
      g_assert_true (ivt_region_ring (server->region, 255, vector, &error));
      for (guint other = 0; other < 4; other++)
        {
          guint64 expected = other == vector ? 1 : 0;

          g_assert_cmpuint (ivt_wire_client_take (second, other), ==, expected);
          g_assert_cmpuint (ivt_wire_client_take (first, other), ==, expected);
          g_assert_cmpuint (take (ivt_region_vector (server->region, other, &error)), ==, expected);
        }
    }
  g_assert_false (ivt_region_ring (server->region, 0, 4, &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_OUT_OF_RANGE);
  g_clear_error (&error);
  g_assert_false (ivt_region_ring (server->region, 2, 0, &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_NOT_FOUND);
}

/* The server never reads what clients wait on: counts add up. */
static void
test_rings_add_up (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("");
  g_autoptr (GError) error = NULL;
  IvtWireClient *client = ivt_server_join (server);

  for (guint i = 0; i < 1000; i++)
    g_assert_true (ivt_region_ring (server->region, 0, 0, &error));
  ivt_plugin_host_drain (server->host);
  g_assert_cmpuint (ivt_wire_client_take (client, 0), ==, 1000);
}

/* --- peers ------------------------------------------------------------- */

static void
test_peers_are_known (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=2");
  g_autofree char *executable = g_file_read_link ("/proc/self/exe", NULL);
  const IvtPeer *peer;

  ivt_server_join (server);
  peer = ivt_region_peer (server->region, 0);
  g_assert_nonnull (peer);
  g_assert_cmpuint (peer->vectors, ==, 2);
  g_assert_cmpint (peer->pid, ==, getpid ());
  g_assert_cmpint (peer->uid, ==, getuid ());
  g_assert_cmpint (peer->gid, ==, getgid ());
  g_assert_cmpstr (peer->executable, ==, executable);
}

static void
test_joined_socket_is_a_peer (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=2 max-peers=2");
  g_autoptr (GError) error = NULL;
  IvtWireClient *client = ivt_server_join (server);
  int fd = ivt_region_join (server->region, 1234, 5678, &error);
  IvtWireClient *joined;

  g_assert_no_error (error);
  g_assert_cmpint (ivt_region_peer (server->region, 1)->uid, ==, 1234);
  g_assert_cmpint (ivt_region_peer (server->region, 1)->gid, ==, 5678);
  g_assert_cmpstr (ivt_region_peer (server->region, 1)->executable, ==, "/test/joined");
  joined = ivt_wire_client_new_for_fd (fd);
  g_ptr_array_add (server->clients, joined);
  ivt_server_settle (server);
  g_assert_cmpint (joined->own_id, ==, 1);
  ivt_wire_client_ring (joined, 0, 1);
  g_assert_cmpuint (ivt_wire_client_take (client, 1), ==, 1);

  g_assert_cmpint (ivt_region_join (server->region, 1234, 5678, &error), ==, -1);
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_LIMIT);
  ivt_server_leave (server, joined);
}

static void
test_kick (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("");
  g_autoptr (GError) error = NULL;
  IvtWireClient *stays = ivt_server_join (server);
  IvtWireClient *kicked = ivt_server_join (server);

  g_assert_true (ivt_region_kick (server->region, 1, &error));
  ivt_server_wait_ended (server, kicked);
  g_assert_false (kicked->reset);
  ivt_server_wait_peers (server, 1);
  ivt_server_settle (server);
  g_assert_cmpuint (stays->n_leaves, ==, 1);

  g_assert_false (ivt_region_kick (server->region, 1, &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_NOT_FOUND);
  g_clear_error (&error);
  g_assert_false (ivt_region_kick (server->region, 255, &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_INVALID_ARGUMENT);
}

static void
test_most_vectors (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=2048");
  IvtWireClient *first = ivt_server_join (server);

  /* Two peers at least, whatever 900 / vectors comes to. */
  ivt_server_join (server);
  g_assert_cmpuint (ivt_wire_client_vectors (first, 1), ==, 2048);
  ivt_server_wait_ended (server, ivt_server_connect (server));
  g_assert_cmpuint (g_hash_table_size (server->region->peers), ==, 2);
  g_assert_true (ivt_region_logged (server->region, "max-peers"));
}

static void
test_detach_closes_everybody (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("");
  IvtWireClient *first = ivt_server_join (server);
  IvtWireClient *second = ivt_server_join (server);

  ivt_server_close (server, FALSE);
  ivt_wire_client_read (first, G_MAXUINT);
  ivt_wire_client_read (second, G_MAXUINT);
  g_assert_true (first->ended && second->ended);
  /* They live on without us, and ring each other still. */
  g_assert_cmpuint (first->n_leaves + second->n_leaves, ==, 0);
  ivt_wire_client_ring (first, 1, 0);
  g_assert_cmpuint (ivt_wire_client_take (second, 0), ==, 1);
}

#define ADD(path, test) g_test_add_func ("/doorbell-server/" path, test)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("greeting", test_greeting);
  ADD ("newcomer-is-announced-before-it-is-greeted", test_newcomer_is_announced_before_it_is_greeted);
  ADD ("leave", test_leave);
  ADD ("data-is-a-leave", test_data_is_a_leave);
  ADD ("end-of-file-is-a-leave", test_end_of_file_is_a_leave);
  ADD ("leaves-are-withheld", test_leaves_are_withheld);
  ADD ("reconnects", test_reconnects);
  ADD ("ids-have-offset-and-stride", test_ids_have_offset_and_stride);
  ADD ("id-is-used-again-only-for-those-who-came-later", test_id_is_used_again_only_for_those_who_came_later);
  ADD ("daemon-is-a-peer", test_daemon_is_a_peer);
  ADD ("daemon-is-no-peer", test_daemon_is_no_peer);
  ADD ("rings", test_rings);
  ADD ("rings-add-up", test_rings_add_up);
  ADD ("peers-are-known", test_peers_are_known);
  ADD ("joined-socket-is-a-peer", test_joined_socket_is_a_peer);
  ADD ("kick", test_kick);
  ADD ("most-vectors", test_most_vectors);
  ADD ("detach-closes-everybody", test_detach_closes_everybody);
  return g_test_run ();
}
