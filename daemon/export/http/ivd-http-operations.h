/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-http-exchange.h"
#include "export/http/ivd-json-fields.h"

/*
 * Routes that are one operation of the table each: its parameters come from
 * the path and the body, its results are the answer. HTTP thread.
 */

/* The body is an object of all parameters; of a region. */
void ivd_http_operations_by_body (IvdHttpExchange *exchange);
/* Only the region, from the path. */
void ivd_http_operations_by_region (IvdHttpExchange *exchange);
/* The region and a number, both from the path. */
void ivd_http_operations_by_number (IvdHttpExchange *exchange);
/* One text, from the path; of the daemon. */
void ivd_http_operations_by_argument (IvdHttpExchange *exchange);

void ivd_http_operations_attach (IvdHttpExchange *exchange);
void ivd_http_operations_detach (IvdHttpExchange *exchange);
void ivd_http_operations_watch (IvdHttpExchange *exchange);
void ivd_http_operations_login (IvdHttpExchange *exchange);

/* --- for routes that are no operation --- */

/* FALSE, and it has failed: there is a query, and none is known here. */
gboolean ivd_http_operations_check_no_query (IvdHttpExchange *exchange) G_GNUC_WARN_UNUSED_RESULT;
/* The body, which must be JSON and say so. (transfer full) */
IvdJsonFields *ivd_http_operations_parse_fields (IvdHttpExchange *exchange, GError **error);
