/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-http-exchange.h"

/*
 * Routes that only show: answered on the HTTP thread from what was published
 * last. HTTP thread.
 */

void ivd_http_resources_healthz (IvdHttpExchange *exchange);
void ivd_http_resources_readyz (IvdHttpExchange *exchange);
void ivd_http_resources_daemon (IvdHttpExchange *exchange);
void ivd_http_resources_plugins (IvdHttpExchange *exchange);
void ivd_http_resources_regions (IvdHttpExchange *exchange);
void ivd_http_resources_region (IvdHttpExchange *exchange);
void ivd_http_resources_bridges (IvdHttpExchange *exchange);
/* What there is no backend for yet. */
void ivd_http_resources_no_bridges (IvdHttpExchange *exchange);
void ivd_http_resources_no_bridge (IvdHttpExchange *exchange);
void ivd_http_resources_openapi (IvdHttpExchange *exchange);
/* A file of the web page. */
void ivd_http_resources_page (IvdHttpExchange *exchange);

/* A region's JSON as its asker sees it; not-found. (transfer full) */
GBytes *ivd_http_resources_format_region (IvdHttpExchange *exchange, const char *name, GError **error);
