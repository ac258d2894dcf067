/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-exchange.h"

#include <glib-unix.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"
#include "export/http/ivd-http-farewell.h"
#include "export/http/ivd-http-idle.h"
#include "export/http/ivd-http-intake.h"
#include "export/http/ivd-http-problem.h"
#include "export/http/ivd-http-shared.h"

struct _IvdHttpExchange
{
  grefcount references;
  IvdHttpService *service;
  IvdHttpConnection *connection;
  SoupServerMessage *message; /* NULL once it has gone */
  guint stop_func;

  const IvdHttpRoute *route;
  IvdCaller *caller;
  char *arguments[IVD_HTTP_MAX_ARGUMENTS];
  gpointer data;
  GDestroyNotify free_data;

  GByteArray *collected;
  GBytes *body;
  gboolean receiving; /* a piece of the body has come */
  gboolean complete;  /* the request has been read */
  gboolean answered;
  gboolean paused;
  GSource *hangup; /* while the answer is being made elsewhere */
  GCancellable *cancellable;
};

#define EXCHANGE_KEY "ivd-http-exchange"

/* What fits into any socket's buffer. */
#define SMALL_BYTES 4096

IvdHttpExchange *
ivd_http_exchange_ref (IvdHttpExchange *exchange)
{
  g_ref_count_inc (&exchange->references);
  return exchange;
}

void
ivd_http_exchange_unref (IvdHttpExchange *exchange)
{
  if (exchange == NULL || !g_ref_count_dec (&exchange->references))
    return;
  if (exchange->free_data != NULL)
    exchange->free_data (exchange->data);
  for (guint i = 0; i < IVD_HTTP_MAX_ARGUMENTS; i++)
    g_free (exchange->arguments[i]);
  g_clear_pointer (&exchange->collected, g_byte_array_unref);
  g_clear_pointer (&exchange->body, g_bytes_unref);
  g_clear_object (&exchange->cancellable);
  g_clear_object (&exchange->caller);
  ivd_http_connection_unref (exchange->connection);
  ivd_http_service_unref (exchange->service);
  g_free (exchange);
}

/* --- its end --- */

static void
cancel_on_main (gpointer data)
{
  g_autoptr (GCancellable) cancellable = data;

  g_cancellable_cancel (cancellable);
}

/* Who listens to it does so on the main thread. */
static void
cancel (IvdHttpExchange *self)
{
  if (self->cancellable != NULL)
    ivd_http_service_post_main (self->service, cancel_on_main, g_object_ref (self->cancellable));
}

static void
stop_watching (IvdHttpExchange *self)
{
  if (self->hangup == NULL)
    return;
  g_source_destroy (self->hangup);
  g_clear_pointer (&self->hangup, g_source_unref);
}

/* Parts with the message; the last reference may go. */
static void
leave (IvdHttpExchange *self)
{
  g_autoptr (SoupServerMessage) message = g_steal_pointer (&self->message);

  if (message == NULL)
    return;
  g_signal_handlers_disconnect_by_data (message, self);
  stop_watching (self);
  ivd_http_service_remove_stop_func (self->service, self->stop_func);
  g_object_set_data (G_OBJECT (message), EXCHANGE_KEY, NULL);
  ivd_http_exchange_unref (self);
}

void
ivd_http_exchange_end (IvdHttpExchange *exchange)
{
  cancel (exchange);
  leave (exchange);
}

static void
on_stop (gpointer data)
{
  IvdHttpExchange *self = data;

  cancel (self);
  leave (self);
}

static gboolean
on_hangup (gint fd, GIOCondition condition, gpointer data)
{
  IvdHttpExchange *self = data;

  cancel (self);
  stop_watching (self);
  return G_SOURCE_REMOVE;
}

/* libsoup does not look at the socket while an answer is being made; whoever
 * waits for a word to change should not do so for nobody. */
static void
watch_hangup (IvdHttpExchange *self)
{
  self->hangup = ivd_http_hangup_source_new (self->connection);
  g_source_set_callback (self->hangup, G_SOURCE_FUNC (on_hangup), self, NULL);
  g_source_attach (self->hangup, g_main_context_get_thread_default ());
}

/* --- its beginning --- */

static IvdHttpCounters *
get_counters (IvdHttpExchange *self)
{
  return &ivd_http_service_get_shared (self->service)->counters;
}

