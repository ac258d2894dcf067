/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-operations.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"
#include "export/http/ivd-http-call.h"
#include "export/http/ivd-http-parameters.h"
#include "export/http/ivd-http-resources.h"
#include "export/http/ivd-json.h"
#include "export/http/ivd-query.h"

#define JSON_TYPE "application/json"
#define REGIONS_PATH "/v1/regions/"

static void
set_location (IvdHttpExchange *exchange, const char *location)
{
  SoupServerMessage *message = ivd_http_exchange_get_message (exchange);

  if (message != NULL)
    soup_message_headers_replace (soup_server_message_get_response_headers (message), "Location", location);
}

/* --- results --- */

static GBytes *
format_result (IvdHttpExchange *exchange, GVariant *result)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  ivd_http_parameters_add_result (builder, ivd_http_exchange_get_operation (exchange), result);
  json_builder_end_object (builder);
  return ivd_json_builder_to_bytes (builder);
}

/* What was only looked at may be the same the next time. */
static gboolean
is_resource (IvdHttpExchange *exchange)
{
  SoupServerMessage *message = ivd_http_exchange_get_message (exchange);
  const char *method = message != NULL ? soup_server_message_get_method (message) : NULL;

  return method == SOUP_METHOD_GET || method == SOUP_METHOD_HEAD;
}

/* What has results answers with them, what has none with 204. */
static void
on_result (IvdHttpExchange *exchange, GVariant *result, const GError *error)
{
  g_autoptr (GBytes) body = NULL;

  if (error != NULL)
    {
      ivd_http_exchange_fail (exchange, error);
      return;
    }
  if (g_variant_n_children (result) == 0)
    {
      ivd_http_exchange_answer (exchange, SOUP_STATUS_NO_CONTENT, NULL, NULL);
      return;
    }
  body = format_result (exchange, result);
  if (is_resource (exchange))
    ivd_http_exchange_answer_tagged (exchange, JSON_TYPE, body);
  else
    ivd_http_exchange_answer (exchange, SOUP_STATUS_OK, JSON_TYPE, body);
}

/* --- parameters --- */

/* region: NULL when it is the daemon's. */
static void
call (IvdHttpExchange *exchange, const char *region, GVariant *parameters, IvdHttpResultFunc func)
{
  ivd_http_call_start (exchange, ivd_http_exchange_get_operation (exchange), region, parameters, func);
}

gboolean
ivd_http_operations_check_no_query (IvdHttpExchange *exchange)
{
  GError *error = NULL;
  g_autoptr (IvdQuery) query = ivd_query_new (ivd_http_exchange_get_query (exchange), &error);

  if (query != NULL && ivd_query_end (query, &error))
    return TRUE;
  ivd_http_exchange_take_error (exchange, error);
  return FALSE;
}

/* Of the parameters that a type may have, the one that says what it is anyway. */
static gboolean
is_utf8 (GHashTable *parameters)
{
  const char *charset = g_hash_table_lookup (parameters, "charset");

  return g_hash_table_size (parameters) == 0
         || (g_hash_table_size (parameters) == 1 && charset != NULL && g_ascii_strcasecmp (charset, "utf-8") == 0);
}

static gboolean
is_json (IvdHttpExchange *exchange, GError **error)
{
  SoupServerMessage *message = ivd_http_exchange_get_message (exchange);
  g_autoptr (GHashTable) parameters = NULL;
  const char *type = soup_message_headers_get_content_type (soup_server_message_get_request_headers (message),
                                                            &parameters);
  g_autofree char *safe = NULL;

  if (type != NULL && g_ascii_strcasecmp (type, "application/json") == 0 && is_utf8 (parameters))
    return TRUE;
  type = ivd_http_exchange_get_header (exchange, "Content-Type");
  safe = ivd_text_safe (type != NULL ? type : "none");
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "Content-Type is %s: send application/json (curl: -H 'Content-Type: application/json')", safe);
  return FALSE;
}

IvdJsonFields *
ivd_http_operations_parse_fields (IvdHttpExchange *exchange, GError **error)
{
  GBytes *body = ivd_http_exchange_get_body (exchange);
  g_autoptr (IvdQuery) query = ivd_query_new (ivd_http_exchange_get_query (exchange), error);

  if (query == NULL || !ivd_query_end (query, error) || !is_json (exchange, error))
    return NULL;
  return ivd_json_fields_parse (g_bytes_get_data (body, NULL), g_bytes_get_size (body), error);
}

static GVariant *
parse_body (IvdHttpExchange *exchange, GError **error)
{
  g_autoptr (IvdJsonFields) fields = ivd_http_operations_parse_fields (exchange, error);

  if (fields == NULL)
    return NULL;
  return ivd_http_parameters_from_json (ivd_http_exchange_get_operation (exchange), fields, error);
}

