/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-door.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"

static SoupMessageHeaders *
request_headers (IvdHttpExchange *exchange)
{
  return soup_server_message_get_request_headers (ivd_http_exchange_get_message (exchange));
}

static gboolean
refuse (GError **error, IvdErrorCode code, const char *why)
{
  g_set_error_literal (error, IVD_ERROR, (gint) code, why);
  return FALSE;
}

/* --- one request, one meaning --- */

/* A header that may be there once only; libsoup joins several by commas. */
static gboolean
check_single (SoupMessageHeaders *headers, const char *name, GError **error)
{
  const char *all = soup_message_headers_get_list (headers, name);

  if (all == NULL || strchr (all, ',') == NULL)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "there is more than one %s header: send one", name);
  return FALSE;
}

static gboolean
check_framing (SoupMessageHeaders *headers, GError **error)
{
  if (!check_single (headers, "Host", error)
      || !check_single (headers, "Content-Length", error)
      || !check_single (headers, "Transfer-Encoding", error)
      || !check_single (headers, "Content-Type", error))
    return FALSE;
  if (soup_message_headers_get_list (headers, "Transfer-Encoding") != NULL
      && soup_message_headers_get_list (headers, "Content-Length") != NULL)
    return refuse (error, IVD_ERROR_INVALID_ARGUMENT,
                   "there are both Content-Length and Transfer-Encoding: where does the body end? send one of them");
  return TRUE;
}

/* "[::1]:8086" and "host:8086" without the port. NULL: it has no such form. */
static char *
split_host (const char *host)
{
  const char *end = host[0] == '[' ? strchr (host, ']') : host + strcspn (host, ":");
  const char *port;

  if (end == NULL || end == host)
    return NULL;
  port = host[0] == '[' ? end + 1 : end;
  if (*port != '\0' && (*port != ':' || strspn (port + 1, "0123456789") != strlen (port + 1)))
    return NULL;
  return host[0] == '[' ? g_strndup (host + 1, (gsize) (end - host) - 1) : g_strndup (host, (gsize) (end - host));
}

/* A name that points here may be anybody's (DNS rebinding): only addresses,
 * localhost and the names that the config allows are ours. */