static void
on_chunk (SoupServerMessage *message, GBytes *bytes, gpointer data)
{
  IvdHttpExchange *self = data;

  self->receiving = TRUE;
  ivd_http_counters_add (get_counters (self), IVD_HTTP_RECEIVED_BYTES, (gint64) g_bytes_get_size (bytes));
  if (self->answered)
    return;
  if (self->route->chunk != NULL)
    {
      /* What is collected is small, and has its time in all. */
      ivd_http_connection_set_activity (self->connection, IVD_HTTP_BODY);
      self->route->chunk (self, bytes);
      return;
    }
  if (self->collected->len + g_bytes_get_size (bytes) <= self->route->max_body)
    g_byte_array_append (self->collected, g_bytes_get_data (bytes, NULL), (guint) g_bytes_get_size (bytes));
  else
    ivd_http_exchange_take_error (self, g_error_new (IVD_ERROR, IVD_ERROR_TOO_LARGE,
                                                     "the body is longer than %" G_GSIZE_FORMAT " bytes, the most that is taken here",
                                                     self->route->max_body));
}

static void
on_wrote_data (SoupServerMessage *message, guint length, gpointer data)
{
  IvdHttpExchange *self = data;

  ivd_http_counters_add (get_counters (self), IVD_HTTP_SENT_BYTES, length);
  ivd_http_connection_set_activity (self->connection, IVD_HTTP_WRITING);
}

IvdHttpExchange *
ivd_http_exchange_new (IvdHttpService *service, SoupServerMessage *message, IvdHttpConnection *connection)
{
  IvdHttpExchange *self = g_new0 (IvdHttpExchange, 1);

  g_ref_count_init (&self->references); /* the message's */
  self->service = ivd_http_service_ref (service);
  self->message = g_object_ref (message);
  /* Unless somebody says otherwise: who may see it is asked each time. */
  soup_message_headers_append (soup_server_message_get_response_headers (message), "Cache-Control", "no-store");
  self->connection = ivd_http_connection_ref (connection);
  self->stop_func = ivd_http_service_add_stop_func (service, on_stop, self);
  g_object_set_data (G_OBJECT (message), EXCHANGE_KEY, self);
  return self;
}

IvdHttpExchange *
ivd_http_exchange_from_message (SoupServerMessage *message)
{
  return g_object_get_data (G_OBJECT (message), EXCHANGE_KEY);
}

void
ivd_http_exchange_set_route (IvdHttpExchange *exchange, const IvdHttpRoute *route, char **arguments)
{
  exchange->route = route;
  for (guint i = 0; i < IVD_HTTP_MAX_ARGUMENTS; i++)
    exchange->arguments[i] = g_steal_pointer (&arguments[i]);
}

void
ivd_http_exchange_set_caller (IvdHttpExchange *exchange, IvdCaller *caller)
{
  g_set_object (&exchange->caller, caller);
}

static gboolean
check_announced (IvdHttpExchange *self, goffset length, GError **error)
{
  const IvdHttpRoute *route = self->route;

  if (route->chunk != NULL)
    return TRUE;
  if (route->max_body == 0)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "%s %s takes no body", route->method, route->path);
      return FALSE;
    }
  if (length <= (goffset) route->max_body)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_TOO_LARGE,
               "a body of %" G_GOFFSET_FORMAT " bytes: at most %" G_GSIZE_FORMAT " are taken here", length,
               route->max_body);
  return FALSE;
}

/* Of a request without a body libsoup says "content-length" and 0, or none. */
static gboolean
is_announced (SoupMessageHeaders *headers, goffset *ret_length)
{
  SoupEncoding encoding = soup_message_headers_get_encoding (headers);

  *ret_length = encoding == SOUP_ENCODING_CONTENT_LENGTH ? soup_message_headers_get_content_length (headers) : 0;
  return encoding == SOUP_ENCODING_CHUNKED || *ret_length > 0;
}

void
ivd_http_exchange_begin (IvdHttpExchange *exchange)
{
  g_autoptr (IvdHttpExchange) self = ivd_http_exchange_ref (exchange);
  SoupMessageBody *body = soup_server_message_get_request_body (self->message);
  GError *error = NULL;
  gboolean announced;
  goffset length;

  soup_message_body_set_accumulate (body, FALSE);
  announced = is_announced (soup_server_message_get_request_headers (self->message), &length);
  if (announced && !check_announced (self, length, &error))
    {
      ivd_http_exchange_take_error (self, error);
      return;
    }
  if (self->route->begin != NULL)
    self->route->begin (self);
  if (!announced || self->answered)
    return;
  ivd_http_connection_set_activity (self->connection, IVD_HTTP_BODY);
  if (self->route->chunk == NULL)
    self->collected = g_byte_array_new ();
  g_signal_connect (self->message, "got-chunk", G_CALLBACK (on_chunk), self);
}

void
ivd_http_exchange_run (IvdHttpExchange *exchange)
{
  g_autoptr (IvdHttpExchange) self = ivd_http_exchange_ref (exchange);

  self->complete = TRUE;
  if (self->answered)
    return;
  ivd_http_connection_set_activity (self->connection, IVD_HTTP_WORKING);
  /* Anything but 0, which libsoup would make a 404 of. */
  soup_server_message_set_status (self->message, SOUP_STATUS_INTERNAL_SERVER_ERROR, NULL);
  self->route->run (self);
  if (self->answered)
    return;
  self->paused = TRUE;
  soup_server_message_pause (self->message);
  watch_hangup (self);
}

