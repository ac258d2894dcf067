/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/ivd-http.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <gio/gunixsocketaddress.h>
#include <libsoup/soup.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "export/http/ivd-http-acceptor.h"
#include "export/http/ivd-http-door.h"
#include "export/http/ivd-http-exchange.h"
#include "export/http/ivd-http-handshakes.h"
#include "export/http/ivd-http-idle.h"
#include "export/http/ivd-http-intake.h"
#include "export/http/ivd-http-page.h"
#include "export/http/ivd-http-resources.h"
#include "export/http/ivd-http-router.h"
#include "export/http/ivd-http-shared.h"
#include "export/http/ivd-json-variant.h"
#include "export/http/ivd-json.h"
#include "platform/ivd-log.h"

/*
 * libsoup reads requests and writes answers; around it are our own acceptor,
 * our own deadlines and our own door (stack.md A1 says why). No handlers of
 * libsoup's are used: what they add (form decoding, authentication, a lookup
 * by path) is not wanted here.
 */

struct _IvdHttp
{
  IvdHttpService *service;

  /* from the main thread, before the other begins */
  GPtrArray *sockets; /* of GSocket */
  IvdTls *tls;        /* NULL: without */
  const IvdTokens *tokens;
  GStrv host_names;

  /* HTTP thread */
  IvdHttpShared shared;
  IvdHttpHandshakes *handshakes; /* NULL: no TLS */
  SoupServer *server;
  GPtrArray *acceptors; /* of IvdHttpAcceptor */
  gboolean exhausted;   /* of descriptors, when it last wanted one */
};

static const IvdHttpRoute page_route = {
  .method = "GET",
  .path = "/",
  .open = TRUE,
  .run = ivd_http_resources_page,
};

/* --- requests --- */

static const IvdHttpRoute *
find_route (SoupServerMessage *message, char **ret_arguments, char **ret_allow)
{
  const char *method = soup_server_message_get_method (message);
  const char *path = g_uri_get_path (soup_server_message_get_uri (message));
  const IvdHttpRoute *route = ivd_http_router_find (method, path, ret_arguments, ret_allow);
  g_autoptr (IvdPageFile) file = NULL;

  if (route != NULL || *ret_allow != NULL)
    return route;
  file = ivd_http_page_find (path);
  if (file == NULL)
    return NULL;
  if (method == SOUP_METHOD_GET || method == SOUP_METHOD_HEAD)
    return &page_route;
  *ret_allow = g_strdup ("GET, HEAD");
  return NULL;
}

static void
fail_without_route (IvdHttpExchange *exchange, const char *allow)
{
  SoupServerMessage *message = ivd_http_exchange_get_message (exchange);
  g_autoptr (GError) error = NULL;

  if (allow == NULL)
    {
      ivd_http_exchange_take_error (exchange, g_error_new (IVD_ERROR, IVD_ERROR_NOT_FOUND,
                                                           "there is no such path: /v1/openapi.json lists them all"));
      return;
    }
  soup_message_headers_replace (soup_server_message_get_response_headers (message), "Allow", allow);
  error = g_error_new (IVD_ERROR, IVD_ERROR_NOT_SUPPORTED, "this path takes %s", allow);
  ivd_http_exchange_fail_with (exchange, SOUP_STATUS_METHOD_NOT_ALLOWED, error);
}

static void
count_refusal (IvdHttp *self, const GError *error)
{
  if (g_error_matches (error, IVD_ERROR, IVD_ERROR_UNAUTHENTICATED))
    ivd_http_counters_add (&self->shared.counters, IVD_HTTP_REFUSED_CREDENTIALS, 1);
  else if (g_error_matches (error, IVD_ERROR, IVD_ERROR_DENIED))
    ivd_http_counters_add (&self->shared.counters, IVD_HTTP_REFUSED_ORIGIN, 1);
}

static void
admit (IvdHttp *self, IvdHttpExchange *exchange)
{
  char *arguments[IVD_HTTP_MAX_ARGUMENTS];
  g_autofree char *allow = NULL;
  const IvdHttpRoute *route;
  GError *error = NULL;

  if (!ivd_http_door_check_form (exchange, (const char *const *) self->host_names, &error))
    {
      count_refusal (self, error);
      ivd_http_exchange_take_error (exchange, error);
      return;
    }
  route = find_route (ivd_http_exchange_get_message (exchange), arguments, &allow);
  if (route == NULL)
    {
      fail_without_route (exchange, allow);
      return;
    }
  ivd_http_exchange_set_route (exchange, route, arguments);
  if (ivd_http_door_identify (exchange, self->shared.principals, route->open, &error))
    ivd_http_exchange_begin (exchange);
  else
    {
      count_refusal (self, error);
      ivd_http_exchange_take_error (exchange, error);
    }
}