static void
call_by_body (IvdHttpExchange *exchange, const char *region, IvdHttpResultFunc func)
{
  g_autoptr (GVariant) parameters = NULL;
  GError *error = NULL;

  parameters = parse_body (exchange, &error);
  if (parameters == NULL)
    ivd_http_exchange_take_error (exchange, error);
  else
    call (exchange, region, parameters, func);
}

void
ivd_http_operations_by_body (IvdHttpExchange *exchange)
{
  call_by_body (exchange, ivd_http_exchange_get_argument (exchange, 0), on_result);
}

void
ivd_http_operations_by_region (IvdHttpExchange *exchange)
{
  if (ivd_http_operations_check_no_query (exchange))
    call (exchange, ivd_http_exchange_get_argument (exchange, 0), g_variant_new ("()"), on_result);
}

void
ivd_http_operations_by_number (IvdHttpExchange *exchange)
{
  const char *text = ivd_http_exchange_get_argument (exchange, 1);
  g_autofree char *safe = ivd_text_safe (text);
  guint64 number;

  if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT32, &number, NULL))
    ivd_http_exchange_take_error (exchange, g_error_new (IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                                                         "'%s' in the path: it is a whole number", safe));
  else if (ivd_http_operations_check_no_query (exchange))
    call (exchange, ivd_http_exchange_get_argument (exchange, 0), g_variant_new ("(u)", (guint) number), on_result);
}

void
ivd_http_operations_by_argument (IvdHttpExchange *exchange)
{
  if (ivd_http_operations_check_no_query (exchange))
    call (exchange, NULL, g_variant_new ("(s)", ivd_http_exchange_get_argument (exchange, 0)), on_result);
}

/* --- what makes something says where it is --- */

static void
on_watch (IvdHttpExchange *exchange, GVariant *result, const GError *error)
{
  g_autofree char *location = NULL;
  g_autoptr (GBytes) body = NULL;
  guint watch;

  if (error != NULL)
    {
      ivd_http_exchange_fail (exchange, error);
      return;
    }
  g_variant_get (result, "(u)", &watch);
  location = g_strdup_printf (REGIONS_PATH "%s/watches/%u", ivd_http_exchange_get_argument (exchange, 0), watch);
  set_location (exchange, location);
  body = format_result (exchange, result);
  ivd_http_exchange_answer (exchange, SOUP_STATUS_CREATED, JSON_TYPE, body);
}

void
ivd_http_operations_watch (IvdHttpExchange *exchange)
{
  call_by_body (exchange, ivd_http_exchange_get_argument (exchange, 0), on_watch);
}

void
ivd_http_operations_login (IvdHttpExchange *exchange)
{
  if (ivd_http_operations_check_no_query (exchange))
    call (exchange, NULL, g_variant_new ("()"), on_result);
}

/* The region may be gone again by now: then the answer is without it. */
static void
on_attached (IvdHttpExchange *exchange, GVariant *result, const GError *error)
{
  const char *name = ivd_http_exchange_get_data (exchange);
  g_autofree char *location = g_strconcat (REGIONS_PATH, name, NULL);
  g_autoptr (GBytes) body = NULL;
  GError *gone = NULL;

  if (error != NULL)
    {
      ivd_http_exchange_fail (exchange, error);
      return;
    }
  body = ivd_http_resources_format_region (exchange, name, &gone);
  if (body == NULL)
    {
      ivd_http_exchange_take_error (exchange, gone);
      return;
    }
  set_location (exchange, location);
  ivd_http_exchange_answer (exchange, SOUP_STATUS_CREATED, JSON_TYPE, body);
}

void
ivd_http_operations_attach (IvdHttpExchange *exchange)
{
  g_autoptr (GVariant) parameters = NULL;
  GError *error = NULL;
  char *name;

  parameters = parse_body (exchange, &error);
  if (parameters == NULL)
    {
      ivd_http_exchange_take_error (exchange, error);
      return;
    }
  g_variant_get_child (parameters, 1, "s", &name);
  ivd_http_exchange_set_data (exchange, name, g_free);
  call (exchange, NULL, parameters, on_attached);
}

static gboolean
parse_force (IvdHttpExchange *exchange, gboolean *ret_force, GError **error)
{
  g_autoptr (IvdQuery) query = ivd_query_new (ivd_http_exchange_get_query (exchange), error);

  return query != NULL
         && ivd_query_take_boolean (query, "force", ret_force, error)
         && ivd_query_end (query, error);
}

void
ivd_http_operations_detach (IvdHttpExchange *exchange)
{
  g_auto (GVariantBuilder) options = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  gboolean force = FALSE;
  GError *error = NULL;

  if (!parse_force (exchange, &force, &error))
    {
      ivd_http_exchange_take_error (exchange, error);
      return;
    }
  g_variant_builder_add (&options, "{sv}", "force", g_variant_new_boolean (force));
  call (exchange, NULL, g_variant_new ("(sa{sv})", ivd_http_exchange_get_argument (exchange, 0), &options), on_result);
}
