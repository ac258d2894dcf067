/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/metrics/ivd-metrics-writer.h"

/* Which format somebody gets, by what the Accept header prefers. */

/* accept: the header's value, whatever it holds; NULL: there is none. OpenMetrics
 * only for those who name it and take its version 1. */
IvdMetricsFormat ivd_metrics_choose_format (const char *accept);

/* For the Content-Type header. */
const char *ivd_metrics_content_type (IvdMetricsFormat format);
