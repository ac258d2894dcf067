/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ivb-bench.h"

#include <locale.h>
#include <stdlib.h>

#define DEFAULT_ROUNDS 9
#define MAX_ROUNDS 1000

typedef struct
{
  char *name, *unit, *peer; /* peer: NULL if there is none */
  gdouble value, peer_value;
  gdouble ratio, ratio_low, ratio_high;
} Row;

struct _IvbBench
{
  char *program;
  gint rounds;
  gboolean json;
  GArray *rows; /* of Row */
};

gdouble
ivb_now (void)
{
  return (gdouble) g_get_monotonic_time () / G_USEC_PER_SEC;
}

static int
compare_values (const void *a, const void *b)
{
  gdouble left = *(const gdouble *) a, right = *(const gdouble *) b;

  return (left > right) - (left < right);
}

gdouble
ivb_median (gdouble *values, guint count)
{
  qsort (values, count, sizeof *values, compare_values);
  return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static void
row_clear (gpointer data)
{
  Row *row = data;

  g_free (row->name);
  g_free (row->unit);
  g_free (row->peer);
}

IvbBench *
ivb_bench_new (const char *program, int *argc, char ***argv)
{
  IvbBench *self = g_new0 (IvbBench, 1);
  const GOptionEntry entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &self->json, "One JSON document instead of a table", NULL },
    { "rounds", 0, 0, G_OPTION_ARG_INT, &self->rounds, "How often each row is measured", "N" },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  self->program = g_strdup (program);
  self->rounds = DEFAULT_ROUNDS;
  self->rows = g_array_new (FALSE, FALSE, sizeof (Row));
  g_array_set_clear_func (self->rows, row_clear);
  g_option_context_add_main_entries (context, entries, NULL);
  if (g_option_context_parse (context, argc, argv, &error) && self->rounds >= 1 && self->rounds <= MAX_ROUNDS)
    return self;
  g_printerr ("%s: %s\n", program, error != NULL ? error->message : "--rounds: 1 to 1000");
  g_array_unref (self->rows);
  g_free (self->program);
  g_free (self);
  return NULL;
}

guint
ivb_bench_get_rounds (IvbBench *bench)
{
  return (guint) bench->rounds;
}

static gdouble
median_of (const gdouble *values, guint count)
{
  g_autofree gdouble *sorted = g_memdup2 (values, count * sizeof *values);

  return ivb_median (sorted, count);
}

void
ivb_bench_compare_values (IvbBench *bench, const char *name, const char *unit, const gdouble *ours, const char *peer_name, const gdouble *peers)
{
  guint n = (guint) bench->rounds;
  g_autofree gdouble *ratios = g_new (gdouble, n);
  Row row = { g_strdup (name), g_strdup (unit), g_strdup (peer_name), 0, 0, 0, 0, 0 };

  for (guint i = 0; i < n; i++)
    ratios[i] = ours[i] / peers[i];
  row.value = median_of (ours, n);
  row.peer_value = median_of (peers, n);
  row.ratio = ivb_median (ratios, n);
  row.ratio_low = ratios[0];
  row.ratio_high = ratios[n - 1];
  g_array_append_val (bench->rows, row);
}

void
ivb_bench_compare (IvbBench *bench, const char *name, const char *unit, IvbRoundFunc ours, const char *peer_name, IvbRoundFunc peer, gpointer data)
{
  guint n = (guint) bench->rounds;
  g_autofree gdouble *our_values = g_new (gdouble, n);
  g_autofree gdouble *peer_values = g_new (gdouble, n);

  /* One round of each that does not count: caches, pages, clocks. */
  ours (data);
  peer (data);
  for (guint i = 0; i < n; i++)
    {
      our_values[i] = ours (data);
      peer_values[i] = peer (data);
    }
  ivb_bench_compare_values (bench, name, unit, our_values, peer_name, peer_values);
}

void
ivb_bench_value (IvbBench *bench, const char *name, const char *unit, gdouble value)
{
  Row row = { g_strdup (name), g_strdup (unit), NULL, value, 0, 0, 0, 0 };

  g_array_append_val (bench->rows, row);
}

static void
print_number (const char *key, gdouble value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_print (", \"%s\": %s", key, g_ascii_formatd (text, sizeof text, "%.6g", value));
}

static void
print_json (IvbBench *self)
{
  g_print ("{\"program\": \"%s\", \"rounds\": %d, \"rows\": [", self->program, self->rounds);
  for (guint i = 0; i < self->rows->len; i++)
    {
      const Row *row = &g_array_index (self->rows, Row, i);

      g_print ("%s\n  {\"name\": \"%s\", \"unit\": \"%s\"", i > 0 ? "," : "", row->name, row->unit);
      print_number ("value", row->value);
      if (row->peer != NULL)
        {
          g_print (", \"peer\": \"%s\"", row->peer);
          print_number ("peer_value", row->peer_value);
          print_number ("ratio", row->ratio);
          print_number ("ratio_low", row->ratio_low);
          print_number ("ratio_high", row->ratio_high);
        }
      g_print ("}");
    }
  g_print ("\n]}\n");
}

static void
print_table (IvbBench *self)
{
  g_print ("%-44s %14s %-9s %-30s %14s  %s\n", self->program, "ours", "unit", "peer", "peer's", "ratio (spread)");
  for (guint i = 0; i < self->rows->len; i++)
    {
      const Row *row = &g_array_index (self->rows, Row, i);

      g_print ("%-44s %14.6g %-9s", row->name, row->value, row->unit);
      if (row->peer != NULL)
        g_print (" %-30s %14.6g  %.3f (%.3f-%.3f)", row->peer, row->peer_value, row->ratio, row->ratio_low,
                 row->ratio_high);
      g_print ("\n");
    }
}

int
ivb_bench_end (IvbBench *take_bench)
{
  if (take_bench->json)
    print_json (take_bench);
  else
    print_table (take_bench);
  g_array_unref (take_bench->rows);
  g_free (take_bench->program);
  g_free (take_bench);
  return EXIT_SUCCESS;
}
