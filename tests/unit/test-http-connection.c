/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/ivd-limits.h"
#include "export/http/ivd-http-connection.h"

/* How many connections there may be, and who gives way. */

typedef struct
{
  IvdHttpCounters counters;
  IvdHttpConnections *connections;
  GPtrArray *held; /* of IvdHttpConnection */
  GSocket *ours, *theirs;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  int pair[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
  fixture->ours = g_socket_new_from_fd (pair[0], &error);
  fixture->theirs = g_socket_new_from_fd (pair[1], &error);
  g_assert_no_error (error);
  fixture->connections = ivd_http_connections_new (&fixture->counters);
  fixture->held = g_ptr_array_new_with_free_func ((GDestroyNotify) ivd_http_connection_unref);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_ptr_array_unref (fixture->held);
  g_assert_cmpuint (ivd_http_connections_count (fixture->connections), ==, 0);
  g_assert_cmpuint (ivd_http_counters_get (&fixture->counters, IVD_HTTP_OPEN_CONNECTIONS), ==, 0);
  ivd_http_connections_free (fixture->connections);
  g_object_unref (fixture->ours);
  g_object_unref (fixture->theirs);
}

/* All on one socket: only the one that is ended needs one of its own. */
static IvdHttpConnection *
add (Fixture *fixture, GSocket *socket, IvdHttpActivity activity)
{
  IvdHttpConnection *connection = ivd_http_connection_new (fixture->connections, socket);

  if (connection == NULL)
    return NULL;
  ivd_http_connection_set_activity (connection, activity);
  g_ptr_array_add (fixture->held, connection);
  return connection;
}

static gboolean
has_ended (GSocket *other)
{
  char byte;

  g_socket_set_blocking (other, FALSE);
  return g_socket_receive (other, &byte, 1, NULL, NULL) == 0;
}

static void
fill_with_busy (Fixture *fixture, guint count)
{
  for (guint i = 0; i < count; i++)
    g_assert_nonnull (add (fixture, fixture->theirs, IVD_HTTP_WORKING));
}

static void
test_busy_client (Fixture *fixture, gconstpointer data)
{
  fill_with_busy (fixture, IVD_LIMIT_HTTP_CONNECTIONS_PER_CLIENT);
  g_assert_null (add (fixture, fixture->theirs, IVD_HTTP_WORKING));
  /* One that goes makes room. */
  g_ptr_array_remove_index_fast (fixture->held, 0);
  g_assert_nonnull (add (fixture, fixture->theirs, IVD_HTTP_WORKING));
  g_assert_null (add (fixture, fixture->theirs, IVD_HTTP_WORKING));
}

static void
test_idle_gives_way (Fixture *fixture, gconstpointer data)
{
  add (fixture, fixture->ours, IVD_HTTP_IDLE);
  fill_with_busy (fixture, IVD_LIMIT_HTTP_CONNECTIONS_PER_CLIENT - 1);
  g_assert_false (has_ended (fixture->theirs));
  g_assert_nonnull (add (fixture, fixture->theirs, IVD_HTTP_WORKING));
  g_assert_true (has_ended (fixture->theirs));
  /* The one that was ended is no longer idle: nobody else gives way. */
  g_assert_null (add (fixture, fixture->theirs, IVD_HTTP_WORKING));
}

/* For the moment in which those that give way go there are a few more, and no
 * more than that. */
static void
test_overlap (Fixture *fixture, gconstpointer data)
{
  const guint most = IVD_LIMIT_HTTP_CONNECTIONS_PER_CLIENT + IVD_LIMIT_HTTP_OVERLAP;

  for (guint i = 0; i < most; i++)
    g_assert_nonnull (add (fixture, fixture->ours, IVD_HTTP_IDLE));
  g_assert_cmpuint (ivd_http_connections_count (fixture->connections), ==, most);
  g_assert_null (add (fixture, fixture->ours, IVD_HTTP_IDLE));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/http-connection/busy-client", Fixture, NULL, set_up, test_busy_client, tear_down);
  g_test_add ("/http-connection/idle-gives-way", Fixture, NULL, set_up, test_idle_gives_way, tear_down);
  g_test_add ("/http-connection/overlap", Fixture, NULL, set_up, test_overlap, tear_down);
  return g_test_run ();
}
