/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-idle.h"

#include <poll.h>

#include <glib-unix.h>

#include "export/http/ivd-http-intake.h"

typedef struct
{
  IvdHttpConnection *connection; /* which owns this */
  SoupServer *server;
  SoupServerMessage *message;
  GSource *hangup; /* NULL: the other side is still there */
} Idle;

GSource *
ivd_http_hangup_source_new (IvdHttpConnection *connection)
{
  int fd = g_socket_get_fd (ivd_http_connection_get_socket (connection));

  return g_unix_fd_source_new (fd, (GIOCondition) (POLLRDHUP | POLLHUP | POLLERR));
}

static void
idle_free (gpointer data)
{
  Idle *idle = data;

  if (idle->hangup != NULL)
    g_source_destroy (idle->hangup);
  g_clear_pointer (&idle->hangup, g_source_unref);
  g_signal_handlers_disconnect_by_data (idle->message, idle);
  g_object_unref (idle->message);
  g_free (idle);
}

void
ivd_http_idle_end (IvdHttpConnection *connection)
{
  ivd_http_connection_set_idle (connection, NULL, NULL);
}

static gboolean
on_hangup (gpointer data)
{
  Idle *idle = data;
  g_autoptr (IvdHttpConnection) connection = ivd_http_connection_ref (idle->connection);
  g_autoptr (SoupServerMessage) message = g_object_ref (idle->message);
  g_autoptr (GSocketAddress) address = g_object_ref (soup_server_message_get_remote_address (message));
  SoupServer *server = idle->server;
  g_autoptr (GIOStream) stream = NULL;

  ivd_http_idle_end (connection);
  ivd_http_connection_set_activity (connection, IVD_HTTP_HEADERS);
  stream = soup_server_message_steal_connection (message);
  ivd_http_intake_let_end (connection);
  if (stream != NULL)
    (void) soup_server_accept_iostream (server, stream, address, address, NULL);
  return G_SOURCE_REMOVE;
}

static void
on_disconnected (SoupServerMessage *message, gpointer data)
{
  Idle *idle = data;

  ivd_http_idle_end (idle->connection);
}

void
ivd_http_idle_begin (IvdHttpConnection *connection, SoupServer *server, SoupServerMessage *message)
{
  Idle *idle = g_new0 (Idle, 1);

  idle->connection = connection;
  idle->server = server;
  idle->message = g_object_ref (message);
  g_signal_connect (message, "disconnected", G_CALLBACK (on_disconnected), idle);
  ivd_http_connection_set_idle (connection, idle, idle_free);
  ivd_http_connection_set_activity (connection, IVD_HTTP_IDLE);
}

gboolean
ivd_http_idle_hang_up (IvdHttpConnection *connection)
{
  Idle *idle = ivd_http_connection_get_idle (connection);

  if (idle == NULL)
    return FALSE;
  if (idle->hangup != NULL)
    return TRUE;
  idle->hangup = g_idle_source_new ();
  g_source_set_priority (idle->hangup, G_PRIORITY_HIGH);
  g_source_set_callback (idle->hangup, on_hangup, idle, NULL);
  g_source_attach (idle->hangup, g_main_context_get_thread_default ());
  return TRUE;
}
