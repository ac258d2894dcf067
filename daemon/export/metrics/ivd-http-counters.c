/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/metrics/ivd-http-counters.h"

void
ivd_http_counters_add (IvdHttpCounters *counters, IvdHttpCounter counter, gint64 count)
{
  __atomic_fetch_add (&counters->values[counter], (guint64) count, __ATOMIC_RELAXED);
}

guint64
ivd_http_counters_get (const IvdHttpCounters *counters, IvdHttpCounter counter)
{
  return __atomic_load_n (&counters->values[counter], __ATOMIC_RELAXED);
}

void
ivd_http_counters_add_response (IvdHttpCounters *counters, guint status)
{
  guint class_ = status / 100;

  g_return_if_fail (class_ >= 1 && class_ <= IVD_HTTP_STATUS_CLASSES);
  __atomic_fetch_add (&counters->responses[class_ - 1], 1, __ATOMIC_RELAXED);
}

guint64
ivd_http_counters_get_responses (const IvdHttpCounters *counters, guint class_)
{
  return __atomic_load_n (&counters->responses[class_ - 1], __ATOMIC_RELAXED);
}
