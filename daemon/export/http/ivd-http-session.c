/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-session.h"

#include <string.h>

#include "export/http/ivd-http-door.h"
#include "export/http/ivd-http-operations.h"
#include "export/http/ivd-http-shared.h"
#include "export/http/ivd-json-fields.h"
#include "export/http/ivd-json.h"

static IvdHttpPrincipals *
get_principals (IvdHttpExchange *exchange)
{
  return ivd_http_service_get_shared (ivd_http_exchange_get_service (exchange))->principals;
}

static void
set_cookie (IvdHttpExchange *exchange, const char *value, const char *more)
{
  SoupServerMessage *message = ivd_http_exchange_get_message (exchange);
  gboolean secure = ivd_http_connection_is_secure (ivd_http_exchange_get_connection (exchange));
  g_autofree char *cookie = g_strdup_printf (IVD_HTTP_COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict%s%s", value,
                                             secure ? "; Secure" : "", more);

  soup_message_headers_append (soup_server_message_get_response_headers (message), "Set-Cookie", cookie);
}

void
ivd_http_session_get (IvdHttpExchange *exchange)
{
  IvdAccess *access = ivd_http_service_get_context (ivd_http_exchange_get_service (exchange))->access;
  IvdCaller *caller = ivd_http_exchange_get_caller (exchange);
  g_autoptr (JsonBuilder) builder = NULL;
  g_autoptr (GBytes) body = NULL;

  if (!ivd_http_operations_check_no_query (exchange))
    return;
  builder = json_builder_new ();
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "identity");
  json_builder_add_string_value (builder, ivd_caller_get_label (caller));
  json_builder_set_member_name (builder, "permissions");
  json_builder_begin_array (builder);
  for (guint i = 0; i < IVD_PERMISSION_COUNT; i++)
    if (ivd_access_allows (access, caller, i, NULL))
      json_builder_add_string_value (builder, ivd_permission_name (i));
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  body = ivd_json_builder_to_bytes (builder);
  ivd_http_exchange_answer_tagged (exchange, "application/json", body);
}

static char *
parse_login (IvdHttpExchange *exchange, GError **error)
{
  static const char *const needed[] = { "token", NULL };
  g_autoptr (IvdJsonFields) fields = ivd_http_operations_parse_fields (exchange, error);
  g_autofree char *login = NULL;

  if (fields == NULL
      || !ivd_json_fields_require (fields, needed, error)
      || !ivd_json_fields_take_text (fields, "token", &login, error)
      || !ivd_json_fields_end (fields, error))
    return NULL;
  return g_steal_pointer (&login);
}

void
ivd_http_session_open (IvdHttpExchange *exchange)
{
  g_autofree char *login = NULL;
  g_autofree char *cookie = NULL;
  GError *error = NULL;

  login = parse_login (exchange, &error);
  if (login != NULL)
    cookie = ivd_http_principals_log_in (get_principals (exchange), login, &error);
  if (cookie == NULL)
    {
      ivd_http_exchange_take_error (exchange, error);
      return;
    }
  set_cookie (exchange, cookie, "");
  ivd_http_exchange_answer (exchange, SOUP_STATUS_NO_CONTENT, NULL, NULL);
}

/* Without a session there is nothing to close, and that is what was wanted. */
void
ivd_http_session_close (IvdHttpExchange *exchange)
{
  g_autofree char *cookie = NULL;

  if (!ivd_http_operations_check_no_query (exchange))
    return;
  cookie = ivd_http_door_get_cookie (exchange);
  if (cookie != NULL)
    ivd_http_principals_log_out (get_principals (exchange), cookie);
  set_cookie (exchange, "", "; Max-Age=0");
  ivd_http_exchange_answer (exchange, SOUP_STATUS_NO_CONTENT, NULL, NULL);
}
