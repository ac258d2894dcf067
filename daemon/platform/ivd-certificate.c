/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-certificate.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "platform/ivd-text-file.h"

/* Longer than any machine takes; it is only there so that nothing waits for ever. */
#define TRIAL_SECONDS 10

/* The other end of the trial. */
typedef struct
{
  GIOStream *stream;
  GError *error;
} Client;

static GIOStream *
make_stream (int take_fd, GError **error)
{
  g_autoptr (GSocket) socket = g_socket_new_from_fd (take_fd, error);

  if (socket == NULL)
    {
      close (take_fd);
      return NULL;
    }
  g_socket_set_timeout (socket, TRIAL_SECONDS);
  return G_IO_STREAM (g_socket_connection_factory_create_connection (socket));
}

/* Both ends of a connection of our own. */
static gboolean
make_pair (GIOStream **ret_server, GIOStream **ret_client, GError **error)
{
  int fds[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "cannot make a pair of sockets: %s", g_strerror (errno));
      return FALSE;
    }
  *ret_server = make_stream (fds[0], error);
  *ret_client = make_stream (fds[1], *ret_server != NULL ? error : NULL);
  return *ret_server != NULL && *ret_client != NULL;
}

/* Whoever it is, it will do: all that counts is that the key fits. */
static gboolean
on_accept (GTlsConnection *connection, GTlsCertificate *peer, GTlsCertificateFlags flaws, gpointer data)
{
  return TRUE;
}

static gpointer
run_client (gpointer data)
{
  Client *client = data;
  g_autoptr (GIOStream) connection = g_tls_client_connection_new (client->stream, NULL, &client->error);

  if (connection == NULL)
    {
      /* So that nobody waits for us. */
      g_io_stream_close (client->stream, NULL, NULL);
      return NULL;
    }
  g_signal_connect (connection, "accept-certificate", G_CALLBACK (on_accept), NULL);
  if (g_tls_connection_handshake (G_TLS_CONNECTION (connection), NULL, &client->error))
    g_io_stream_close (connection, NULL, NULL);
  return NULL;
}

static gboolean
run_server (GIOStream *stream, GTlsCertificate *certificate, GError **error)
{
  g_autoptr (GIOStream) connection = g_tls_server_connection_new (stream, certificate, error);
  gboolean done;

  if (connection == NULL)
    return FALSE;
  done = g_tls_connection_handshake (G_TLS_CONNECTION (connection), NULL, error);
  g_io_stream_close (connection, NULL, NULL);
  return done;
}

/* One whole handshake with ourselves. */
static gboolean
try_out (GTlsCertificate *certificate, GError **error)
{
  g_autoptr (GIOStream) server = NULL;
  g_autoptr (GIOStream) other_end = NULL;
  g_autoptr (GError) failure = NULL;
  Client client = { 0 };
  GThread *thread;

  if (!make_pair (&server, &other_end, error))
    return FALSE;
  client.stream = other_end;
  thread = g_thread_new ("ivd-tls-trial", run_client, &client);
  if (!run_server (server, certificate, &failure))
    g_io_stream_close (server, NULL, NULL);
  g_thread_join (thread);
  /* The client's view says more: it is who checks the signature. */
  if (failure == NULL)
    failure = g_steal_pointer (&client.error);
  g_clear_error (&client.error);
  if (failure == NULL)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "a handshake with it fails, so perhaps they do not belong together: %s", failure->message);
  return FALSE;
}

/* GIO says little of files that are not there. */
gboolean
ivd_certificate_check_file (const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize length;

  return ivd_text_file_read (path, IVD_LIMIT_CERTIFICATE_FILE_BYTES, &text, &length, error);
}

GTlsCertificate *
ivd_certificate_load (const char *certificate_file, const char *key_file, GError **error)
{
  g_autoptr (GTlsCertificate) certificate = NULL;
  g_autoptr (GError) failure = NULL;

  if (!ivd_certificate_check_file (certificate_file, error) || !ivd_certificate_check_file (key_file, error))
    return NULL;
  certificate = g_tls_certificate_new_from_files (certificate_file, key_file, &failure);
  if (certificate != NULL && try_out (certificate, &failure))
    return g_steal_pointer (&certificate);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "%s with the key in %s is no certificate to serve with: %s", certificate_file, key_file,
               failure->message);
  return NULL;
}
