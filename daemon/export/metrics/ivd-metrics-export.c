/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/metrics/ivd-metrics-export.h"

#include "base/ivd-limits.h"
#include "base/ivd-names.h"
#include "operation/ivd-operation.h"
#include "platform/ivd-process.h"

#define COUNTER IVD_METRICS_COUNTER
#define GAUGE IVD_METRICS_GAUGE
#define HISTOGRAM IVD_METRICS_HISTOGRAM
#define INFO IVD_METRICS_INFO

/* A region that is told of, with the label that all its samples have. */
typedef struct
{
  const IvdRegionView *view;
  char *label;
} Shown;

static void
shown_clear (gpointer data)
{
  g_free (((Shown *) data)->label);
}

static char *
make_label (const char *name, const char *value)
{
  g_autoptr (GString) label = g_string_new (NULL);

  ivd_metrics_add_label (label, name, value);
  return g_string_free (g_steal_pointer (&label), FALSE);
}

static GArray *
list_shown (const IvdMetricsSource *source)
{
  const GPtrArray *views = source->snapshot->regions;
  GArray *list = g_array_sized_new (FALSE, FALSE, sizeof (Shown), views->len);

  g_array_set_clear_func (list, shown_clear);
  for (guint i = 0; i < views->len; i++)
    {
      Shown shown = { .view = g_ptr_array_index (views, i) };

      if (source->filter != NULL && !source->filter (shown.view, source->filter_data))
        continue;
      shown.label = make_label ("region", shown.view->name);
      g_array_append_val (list, shown);
    }
  return list;
}

#define SHOWN(list, i) (&g_array_index (list, const Shown, i))

/* --- of each region one number --- */

static guint64
get_up (const IvdRegionView *view)
{
  return view->state == IVD_REGION_READY;
}

static guint64
get_lost (const IvdRegionView *view)
{
  return view->state == IVD_REGION_LOST;
}

static guint64
get_size (const IvdRegionView *view)
{
  return view->size;
}

static guint64
get_peers (const IvdRegionView *view)
{
  return view->peer_count;
}

static const struct
{
  IvdMetricsFamily family;
  guint64 (*get) (const IvdRegionView *view);
} region_gauges[] = {
  { { "ivshmem_region_up", GAUGE, NULL, "Whether the region is ready." }, get_up },
  { { "ivshmem_region_lost", GAUGE, NULL, "Whether what stood behind the region has gone." }, get_lost },
  { { "ivshmem_region_size_bytes", GAUGE, "bytes", "Size of the region's memory." }, get_size },
  { { "ivshmem_region_peers", GAUGE, NULL, "Peers that are connected to the region." }, get_peers },
};

static const struct
{
  IvdMetricsFamily family;
  IvdStat stat;
} region_counters[] = {
  { { "ivshmem_region_read_bytes", COUNTER, "bytes",
      "Bytes read through the daemon." },
    IVD_STAT_READ_BYTES },
  { { "ivshmem_region_written_bytes", COUNTER, "bytes",
      "Bytes written through the daemon." },
    IVD_STAT_WRITTEN_BYTES },
  { { "ivshmem_region_peers_connected", COUNTER, NULL,
      "Peers that have connected." },
    IVD_STAT_PEERS_CONNECTED },
  { { "ivshmem_region_peers_disconnected", COUNTER, NULL,
      "Peers that have disconnected." },
    IVD_STAT_PEERS_DISCONNECTED },
  { { "ivshmem_region_losses", COUNTER, NULL,
      "Times that what stands behind the region has gone." },
    IVD_STAT_LOSSES },
  { { "ivshmem_interrupts_sent", COUNTER, NULL,
      "Doorbells rung through the daemon." },
    IVD_STAT_INTERRUPTS_SENT },
};

/* Only of those that were attached with activity=true. */
static const struct
{
  IvdMetricsFamily family;
  IvdStat stat;
} activity_counters[] = {
  { { "ivshmem_region_changed_bytes", COUNTER, "bytes",
      "Bytes in blocks found changed from one look to the next." },
    IVD_STAT_CHANGED_BYTES },
  { { "ivshmem_region_changed_blocks", COUNTER, NULL,
      "Blocks found changed from one look to the next." },
    IVD_STAT_CHANGED_BLOCKS },
};

