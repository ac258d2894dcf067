/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-metrics.h"

#include "export/http/ivd-http-operations.h"
#include "export/http/ivd-http-shared.h"
#include "export/metrics/ivd-metrics-accept.h"
#include "export/metrics/ivd-metrics-export.h"

static gboolean
may_see (IvdHttpExchange *exchange, const char *region)
{
  IvdContext *context = ivd_http_service_get_context (ivd_http_exchange_get_service (exchange));

  return ivd_access_allows (context->access, ivd_http_exchange_get_caller (exchange), IVD_PERMISSION_SEE, region);
}

static gboolean
may_see_region (const IvdRegionView *view, gpointer data)
{
  return may_see (data, view->name);
}

void
ivd_http_metrics_run (IvdHttpExchange *exchange)
{
  IvdHttpService *service = ivd_http_exchange_get_service (exchange);
  IvdMetricsFormat format = ivd_metrics_choose_format (ivd_http_exchange_get_header (exchange, "Accept"));
  g_autoptr (IvdSnapshot) snapshot = ivd_http_service_ref_snapshot (service);
  IvdMetricsSource source = { .snapshot = snapshot, .filter = may_see_region, .filter_data = exchange };
  g_autoptr (GBytes) body = NULL;
  gsize length;
  char *text;

  if (!ivd_http_operations_check_no_query (exchange))
    return;
  if (may_see (exchange, NULL))
    {
      source.http = &ivd_http_service_get_shared (service)->counters;
      source.metrics = ivd_http_service_get_context (service)->metrics;
    }
  text = ivd_metrics_export (&source, format, &length);
  body = g_bytes_new_take (text, length);
  soup_message_headers_append (
      soup_server_message_get_response_headers (ivd_http_exchange_get_message (exchange)), "Vary", "Accept");
  ivd_http_exchange_answer (exchange, SOUP_STATUS_OK, ivd_metrics_content_type (format), body);
}
