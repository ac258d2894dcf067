/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>

#include "access/ivd-logins.h"
#include "base/ivd-limits.h"
#include "export/ivd-http.h"
#include "memory/ivd-memory.h"
#include "operation/ivd-watches.h"

#include "lib/ivt-shared.h"

/* The HTTP thread beside a main thread that changes the model all the time, and
 * clients on threads of their own. What it answers to whom is for the
 * integration tests. */

#define SIZE (1024 * 1024)
#define CLIENTS 4
#define ROUNDS 25
#define ANSWER_BYTES (256 * 1024)

typedef struct
{
  char *directory, *path;
  IvdContext context;
  IvdMetrics metrics;
  IvdRegion *region;
  IvdHttp *http;
  gint running; /* atomic: clients that are not done */
} Fixture;

static void
detach (gpointer data, gboolean keep, IvdDetachedFunc done, gpointer done_data)
{
  done (done_data);
}

static void
free_backend (gpointer data)
{
}

static const IvdRegionBackend backend = { .detach = detach, .free = free_backend };

static IvdRegion *
add_region_of (Fixture *fixture, const char *name, IvdMapping *mapping)
{
  g_autoptr (GError) error = NULL;
  IvdRegion *region = ivd_registry_create (fixture->context.registry, name, "fake",
                                           g_variant_new ("a{sv}", NULL), &backend, fixture, &error);

  g_assert_no_error (error);
  ivd_registry_set_own (fixture->context.registry, region, -1, 4, IVD_CAP_READ | IVD_CAP_WRITE | IVD_CAP_ATOMIC);
  ivd_registry_set_memory (fixture->context.registry, region, mapping, TRUE);
  ivd_registry_publish (fixture->context.registry, region);
  return region;
}

static IvdRegion *
add_region (Fixture *fixture, const char *name)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, NULL);

  return add_region_of (fixture, name, mapping);
}

static GSocket *
listen_at (const char *path)
{
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GError) error = NULL;
  GSocket *listener = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, 0, &error);

  g_assert_no_error (error);
  g_assert_true (g_socket_bind (listener, address, TRUE, &error));
  g_assert_true (g_socket_listen (listener, &error));
  return listener;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) sockets = g_ptr_array_new_with_free_func (g_object_unref);
  const IvdHttpSetup setup = { .sockets = sockets };
  IvdContext *context = &fixture->context;
  g_autoptr (GError) error = NULL;

  fixture->directory = g_dir_make_tmp ("ivt-http-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->path = g_build_filename (fixture->directory, "http.sock", NULL);
  context->registry = ivd_registry_new (ivd_serial_new (NULL, NULL));
  context->publisher = ivd_publisher_new (context->registry);
  context->plugins = ivd_plugin_store_new ();
  context->access = ivd_access_new (ivd_path_policy_new ("/run/ivt", NULL));
  context->pool = ivd_copy_pool_new ();
  context->waiter = ivd_waiter_new ();
  context->watches = ivd_watches_new (context->registry, context->pool);
  context->logins = ivd_logins_new ();
  context->metrics = &fixture->metrics;
  fixture->region = add_region (fixture, "r");
  g_ptr_array_add (sockets, listen_at (fixture->path));
  fixture->http = ivd_http_new (&setup, context, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  IvdContext *context = &fixture->context;

  g_clear_pointer (&fixture->http, ivd_http_free);
  ivd_registry_remove_all (context->registry, FALSE, NULL, NULL);
  ivd_waiter_free (context->waiter);
  ivd_copy_pool_free (context->pool);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  ivd_watches_free (context->watches);
  ivd_logins_unref (context->logins);
  ivd_access_unref (context->access);
  ivd_plugin_store_free (context->plugins);
  ivd_publisher_free (context->publisher);
  g_assert_finalize_object (context->registry);
  (void) g_unlink (fixture->path);
  g_assert_cmpint (g_rmdir (fixture->directory), ==, 0);
  g_free (fixture->directory);
  g_free (fixture->path);
}

/* --- a client --- */

static GSocket *
connect_to (const char *path)
{
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (path);
  g_autoptr (GError) error = NULL;
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, 0, &error);

  g_assert_no_error (error);
  g_assert_true (g_socket_connect (socket, address, NULL, &error));
  return socket;
}

