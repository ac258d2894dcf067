/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include <gio/gio.h>

#include "base/ivd-limits.h"
#include "base/ivd-names.h"
#include "export/metrics/ivd-metrics-accept.h"
#include "export/metrics/ivd-metrics-export.h"
#include "lib/ivt-metrics-text.h"
#include "lib/ivt-shared.h"
#include "model/ivd-publisher.h"
#include "operation/ivd-operation.h"

#define PROMTOOL "promtool"
#define MANY 1000

typedef struct
{
  IvdRegistry *registry;
  IvdPublisher *publisher;
  IvdMetrics metrics;
  IvdHttpCounters http;
} Fixture;

static const IvdRegionBackend no_backend = { 0 };

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->registry = ivd_registry_new (ivd_serial_new (NULL, NULL));
  fixture->publisher = ivd_publisher_new (fixture->registry);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  ivd_publisher_free (fixture->publisher);
  ivd_registry_remove_all (fixture->registry, FALSE, NULL, NULL);
  g_assert_finalize_object (fixture->registry);
}

static IvdRegion *
attach (Fixture *fixture, const char *name, const char *plugin, guint vectors, const char *options)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (4096, 0, NULL);
  g_autoptr (GError) error = NULL;
  IvdRegion *region = ivd_registry_create (fixture->registry, name, plugin, g_variant_new_parsed (options),
                                           &no_backend, fixture, &error);

  g_assert_no_error (error);
  ivd_registry_set_own (fixture->registry, region, 255, vectors, IVD_CAP_ALL);
  ivd_registry_set_memory (fixture->registry, region, mapping, TRUE);
  ivd_registry_publish (fixture->registry, region);
  return region;
}

static char *
export_text (Fixture *fixture, IvdMetricsFormat format, IvdMetricsRegionFunc filter, gsize *ret_length)
{
  g_autoptr (IvdSnapshot) snapshot = NULL;
  IvdMetricsSource source = { .filter = filter, .http = &fixture->http, .metrics = &fixture->metrics };

  ivd_publisher_flush (fixture->publisher);
  snapshot = ivd_publisher_ref_snapshot (fixture->publisher);
  source.snapshot = snapshot;
  return ivd_metrics_export (&source, format, ret_length);
}

static GHashTable *
export_series (Fixture *fixture, IvdMetricsFormat format)
{
  gsize length;
  g_autofree char *text = export_text (fixture, format, NULL, &length);

  return ivt_metrics_parse (text, length, format == IVD_METRICS_OPENMETRICS);
}

/* Something of everything. */
static void
make_busy (Fixture *fixture)
{
  IvdRegion *region = attach (fixture, "demo", "doorbell-server", 4, "{'activity': <true>}");
  IvdStatistics *statistics = ivd_region_get_statistics (region);
  g_autoptr (GError) error = g_error_new_literal (IVD_ERROR, IVD_ERROR_OUT_OF_RANGE, "no");
  IvdCredentials who = { 4242, 12345, 1000, "/usr/bin/qemu" };
  guint count;

  attach (fixture, "plain", "host-plain", 0, "@a{sv} {}");
  ivd_registry_set_lost (fixture->registry, attach (fixture, "lost", "doorbell", 1, "@a{sv} {}"), "gone");
  ivd_registry_peer_connected (fixture->registry, region, 7, 4, &who);
  ivd_registry_interrupt (fixture->registry, region, 3, 12);
  ivd_operations (&count);
  for (guint i = 0; i < count; i++)
    ivd_statistics_add_operation (statistics, i);
  for (guint code = 0; code < IVD_ERROR_COUNT; code++)
    {
      error->code = (gint) code;
      ivd_statistics_add_error (statistics, error);
    }
  ivd_statistics_add (statistics, IVD_STAT_READ_BYTES, G_MAXUINT64);
  ivd_statistics_add (statistics, IVD_STAT_CHANGED_BYTES, 4096);
  for (guint i = 0; i < count; i++)
    ivd_histogram_observe (&fixture->metrics.operations[i], i * 1000);
  ivd_histogram_observe (&fixture->metrics.waits, 70 * G_USEC_PER_SEC);
  ivd_http_counters_add (&fixture->http, IVD_HTTP_OPEN_CONNECTIONS, 3);
  ivd_http_counters_add (&fixture->http, IVD_HTTP_OPEN_CONNECTIONS, -1);
  ivd_http_counters_add_response (&fixture->http, 204);
  ivd_http_counters_add_response (&fixture->http, 599);
  fixture->metrics.began_usec = 1700000000123456;
}