static void
on_got_headers (SoupServerMessage *message, gpointer data)
{
  IvdHttp *self = data;
  IvdHttpConnection *connection = ivd_http_connection_from_address (soup_server_message_get_remote_address (message));
  g_autoptr (IvdHttpExchange) exchange = ivd_http_exchange_new (self->service, message, connection);

  ivd_http_exchange_ref (exchange);
  if (soup_server_message_get_status (message) == 0)
    admit (self, exchange);
  else
    ivd_http_exchange_take_error (exchange, g_error_new (IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                                                         "the request line is no good: 'METHOD /path HTTP/1.1'"));
}

static void
on_request_started (SoupServer *server, SoupServerMessage *message, gpointer data)
{
  GSocketAddress *address = soup_server_message_get_remote_address (message);
  IvdHttpConnection *connection = address != NULL ? ivd_http_connection_from_address (address) : NULL;

  /* Only what our acceptor let in is served. */
  if (connection == NULL)
    return;
  ivd_http_idle_end (connection);
  ivd_http_connection_set_activity (connection, IVD_HTTP_HEADERS);
  g_signal_connect (message, "got-headers", G_CALLBACK (on_got_headers), data);
}

static void
on_request_read (SoupServer *server, SoupServerMessage *message, gpointer data)
{
  IvdHttpExchange *exchange = ivd_http_exchange_from_message (message);

  if (exchange != NULL)
    ivd_http_exchange_run (exchange);
}

/* Also one that was broken off, and one that was answered with 500. */
static void
on_request_ended (SoupServer *server, SoupServerMessage *message, gpointer data)
{
  IvdHttpConnection *connection = ivd_http_connection_from_address (soup_server_message_get_remote_address (message));
  IvdHttpExchange *exchange = ivd_http_exchange_from_message (message);

  if (exchange != NULL)
    ivd_http_exchange_end (exchange);
  if (connection != NULL)
    ivd_http_idle_begin (connection, server, message);
}

/* --- connections --- */

static void
serve (GIOStream *take_stream, IvdHttpConnection *take_connection, gpointer data)
{
  IvdHttp *self = data;
  g_autoptr (GIOStream) stream = take_stream;
  g_autoptr (IvdHttpConnection) connection = take_connection;
  g_autoptr (GIOStream) intake = ivd_http_intake_new (stream, connection);
  g_autoptr (GSocketAddress) address = ivd_http_connection_make_address (connection);

  ivd_http_connection_set_activity (connection, IVD_HTTP_HEADERS);
  (void) soup_server_accept_iostream (self->server, intake, address, address, NULL);
}

static void
serve_plain (IvdHttp *self, IvdHttpConnection *take_connection)
{
  GSocket *socket = ivd_http_connection_get_socket (take_connection);

  serve (G_IO_STREAM (g_socket_connection_factory_create_connection (socket)), take_connection, self);
}

static void
on_accept (GSocket *socket, gpointer data)
{
  IvdHttp *self = data;
  IvdHttpConnection *connection = ivd_http_connection_new (self->shared.connections, socket);

  self->exhausted = FALSE;
  if (connection == NULL)
    {
      ivd_http_counters_add (&self->shared.counters, IVD_HTTP_REFUSED_LIMIT, 1);
      return;
    }
  ivd_http_counters_add (&self->shared.counters, IVD_HTTP_CONNECTIONS, 1);
  if (!ivd_http_connection_is_unix (connection))
    (void) g_socket_set_option (socket, IPPROTO_TCP, TCP_NODELAY, TRUE, NULL);
  if (ivd_http_connection_is_unix (connection) || self->handshakes == NULL)
    {
      serve_plain (self, connection);
      return;
    }
  ivd_http_connection_set_secure (connection);
  ivd_http_handshakes_add (self->handshakes, connection);
}

/* Told once for each time that they are used up. */
static void
on_exhausted (const GError *error, gpointer data)
{
  IvdHttp *self = data;

  ivd_http_counters_add (&self->shared.counters, IVD_HTTP_REFUSED_DESCRIPTORS, 1);
  if (!self->exhausted)
    ivd_log (IVD_LOG_WARNING, NULL, "HTTP takes no new connections for now: %s; raise LimitNOFILE", error->message);
  self->exhausted = TRUE;
}

/* --- the thread's first and last --- */

/* libsoup keeps connections alive only while it has a listener. This one can
 * be connected to by nobody: shut down, it wakes libsoup's watch once, which
 * then finds nothing to accept and ends. */
static void
add_dumb_listener (SoupServer *server)
{
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, 0, NULL);
  const struct sockaddr autobind = { .sa_family = AF_UNIX };
  g_autoptr (GError) error = NULL;

  if (socket != NULL)
    g_socket_set_blocking (socket, FALSE);
  if (socket == NULL || bind (g_socket_get_fd (socket), &autobind, sizeof autobind.sa_family) < 0
      || !g_socket_listen (socket, &error) || !soup_server_listen_socket (server, socket, 0, &error))
    ivd_log (IVD_LOG_WARNING, NULL, "HTTP connections will end after each answer");
  else
    (void) g_socket_shutdown (socket, TRUE, TRUE, NULL);
}