static void
send_request (GSocket *socket, const char *method, const char *path, const char *body)
{
  g_autofree char *text = g_strdup_printf ("%s %s HTTP/1.1\r\nHost: ivt\r\nContent-Type: application/json\r\n"
                                           "Content-Length: %zu\r\n\r\n%s",
                                           method, path, strlen (body), body);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_socket_send (socket, text, strlen (text), NULL, &error), ==, strlen (text));
  g_assert_no_error (error);
}

/* The status of one answer, which is read whole. 0: the connection has ended.
 * ret_body: NULL if nobody asks. */
static guint
receive (GSocket *socket, GBytes **ret_body)
{
  g_autofree char *answer = g_malloc (ANSWER_BYTES + 1);
  gsize have = 0, length = 0;
  const char *body = NULL, *field;

  while (body == NULL || have < (gsize) (body - answer) + length)
    {
      gssize got = g_socket_receive (socket, answer + have, ANSWER_BYTES - have, NULL, NULL);

      if (got <= 0)
        return 0;
      have += (gsize) got;
      answer[have] = '\0';
      body = strstr (answer, "\r\n\r\n");
      field = strstr (answer, "Content-Length: ");
      length = body != NULL && field != NULL ? g_ascii_strtoull (field + strlen ("Content-Length: "), NULL, 10) : 0;
      body = body != NULL ? body + strlen ("\r\n\r\n") : NULL;
    }
  if (ret_body != NULL)
    *ret_body = g_bytes_new (body, length);
  return (guint) g_ascii_strtoull (answer + strlen ("HTTP/1.1 "), NULL, 10);
}

static guint
receive_status (GSocket *socket)
{
  return receive (socket, NULL);
}

static guint
ask (GSocket *socket, const char *method, const char *path, const char *body)
{
  send_request (socket, method, path, body);
  return receive_status (socket);
}

static gpointer
run_client (gpointer data)
{
  Fixture *fixture = data;
  g_autoptr (GSocket) socket = connect_to (fixture->path);

  for (guint i = 0; i < ROUNDS; i++)
    {
      g_assert_cmpuint (ask (socket, "GET", "/healthz", ""), ==, 200);
      g_assert_cmpuint (ask (socket, "GET", "/v1/regions", ""), ==, 200);
      g_assert_cmpuint (ask (socket, "POST", "/v1/regions/r/fill", "{\"offset\":0,\"length\":4096,\"value\":7}"), ==, 204);
      g_assert_cmpuint (ask (socket, "POST", "/v1/regions/r/wait",
                             "{\"offset\":0,\"width\":8,\"op\":\"equals\",\"value\":\"0x1\",\"timeout_ms\":0.5}"),
                        ==, 200);
      g_assert_cmpuint (ask (socket, "GET", "/v1/regions/none", ""), ==, 404);
      g_assert_cmpuint (ask (socket, "GET", "/metrics", ""), ==, 200);
      g_assert_cmpuint (ask (socket, "POST", "/v1/logins", ""), ==, 200);
    }
  g_atomic_int_add (&fixture->running, -1);
  g_main_context_wakeup (NULL);
  return NULL;
}

static void
test_beside_changes (Fixture *fixture, gconstpointer data)
{
  GThread *clients[CLIENTS];
  IvdRegistry *registry = fixture->context.registry;

  g_atomic_int_set (&fixture->running, CLIENTS);
  for (guint i = 0; i < CLIENTS; i++)
    clients[i] = g_thread_new ("client", run_client, fixture);
  for (guint i = 0; g_atomic_int_get (&fixture->running) > 0; i++)
    {
      IvdRegion *region = add_region (fixture, "x");

      ivd_registry_interrupt (registry, fixture->region, i % 4, 1);
      ivd_registry_peer_connected (registry, region, i % 100, 4, NULL);
      g_main_context_iteration (NULL, i % 2 == 0);
      ivd_registry_remove (registry, region, FALSE, NULL, NULL);
    }
  for (guint i = 0; i < CLIENTS; i++)
    g_thread_join (clients[i]);
}

