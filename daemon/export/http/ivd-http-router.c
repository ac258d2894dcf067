/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-router.h"

#include <string.h>

#include "base/ivd-limits.h"
#include "export/http/ivd-http-events.h"
#include "export/http/ivd-http-memory.h"
#include "export/http/ivd-http-metrics.h"
#include "export/http/ivd-http-operations.h"
#include "export/http/ivd-http-resources.h"
#include "export/http/ivd-http-session.h"
#include "export/http/ivd-http-stream.h"

#define JSON IVD_LIMIT_JSON_BYTES

static const IvdHttpRoute routes[] = {
  { "GET", "/healthz", .open = TRUE, .run = ivd_http_resources_healthz },
  { "GET", "/readyz", .open = TRUE, .run = ivd_http_resources_readyz },
  { "GET", "/metrics", .run = ivd_http_metrics_run },
  { "GET", "/v1/openapi.json", .run = ivd_http_resources_openapi },
  { "GET", "/v1/daemon", .run = ivd_http_resources_daemon },
  { "GET", "/v1/plugins", .run = ivd_http_resources_plugins },
  { "GET", "/v1/plugins/{}/candidates", .operation = "ListCandidates", .daemon_scope = TRUE, .run = ivd_http_operations_by_argument },
  { "GET", "/v1/regions", .run = ivd_http_resources_regions },
  { "POST", "/v1/regions", .max_body = JSON, .operation = "Attach", .daemon_scope = TRUE, .run = ivd_http_operations_attach },
  { "GET", "/v1/regions/{}", .run = ivd_http_resources_region },
  { "DELETE", "/v1/regions/{}", .operation = "Detach", .daemon_scope = TRUE, .run = ivd_http_operations_detach },
  { "GET", "/v1/regions/{}/memory", .operation = "Read", .run = ivd_http_memory_get },
  { "PUT", "/v1/regions/{}/memory", .operation = "Write", .begin = ivd_http_memory_put_begin, .chunk = ivd_http_memory_put_chunk, .run = ivd_http_memory_put },
  { "POST", "/v1/regions/{}/fill", .max_body = JSON, .operation = "Fill", .run = ivd_http_operations_by_body },
  { "POST", "/v1/regions/{}/atomic", .max_body = JSON, .operation = "Atomic", .run = ivd_http_operations_by_body },
  { "POST", "/v1/regions/{}/wait", .max_body = JSON, .operation = "Wait", .run = ivd_http_operations_by_body },
  { "POST", "/v1/regions/{}/ring", .max_body = JSON, .operation = "Ring", .run = ivd_http_operations_by_body },
  { "GET", "/v1/regions/{}/peers", .operation = "ListPeers", .run = ivd_http_operations_by_region },
  { "DELETE", "/v1/regions/{}/peers/{}", .operation = "Kick", .run = ivd_http_operations_by_number },
  { "GET", "/v1/regions/{}/watches", .operation = "ListWatches", .run = ivd_http_operations_by_region },
  { "POST", "/v1/regions/{}/watches", .max_body = JSON, .operation = "Watch", .run = ivd_http_operations_watch },
  { "DELETE", "/v1/regions/{}/watches/{}", .operation = "Unwatch", .run = ivd_http_operations_by_number },
  { "GET", "/v1/events", .run = ivd_http_events_run },
  { "GET", "/v1/stream", .run = ivd_http_stream_run },
  { "GET", "/v1/bridges", .run = ivd_http_resources_bridges },
  { "POST", "/v1/bridges", .max_body = JSON, .run = ivd_http_resources_no_bridges },
  { "GET", "/v1/bridges/{}", .run = ivd_http_resources_no_bridge },
  { "DELETE", "/v1/bridges/{}", .run = ivd_http_resources_no_bridge },
  { "POST", "/v1/bridges/{}/{}", .max_body = JSON, .run = ivd_http_resources_no_bridges },
  { "POST", "/v1/logins", .operation = "CreateLogin", .daemon_scope = TRUE, .run = ivd_http_operations_login },
  { "GET", "/v1/session", .run = ivd_http_session_get },
  { "POST", "/v1/session", .open = TRUE, .max_body = JSON, .run = ivd_http_session_open },
  { "DELETE", "/v1/session", .open = TRUE, .run = ivd_http_session_close },
};

const IvdHttpRoute *
ivd_http_routes (guint *ret_count)
{
  *ret_count = G_N_ELEMENTS (routes);
  return routes;
}

/* One segment, decoded. NULL: it is no text, or has a slash in it. */
static char *
decode_segment (const char *segment, gsize length)
{
  char *decoded = g_uri_unescape_segment (segment, segment + length, "/");

  if (decoded != NULL && (decoded[0] == '\0' || !g_utf8_validate (decoded, -1, NULL)))
    g_clear_pointer (&decoded, g_free);
  return decoded;
}

/* A part of the path that stands for a {}. */
typedef struct
{
  const char *text;
  gsize length;
} PathPart;

/* Without a copy: most patterns do not match. */
static gboolean
match (const char *pattern, const char *path, PathPart *segments, guint *ret_n)
{
  guint n = 0;

  while (*pattern != '\0')
    {
      if (*pattern != '{')
        {
          if (*pattern++ != *path++)
            return FALSE;
          continue;
        }
      segments[n] = (PathPart){ path, strcspn (path, "/") };
      path += segments[n++].length;
      pattern += strlen ("{}");
    }
  *ret_n = n;
  return *path == '\0';
}

static void
clear_arguments (char **arguments)
{
  for (guint i = 0; i < IVD_HTTP_MAX_ARGUMENTS; i++)
    g_clear_pointer (&arguments[i], g_free);
}

/* FALSE: one of them is none. */
static gboolean
decode_segments (const PathPart *segments, guint n, char **arguments)
{
  for (guint i = 0; i < n; i++)
    {
      arguments[i] = decode_segment (segments[i].text, segments[i].length);
      if (arguments[i] == NULL)
        {
          clear_arguments (arguments);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
has_method (const IvdHttpRoute *route, const char *method)
{
  return strcmp (route->method, method) == 0 || (strcmp (method, "HEAD") == 0 && strcmp (route->method, "GET") == 0);
}

static void
add_method (char **allow, const char *method)
{
  char *longer = g_strconcat (*allow != NULL ? *allow : "", *allow != NULL ? ", " : "", method,
                              strcmp (method, "GET") == 0 ? ", HEAD" : "", NULL);

  g_free (*allow);
  *allow = longer;
}

const IvdHttpRoute *
ivd_http_router_find (const char *method, const char *path, char **ret_arguments, char **ret_allow)
{
  PathPart segments[IVD_HTTP_MAX_ARGUMENTS];
  g_autofree char *allow = NULL;
  guint n;

  memset (ret_arguments, 0, IVD_HTTP_MAX_ARGUMENTS * sizeof ret_arguments[0]);
  *ret_allow = NULL;
  for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
    {
      if (!match (routes[i].path, path, segments, &n) || !decode_segments (segments, n, ret_arguments))
        continue;
      if (has_method (&routes[i], method))
        return &routes[i];
      add_method (&allow, routes[i].method);
      clear_arguments (ret_arguments);
    }
  *ret_allow = g_steal_pointer (&allow);
  return NULL;
}