/* --- the request --- */

IvdHttpService *
ivd_http_exchange_get_service (IvdHttpExchange *exchange)
{
  return exchange->service;
}

SoupServerMessage *
ivd_http_exchange_get_message (IvdHttpExchange *exchange)
{
  return exchange->message;
}

IvdHttpConnection *
ivd_http_exchange_get_connection (IvdHttpExchange *exchange)
{
  return exchange->connection;
}

IvdCaller *
ivd_http_exchange_get_caller (IvdHttpExchange *exchange)
{
  return exchange->caller;
}

const char *
ivd_http_exchange_get_argument (IvdHttpExchange *exchange, guint index)
{
  return exchange->arguments[index];
}

const IvdOperation *
ivd_http_exchange_get_operation (IvdHttpExchange *exchange)
{
  const IvdHttpRoute *route = exchange->route;

  return ivd_operation_find (route->daemon_scope ? IVD_SCOPE_DAEMON : IVD_SCOPE_REGION, route->operation);
}

const char *
ivd_http_exchange_get_query (IvdHttpExchange *exchange)
{
  return exchange->message != NULL ? g_uri_get_query (soup_server_message_get_uri (exchange->message)) : NULL;
}

const char *
ivd_http_exchange_get_header (IvdHttpExchange *exchange, const char *name)
{
  if (exchange->message == NULL)
    return NULL;
  return soup_message_headers_get_one (soup_server_message_get_request_headers (exchange->message), name);
}

const char *
ivd_http_exchange_get_list (IvdHttpExchange *exchange, const char *name)
{
  if (exchange->message == NULL)
    return NULL;
  return soup_message_headers_get_list (soup_server_message_get_request_headers (exchange->message), name);
}

gboolean
ivd_http_exchange_is_head (IvdHttpExchange *exchange)
{
  return exchange->message != NULL && soup_server_message_get_method (exchange->message) == SOUP_METHOD_HEAD;
}

GBytes *
ivd_http_exchange_get_body (IvdHttpExchange *exchange)
{
  if (exchange->body == NULL && exchange->collected != NULL)
    exchange->body = g_byte_array_free_to_bytes (g_steal_pointer (&exchange->collected));
  if (exchange->body == NULL)
    exchange->body = g_bytes_new (NULL, 0);
  return exchange->body;
}

GCancellable *
ivd_http_exchange_get_cancellable (IvdHttpExchange *exchange)
{
  if (exchange->cancellable == NULL)
    exchange->cancellable = g_cancellable_new ();
  return exchange->cancellable;
}

void
ivd_http_exchange_set_data (IvdHttpExchange *exchange, gpointer data, GDestroyNotify free_func)
{
  if (exchange->free_data != NULL)
    exchange->free_data (exchange->data);
  exchange->data = data;
  exchange->free_data = free_func;
}

gpointer
ivd_http_exchange_get_data (IvdHttpExchange *exchange)
{
  return exchange->data;
}

IvdRegionView *
ivd_http_exchange_ref_region (IvdHttpExchange *exchange, const char *name, IvdPermission permission,
                              IvdCapability capability, GError **error)
{
  g_autoptr (IvdSnapshot) snapshot = ivd_http_service_ref_snapshot (exchange->service);
  const IvdAccess *access = ivd_http_service_get_context (exchange->service)->access;
  const IvdRegionView *view;

  if (name == NULL)
    name = exchange->arguments[0];
  view = ivd_snapshot_find (snapshot, name);
  if (view == NULL)
    {
      g_autofree char *safe = ivd_text_safe (name);

      g_set_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND, "there is no region '%s'", safe);
      ivd_access_cover_missing (access, exchange->caller, permission, name, error);
      return NULL;
    }
  if (!ivd_access_check (access, exchange->caller, permission, name, error))
    return NULL;
  if (capability != IVD_CAP_NONE
      && (!ivd_region_view_check_ready (view, error) || !ivd_region_view_check_capability (view, capability, error)))
    return NULL;
  return ivd_region_view_ref (view);
}

/* --- the answer --- */

/* One that goes out in one piece is counted at once: to be told of each piece
 * costs more than a small one itself. */
static void
watch_sending (IvdHttpExchange *self)
{
  goffset announced = soup_message_headers_get_content_length (
      soup_server_message_get_response_headers (self->message));
  goffset there = soup_server_message_get_response_body (self->message)->length;

  if (announced > there || there > SMALL_BYTES)
    g_signal_connect (self->message, "wrote-body-data", G_CALLBACK (on_wrote_data), self);
  else if (!ivd_http_exchange_is_head (self))
    ivd_http_counters_add (get_counters (self), IVD_HTTP_SENT_BYTES, there);
}

