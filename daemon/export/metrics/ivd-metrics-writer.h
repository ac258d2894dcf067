/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "model/ivd-histogram.h"

/*
 * IvdMetricsWriter: writes families of metrics in either text format. It knows
 * how the formats spell names, numbers and escapes, and nothing of what is
 * measured. A family is begun, then all its samples are written, then the next.
 */

typedef enum
{
  IVD_METRICS_PROMETHEUS,  /* text format 0.0.4 */
  IVD_METRICS_OPENMETRICS, /* 1.0 */
} IvdMetricsFormat;

typedef enum
{
  IVD_METRICS_COUNTER,
  IVD_METRICS_GAUGE,
  IVD_METRICS_INFO,
  IVD_METRICS_HISTOGRAM,
} IvdMetricsType;

/* name: without the _total of a counter and the _info of an info. unit: what
 * the name ends with, or NULL. */
typedef struct
{
  const char *name;
  IvdMetricsType type;
  const char *unit;
  const char *help;
} IvdMetricsFamily;

typedef struct
{
  GString *text;
  IvdMetricsFormat format;
  const IvdMetricsFamily *family; /* of the samples to come */
} IvdMetricsWriter;

#define IVD_METRICS_WRITER_INIT(format_) ((IvdMetricsWriter){ g_string_sized_new (4096), (format_), NULL })

/* The family stays until the next. */
void ivd_metrics_writer_begin (IvdMetricsWriter *writer, const IvdMetricsFamily *family);

/* labels: as they stand between the braces, from ivd_metrics_add_label(), or
 * NULL. more: likewise, after them. */
void ivd_metrics_writer_sample (IvdMetricsWriter *writer, const char *labels, const char *more, guint64 value);
void ivd_metrics_writer_seconds (IvdMetricsWriter *writer, const char *labels, guint64 usec);
/* All of the histogram's lines. */
void ivd_metrics_writer_histogram (IvdMetricsWriter *writer, const char *labels, const IvdHistogram *histogram);

/* The text as it is then. Ends the writer. (transfer full) */
char *ivd_metrics_writer_end (IvdMetricsWriter *writer, gsize *ret_length);

/* NAME="VALUE" with a comma before it if there is something already. */
void ivd_metrics_add_label (GString *labels, const char *name, const char *value);