static GSocket *
start_wait (Fixture *fixture)
{
  GSocket *socket = connect_to (fixture->path);

  send_request (socket, "POST", "/v1/regions/r/wait",
                "{\"offset\":0,\"width\":8,\"op\":\"equals\",\"value\":\"0x1\",\"timeout_ms\":null}");
  return socket;
}

/* Until the other side has read all that was sent. */
static void
wait_until_read (GSocket *socket)
{
  int unread = 1;

  while (unread > 0)
    {
      g_main_context_iteration (NULL, FALSE);
      g_assert_cmpint (ioctl (g_socket_get_fd (socket), SIOCOUTQ, &unread), ==, 0);
    }
}

/* The daemon stops while somebody waits and somebody idles. */
static void
test_stop (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GSocket) idle = connect_to (fixture->path);
  g_autoptr (GSocket) waiting = start_wait (fixture);

  wait_until_read (waiting);
  g_clear_pointer (&fixture->http, ivd_http_free);
  g_assert_cmpuint (receive_status (waiting), ==, 0);
  g_assert_cmpuint (receive_status (idle), ==, 0);
}

/* Who hangs up does not go on waiting. */
static void
test_hangup (Fixture *fixture, gconstpointer data)
{
  const IvdStatistics *statistics = ivd_region_get_statistics (fixture->region);
  GSocket *waiting = start_wait (fixture);

  wait_until_read (waiting);
  g_assert_cmpuint (ivd_statistics_get (statistics, IVD_STAT_OPERATIONS), ==, 0);
  g_object_unref (waiting);
  while (ivd_statistics_get (statistics, IVD_STAT_OPERATIONS) == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (ivd_statistics_get_errors (statistics, IVD_ERROR_CLOSED), ==, 1);
}

/* Of a device's memory, at the length of a piece and around it. */
static void
test_device_pieces (Fixture *fixture, gconstpointer data)
{
  const gsize lengths[] = { IVD_LIMIT_HTTP_DEVICE_PIECE_BYTES - 1, IVD_LIMIT_HTTP_DEVICE_PIECE_BYTES,
                            IVD_LIMIT_HTTP_DEVICE_PIECE_BYTES + 1, 16 * IVD_LIMIT_HTTP_DEVICE_PIECE_BYTES + 5 };
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, IVD_MAPPING_UNCACHED, NULL);
  g_autoptr (GSocket) socket = connect_to (fixture->path);
  g_autofree guint8 *bytes = g_malloc (SIZE);

  for (gsize i = 0; i < SIZE; i++)
    bytes[i] = (guint8) (i % 251);
  g_assert_true (ivd_memory_write (mapping, 0, bytes, SIZE, NULL));
  (void) add_region_of (fixture, "device", mapping);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_autofree char *path = g_strdup_printf ("/v1/regions/device/memory?offset=3&length=%" G_GSIZE_FORMAT, lengths[i]);
      g_autoptr (GBytes) body = NULL;

      send_request (socket, "GET", path, "");
      g_assert_cmpuint (receive (socket, &body), ==, 200);
      g_assert_cmpmem (g_bytes_get_data (body, NULL), g_bytes_get_size (body), bytes + 3, lengths[i]);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/http/beside-changes", Fixture, NULL, set_up, test_beside_changes, tear_down);
  g_test_add ("/http/stop", Fixture, NULL, set_up, test_stop, tear_down);
  g_test_add ("/http/hangup", Fixture, NULL, set_up, test_hangup, tear_down);
  g_test_add ("/http/device-pieces", Fixture, NULL, set_up, test_device_pieces, tear_down);
  return g_test_run ();
}