#define ASSERT_SERIES(series, name, value) g_assert_cmpstr (ivt_metrics_get (series, name), ==, value)

static void
test_values (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GHashTable) series = NULL;

  make_busy (fixture);
  series = export_series (fixture, GPOINTER_TO_INT (data));
  ASSERT_SERIES (series, "ivshmem_build_info{version=\"" IVD_VERSION "\"}", "1");
  ASSERT_SERIES (series, "ivshmem_region_info{region=\"demo\",plugin=\"doorbell-server\"}", "1");
  ASSERT_SERIES (series, "ivshmem_region_up{region=\"demo\"}", "1");
  ASSERT_SERIES (series, "ivshmem_region_up{region=\"lost\"}", "0");
  ASSERT_SERIES (series, "ivshmem_region_lost{region=\"lost\"}", "1");
  ASSERT_SERIES (series, "ivshmem_region_losses_total{region=\"lost\"}", "1");
  ASSERT_SERIES (series, "ivshmem_region_size_bytes{region=\"plain\"}", "4096");
  ASSERT_SERIES (series, "ivshmem_region_peers{region=\"demo\"}", "1");
  ASSERT_SERIES (series, "ivshmem_region_read_bytes_total{region=\"demo\"}", "18446744073709551615");
  ASSERT_SERIES (series, "ivshmem_region_written_bytes_total{region=\"demo\"}", "0");
  ASSERT_SERIES (series, "ivshmem_region_operations_total{region=\"demo\",op=\"open-memory\"}", "1");
  ASSERT_SERIES (series, "ivshmem_region_errors_total{region=\"demo\",code=\"out-of-range\"}", "1");
  ASSERT_SERIES (series, "ivshmem_region_errors_total{region=\"plain\",code=\"out-of-range\"}", NULL);
  ASSERT_SERIES (series, "ivshmem_interrupts_received_total{region=\"demo\",vector=\"3\"}", "12");
  ASSERT_SERIES (series, "ivshmem_interrupts_received_total{region=\"demo\",vector=\"0\"}", "0");
  ASSERT_SERIES (series, "ivshmem_interrupts_sent_total{region=\"demo\"}", "0");
  ASSERT_SERIES (series, "ivshmem_region_changed_bytes_total{region=\"demo\"}", "4096");
  ASSERT_SERIES (series, "ivshmem_region_changed_bytes_total{region=\"plain\"}", NULL);
  ASSERT_SERIES (series, "ivshmem_operation_duration_seconds_count{op=\"write\"}", "1");
  ASSERT_SERIES (series, "ivshmem_wait_duration_seconds_bucket{le=\"60.0\"}", "0");
  ASSERT_SERIES (series, "ivshmem_wait_duration_seconds_bucket{le=\"+Inf\"}", "1");
  ASSERT_SERIES (series, "ivshmem_wait_duration_seconds_sum", "70.000000");
  ASSERT_SERIES (series, "ivshmem_interrupt_delivery_seconds_count", "0");
  ASSERT_SERIES (series, "ivshmem_http_open_connections", "2");
  ASSERT_SERIES (series, "ivshmem_http_requests_total{code=\"2xx\"}", "1");
  ASSERT_SERIES (series, "ivshmem_http_requests_total{code=\"5xx\"}", "1");
  ASSERT_SERIES (series, "ivshmem_http_refused_total{reason=\"slow\"}", "0");
  ASSERT_SERIES (series, "process_start_time_seconds", "1700000000.123456");
}