static void
write_region_gauges (IvdMetricsWriter *writer, const GArray *list)
{
  for (guint i = 0; i < G_N_ELEMENTS (region_gauges); i++)
    {
      ivd_metrics_writer_begin (writer, &region_gauges[i].family);
      for (guint r = 0; r < list->len; r++)
        ivd_metrics_writer_sample (writer, SHOWN (list, r)->label, NULL, region_gauges[i].get (SHOWN (list, r)->view));
    }
}

static void
write_region_counters (IvdMetricsWriter *writer, const GArray *list)
{
  for (guint i = 0; i < G_N_ELEMENTS (region_counters); i++)
    {
      ivd_metrics_writer_begin (writer, &region_counters[i].family);
      for (guint r = 0; r < list->len; r++)
        ivd_metrics_writer_sample (writer, SHOWN (list, r)->label, NULL,
                                   ivd_statistics_get (SHOWN (list, r)->view->statistics, region_counters[i].stat));
    }
}

static void
write_activity (IvdMetricsWriter *writer, const GArray *list)
{
  for (guint i = 0; i < G_N_ELEMENTS (activity_counters); i++)
    {
      ivd_metrics_writer_begin (writer, &activity_counters[i].family);
      for (guint r = 0; r < list->len; r++)
        {
          const IvdRegionView *view = SHOWN (list, r)->view;

          if (g_variant_lookup (view->options, IVD_OPTION_ACTIVITY, "b", NULL))
            ivd_metrics_writer_sample (writer, SHOWN (list, r)->label, NULL,
                                       ivd_statistics_get (view->statistics, activity_counters[i].stat));
        }
    }
}

static void
write_region_info (IvdMetricsWriter *writer, const GArray *list)
{
  static const IvdMetricsFamily family = { "ivshmem_region", INFO, NULL, "What has opened the region." };

  ivd_metrics_writer_begin (writer, &family);
  for (guint r = 0; r < list->len; r++)
    {
      g_autofree char *plugin = make_label ("plugin", SHOWN (list, r)->view->plugin);

      ivd_metrics_writer_sample (writer, SHOWN (list, r)->label, plugin, 1);
    }
}

/* --- of each region several --- */

static void
write_operations (IvdMetricsWriter *writer, const GArray *list)
{
  static const IvdMetricsFamily family
      = { "ivshmem_region_operations", COUNTER, NULL,
          "Operations on the region, those that failed included." };
  guint count;
  const IvdOperation *operations = ivd_operations (&count);
  char *labels[IVD_STATISTICS_OPERATIONS] = { NULL };

  for (guint i = 0; i < count; i++)
    labels[i] = make_label ("op", operations[i].name);
  ivd_metrics_writer_begin (writer, &family);
  for (guint r = 0; r < list->len; r++)
    for (guint i = 0; i < count; i++)
      {
        guint64 value = ivd_statistics_get_operations (SHOWN (list, r)->view->statistics, i);

        if (value > 0)
          ivd_metrics_writer_sample (writer, SHOWN (list, r)->label, labels[i], value);
      }
  for (guint i = 0; i < count; i++)
    g_free (labels[i]);
}

static void
write_errors (IvdMetricsWriter *writer, const GArray *list)
{
  static const IvdMetricsFamily family
      = { "ivshmem_region_errors", COUNTER, NULL, "Operations on the region that failed." };

  ivd_metrics_writer_begin (writer, &family);
  for (guint r = 0; r < list->len; r++)
    for (guint code = 0; code < IVD_ERROR_COUNT; code++)
      {
        guint64 value = ivd_statistics_get_errors (SHOWN (list, r)->view->statistics, code);
        g_autofree char *label = value > 0 ? make_label ("code", ivd_error_info ((gint) code)->name) : NULL;

        if (label != NULL)
          ivd_metrics_writer_sample (writer, SHOWN (list, r)->label, label, value);
      }
}

static void
write_interrupts (IvdMetricsWriter *writer, const Shown *shown)
{
  guint vectors = shown->view->vectors;
  guint64 other = 0;

  for (guint vector = 0; vector < MIN (vectors, IVD_METRICS_VECTORS); vector++)
    {
      char label[sizeof "vector=\"\"" + 3 * sizeof vector];

      g_snprintf (label, sizeof label, "vector=\"%u\"", vector);
      ivd_metrics_writer_sample (writer, shown->label, label, ivd_region_view_get_vector_count (shown->view, vector));
    }
  if (vectors <= IVD_METRICS_VECTORS)
    return;
  for (guint vector = IVD_METRICS_VECTORS; vector < vectors; vector++)
    other += ivd_region_view_get_vector_count (shown->view, vector);
  ivd_metrics_writer_sample (writer, shown->label, "vector=\"other\"", other);
}

