/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "ctl-loop.h"
#include "ctl-output.h"
#include "ctl-region.h"
#include "ctl-size.h"
#include "ctl-verbs.h"

/* How busy regions are: top. */

#define INTERVAL_USEC G_USEC_PER_SEC
#define INTERVAL_MIN_USEC (G_USEC_PER_SEC / 100)
/* Home, and wipe from there: no flicker. */
#define REDRAW "\033[H\033[J"
#define HIDE_CURSOR "\033[?25l\033[2J"
/* Also wipes the ^C that the terminal has shown. */
#define SHOW_CURSOR "\r\033[K\033[?25h"

/* A counter, and how its rate is called. */
typedef enum
{
  RATE_READ,
  RATE_WRITTEN,
  RATE_RECEIVED,
  RATE_SENT,
  N_RATES,
} Rate;

static const struct
{
  const char *statistic;
  const char *member;
} rate_rows[N_RATES] = {
  [RATE_READ] = { "read_bytes", "read_bytes_per_second" },
  [RATE_WRITTEN] = { "written_bytes", "written_bytes_per_second" },
  [RATE_RECEIVED] = { "interrupts_received", "interrupts_received_per_second" },
  [RATE_SENT] = { "interrupts_sent", "interrupts_sent_per_second" },
};

typedef struct
{
  CtlCommand *command;
  CtlLoop *loop;
  guint64 left; /* tables to go; 0: no limit */
  guint interval_ms;
  guint source; /* the next table */
  gboolean terminal;
  GVariant *before; /* a{sa{sv}} */
  gint64 before_time;
} Top;

static gdouble
rate_of (GVariant *properties, GVariant *before, Rate rate, gdouble seconds)
{
  guint64 now = ctl_region_statistic (properties, rate_rows[rate].statistic);
  guint64 then = before != NULL ? ctl_region_statistic (before, rate_rows[rate].statistic) : now;

  /* A region of that name that was attached anew begins at zero. */
  return now >= then && seconds > 0 ? (gdouble) (now - then) / seconds : 0;
}

static void
write_json (Top *top, GVariant *regions, gdouble seconds)
{
  g_autoptr (CtlJson) json = ctl_json_new ();
  GVariantIter iter;
  GVariant *properties;
  const char *name;

  ctl_json_begin_object (json, NULL);
  ctl_json_decimal (json, "interval_seconds", seconds, 3);
  ctl_json_begin_array (json, "regions");
  g_variant_iter_init (&iter, regions);
  while (g_variant_iter_loop (&iter, "{&s@a{sv}}", &name, &properties))
    {
      g_autoptr (GVariant) before = g_variant_lookup_value (top->before, name, NULL);

      ctl_json_begin_object (json, NULL);
      ctl_json_string (json, "name", name);
      ctl_json_string (json, "state", ctl_region_text (properties, "State"));
      ctl_json_uint (json, "size", ctl_region_number (properties, "Size", 0));
      ctl_json_uint (json, "peer_count", ctl_region_number (properties, "PeerCount", 0));
      for (Rate rate = 0; rate < N_RATES; rate++)
        ctl_json_decimal (json, rate_rows[rate].member, rate_of (properties, before, rate, seconds), 1);
      ctl_json_end_object (json);
    }
  ctl_json_end_array (json);
  ctl_json_end_object (json);
  ctl_output_json (json);
}

typedef struct
{
  const char *name;
  gdouble rates[N_RATES];
  gdouble busy;
} Row;

static gint
compare_rows (gconstpointer a, gconstpointer b)
{
  const Row *left = a, *right = b;

  if (left->busy > right->busy)
    return -1;
  if (left->busy < right->busy)
    return 1;
  return g_strcmp0 (left->name, right->name);
}

/* The busiest first. */
static GArray *
make_rows (Top *top, GVariant *regions, gdouble seconds)
{
  GArray *rows = g_array_new (FALSE, FALSE, sizeof (Row));
  GVariantIter iter;
  GVariant *properties;
  const char *name;

  g_variant_iter_init (&iter, regions);
  while (g_variant_iter_loop (&iter, "{&s@a{sv}}", &name, &properties))
    {
      g_autoptr (GVariant) before = g_variant_lookup_value (top->before, name, NULL);
      Row row = { .name = name };

      for (Rate rate = 0; rate < N_RATES; rate++)
        {
          row.rates[rate] = rate_of (properties, before, rate, seconds);
          row.busy += row.rates[rate];
        }
      g_array_append_val (rows, row);
    }
  g_array_sort (rows, compare_rows);
  return rows;
}

