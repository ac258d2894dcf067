/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "lib/ivt-metrics-text.h"

#include <string.h>

typedef struct
{
  gboolean openmetrics;
  GHashTable *series;   /* "name{labels}" → value */
  GHashTable *families; /* names that have been, so as to be in one place only */
  char *family;         /* of the lines now */
  char *type;
  gboolean has_help, has_unit, has_samples;
  char *bucket_labels; /* of the histogram now, without le */
  guint64 last_bucket;
  double last_bound;
} Parser;

static const struct
{
  const char *type;
  const char *suffixes[4];
} openmetrics_suffixes[] = {
  { "counter", { "_total", NULL } },
  { "gauge", { "", NULL } },
  { "info", { "_info", NULL } },
  { "histogram", { "_bucket", "_sum", "_count", NULL } },
};

static gboolean
is_name (const char *text, gsize length, gboolean colons)
{
  if (length == 0 || g_ascii_isdigit (text[0]))
    return FALSE;
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isalnum (text[i]) && text[i] != '_' && !(colons && text[i] == ':'))
      return FALSE;
  return TRUE;
}

static void
begin_family (Parser *parser, const char *name)
{
  if (g_strcmp0 (parser->family, name) == 0)
    {
      g_assert_false (parser->has_samples);
      return;
    }
  if (!is_name (name, strlen (name), TRUE))
    g_error ("'%s' is no name of a family", name);
  if (!g_hash_table_add (parser->families, g_strdup (name)))
    g_error ("the family %s is in two places", name);
  g_free (parser->family);
  parser->family = g_strdup (name);
  g_clear_pointer (&parser->type, g_free);
  g_clear_pointer (&parser->bucket_labels, g_free);
  parser->has_help = parser->has_unit = parser->has_samples = FALSE;
}

static void
check_help (const Parser *parser, const char *text)
{
  for (; *text != '\0'; text++)
    {
      g_assert_false (parser->openmetrics && *text == '"');
      if (*text == '\\')
        g_assert_nonnull (strchr (parser->openmetrics ? "\\n\"" : "\\n", *++text));
    }
}

static void
parse_comment (Parser *parser, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", 4);

  g_assert_cmpuint (g_strv_length (words), ==, 4);
  g_assert_cmpstr (words[0], ==, "#");
  begin_family (parser, words[2]);
  if (g_str_equal (words[1], "HELP"))
    {
      g_assert_false (parser->has_help);
      parser->has_help = TRUE;
      check_help (parser, words[3]);
    }
  else if (g_str_equal (words[1], "TYPE"))
    {
      g_assert_null (parser->type);
      parser->type = g_strdup (words[3]);
    }
  else if (g_str_equal (words[1], "UNIT") && parser->openmetrics)
    {
      g_autofree char *suffix = g_strconcat ("_", words[3], NULL);

      g_assert_false (parser->has_unit);
      g_assert_true (g_str_has_suffix (parser->family, suffix));
      parser->has_unit = TRUE;
    }
  else
    g_error ("no such comment: %s", line);
}

/* One NAME="VALUE" and what follows it. */
static const char *
parse_label (const char *text, GHashTable *names, char **ret_name, char **ret_value)
{
  const char *equals = strchr (text, '=');
  const char *p;

  g_assert_nonnull (equals);
  g_assert_true (is_name (text, (gsize) (equals - text), FALSE));
  *ret_name = g_strndup (text, (gsize) (equals - text));
  g_assert_true (g_hash_table_add (names, g_strdup (*ret_name)));
  g_assert_cmpint (equals[1], ==, '"');
  for (p = equals + 2; *p != '"'; p++)
    {
      g_assert_cmpint (*p, !=, '\0');
      if (*p == '\\')
        g_assert_nonnull (strchr ("\\n\"", *++p));
    }
  *ret_value = g_strndup (equals + 2, (gsize) (p - equals - 2));
  return p + 1;
}

/* ret_le: the value of that label, taken out of ret_labels; NULL: not there. */
static const char *
parse_labels (const char *text, char **ret_labels, char **ret_le)
{
  g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GString) labels = g_string_new (NULL);

  *ret_le = NULL;
  while (*text == '{' || *text == ',')
    {
      g_autofree char *name = NULL;
      g_autofree char *value = NULL;

      text = parse_label (text + 1, names, &name, &value);
      if (g_str_equal (name, "le"))
        *ret_le = g_steal_pointer (&value);
      else
        g_string_append_printf (labels, "%s=%s,", name, value);
    }
  g_assert_cmpint (*text, ==, '}');
  *ret_labels = g_string_free (g_steal_pointer (&labels), FALSE);
  return text + 1;
}

