/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/metrics/ivd-metrics-accept.h"

#include <string.h>

#define OPENMETRICS "application/openmetrics-text"
#define PLAIN "text/plain"
#define BLANKS " \t"
#define Q_ONE 1000

/* One range of the header. */
typedef struct
{
  char *type;
  char *version; /* NULL: none */
  guint q;       /* thousandths */
} MediaRange;

/* The end of the item that begins at text: the separator outside of quotes, or
 * the end of it all. */
static const char *
find_end (const char *text, char separator)
{
  gboolean quoted = FALSE;

  for (; *text != '\0' && (quoted || *text != separator); text++)
    {
      if (*text == '"')
        quoted = !quoted;
      else if (quoted && *text == '\\' && text[1] != '\0')
        text++;
    }
  return text;
}

/* The next item without the blanks around it; NULL after the last. */
static char *
next_item (const char **text, char separator)
{
  const char *end;
  char *item;

  if (*text == NULL)
    return NULL;
  end = find_end (*text, separator);
  item = g_strstrip (g_strndup (*text, (gsize) (end - *text)));
  *text = *end != '\0' ? end + 1 : NULL;
  return item;
}

/* "0.75": at most three digits after the point; what is no number is worth nothing. */
static guint
parse_q (const char *text)
{
  guint q, unit = Q_ONE;

  if ((text[0] != '0' && text[0] != '1') || (text[1] != '\0' && text[1] != '.'))
    return 0;
  q = (guint) (text[0] - '0') * Q_ONE;
  for (const char *p = text[1] != '\0' ? text + 2 : ""; *p != '\0'; p++)
    {
      unit /= 10;
      if (!g_ascii_isdigit (*p) || unit == 0)
        return 0;
      q += (guint) (*p - '0') * unit;
    }
  return MIN (q, Q_ONE);
}

static void
take_parameter (MediaRange *range, const char *parameter)
{
  const char *value = strchr (parameter, '=');
  gsize length;

  if (value == NULL)
    return;
  length = (gsize) (value - parameter);
  value++;
  if (length == strlen ("q") && g_ascii_strncasecmp (parameter, "q", length) == 0)
    range->q = parse_q (value);
  else if (length == strlen ("version") && g_ascii_strncasecmp (parameter, "version", length) == 0)
    {
      g_free (range->version);
      range->version = g_strdup (value);
      g_strdelimit (range->version, "\"", ' ');
      g_strstrip (range->version);
    }
}

static void
parse_range (const char *item, MediaRange *ret_range)
{
  const char *rest = item;
  char *parameter;

  *ret_range = (MediaRange){ .type = next_item (&rest, ';'), .q = Q_ONE };
  while ((parameter = next_item (&rest, ';')) != NULL)
    {
      take_parameter (ret_range, parameter);
      g_free (parameter);
    }
}

/* 0: does not speak of it. 3: by name, 2: by its kind, 1: of everything. */
static guint
how_special (const MediaRange *range, const char *type, const char *kind, const char *version)
{
  if (g_ascii_strcasecmp (range->type, type) == 0)
    return range->version == NULL || g_str_has_prefix (range->version, version) ? 3 : 0;
  if (g_ascii_strcasecmp (range->type, kind) == 0)
    return 2;
  return strcmp (range->type, "*/*") == 0 ? 1 : 0;
}

/* The best range that speaks of a type the most specially decides. */
typedef struct
{
  guint special, q;
} Choice;

static void
consider (Choice *choice, guint special, guint q)
{
  if (special == 0 || special < choice->special)
    return;
  choice->q = special > choice->special ? q : MAX (choice->q, q);
  choice->special = special;
}

IvdMetricsFormat
ivd_metrics_choose_format (const char *accept)
{
  Choice open = { 0 }, plain = { 0 };
  const char *rest = accept;
  char *item;

  while ((item = next_item (&rest, ',')) != NULL)
    {
      MediaRange range;

      parse_range (item, &range);
      consider (&open, how_special (&range, OPENMETRICS, "application/*", "1."), range.q);
      consider (&plain, how_special (&range, PLAIN, "text/*", "0.0.4"), range.q);
      g_free (range.type);
      g_free (range.version);
      g_free (item);
    }
  if (open.special == 3 && open.q > 0 && open.q >= plain.q)
    return IVD_METRICS_OPENMETRICS;
  return IVD_METRICS_PROMETHEUS;
}

const char *
ivd_metrics_content_type (IvdMetricsFormat format)
{
  return format == IVD_METRICS_OPENMETRICS ? OPENMETRICS "; version=1.0.0; charset=utf-8"
                                           : PLAIN "; version=0.0.4; charset=utf-8";
}
