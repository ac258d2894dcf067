/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/metrics/ivd-http-counters.h"
#include "export/metrics/ivd-metrics-writer.h"
#include "model/ivd-metrics.h"
#include "model/ivd-snapshot.h"

/*
 * All that is measured, as text for Prometheus. It reads a snapshot and counters,
 * all of which any thread may read, so it may run on any thread.
 *
 * How many series there are is bounded by the regions: each has at most
 * IVD_METRICS_VECTORS vectors as labels, the operations of the table, the codes
 * of the table of errors, and those two only once they have happened. Peers,
 * processes and users are never labels. The _created samples of OpenMetrics are
 * left out: they may be, and a Prometheus would store each as one more series.
 */

/* Vectors of a region that are told one by one; the rest is summed as "other". */
#define IVD_METRICS_VECTORS 64

/* TRUE for the regions that are told of. */
typedef gboolean (*IvdMetricsRegionFunc) (const IvdRegionView *view, gpointer data);

typedef struct
{
  const IvdSnapshot *snapshot;
  IvdMetricsRegionFunc filter; /* NULL: all regions */
  gpointer filter_data;
  const IvdHttpCounters *http; /* NULL: not told */
  const IvdMetrics *metrics;   /* NULL: not told, and nothing of the process either */
} IvdMetricsSource;

/* (transfer full) */
char *ivd_metrics_export (const IvdMetricsSource *source, IvdMetricsFormat format, gsize *ret_length);