static void
write_regions (IvdMetricsWriter *writer, const GArray *list)
{
  static const IvdMetricsFamily interrupts
      = { "ivshmem_interrupts_received", COUNTER, NULL,
          "Doorbells that others have rung at the daemon's own vectors." };

  write_region_info (writer, list);
  write_region_gauges (writer, list);
  write_region_counters (writer, list);
  write_activity (writer, list);
  write_operations (writer, list);
  write_errors (writer, list);
  ivd_metrics_writer_begin (writer, &interrupts);
  for (guint r = 0; r < list->len; r++)
    write_interrupts (writer, SHOWN (list, r));
}

/* --- of the daemon --- */

static void
write_times (IvdMetricsWriter *writer, const IvdMetrics *metrics)
{
  static const IvdMetricsFamily operation_family
      = { "ivshmem_operation_duration_seconds", HISTOGRAM, "seconds",
          "From a request to its answer, by operation." };
  static const IvdMetricsFamily wait_family
      = { "ivshmem_wait_duration_seconds", HISTOGRAM, "seconds",
          "How long waits took whose value came." };
  static const IvdMetricsFamily event_family
      = { "ivshmem_interrupt_delivery_seconds", HISTOGRAM, "seconds",
          "From a doorbell's arrival to its listener." };
  guint count;
  const IvdOperation *operations = ivd_operations (&count);

  ivd_metrics_writer_begin (writer, &operation_family);
  for (guint i = 0; i < count; i++)
    {
      g_autofree char *label = make_label ("op", operations[i].name);

      if (!ivd_histogram_is_empty (&metrics->operations[i]))
        ivd_metrics_writer_histogram (writer, label, &metrics->operations[i]);
    }
  ivd_metrics_writer_begin (writer, &wait_family);
  ivd_metrics_writer_histogram (writer, NULL, &metrics->waits);
  ivd_metrics_writer_begin (writer, &event_family);
  ivd_metrics_writer_histogram (writer, NULL, &metrics->events);
}

static const IvdMetricsFamily http_connections
    = { "ivshmem_http_connections", COUNTER, NULL, "HTTP connections accepted." };
static const IvdMetricsFamily http_open_connections
    = { "ivshmem_http_open_connections", GAUGE, NULL,
        "HTTP connections that are open, streams included." };
static const IvdMetricsFamily http_streams
    = { "ivshmem_http_open_streams", GAUGE, NULL, "Listeners to live events, by kind." };
static const IvdMetricsFamily http_received
    = { "ivshmem_http_received_bytes", COUNTER, "bytes", "Bytes of bodies received by HTTP." };
static const IvdMetricsFamily http_sent = { "ivshmem_http_sent_bytes", COUNTER, "bytes", "Bytes of bodies sent by HTTP." };
static const IvdMetricsFamily http_events_sent
    = { "ivshmem_http_events_sent", COUNTER, NULL, "Events sent to listeners." };
static const IvdMetricsFamily http_events_lost
    = { "ivshmem_http_events_lost", COUNTER, NULL,
        "Events that listeners have missed, being too slow or away too long." };
static const IvdMetricsFamily http_refused
    = { "ivshmem_http_refused", COUNTER, NULL, "Connections and requests refused, by reason." };
static const IvdMetricsFamily http_responses
    = { "ivshmem_http_requests", COUNTER, NULL, "HTTP requests, by class of the answer's status." };

