/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-http-exchange.h"

/*
 * GET /v1/stream: a WebSocket, on a connection that libsoup gives up for it.
 * What is said on it is ivd-http-talk.h. However slow the client reads and
 * however much it sends, what is kept for it is bounded: no more requests are
 * taken while answers wait, and no events are sent then. HTTP thread.
 */

void ivd_http_stream_run (IvdHttpExchange *exchange);
