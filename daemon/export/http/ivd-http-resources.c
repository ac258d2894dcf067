/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-resources.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"
#include "export/http/ivd-http-operations.h"
#include "export/http/ivd-http-page.h"
#include "export/http/ivd-http-shared.h"
#include "export/http/ivd-json-variant.h"
#include "export/http/ivd-json.h"
#include "ivd-openapi.h"

#define JSON_TYPE "application/json"
#define OPENAPI_PATH "/org/ivshmem/Daemon1/openapi.json"
#define TEXT_TYPE "text/plain; charset=utf-8"

static void
answer_builder (IvdHttpExchange *exchange, JsonBuilder *builder)
{
  g_autoptr (GBytes) body = ivd_json_builder_to_bytes (builder);

  ivd_http_exchange_answer_tagged (exchange, JSON_TYPE, body);
}

/* --- whether it lives --- */

void
ivd_http_resources_healthz (IvdHttpExchange *exchange)
{
  static const char text[] = "ok\n";
  g_autoptr (GBytes) body = g_bytes_new_static (text, sizeof text - 1);

  ivd_http_exchange_answer (exchange, SOUP_STATUS_OK, TEXT_TYPE, body);
}

void
ivd_http_resources_readyz (IvdHttpExchange *exchange)
{
  IvdHttpShared *shared = ivd_http_service_get_shared (ivd_http_exchange_get_service (exchange));
  gboolean ready = g_atomic_int_get (&shared->ready);
  const char *text = ready ? "ready\n" : "attaching the regions of the config\n";
  g_autoptr (GBytes) body = g_bytes_new (text, strlen (text));

  ivd_http_exchange_answer (exchange, ready ? SOUP_STATUS_OK : SOUP_STATUS_SERVICE_UNAVAILABLE, TEXT_TYPE, body);
}

/* --- regions --- */

static IvdAccess *
get_access (IvdHttpExchange *exchange)
{
  return ivd_http_service_get_context (ivd_http_exchange_get_service (exchange))->access;
}

static gboolean
may (IvdHttpExchange *exchange, IvdPermission permission, const char *region)
{
  return ivd_access_allows (get_access (exchange), ivd_http_exchange_get_caller (exchange), permission, region);
}

static void
add_text (JsonBuilder *builder, const char *key, const char *text)
{
  json_builder_set_member_name (builder, key);
  if (text != NULL)
    json_builder_add_string_value (builder, text);
  else
    json_builder_add_null_value (builder);
}

static void
add_number (JsonBuilder *builder, const char *key, guint64 value)
{
  json_builder_set_member_name (builder, key);
  ivd_json_add_uint64 (builder, value);
}

static void
add_capabilities (JsonBuilder *builder, guint capabilities)
{
  g_autofree const char **names = ivd_capability_names (capabilities);

  json_builder_set_member_name (builder, "capabilities");
  json_builder_begin_array (builder);
  for (guint i = 0; names[i] != NULL; i++)
    json_builder_add_string_value (builder, names[i]);
  json_builder_end_array (builder);
}

static void
add_statistics (JsonBuilder *builder, const IvdStatistics *statistics)
{
  json_builder_set_member_name (builder, "statistics");
  json_builder_begin_object (builder);
  for (guint i = 0; i < IVD_STAT_COUNT; i++)
    add_number (builder, ivd_stat_name (i), ivd_statistics_get (statistics, i));
  json_builder_end_object (builder);
}

/* What the asker may do with it, so that a page offers nothing in vain. */
static void
add_permissions (JsonBuilder *builder, IvdHttpExchange *exchange, const char *region)
{
  json_builder_set_member_name (builder, "permissions");
  json_builder_begin_array (builder);
  for (guint i = 0; i < IVD_PERMISSION_COUNT; i++)
    if (may (exchange, i, region))
      json_builder_add_string_value (builder, ivd_permission_name (i));
  json_builder_end_array (builder);
}