static CtlTable *
make_table (GVariant *regions, GArray *rows)
{
  static const CtlColumn columns[] = {
    { "NAME", CTL_COLUMN_LEFT },
    { "STATE", CTL_COLUMN_LEFT },
    { "SIZE", CTL_COLUMN_RIGHT },
    { "PEERS", CTL_COLUMN_RIGHT },
    { "READ/s", CTL_COLUMN_RIGHT },
    { "WRITTEN/s", CTL_COLUMN_RIGHT },
    { "INT IN/s", CTL_COLUMN_RIGHT },
    { "INT OUT/s", CTL_COLUMN_RIGHT },
  };
  CtlTable *table = ctl_table_new (columns, G_N_ELEMENTS (columns));

  for (guint i = 0; i < rows->len; i++)
    {
      const Row *row = &g_array_index (rows, Row, i);
      g_autoptr (GVariant) properties = g_variant_lookup_value (regions, row->name, NULL);
      g_autofree char *size = ctl_size_format (ctl_region_number (properties, "Size", 0));
      g_autofree char *read = ctl_size_format ((guint64) row->rates[RATE_READ]);
      g_autofree char *written = ctl_size_format ((guint64) row->rates[RATE_WRITTEN]);

      ctl_table_row (table);
      ctl_table_cell (table, row->name);
      ctl_table_cell (table, ctl_region_text (properties, "State"));
      ctl_table_cell (table, size);
      ctl_table_cell_printf (table, "%" G_GUINT64_FORMAT, ctl_region_number (properties, "PeerCount", 0));
      ctl_table_cell (table, read);
      ctl_table_cell (table, written);
      ctl_table_cell_printf (table, "%.0f", row->rates[RATE_RECEIVED]);
      ctl_table_cell_printf (table, "%.0f", row->rates[RATE_SENT]);
    }
  return table;
}

/* As many lines as the terminal has; the rest would scroll the top away. */
static void
output_screen (const char *text)
{
  guint columns, rows;
  const char *end = text + strlen (text);
  const char *p = text;

  if (ctl_output_terminal (&columns, &rows) && rows > 1)
    {
      for (guint line = 1; line < rows && p < end; line++)
        p = strchr (p, '\n') != NULL ? strchr (p, '\n') + 1 : end;
      end = p;
    }
  ctl_output_text (REDRAW);
  ctl_output_bytes (text, (gsize) (end - text));
}

static void
print_regions (Top *top, GVariant *regions, gdouble seconds)
{
  g_autoptr (GArray) rows = make_rows (top, regions, seconds);
  g_autoptr (CtlTable) table = make_table (regions, rows);
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *time = g_date_time_format (now, "%H:%M:%S");
  g_autofree char *body = ctl_table_to_text (table);
  g_autofree char *text = g_strdup_printf ("%s  %u region%s\n\n%s%s", time, rows->len,
                                           ctl_plural (rows->len), body, top->terminal ? "" : "\n");

  if (top->terminal)
    output_screen (text);
  else
    ctl_output_text (text);
}

static gboolean
on_interval (gpointer data)
{
  Top *top = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) regions = ctl_transport_regions (top->command->transport, &error);
  gint64 now = g_get_monotonic_time ();
  gdouble seconds = (gdouble) (now - top->before_time) / G_USEC_PER_SEC;

  top->source = 0;
  if (regions == NULL)
    {
      ctl_loop_end (top->loop, error);
      return G_SOURCE_REMOVE;
    }
  if (top->command->json)
    write_json (top, regions, seconds);
  else
    print_regions (top, regions, seconds);
  g_variant_unref (top->before);
  top->before = g_steal_pointer (&regions);
  top->before_time = now;

  ctl_loop_flush_output (top->loop);
  if (top->left > 0 && --top->left == 0)
    ctl_loop_end (top->loop, NULL);
  else
    /* From now, not from when this was due: a slow daemon is not asked without pause. */
    top->source = g_timeout_add (top->interval_ms, on_interval, top);
  return G_SOURCE_REMOVE;
}

static gboolean
run_top (CtlCommand *command, GError **error)
{
  guint64 interval = ctl_arguments_number (command->arguments, "interval", INTERVAL_USEC);
  g_autoptr (CtlLoop) loop = NULL;
  CtlTransport *transport;
  Top top = { .command = command };
  gboolean good;

  if (interval < INTERVAL_MIN_USEC || interval / 1000 > G_MAXUINT)
    {
      g_set_error_literal (error, CTL_ERROR, CTL_ERROR_USAGE, "--interval: from 10ms to 1000h");
      return FALSE;
    }
  transport = ctl_command_connect (command, error);
  if (transport == NULL)
    return FALSE;
  top.before = ctl_transport_regions (transport, error);
  if (top.before == NULL)
    return FALSE;

  loop = ctl_loop_new ();
  top.loop = loop;
  top.before_time = g_get_monotonic_time ();
  top.left = ctl_arguments_number (command->arguments, "iterations", 0);
  top.terminal = !command->json && isatty (STDOUT_FILENO);
  if (top.terminal)
    ctl_output_text (HIDE_CURSOR REDRAW "measuring...\n");
  ctl_loop_flush_output (loop);
  top.interval_ms = (guint) (interval / 1000);
  top.source = g_timeout_add (top.interval_ms, on_interval, &top);
  good = ctl_loop_run (loop, error);
  g_clear_handle_id (&top.source, g_source_remove);
  if (top.terminal)
    ctl_output_text (SHOW_CURSOR);
  g_variant_unref (top.before);
  return good;
}

static const CtlOption options[] = {
  { "interval", CTL_VALUE_DURATION, "T", "how often (1s)" },
  { "iterations", CTL_VALUE_NUMBER, "N", "end after N tables" },
  { NULL },
};

const CtlVerb ctl_verb_top = {
  .name = "top",
  .summary = "show how busy the regions are, again and again",
  .options = options,
  .text = "Shows each region's state, peers, bytes read and written a second through the daemon, and\n"
          "interrupts received and sent a second; the busiest first. What guests do with the memory\n"
          "themselves is not seen here. The first table comes after one interval. With --json: one object\n"
          "per interval on a line. Ctrl-C ends it.\n",
  .example = "ivshmemctl top --interval 2s\nivshmemctl top --json --iterations 1\n",
  .run = run_top,
};
