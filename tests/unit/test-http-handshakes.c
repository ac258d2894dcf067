/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <sys/socket.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/ivd-limits.h"
#include "export/http/ivd-http-handshakes.h"

/* Handshakes that are under way: how many, who gives way, and that what does
 * not go on holds nobody up. Clients are told apart by their addresses. */

#define STALLED "127.0.0.2"
#define OTHER "127.0.0.3"
#define SECONDS 30

typedef struct
{
  IvdHttpCounters counters;
  IvdHttpConnections *connections;
  IvdHttpHandshakes *handshakes;
  GSocket *listener;
  GSocketAddress *address;
  GPtrArray *clients; /* of GSocket */
  GIOStream *shaken;  /* the last one that was */
  guint n_shaken;
} Fixture;

/* --- set up --- */

static void
on_shaken (GIOStream *take_stream, IvdHttpConnection *take_connection, gpointer data)
{
  Fixture *fixture = data;

  g_clear_object (&fixture->shaken);
  fixture->shaken = take_stream;
  fixture->n_shaken++;
  ivd_http_connection_unref (take_connection);
}

static GTlsCertificate *
make_certificate (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *dir = g_dir_make_tmp ("ivd-handshakes-XXXXXX", &error);
  g_autofree char *key = g_build_filename (dir, "key.pem", NULL);
  g_autofree char *file = g_build_filename (dir, "certificate.pem", NULL);
  const char *arguments[] = { "openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout",
                              key, "-out", file, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", NULL };
  GTlsCertificate *certificate;
  int status;

  g_spawn_sync (NULL, (char **) arguments, NULL,
                G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL, NULL,
                &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
  certificate = g_tls_certificate_new_from_files (file, key, &error);
  g_assert_no_error (error);
  g_assert_no_errno (g_unlink (key));
  g_assert_no_errno (g_unlink (file));
  g_assert_no_errno (g_rmdir (dir));
  return certificate;
}

static GSocket *
make_socket (const char *address)
{
  g_autoptr (GError) error = NULL;
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error);
  g_autoptr (GSocketAddress) from = g_inet_socket_address_new_from_string (address, 0);

  g_assert_no_error (error);
  g_assert_true (g_socket_bind (socket, from, FALSE, &error));
  g_assert_no_error (error);
  return socket;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GTlsCertificate) certificate = make_certificate ();
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdTls) tls = ivd_tls_new (certificate, &error);

  g_assert_no_error (error);
  fixture->connections = ivd_http_connections_new (&fixture->counters);
  fixture->handshakes = ivd_http_handshakes_new (tls, on_shaken, fixture);
  fixture->clients = g_ptr_array_new_with_free_func (g_object_unref);
  fixture->listener = make_socket ("127.0.0.1");
  g_assert_true (g_socket_listen (fixture->listener, &error));
  fixture->address = g_socket_get_local_address (fixture->listener, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_clear_object (&fixture->shaken);
  ivd_http_handshakes_free (fixture->handshakes);
  g_assert_cmpuint (ivd_http_connections_count (fixture->connections), ==, 0);
  ivd_http_connections_free (fixture->connections);
  g_ptr_array_unref (fixture->clients);
  g_object_unref (fixture->address);
  g_object_unref (fixture->listener);
}

/* --- clients --- */

static GSocket *
add (Fixture *fixture, const char *from)
{
  GSocket *client = make_socket (from);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) ours = NULL;

  g_ptr_array_add (fixture->clients, client);
  g_assert_true (g_socket_connect (client, fixture->address, NULL, &error));
  ours = g_socket_accept (fixture->listener, NULL, &error);
  g_assert_no_error (error);
  g_socket_set_blocking (ours, FALSE);
  ivd_http_handshakes_add (fixture->handshakes, ivd_http_connection_new (fixture->connections, ours));
  return client;
}

static gboolean
has_ended (GSocket *client)
{
  char byte;

  g_socket_set_blocking (client, FALSE);
  return g_socket_receive (client, &byte, 1, NULL, NULL) == 0;
}

static gboolean
on_certificate (GTlsConnection *connection, GTlsCertificate *peer, GTlsCertificateFlags flaws, gpointer data)
{
  return TRUE;
}