static void
add_region (JsonBuilder *builder, IvdHttpExchange *exchange, const IvdRegionView *view)
{
  json_builder_begin_object (builder);
  add_text (builder, "name", view->name);
  add_text (builder, "plugin", view->plugin);
  add_text (builder, "state", ivd_region_state_name (view->state));
  add_text (builder, "reason", view->reason);
  add_number (builder, "size", view->size);
  add_capabilities (builder, view->capabilities);
  json_builder_set_member_name (builder, "own_id");
  if (view->own_id >= 0)
    json_builder_add_int_value (builder, view->own_id);
  else
    json_builder_add_null_value (builder);
  add_number (builder, "vectors", view->vectors);
  add_number (builder, "generation", view->generation);
  add_number (builder, "peer_count", view->peer_count);
  add_statistics (builder, view->statistics);
  json_builder_set_member_name (builder, "options");
  ivd_json_add_options (builder, view->options);
  add_permissions (builder, exchange, view->name);
  json_builder_end_object (builder);
}

static guint
count_regions (IvdHttpExchange *exchange, const IvdSnapshot *snapshot)
{
  guint count = 0;

  for (guint i = 0; i < snapshot->regions->len; i++)
    count += may (exchange, IVD_PERMISSION_SEE, ((const IvdRegionView *) g_ptr_array_index (snapshot->regions, i))->name);
  return count;
}

void
ivd_http_resources_regions (IvdHttpExchange *exchange)
{
  g_autoptr (IvdSnapshot) snapshot = ivd_http_service_ref_snapshot (ivd_http_exchange_get_service (exchange));
  g_autoptr (JsonBuilder) builder = NULL;

  if (!ivd_http_operations_check_no_query (exchange))
    return;
  builder = json_builder_new ();
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "regions");
  json_builder_begin_array (builder);
  for (guint i = 0; i < snapshot->regions->len; i++)
    {
      const IvdRegionView *view = g_ptr_array_index (snapshot->regions, i);

      if (may (exchange, IVD_PERMISSION_SEE, view->name))
        add_region (builder, exchange, view);
    }
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  answer_builder (exchange, builder);
}

GBytes *
ivd_http_resources_format_region (IvdHttpExchange *exchange, const char *name, GError **error)
{
  g_autoptr (IvdRegionView) view = NULL;
  g_autoptr (JsonBuilder) builder = NULL;

  view = ivd_http_exchange_ref_region (exchange, name, IVD_PERMISSION_SEE, IVD_CAP_NONE, error);
  if (view == NULL)
    return NULL;
  builder = json_builder_new ();
  add_region (builder, exchange, view);
  return ivd_json_builder_to_bytes (builder);
}

void
ivd_http_resources_region (IvdHttpExchange *exchange)
{
  g_autoptr (GBytes) body = NULL;
  GError *error = NULL;

  if (!ivd_http_operations_check_no_query (exchange))
    return;
  body = ivd_http_resources_format_region (exchange, ivd_http_exchange_get_argument (exchange, 0), &error);
  if (body == NULL)
    ivd_http_exchange_take_error (exchange, error);
  else
    ivd_http_exchange_answer_tagged (exchange, JSON_TYPE, body);
}

/* --- the daemon --- */

static void
add_http (JsonBuilder *builder, IvdHttpService *service)
{
  const char *const *address = ivd_http_service_get_context (service)->http_addresses;
  const IvdHttpCounters *counters = &ivd_http_service_get_shared (service)->counters;

  json_builder_set_member_name (builder, "http");
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "addresses");
  json_builder_begin_array (builder);
  for (; address != NULL && *address != NULL; address++)
    json_builder_add_string_value (builder, *address);
  json_builder_end_array (builder);
  add_number (builder, "connections", ivd_http_counters_get (counters, IVD_HTTP_OPEN_CONNECTIONS));
  add_number (builder, "streams",
              ivd_http_counters_get (counters, IVD_HTTP_OPEN_EVENT_STREAMS)
                  + ivd_http_counters_get (counters, IVD_HTTP_OPEN_WEBSOCKETS));
  json_builder_end_object (builder);
}