void
ivd_http_exchange_begin_answer (IvdHttpExchange *exchange)
{
  exchange->answered = TRUE;
  stop_watching (exchange);
  if (exchange->message == NULL)
    return;
  ivd_http_counters_add_response (get_counters (exchange), soup_server_message_get_status (exchange->message));
  ivd_http_connection_set_activity (exchange->connection, IVD_HTTP_WRITING);
  watch_sending (exchange);
  if (!exchange->paused)
    return;
  exchange->paused = FALSE;
  soup_server_message_unpause (exchange->message);
}

/* libsoup takes what it has just removed the length of for an answer that ends
 * with its connection, and ends that. */
static void
on_wrote_no_content (SoupServerMessage *message, gpointer data)
{
  soup_message_headers_set_encoding (soup_server_message_get_response_headers (message), SOUP_ENCODING_NONE);
}

void
ivd_http_exchange_answer (IvdHttpExchange *exchange, guint status, const char *content_type, GBytes *body)
{
  SoupServerMessage *message = exchange->message;
  SoupMessageBody *response;

  g_return_if_fail (!exchange->answered);

  if (message != NULL)
    {
      response = soup_server_message_get_response_body (message);
      soup_server_message_set_status (message, status, NULL);
      /* libsoup would make ranges of a body that accumulates. */
      soup_message_body_set_accumulate (response, FALSE);
      if (status == SOUP_STATUS_NO_CONTENT)
        g_signal_connect (message, "wrote-headers", G_CALLBACK (on_wrote_no_content), NULL);
      if (content_type != NULL)
        {
          soup_message_headers_set_content_type (soup_server_message_get_response_headers (message), content_type,
                                                 NULL);
          soup_message_body_append_bytes (response, body);
        }
    }
  ivd_http_exchange_begin_answer (exchange);
}

/* Of the body there is more to come, or may be: who was told to wait for a 100
 * may send it all the same, and it must not be taken for a request. */
static gboolean
is_sending (IvdHttpExchange *self)
{
  goffset length;

  return !self->complete && is_announced (soup_server_message_get_request_headers (self->message), &length);
}

static void
say_farewell (IvdHttpExchange *self, guint status, GBytes *problem)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (self->message);
  g_autoptr (GBytes) response = ivd_http_farewell_format (status, headers, problem);
  IvdHttpConnection *connection;
  GIOStream *stream = ivd_http_exchange_steal (self, &connection);

  if (stream != NULL)
    ivd_http_farewell (stream, connection, response);
}

void
ivd_http_exchange_fail_with (IvdHttpExchange *exchange, guint status, const GError *error)
{
  g_autoptr (GBytes) problem = ivd_http_problem_format (error, status);

  if (exchange->message != NULL && ivd_error_code (error) == IVD_ERROR_UNAUTHENTICATED)
    soup_message_headers_replace (soup_server_message_get_response_headers (exchange->message), "WWW-Authenticate",
                                  "Bearer");
  if (exchange->message != NULL && is_sending (exchange))
    say_farewell (exchange, status, problem);
  else
    ivd_http_exchange_answer (exchange, status, IVD_HTTP_PROBLEM_TYPE, problem);
}

void
ivd_http_exchange_fail (IvdHttpExchange *exchange, const GError *error)
{
  ivd_http_exchange_fail_with (exchange, ivd_error_info (ivd_error_code (error))->http_status, error);
}

void
ivd_http_exchange_take_error (IvdHttpExchange *exchange, GError *take_error)
{
  g_autoptr (GError) error = take_error;

  ivd_http_exchange_fail (exchange, error);
}

GIOStream *
ivd_http_exchange_steal (IvdHttpExchange *exchange, IvdHttpConnection **ret_connection)
{
  g_autoptr (IvdHttpExchange) self = ivd_http_exchange_ref (exchange);
  g_autoptr (SoupServerMessage) message = NULL;

  self->answered = TRUE;
  if (self->message == NULL)
    return NULL;
  message = g_object_ref (self->message);
  leave (self);
  *ret_connection = ivd_http_connection_ref (self->connection);
  ivd_http_intake_set_raw (self->connection);
  return soup_server_message_steal_connection (message);
}

void
ivd_http_exchange_abort (IvdHttpExchange *exchange)
{
  IvdHttpConnection *connection;
  GIOStream *stream = ivd_http_exchange_steal (exchange, &connection);

  if (stream == NULL)
    return;
  ivd_http_connection_shutdown (connection);
  ivd_http_connection_unref (connection);
  g_object_unref (stream);
}