/* A client that does as it should, on a thread of its own. */
static gpointer
run_client (gpointer data)
{
  g_autoptr (GSocketConnection) plain = g_socket_connection_factory_create_connection (data);
  g_autoptr (GError) error = NULL;
  g_autoptr (GIOStream) secure = g_tls_client_connection_new (G_IO_STREAM (plain), NULL, &error);
  char word[5] = "";

  g_signal_connect (secure, "accept-certificate", G_CALLBACK (on_certificate), NULL);
  g_assert_true (g_tls_connection_handshake (G_TLS_CONNECTION (secure), NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_input_stream_read (g_io_stream_get_input_stream (secure), word, 4, NULL, &error), ==, 4);
  g_assert_no_error (error);
  g_assert_cmpstr (word, ==, "well");
  return NULL;
}

/* Until it has shaken hands, and was told so. */
static void
let_through (Fixture *fixture, GSocket *client)
{
  guint before = fixture->n_shaken;
  gint64 end = g_get_monotonic_time () + SECONDS * G_USEC_PER_SEC;
  GThread *thread;
  GPollableOutputStream *output;

  g_socket_set_blocking (client, TRUE);
  thread = g_thread_new ("client", run_client, client);
  while (fixture->n_shaken == before)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      g_main_context_iteration (NULL, FALSE);
    }
  output = G_POLLABLE_OUTPUT_STREAM (g_io_stream_get_output_stream (fixture->shaken));
  g_assert_cmpint (g_pollable_output_stream_write_nonblocking (output, "well", 4, NULL, NULL), ==, 4);
  g_thread_join (thread);
}

/* --- tests --- */

/* Silent ones, and some that say a part and stop. */
static void
test_stalled (Fixture *fixture, gconstpointer data)
{
  static const guint8 half[] = { 0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00 };

  for (guint i = 0; i < 100; i++)
    {
      GSocket *client = add (fixture, STALLED);

      if (i % 2 == 0)
        g_assert_cmpint (g_socket_send (client, (const char *) half, sizeof half, NULL, NULL), ==, sizeof half);
    }
  let_through (fixture, add (fixture, OTHER));
  let_through (fixture, add (fixture, STALLED));
  g_assert_cmpuint (ivd_http_handshakes_count (fixture->handshakes), ==, 100);
}

/* The many of one client stand in a row, and another's goes before them. */
static void
test_turns (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < 100; i++)
    g_assert_cmpint (g_socket_send (add (fixture, STALLED), "\x16", 1, NULL, NULL), ==, 1);
  g_assert_cmpint (g_socket_send (add (fixture, OTHER), "GET / HTTP/1.1\r\n", 16, NULL, NULL), ==, 16);
  /* One step each: it fails at its first, long before the hundredth of theirs. */
  for (guint i = 0; i < 8; i++)
    g_main_context_iteration (NULL, FALSE);
  g_assert_cmpuint (ivd_http_handshakes_count (fixture->handshakes), ==, 100);
}

static void
test_limit (Fixture *fixture, gconstpointer data)
{
  GSocket *first = add (fixture, OTHER);
  GSocket *oldest = add (fixture, STALLED);

  for (guint i = 2; i < IVD_LIMIT_HTTP_HANDSHAKES; i++)
    (void) add (fixture, STALLED);
  g_assert_cmpuint (ivd_http_handshakes_count (fixture->handshakes), ==, IVD_LIMIT_HTTP_HANDSHAKES);
  g_assert_false (has_ended (first));
  g_assert_false (has_ended (oldest));
  let_through (fixture, add (fixture, OTHER));
  g_assert_cmpuint (ivd_http_handshakes_count (fixture->handshakes), ==, IVD_LIMIT_HTTP_HANDSHAKES - 1);
  g_assert_true (has_ended (oldest));
  g_assert_false (has_ended (first));
  let_through (fixture, first);
}

/* What is no TLS, and who goes away. */
static void
test_failed (Fixture *fixture, gconstpointer data)
{
  gint64 end = g_get_monotonic_time () + SECONDS * G_USEC_PER_SEC;
  GSocket *noise = add (fixture, OTHER);
  GSocket *gone = add (fixture, OTHER);

  g_assert_cmpint (g_socket_send (noise, "GET / HTTP/1.1\r\n\r\n", 18, NULL, NULL), ==, 18);
  g_assert_true (g_socket_close (gone, NULL));
  while (ivd_http_handshakes_count (fixture->handshakes) > 0)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      g_main_context_iteration (NULL, FALSE);
    }
  g_assert_cmpuint (fixture->n_shaken, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/ivd/http-handshakes/stalled", Fixture, NULL, set_up, test_stalled, tear_down);
  g_test_add ("/ivd/http-handshakes/turns", Fixture, NULL, set_up, test_turns, tear_down);
  g_test_add ("/ivd/http-handshakes/limit", Fixture, NULL, set_up, test_limit, tear_down);
  g_test_add ("/ivd/http-handshakes/failed", Fixture, NULL, set_up, test_failed, tear_down);
  return g_test_run ();
}