static void
test_process (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GHashTable) series = export_series (fixture, IVD_METRICS_PROMETHEUS);
  guint64 open = g_ascii_strtoull (ivt_metrics_get (series, "process_open_fds"), NULL, 10);
  guint64 most = g_ascii_strtoull (ivt_metrics_get (series, "process_max_fds"), NULL, 10);
  guint64 resident = g_ascii_strtoull (ivt_metrics_get (series, "process_resident_memory_bytes"), NULL, 10);
  guint64 all = g_ascii_strtoull (ivt_metrics_get (series, "process_virtual_memory_bytes"), NULL, 10);

  g_autofree char *text = NULL;
  g_autofree char *line = g_strdup_printf ("\nprocess_open_fds %" G_GUINT64_FORMAT "\n", open + 1);
  int one_more = dup (STDERR_FILENO);
  gsize length;

  text = export_text (fixture, IVD_METRICS_PROMETHEUS, NULL, &length);
  close (one_more);
  g_assert_nonnull (strstr (text, line));
  g_assert_cmpuint (most, >=, open);
  g_assert_cmpuint (resident, >, 1024 * 1024);
  g_assert_cmpuint (all, >=, resident);
  g_assert_cmpfloat (g_ascii_strtod (ivt_metrics_get (series, "process_cpu_seconds_total"), NULL), >, 0.0);
}

/* Nobody and nothing of a peer is in it. */
static void
test_peers_are_no_labels (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = NULL;
  gsize length;

  make_busy (fixture);
  text = export_text (fixture, IVD_METRICS_PROMETHEUS, NULL, &length);
  g_assert_null (strstr (text, "qemu"));
  g_assert_null (strstr (text, "peer=\""));
  g_assert_null (strstr (text, "id=\"")); /* pid, uid, gid */
}

static void
test_bound_of_vectors (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GHashTable) series = NULL;
  const char *prefix[] = { "ivshmem_interrupts_received_total{region=\"at\"",
                           "ivshmem_interrupts_received_total{region=\"past\"",
                           "ivshmem_interrupts_received_total{region=\"far\"" };
  IvdRegion *past, *far;

  attach (fixture, "at", "x", IVD_METRICS_VECTORS, "@a{sv} {}");
  past = attach (fixture, "past", "x", IVD_METRICS_VECTORS + 1, "@a{sv} {}");
  far = attach (fixture, "far", "x", IVD_LIMIT_VECTORS, "@a{sv} {}");
  ivd_registry_interrupt (fixture->registry, past, IVD_METRICS_VECTORS - 1, 5);
  ivd_registry_interrupt (fixture->registry, past, IVD_METRICS_VECTORS, 7);
  for (guint vector = 0; vector < IVD_LIMIT_VECTORS; vector++)
    ivd_registry_interrupt (fixture->registry, far, vector, 1);
  series = export_series (fixture, IVD_METRICS_OPENMETRICS);
  g_assert_cmpuint (ivt_metrics_count (series, prefix[0]), ==, IVD_METRICS_VECTORS);
  g_assert_cmpuint (ivt_metrics_count (series, prefix[1]), ==, IVD_METRICS_VECTORS + 1);
  g_assert_cmpuint (ivt_metrics_count (series, prefix[2]), ==, IVD_METRICS_VECTORS + 1);
  ASSERT_SERIES (series, "ivshmem_interrupts_received_total{region=\"at\",vector=\"other\"}", NULL);
  ASSERT_SERIES (series, "ivshmem_interrupts_received_total{region=\"past\",vector=\"63\"}", "5");
  ASSERT_SERIES (series, "ivshmem_interrupts_received_total{region=\"past\",vector=\"other\"}", "7");
  ASSERT_SERIES (series, "ivshmem_interrupts_received_total{region=\"far\",vector=\"other\"}", "1984");
}

static void
test_plugin_names_are_escaped (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GHashTable) series = NULL;

  attach (fixture, "r", "a\"b\\c\nd", 0, "@a{sv} {}");
  series = export_series (fixture, GPOINTER_TO_INT (data));
  ASSERT_SERIES (series, "ivshmem_region_info{region=\"r\",plugin=\"a\\\"b\\\\c\\nd\"}", "1");
}

static gboolean
is_plain (const IvdRegionView *view, gpointer data)
{
  return g_str_equal (view->name, "plain");
}