/* In the order in which they are written: those of a family together. */
static const struct
{
  const IvdMetricsFamily *family;
  const char *label;
  IvdHttpCounter counter;
} http_counters[IVD_HTTP_COUNTER_COUNT] = {
  { &http_connections, NULL, IVD_HTTP_CONNECTIONS },
  { &http_open_connections, NULL, IVD_HTTP_OPEN_CONNECTIONS },
  { &http_streams, "kind=\"events\"", IVD_HTTP_OPEN_EVENT_STREAMS },
  { &http_streams, "kind=\"websocket\"", IVD_HTTP_OPEN_WEBSOCKETS },
  { &http_received, NULL, IVD_HTTP_RECEIVED_BYTES },
  { &http_sent, NULL, IVD_HTTP_SENT_BYTES },
  { &http_events_sent, NULL, IVD_HTTP_EVENTS_SENT },
  { &http_events_lost, NULL, IVD_HTTP_EVENTS_LOST },
  { &http_refused, "reason=\"limit\"", IVD_HTTP_REFUSED_LIMIT },
  { &http_refused, "reason=\"descriptors\"", IVD_HTTP_REFUSED_DESCRIPTORS },
  { &http_refused, "reason=\"credentials\"", IVD_HTTP_REFUSED_CREDENTIALS },
  { &http_refused, "reason=\"origin\"", IVD_HTTP_REFUSED_ORIGIN },
  { &http_refused, "reason=\"slow\"", IVD_HTTP_REFUSED_SLOW },
};

static void
write_http (IvdMetricsWriter *writer, const IvdHttpCounters *http)
{
  for (guint i = 0; i < G_N_ELEMENTS (http_counters); i++)
    {
      if (writer->family != http_counters[i].family)
        ivd_metrics_writer_begin (writer, http_counters[i].family);
      ivd_metrics_writer_sample (writer, http_counters[i].label, NULL,
                                 ivd_http_counters_get (http, http_counters[i].counter));
    }
  ivd_metrics_writer_begin (writer, &http_responses);
  for (guint class_ = 1; class_ <= IVD_HTTP_STATUS_CLASSES; class_++)
    {
      char label[sizeof "code=\"5xx\"" + 3 * sizeof class_];

      g_snprintf (label, sizeof label, "code=\"%uxx\"", class_);
      ivd_metrics_writer_sample (writer, label, NULL, ivd_http_counters_get_responses (http, class_));
    }
}

/* The names that every exporter gives them. */
static void
write_process (IvdMetricsWriter *writer, gint64 began_usec)
{
  static const IvdMetricsFamily processor
      = { "process_cpu_seconds", COUNTER, "seconds", "Processor time used, in user and system mode." };
  static const IvdMetricsFamily began
      = { "process_start_time_seconds", GAUGE, "seconds", "When the process started, since 1970." };
  static const IvdMetricsFamily gauges[] = {
    { "process_resident_memory_bytes", GAUGE, "bytes", "Memory that is resident, shared pages included." },
    { "process_virtual_memory_bytes", GAUGE, "bytes", "Virtual memory." },
    { "process_open_fds", GAUGE, NULL, "Open file descriptors." },
    { "process_max_fds", GAUGE, NULL, "File descriptors that may be open." },
  };
  IvdProcessUsage usage;
  guint64 values[G_N_ELEMENTS (gauges)];

  ivd_process_get_usage (&usage);
  values[0] = usage.resident_bytes;
  values[1] = usage.virtual_bytes;
  values[2] = usage.open_descriptors;
  values[3] = usage.max_descriptors;
  ivd_metrics_writer_begin (writer, &processor);
  ivd_metrics_writer_seconds (writer, NULL, usage.processor_usec);
  ivd_metrics_writer_begin (writer, &began);
  ivd_metrics_writer_seconds (writer, NULL, (guint64) began_usec);
  for (guint i = 0; i < G_N_ELEMENTS (gauges); i++)
    {
      ivd_metrics_writer_begin (writer, &gauges[i]);
      ivd_metrics_writer_sample (writer, NULL, NULL, values[i]);
    }
}

static void
write_build (IvdMetricsWriter *writer)
{
  static const IvdMetricsFamily family = { "ivshmem_build", INFO, NULL, "The daemon itself." };
  g_autofree char *version = make_label ("version", IVD_VERSION);

  ivd_metrics_writer_begin (writer, &family);
  ivd_metrics_writer_sample (writer, version, NULL, 1);
}

char *
ivd_metrics_export (const IvdMetricsSource *source, IvdMetricsFormat format, gsize *ret_length)
{
  IvdMetricsWriter writer = IVD_METRICS_WRITER_INIT (format);
  g_autoptr (GArray) list = list_shown (source);

  write_build (&writer);
  write_regions (&writer, list);
  if (source->http != NULL)
    write_http (&writer, source->http);
  if (source->metrics != NULL)
    {
      write_times (&writer, source->metrics);
      write_process (&writer, source->metrics->began_usec);
    }
  return ivd_metrics_writer_end (&writer, ret_length);
}