static gboolean
is_ours (const char *host, const char *const *names)
{
  if (g_hostname_is_ip_address (host) || g_ascii_strcasecmp (host, "localhost") == 0)
    return TRUE;
  for (; names != NULL && *names != NULL; names++)
    if (g_ascii_strcasecmp (host, *names) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
check_host (IvdHttpExchange *exchange, const char *const *names, GError **error)
{
  GUri *uri = soup_server_message_get_uri (ivd_http_exchange_get_message (exchange));
  const char *header = ivd_http_exchange_get_header (exchange, "Host");
  g_autofree char *host = header != NULL ? split_host (header) : NULL;
  g_autofree char *safe = NULL;

  if (header == NULL) /* HTTP/1.0; no browser comes that way */
    return TRUE;
  if (host == NULL || g_ascii_strcasecmp (host, g_uri_get_host (uri)) != 0)
    return refuse (error, IVD_ERROR_INVALID_ARGUMENT, "the Host header is no host and port, or not that of the URI");
  if (ivd_http_connection_is_unix (ivd_http_exchange_get_connection (exchange)) || is_ours (host, names))
    return TRUE;
  safe = ivd_text_safe (host);
  g_set_error (error, IVD_ERROR, IVD_ERROR_DENIED,
               "host '%s' is none of ours: use an address or localhost, or name it in [http] allowed-hosts", safe);
  return FALSE;
}

gboolean
ivd_http_door_check_form (IvdHttpExchange *exchange, const char *const *host_names, GError **error)
{
  return check_framing (request_headers (exchange), error) && check_host (exchange, host_names, error);
}

/* --- foreign web pages --- */

static gboolean
changes_something (IvdHttpExchange *exchange)
{
  const char *method = soup_server_message_get_method (ivd_http_exchange_get_message (exchange));

  return (method != SOUP_METHOD_GET && method != SOUP_METHOD_HEAD)
         || ivd_http_exchange_get_header (exchange, "Upgrade") != NULL;
}

static gboolean
is_own_origin (IvdHttpExchange *exchange, const char *origin)
{
  const char *scheme = ivd_http_connection_is_secure (ivd_http_exchange_get_connection (exchange)) ? "https" : "http";
  const char *host = ivd_http_exchange_get_header (exchange, "Host");
  g_autofree char *own = g_strdup_printf ("%s://%s", scheme, host != NULL ? host : "");

  return g_ascii_strcasecmp (origin, own) == 0;
}

/* A browser sends its cookie with what any page asks of it; whose page that is
 * it says by Origin. */
static gboolean
check_origin (IvdHttpExchange *exchange, gboolean by_cookie, GError **error)
{
  /* Of several none is ours. */
  const char *origin = ivd_http_exchange_get_list (exchange, "Origin");

  if (!changes_something (exchange))
    return TRUE;
  if (origin == NULL && by_cookie)
    return refuse (error, IVD_ERROR_DENIED,
                   "a session's requests need an Origin header, as browsers send it; programs use a token");
  if (origin == NULL || is_own_origin (exchange, origin))
    return TRUE;
  return refuse (error, IVD_ERROR_DENIED, "this comes from a web page of another origin");
}

/* --- who asks --- */

char *
ivd_http_door_get_cookie (IvdHttpExchange *exchange)
{
  const char *header = soup_message_headers_get_list (request_headers (exchange), "Cookie");
  g_auto (GStrv) cookies = header != NULL ? g_strsplit_set (header, ";,", -1) : NULL;

  for (guint i = 0; cookies != NULL && cookies[i] != NULL; i++)
    {
      const char *cookie = g_strstrip (cookies[i]);

      if (g_str_has_prefix (cookie, IVD_HTTP_COOKIE "="))
        return g_strdup (cookie + strlen (IVD_HTTP_COOKIE "="));
    }
  return NULL;
}

static IvdCaller *
identify_by_token (IvdHttpConnection *connection, IvdHttpPrincipals *principals, const char *authorization,
                   GError **error)
{
  static const char scheme[] = "Bearer ";
  IvdCaller *caller = ivd_http_connection_find_bearer (connection, authorization);

  if (caller != NULL)
    return caller;

  if (g_ascii_strncasecmp (authorization, scheme, strlen (scheme)) != 0 || strchr (authorization, ',') != NULL)
    {
      refuse (error, IVD_ERROR_UNAUTHENTICATED, "the Authorization header is not of the form 'Bearer TOKEN'");
      return NULL;
    }
  caller = ivd_http_principals_for_token (principals, authorization + strlen (scheme), error);
  if (caller != NULL)
    ivd_http_connection_set_bearer (connection, authorization, caller);
  return caller;
}

/* The kernel is asked once for a connection: its answer cannot change. */
static IvdCaller *
identify_by_socket (IvdHttpConnection *connection, IvdHttpPrincipals *principals, GError **error)
{
  IvdCaller *known = ivd_http_connection_get_caller (connection);
  IvdCaller *caller = known != NULL ? ivd_http_principals_for_user (principals, known)
                                    : ivd_http_principals_for_socket (
                                        principals, ivd_http_connection_get_socket (connection), error);

  if (caller != known)
    ivd_http_connection_set_caller (connection, caller);
  return caller;
}

gboolean
ivd_http_door_identify (IvdHttpExchange *exchange, IvdHttpPrincipals *principals, gboolean open, GError **error)
{
  const char *authorization = soup_message_headers_get_list (request_headers (exchange), "Authorization");
  IvdHttpConnection *connection = ivd_http_exchange_get_connection (exchange);
  g_autofree char *cookie = NULL;
  g_autoptr (GError) local = NULL;
  IvdCaller *caller = NULL;

  if (authorization != NULL)
    caller = identify_by_token (connection, principals, authorization, &local);
  else if ((cookie = ivd_http_door_get_cookie (exchange)) != NULL)
    caller = ivd_http_principals_for_cookie (principals, cookie, &local);
  else if (ivd_http_connection_is_unix (connection))
    caller = identify_by_socket (connection, principals, &local);
  else
    refuse (&local, IVD_ERROR_UNAUTHENTICATED,
            "say who asks: 'Authorization: Bearer TOKEN', or log in by the link of 'ivshmemctl web'");
  if (!check_origin (exchange, caller != NULL && cookie != NULL, error))
    return FALSE;
  ivd_http_exchange_set_caller (exchange, caller);
  if (caller != NULL || open)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}
