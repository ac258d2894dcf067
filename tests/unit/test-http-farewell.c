/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ivd-limits.h"
#include "export/http/ivd-http-farewell.h"

/* What is done with a client that goes on after it was told that nothing is
 * taken: so much is thrown away, for so long. */

#define PIECE (64 * 1024)

typedef struct
{
  IvdHttpCounters counters;
  IvdHttpConnections *connections;
  GSocket *theirs;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) response = g_bytes_new_static ("no", 2);
  g_autoptr (GSocket) ours = NULL;
  GSocketConnection *stream;
  char answer[2];
  int pair[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
  ours = g_socket_new_from_fd (pair[0], &error);
  fixture->theirs = g_socket_new_from_fd (pair[1], &error);
  g_assert_no_error (error);
  g_socket_set_blocking (ours, FALSE);
  fixture->connections = ivd_http_connections_new (&fixture->counters);
  stream = g_socket_connection_factory_create_connection (ours);
  ivd_http_farewell (G_IO_STREAM (stream), ivd_http_connection_new (fixture->connections, ours), response);
  g_assert_cmpint (g_socket_receive (fixture->theirs, answer, sizeof answer, NULL, NULL), ==, 2);
  g_assert_cmpmem (answer, 2, "no", 2);
  g_assert_cmpint (g_socket_receive (fixture->theirs, answer, sizeof answer, NULL, NULL), ==, 0);
  g_socket_set_blocking (fixture->theirs, FALSE);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  ivd_http_connections_free (fixture->connections);
  g_object_unref (fixture->theirs);
}

static void
send_on (Fixture *fixture, gsize count)
{
  static const char bytes[PIECE];

  while (count > 0)
    {
      g_autoptr (GError) error = NULL;
      gssize sent = g_socket_send (fixture->theirs, bytes, MIN (count, sizeof bytes), NULL, &error);

      if (sent > 0)
        count -= (gsize) sent;
      else
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
      g_main_context_iteration (NULL, FALSE);
    }
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

static void
test_discarded (Fixture *fixture, gconstpointer data)
{
  send_on (fixture, IVD_LIMIT_HTTP_DISCARDED_BYTES);
  g_assert_cmpuint (ivd_http_connections_count (fixture->connections), ==, 1);
  send_on (fixture, 1);
  g_assert_cmpuint (ivd_http_connections_count (fixture->connections), ==, 0);
}

/* Though it has not sent all that it may. */
static void
test_time (Fixture *fixture, gconstpointer data)
{
  const gint64 begun = g_get_monotonic_time ();

  send_on (fixture, 1);
  while (ivd_http_connections_count (fixture->connections) > 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (g_get_monotonic_time () - begun, >=, IVD_LIMIT_HTTP_LEAVE_USEC * 9 / 10);
  g_assert_cmpint (g_get_monotonic_time () - begun, <, IVD_LIMIT_HTTP_LEAVE_USEC * 5);
}

static void
test_gone (Fixture *fixture, gconstpointer data)
{
  g_assert_true (g_socket_close (fixture->theirs, NULL));
  while (ivd_http_connections_count (fixture->connections) > 0)
    g_main_context_iteration (NULL, TRUE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/ivd/http-farewell/discarded", Fixture, NULL, set_up, test_discarded, tear_down);
  g_test_add ("/ivd/http-farewell/time", Fixture, NULL, set_up, test_time, tear_down);
  g_test_add ("/ivd/http-farewell/gone", Fixture, NULL, set_up, test_gone, tear_down);
  return g_test_run ();
}