static void
begin (gpointer data)
{
  IvdHttp *self = data;

  self->shared.connections = ivd_http_connections_new (&self->shared.counters);
  self->shared.buffers = ivd_http_buffers_new ();
  self->shared.stages = ivd_http_stages_new (IVD_LIMIT_HTTP_STAGED_BYTES, IVD_LIMIT_HTTP_STAGED_BYTES_PER_CALLER);
  self->shared.principals = ivd_http_principals_new (self->service, self->tokens);
  self->shared.streams = ivd_http_streams_new (self->service, &self->shared.counters);
  ivd_http_service_set_shared (self->service, &self->shared);
  self->server = soup_server_new ("raw-paths", TRUE, NULL);
  g_signal_connect (self->server, "request-started", G_CALLBACK (on_request_started), self);
  g_signal_connect (self->server, "request-read", G_CALLBACK (on_request_read), self);
  g_signal_connect (self->server, "request-finished", G_CALLBACK (on_request_ended), self);
  g_signal_connect (self->server, "request-aborted", G_CALLBACK (on_request_ended), self);
  add_dumb_listener (self->server);
  if (self->tls != NULL)
    self->handshakes = ivd_http_handshakes_new (self->tls, serve, self);
  self->acceptors = g_ptr_array_new_with_free_func ((GDestroyNotify) ivd_http_acceptor_free);
  for (guint i = 0; i < self->sockets->len; i++)
    g_ptr_array_add (self->acceptors, ivd_http_acceptor_new (g_ptr_array_index (self->sockets, i), on_accept, on_exhausted,
                                                             self));
}

static void
end (gpointer data)
{
  IvdHttp *self = data;

  g_clear_pointer (&self->acceptors, g_ptr_array_unref);
  g_clear_pointer (&self->handshakes, ivd_http_handshakes_free);
  ivd_http_connections_shutdown (self->shared.connections);
  soup_server_disconnect (self->server);
  while (g_main_context_iteration (g_main_context_get_thread_default (), FALSE))
    ;
  g_clear_object (&self->server);
  g_clear_pointer (&self->shared.streams, ivd_http_streams_free);
  g_clear_pointer (&self->shared.principals, ivd_http_principals_free);
  g_clear_pointer (&self->shared.connections, ivd_http_connections_free);
  g_clear_pointer (&self->shared.buffers, ivd_http_buffers_free);
  g_clear_pointer (&self->shared.stages, ivd_http_stages_free);
}

static GBytes *
format_plugins (IvdContext *context)
{
  g_autoptr (GVariant) plugins = g_variant_ref_sink (ivd_plugin_store_to_variant (context->plugins));
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "plugins");
  ivd_json_add_variant (builder, plugins);
  json_builder_end_object (builder);
  return ivd_json_builder_to_bytes (builder);
}

static guint
count_plugins (IvdContext *context)
{
  const GPtrArray *rows = ivd_plugin_store_list (context->plugins);
  guint count = 0;

  for (guint i = 0; i < rows->len; i++)
    count += ((const IvdPluginRow *) g_ptr_array_index (rows, i))->plugin != NULL;
  return count;
}

IvdHttp *
ivd_http_new (const IvdHttpSetup *setup, IvdContext *context, GError **error)
{
  g_autoptr (IvdHttpService) service = ivd_http_service_new (context, error);
  g_autoptr (IvdTls) tls = NULL;
  IvdHttp *self;

  if (service == NULL
      || (setup->certificate != NULL && (tls = ivd_tls_new (setup->certificate, error)) == NULL))
    return NULL;
  self = g_new0 (IvdHttp, 1);
  self->sockets = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < setup->sockets->len; i++)
    g_ptr_array_add (self->sockets, g_object_ref (g_ptr_array_index (setup->sockets, i)));
  self->tls = g_steal_pointer (&tls);
  self->tokens = setup->tokens;
  self->host_names = g_strdupv ((GStrv) setup->host_names);
  self->shared.plugins = format_plugins (context);
  self->shared.n_plugins = count_plugins (context);
  self->shared.started = g_get_monotonic_time ();
  self->service = g_steal_pointer (&service);
  ivd_http_service_start (self->service, begin, end, self);
  return self;
}

void
ivd_http_set_ready (IvdHttp *http)
{
  g_atomic_int_set (&http->shared.ready, 1);
}

void
ivd_http_free (IvdHttp *http)
{
  if (http == NULL)
    return;
  ivd_http_service_stop (http->service);
  ivd_http_service_unref (http->service);
  g_bytes_unref (http->shared.plugins);
  ivd_tls_unref (http->tls);
  g_ptr_array_unref (http->sockets);
  g_strfreev (http->host_names);
  g_free (http);
}
