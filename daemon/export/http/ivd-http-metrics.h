/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-http-exchange.h"

/* GET /metrics: all that is measured of what the asker may see, in the format
 * that it prefers; of the daemon itself only for those who are not held to
 * single regions. HTTP thread. */
void ivd_http_metrics_run (IvdHttpExchange *exchange);
