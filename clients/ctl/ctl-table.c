/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-table.h"

#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>

struct _CtlTable
{
  struct libscols_table *scols;
  struct libscols_line *line;
  gsize n_columns;
  gsize next;
};

static CtlTable *
new_table (const CtlColumn *columns, gsize n_columns, gboolean headings)
{
  CtlTable *table = g_new0 (CtlTable, 1);

  table->n_columns = n_columns;
  table->scols = scols_new_table ();
  if (table->scols == NULL)
    g_error ("out of memory");
  for (gsize i = 0; i < n_columns; i++)
    {
      int flags = 0;

      if (columns[i].flags & CTL_COLUMN_RIGHT)
        flags |= SCOLS_FL_RIGHT;
      if (columns[i].flags & CTL_COLUMN_CUT)
        flags |= SCOLS_FL_TRUNC;
      if (columns[i].flags & CTL_COLUMN_WRAP)
        flags |= SCOLS_FL_WRAP;
      /* A heading that is not shown would still make its column wider. */
      if (scols_table_new_column (table->scols, headings ? columns[i].name : "", 0, flags) == NULL)
        g_error ("out of memory");
    }
  scols_table_enable_noheadings (table->scols, !headings);
  return table;
}

CtlTable *
ctl_table_new (const CtlColumn *columns, gsize n_columns)
{
  return new_table (columns, n_columns, TRUE);
}

CtlTable *
ctl_table_new_plain (const CtlColumn *columns, gsize n_columns)
{
  return new_table (columns, n_columns, FALSE);
}

void
ctl_table_free (CtlTable *table)
{
  if (table == NULL)
    return;
  scols_unref_table (table->scols);
  g_free (table);
}

void
ctl_table_row (CtlTable *table)
{
  table->line = scols_table_new_line (table->scols, NULL);
  if (table->line == NULL)
    g_error ("out of memory");
  table->next = 0;
}

void
ctl_table_cell (CtlTable *table, const char *text)
{
  g_autofree char *valid = NULL;

  g_return_if_fail (table->line != NULL && table->next < table->n_columns);

  if (text == NULL || *text == '\0')
    text = "-";
  valid = g_utf8_make_valid (text, -1);
  if (scols_line_set_data (table->line, table->next, valid) != 0)
    g_error ("out of memory");
  table->next++;
}

void
ctl_table_cell_printf (CtlTable *table, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  ctl_table_cell (table, text);
}

char *
ctl_table_to_text (CtlTable *table)
{
  char *raw = NULL;
  char *text;

  if (scols_table_get_nlines (table->scols) == 0
      || scols_print_table_to_string (table->scols, &raw) != 0 || raw == NULL)
    return g_strdup ("");

  text = g_str_has_suffix (raw, "\n") ? g_strdup (raw) : g_strconcat (raw, "\n", NULL);
  free (raw); /* the library's own allocation */
  return text;
}
