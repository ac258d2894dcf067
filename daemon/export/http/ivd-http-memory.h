/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-http-exchange.h"

/*
 * A region's bytes, /v1/regions/R/memory: routes that go by memory/ at once,
 * past the operation table, since they stream. Checks, statistics and errors
 * are those of its Read and Write. HTTP thread.
 */

void ivd_http_memory_get (IvdHttpExchange *exchange);

void ivd_http_memory_put_begin (IvdHttpExchange *exchange);
void ivd_http_memory_put_chunk (IvdHttpExchange *exchange, GBytes *bytes);
void ivd_http_memory_put (IvdHttpExchange *exchange);

/* For the two of them. */

/* Fails the exchange, and counts that for its region. view: NULL: that of the
 * path, if there is one. */
void ivd_http_memory_refuse (IvdHttpExchange *exchange, const IvdRegionView *view, GError *take_error);
/* Counts what has been done since begun; error: NULL: it has worked. */
void ivd_http_memory_count (IvdHttpExchange *exchange, const IvdRegionView *view, gint64 begun, const GError *error);
/* Lets others have their turn before this one's message goes on. */
void ivd_http_memory_yield (IvdHttpExchange *exchange);