static void
test_filter (Fixture *fixture, gconstpointer data)
{
  g_autofree char *text = NULL;
  gsize length;

  make_busy (fixture);
  text = export_text (fixture, IVD_METRICS_PROMETHEUS, is_plain, &length);
  g_assert_nonnull (strstr (text, "\"plain\""));
  g_assert_null (strstr (text, "\"demo\""));
}

static void
test_what_is_left_out (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdSnapshot) snapshot = ivd_publisher_ref_snapshot (fixture->publisher);
  const IvdMetricsSource source = { .snapshot = snapshot };
  gsize length;
  g_autofree char *text = ivd_metrics_export (&source, IVD_METRICS_OPENMETRICS, &length);
  g_autoptr (GHashTable) series = ivt_metrics_parse (text, length, TRUE);

  g_assert_cmpuint (g_hash_table_size (series), ==, 1); /* the build */
}

static void
test_both_formats_have_the_same_series (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GHashTable) prometheus = NULL;
  g_autoptr (GHashTable) openmetrics = NULL;
  GHashTableIter iter;
  gpointer name;

  make_busy (fixture);
  prometheus = export_series (fixture, IVD_METRICS_PROMETHEUS);
  openmetrics = export_series (fixture, IVD_METRICS_OPENMETRICS);
  g_assert_cmpuint (g_hash_table_size (prometheus), ==, g_hash_table_size (openmetrics));
  g_hash_table_iter_init (&iter, prometheus);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    g_assert_true (g_hash_table_contains (openmetrics, name));
}

/* The tool that ships with Prometheus finds nothing to say. */
static void
test_promtool_is_silent (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *program = g_find_program_in_path (PROMTOOL);
  g_autofree char *text = NULL;
  g_autofree char *said = NULL;
  g_autofree char *complained = NULL;
  g_autoptr (GSubprocess) process = NULL;
  gsize length;

  if (program == NULL)
    {
      g_test_skip (PROMTOOL " is not there: install the package prometheus");
      return;
    }
  make_busy (fixture);
  text = export_text (fixture, IVD_METRICS_PROMETHEUS, NULL, &length);
  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE
                                  | G_SUBPROCESS_FLAGS_STDERR_PIPE,
                              &error, program, "check", "metrics", NULL);
  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (process, text, NULL, &said, &complained, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (complained, ==, "");
  g_assert_cmpstr (said, ==, "");
  g_assert_true (g_subprocess_get_successful (process));
}

static void
test_many_regions (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GHashTable) series = NULL;
  g_autofree char *text = NULL;
  gint64 begin, usec;
  gsize length;

  for (guint i = 0; i < MANY; i++)
    {
      g_autofree char *name = g_strdup_printf ("region-%u", i);
      IvdRegion *region = attach (fixture, name, "doorbell-server", 4, "@a{sv} {}");

      for (guint op = 0; op < 8; op++)
        ivd_statistics_add_operation (ivd_region_get_statistics (region), op);
    }
  ivd_publisher_flush (fixture->publisher);
  begin = g_get_monotonic_time ();
  text = export_text (fixture, IVD_METRICS_OPENMETRICS, NULL, &length);
  usec = g_get_monotonic_time () - begin;
  g_test_minimized_result ((double) usec, "%d regions: %" G_GSIZE_FORMAT " bytes in %" G_GINT64_FORMAT " us", MANY,
                           length, usec);
  series = ivt_metrics_parse (text, length, TRUE);
  g_assert_cmpuint (ivt_metrics_count (series, "ivshmem_region_up{"), ==, MANY);
  g_assert_cmpint (usec, <, G_USEC_PER_SEC);
}

/* --- which format --- */