static double
parse_number (const char *text)
{
  char *end;
  double number;

  if (g_str_equal (text, "+Inf"))
    return G_MAXDOUBLE;
  g_assert_true (g_ascii_isdigit (text[0]));
  number = g_ascii_strtod (text, &end);
  g_assert_cmpstr (end, ==, "");
  return number;
}

/* Buckets rise, the last is +Inf, and the count says the same. */
static void
check_histogram (Parser *parser, const char *suffix, const char *labels, const char *le, const char *value)
{
  guint64 count = g_ascii_strtoull (value, NULL, 10);

  if (g_str_equal (suffix, "_bucket"))
    {
      double bound;

      g_assert_nonnull (le);
      bound = parse_number (le);
      if (g_strcmp0 (parser->bucket_labels, labels) != 0)
        {
          g_free (parser->bucket_labels);
          parser->bucket_labels = g_strdup (labels);
          parser->last_bucket = 0;
          parser->last_bound = -1;
        }
      g_assert_cmpfloat (bound, >, parser->last_bound);
      g_assert_cmpuint (count, >=, parser->last_bucket);
      parser->last_bucket = count;
      parser->last_bound = bound;
      return;
    }
  g_assert_cmpstr (parser->bucket_labels, ==, labels);
  g_assert_true (parser->last_bound >= G_MAXDOUBLE);
  if (g_str_equal (suffix, "_count"))
    g_assert_cmpuint (count, ==, parser->last_bucket);
}

/* What stands after the family's name, if it is right for the type. */
static const char *
find_suffix (const Parser *parser, const char *name)
{
  const char *suffix;

  if (parser->family == NULL || parser->type == NULL || !g_str_has_prefix (name, parser->family))
    g_error ("the sample %s stands outside of its family", name);
  suffix = name + strlen (parser->family);
  for (guint i = 0; i < G_N_ELEMENTS (openmetrics_suffixes); i++)
    {
      if (!g_str_equal (openmetrics_suffixes[i].type, parser->type))
        continue;
      /* The older format calls the family as its samples, but for histograms. */
      if (!parser->openmetrics && !g_str_equal (parser->type, "histogram") && *suffix == '\0')
        return suffix;
      if (g_strv_contains (openmetrics_suffixes[i].suffixes, suffix))
        return suffix;
    }
  g_error ("the sample %s is not named as a %s", name, parser->type);
}

static void
parse_sample (Parser *parser, const char *line)
{
  gsize length = strcspn (line, "{ ");
  g_autofree char *name = g_strndup (line, length);
  g_autofree char *labels = g_strdup ("");
  g_autofree char *le = NULL;
  const char *suffix = find_suffix (parser, name);
  const char *rest = line + length;

  if (*rest == '{')
    {
      g_clear_pointer (&labels, g_free);
      rest = parse_labels (rest, &labels, &le);
    }
  g_assert_cmpint (*rest, ==, ' ');
  parse_number (rest + 1);
  if (g_str_equal (parser->type, "histogram"))
    check_histogram (parser, suffix, labels, le, rest + 1);
  else
    g_assert_null (le);
  parser->has_samples = TRUE;
  if (!g_hash_table_insert (parser->series, g_strndup (line, (gsize) (rest - line)), g_strdup (rest + 1)))
    g_error ("a series is there twice: %s", line);
}

GHashTable *
ivt_metrics_parse (const char *text, gsize length, gboolean openmetrics)
{
  Parser parser = { .openmetrics = openmetrics };
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  guint n = g_strv_length (lines);

  parser.series = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  parser.families = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_assert_cmpuint (strlen (text), ==, length);
  g_assert_true (g_utf8_validate (text, (gssize) length, NULL));
  g_assert_cmpuint (n, >=, 2);
  g_assert_cmpstr (lines[n - 1], ==, ""); /* the text ends with a line feed */
  if (openmetrics)
    g_assert_cmpstr (lines[n-- - 2], ==, "# EOF");
  for (guint i = 0; i < n - 1; i++)
    {
      if (lines[i][0] == '#')
        parse_comment (&parser, lines[i]);
      else
        parse_sample (&parser, lines[i]);
    }
  g_hash_table_unref (parser.families);
  g_free (parser.family);
  g_free (parser.type);
  g_free (parser.bucket_labels);
  return parser.series;
}

const char *
ivt_metrics_get (GHashTable *series, const char *name)
{
  return g_hash_table_lookup (series, name);
}

guint
ivt_metrics_count (GHashTable *series, const char *prefix)
{
  GHashTableIter iter;
  gpointer name;
  guint n = 0;

  g_hash_table_iter_init (&iter, series);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    n += g_str_has_prefix (name, prefix);
  return n;
}
