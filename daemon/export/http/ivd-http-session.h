/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-http-exchange.h"

/*
 * The browser's own resource, /v1/session: a one-time login becomes a cookie,
 * and the page learns who it is. HTTP thread.
 */

void ivd_http_session_get (IvdHttpExchange *exchange);
void ivd_http_session_open (IvdHttpExchange *exchange);
void ivd_http_session_close (IvdHttpExchange *exchange);
