/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-http-exchange.h"

/*
 * GET /v1/events: server-sent events, on a connection that libsoup gives up for
 * it. A listener is a place in the log and at most one batch that its kernel
 * has not taken yet; one that does not read costs nothing more. HTTP thread.
 */

void ivd_http_events_run (IvdHttpExchange *exchange);