void
ivd_http_resources_daemon (IvdHttpExchange *exchange)
{
  IvdHttpService *service = ivd_http_exchange_get_service (exchange);
  IvdHttpShared *shared = ivd_http_service_get_shared (service);
  g_autoptr (IvdSnapshot) snapshot = ivd_http_service_ref_snapshot (service);
  g_autoptr (JsonBuilder) builder = NULL;

  if (!ivd_http_operations_check_no_query (exchange))
    return;
  builder = json_builder_new ();
  json_builder_begin_object (builder);
  add_text (builder, "version", IVD_VERSION);
  add_number (builder, "uptime_seconds", (guint64) (g_get_monotonic_time () - shared->started) / G_USEC_PER_SEC);
  add_number (builder, "regions", count_regions (exchange, snapshot));
  add_number (builder, "plugins", shared->n_plugins);
  add_number (builder, "bridges", 0);
  add_number (builder, "event_serial", snapshot->serial);
  add_http (builder, service);
  json_builder_end_object (builder);
  answer_builder (exchange, builder);
}

void
ivd_http_resources_plugins (IvdHttpExchange *exchange)
{
  IvdHttpShared *shared = ivd_http_service_get_shared (ivd_http_exchange_get_service (exchange));

  if (ivd_http_operations_check_no_query (exchange))
    ivd_http_exchange_answer_tagged (exchange, JSON_TYPE, shared->plugins);
}

void
ivd_http_resources_bridges (IvdHttpExchange *exchange)
{
  g_autoptr (JsonBuilder) builder = NULL;

  if (!ivd_http_operations_check_no_query (exchange))
    return;
  builder = json_builder_new ();
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "bridges");
  json_builder_begin_array (builder);
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  answer_builder (exchange, builder);
}

void
ivd_http_resources_no_bridges (IvdHttpExchange *exchange)
{
  ivd_http_exchange_take_error (exchange, g_error_new (IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
                                                       "this version of the daemon has no bridges yet"));
}

void
ivd_http_resources_no_bridge (IvdHttpExchange *exchange)
{
  g_autofree char *safe = ivd_text_safe (ivd_http_exchange_get_argument (exchange, 0));

  ivd_http_exchange_take_error (exchange, g_error_new (IVD_ERROR, IVD_ERROR_NOT_FOUND, "there is no bridge '%s'", safe));
}

/* --- files --- */

static void
set_header (IvdHttpExchange *exchange, const char *name, const char *value)
{
  SoupServerMessage *message = ivd_http_exchange_get_message (exchange);

  if (message != NULL)
    soup_message_headers_replace (soup_server_message_get_response_headers (message), name, value);
}

void
ivd_http_resources_openapi (IvdHttpExchange *exchange)
{
  g_autoptr (GBytes) body = g_resource_lookup_data (ivd_openapi_get_resource (), OPENAPI_PATH, 0, NULL);

  if (ivd_http_operations_check_no_query (exchange))
    ivd_http_exchange_answer_tagged (exchange, JSON_TYPE, body);
}

static gboolean
takes_gzip (IvdHttpExchange *exchange)
{
  const char *accepted = ivd_http_exchange_get_header (exchange, "Accept-Encoding");

  return accepted != NULL && soup_header_contains (accepted, "gzip");
}

void
ivd_http_resources_page (IvdHttpExchange *exchange)
{
  SoupServerMessage *message = ivd_http_exchange_get_message (exchange);
  g_autoptr (IvdPageFile) file = ivd_http_page_find (g_uri_get_path (soup_server_message_get_uri (message)));
  gboolean gzip = FALSE;

  if (file == NULL)
    {
      ivd_http_exchange_take_error (exchange, g_error_new (IVD_ERROR, IVD_ERROR_NOT_FOUND, "the page has no such file"));
      return;
    }
  gzip = file->gzip != NULL && takes_gzip (exchange);
  set_header (exchange, "Content-Security-Policy", IVD_HTTP_PAGE_POLICY);
  set_header (exchange, "X-Content-Type-Options", "nosniff");
  set_header (exchange, "Referrer-Policy", "no-referrer");
  set_header (exchange, "Cache-Control", "no-cache");
  set_header (exchange, "Vary", "Accept-Encoding");
  if (gzip)
    set_header (exchange, "Content-Encoding", "gzip");
  ivd_http_exchange_answer_tagged_as (exchange, gzip ? file->gzip_etag : file->etag, file->content_type,
                                      gzip ? file->gzip : file->bytes);
}