static void
test_accept (void)
{
  const struct
  {
    const char *accept;
    IvdMetricsFormat format;
  } cases[] = {
    { NULL, IVD_METRICS_PROMETHEUS },
    { "", IVD_METRICS_PROMETHEUS },
    { "*/*", IVD_METRICS_PROMETHEUS },
    { "text/plain", IVD_METRICS_PROMETHEUS },
    { "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", IVD_METRICS_PROMETHEUS },
    { "application/openmetrics-text", IVD_METRICS_OPENMETRICS },
    { "Application/OpenMetrics-Text ; Version = 1.0.0", IVD_METRICS_OPENMETRICS },
    { "application/openmetrics-text; version=\"1.0.0\"", IVD_METRICS_OPENMETRICS },
    { "application/openmetrics-text;version=0.0.1", IVD_METRICS_PROMETHEUS },
    { "application/openmetrics-text;version=2.0.0, */*", IVD_METRICS_PROMETHEUS },
    { "application/*", IVD_METRICS_PROMETHEUS },
    /* as Prometheus 2 and 3 ask */
    { "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
      IVD_METRICS_OPENMETRICS },
    { "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
      "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
      "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
      IVD_METRICS_OPENMETRICS },
    { "text/plain;version=0.0.4;q=1,*/*;q=0.1", IVD_METRICS_PROMETHEUS },
    /* what q says */
    { "application/openmetrics-text;q=0.5, text/plain;q=0.6", IVD_METRICS_PROMETHEUS },
    { "application/openmetrics-text;q=0.6, text/plain;q=0.5", IVD_METRICS_OPENMETRICS },
    { "application/openmetrics-text;q=0.999, text/plain", IVD_METRICS_PROMETHEUS },
    { "application/openmetrics-text;q=0", IVD_METRICS_PROMETHEUS },
    { "application/openmetrics-text;q=0.000, */*", IVD_METRICS_PROMETHEUS },
    { "application/openmetrics-text;q=0.3, */*;q=0.2", IVD_METRICS_OPENMETRICS },
    { "application/openmetrics-text;q=0.3, text/*;q=0.4", IVD_METRICS_PROMETHEUS },
    { "application/openmetrics-text;q=.5", IVD_METRICS_PROMETHEUS },
    { "application/openmetrics-text;q=x", IVD_METRICS_PROMETHEUS },
    { "application/openmetrics-text;q=0.12345", IVD_METRICS_PROMETHEUS },
    { "application/openmetrics-text;q=1.5", IVD_METRICS_OPENMETRICS },
    { "application/openmetrics-text;q=2", IVD_METRICS_PROMETHEUS },
    { "application/openmetrics-text;q=", IVD_METRICS_PROMETHEUS },
    /* what is not quite a header */
    { ",,;;,", IVD_METRICS_PROMETHEUS },
    { "\"", IVD_METRICS_PROMETHEUS },
    { "text/plain;x=\"application/openmetrics-text, y\"", IVD_METRICS_PROMETHEUS },
    { "text/plain;x=\"a\\\", application/openmetrics-text", IVD_METRICS_PROMETHEUS },
    { "application/openmetrics-text;version", IVD_METRICS_OPENMETRICS },
    { "application/openmetrics-text2", IVD_METRICS_PROMETHEUS },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_test_message ("%s", cases[i].accept != NULL ? cases[i].accept : "(none)");
      g_assert_cmpint (ivd_metrics_choose_format (cases[i].accept), ==, cases[i].format);
    }
}

int
main (int argc, char **argv)
{
  gpointer openmetrics = GINT_TO_POINTER (IVD_METRICS_OPENMETRICS);

  g_test_init (&argc, &argv, NULL);
#define ADD(name, data, func) g_test_add ("/ivd/metrics/" name, Fixture, data, set_up, func, tear_down)
  ADD ("values/prometheus", NULL, test_values);
  ADD ("values/openmetrics", openmetrics, test_values);
  ADD ("process", NULL, test_process);
  ADD ("peers-are-no-labels", NULL, test_peers_are_no_labels);
  ADD ("bound-of-vectors", NULL, test_bound_of_vectors);
  ADD ("plugin-names-are-escaped/prometheus", NULL, test_plugin_names_are_escaped);
  ADD ("plugin-names-are-escaped/openmetrics", openmetrics, test_plugin_names_are_escaped);
  ADD ("filter", NULL, test_filter);
  ADD ("what-is-left-out", NULL, test_what_is_left_out);
  ADD ("both-formats-have-the-same-series", NULL, test_both_formats_have_the_same_series);
  ADD ("promtool-is-silent", NULL, test_promtool_is_silent);
  ADD ("many-regions", NULL, test_many_regions);
#undef ADD
  g_test_add_func ("/ivd/metrics/accept", test_accept);
  return g_test_run ();
}
