/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/metrics/ivd-metrics-writer.h"

#include <string.h>

#define USEC_DIGITS 6
/* Of the largest 64-bit number. */
#define MAX_DIGITS 20

/* As both formats and every reader of them spell them. */
static const char *const bounds[IVD_HISTOGRAM_BOUNDS + 1] = {
  "1e-05",
  "5e-05",
  "0.0001",
  "0.0005",
  "0.001",
  "0.005",
  "0.01",
  "0.05",
  "0.1",
  "0.5",
  "1.0",
  "5.0",
  "10.0",
  "60.0",
  "+Inf",
};

static void
add_text (IvdMetricsWriter *writer, const char *text)
{
  g_string_append_len (writer->text, text, (gssize) strlen (text));
}

/* A scrape writes tens of thousands of numbers. */
static void
add_number (IvdMetricsWriter *writer, guint64 value)
{
  char digits[MAX_DIGITS];
  guint at = MAX_DIGITS;

  do
    {
      digits[--at] = (char) ('0' + value % 10);
      value /= 10;
    }
  while (value != 0);
  g_string_append_len (writer->text, digits + at, MAX_DIGITS - at);
}

static void
add_escaped (GString *text, const char *value, gboolean quotes)
{
  for (; *value != '\0'; value++)
    {
      if (*value == '\\')
        g_string_append (text, "\\\\");
      else if (*value == '\n')
        g_string_append (text, "\\n");
      else if (*value == '"' && quotes)
        g_string_append (text, "\\\"");
      else
        g_string_append_c (text, *value);
    }
}

void
ivd_metrics_add_label (GString *labels, const char *name, const char *value)
{
  if (labels->len > 0)
    g_string_append_c (labels, ',');
  g_string_append (labels, name);
  g_string_append (labels, "=\"");
  add_escaped (labels, value, TRUE);
  g_string_append_c (labels, '"');
}

/* What the samples of a type end with, but for histograms. */
static const char *
suffix (IvdMetricsType type)
{
  if (type == IVD_METRICS_COUNTER)
    return "_total";
  return type == IVD_METRICS_INFO ? "_info" : "";
}

static const char *
type_name (IvdMetricsType type, IvdMetricsFormat format)
{
  switch (type)
    {
    case IVD_METRICS_COUNTER:
      return "counter";
    case IVD_METRICS_INFO:
      return format == IVD_METRICS_OPENMETRICS ? "info" : "gauge";
    case IVD_METRICS_HISTOGRAM:
      return "histogram";
    case IVD_METRICS_GAUGE:
    default:
      return "gauge";
    }
}

/* "# KEY NAME ": the older format names what the samples are called. */
static void
add_head (IvdMetricsWriter *writer, const char *key)
{
  add_text (writer, "# ");
  add_text (writer, key);
  add_text (writer, " ");
  add_text (writer, writer->family->name);
  if (writer->format == IVD_METRICS_PROMETHEUS)
    add_text (writer, suffix (writer->family->type));
  add_text (writer, " ");
}

void
ivd_metrics_writer_begin (IvdMetricsWriter *writer, const IvdMetricsFamily *family)
{
  writer->family = family;
  add_head (writer, "HELP");
  add_escaped (writer->text, family->help, writer->format == IVD_METRICS_OPENMETRICS);
  add_text (writer, "\n");
  add_head (writer, "TYPE");
  add_text (writer, type_name (family->type, writer->format));
  add_text (writer, "\n");
  if (family->unit == NULL || writer->format != IVD_METRICS_OPENMETRICS)
    return;
  add_head (writer, "UNIT");
  add_text (writer, family->unit);
  add_text (writer, "\n");
}

/* All of a line up to the value. */
static void
add_name (IvdMetricsWriter *writer, const char *end, const char *labels, const char *more)
{
  gboolean has_labels = labels != NULL && *labels != '\0', has_more = more != NULL && *more != '\0';

  add_text (writer, writer->family->name);
  add_text (writer, end);
  if (has_labels || has_more)
    {
      add_text (writer, "{");
      if (has_labels)
        add_text (writer, labels);
      if (has_labels && has_more)
        add_text (writer, ",");
      if (has_more)
        add_text (writer, more);
      add_text (writer, "}");
    }
  add_text (writer, " ");
}

void
ivd_metrics_writer_sample (IvdMetricsWriter *writer, const char *labels, const char *more, guint64 value)
{
  add_name (writer, suffix (writer->family->type), labels, more);
  add_number (writer, value);
  add_text (writer, "\n");
}

static void
add_seconds (IvdMetricsWriter *writer, guint64 usec)
{
  char fraction[USEC_DIGITS + 1];
  guint64 rest = usec % G_USEC_PER_SEC;

  for (guint i = USEC_DIGITS; i > 0; i--)
    {
      fraction[i - 1] = (char) ('0' + rest % 10);
      rest /= 10;
    }
  fraction[USEC_DIGITS] = '\0';
  add_number (writer, usec / G_USEC_PER_SEC);
  add_text (writer, ".");
  add_text (writer, fraction);
  add_text (writer, "\n");
}

void
ivd_metrics_writer_seconds (IvdMetricsWriter *writer, const char *labels, guint64 usec)
{
  add_name (writer, suffix (writer->family->type), labels, NULL);
  add_seconds (writer, usec);
}

void
ivd_metrics_writer_histogram (IvdMetricsWriter *writer, const char *labels, const IvdHistogram *histogram)
{
  IvdHistogram read;

  ivd_histogram_read (histogram, &read);
  for (guint i = 0; i <= IVD_HISTOGRAM_BOUNDS; i++)
    {
      char bound[sizeof "le=\"\"" + sizeof "0.0001"];

      g_snprintf (bound, sizeof bound, "le=\"%s\"", bounds[i]);
      add_name (writer, "_bucket", labels, bound);
      add_number (writer, read.counts[i]);
      add_text (writer, "\n");
    }
  add_name (writer, "_sum", labels, NULL);
  add_seconds (writer, read.sum_usec);
  add_name (writer, "_count", labels, NULL);
  add_number (writer, read.counts[IVD_HISTOGRAM_BOUNDS]);
  add_text (writer, "\n");
}

char *
ivd_metrics_writer_end (IvdMetricsWriter *writer, gsize *ret_length)
{
  if (writer->format == IVD_METRICS_OPENMETRICS)
    add_text (writer, "# EOF\n");
  *ret_length = writer->text->len;
  return g_string_free (g_steal_pointer (&writer->text), FALSE);
}
