/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <locale.h>
#include <string.h>

#include "ctl-table.h"

static const CtlColumn columns[] = {
  { "NAME", CTL_COLUMN_LEFT },
  { "SIZE", CTL_COLUMN_RIGHT },
  { "TEXT", CTL_COLUMN_CUT },
};

static void
test_rows (void)
{
  g_autoptr (CtlTable) table = ctl_table_new (columns, G_N_ELEMENTS (columns));
  g_autofree char *text = NULL;

  ctl_table_row (table);
  ctl_table_cell (table, "a");
  ctl_table_cell_printf (table, "%d", 5);
  ctl_table_cell (table, "x");
  ctl_table_row (table);
  ctl_table_cell (table, "longer");
  ctl_table_cell (table, NULL);
  ctl_table_cell (table, "");
  text = ctl_table_to_text (table);
  g_assert_cmpstr (text, ==,
                   "NAME   SIZE TEXT\n"
                   "a         5 x\n"
                   "longer    - -\n");
}

static void
test_plain (void)
{
  g_autoptr (CtlTable) table = ctl_table_new_plain (columns, 2);
  g_autofree char *text = NULL;

  ctl_table_row (table);
  ctl_table_cell (table, "key");
  ctl_table_cell (table, "value");
  text = ctl_table_to_text (table);
  g_assert_cmpstr (text, ==, "key value\n");
}

static void
test_empty (void)
{
  g_autoptr (CtlTable) table = ctl_table_new (columns, G_N_ELEMENTS (columns));
  g_autofree char *text = ctl_table_to_text (table);

  g_assert_cmpstr (text, ==, "");
}

/* What a peer calls itself must not move the cursor. */
static void
test_hostile (void)
{
  g_autoptr (CtlTable) table = ctl_table_new (columns, G_N_ELEMENTS (columns));
  g_autofree char *text = NULL;

  ctl_table_row (table);
  ctl_table_cell (table, "a\x1b[2Jb\nc\xff");
  ctl_table_cell (table, "1");
  ctl_table_cell (table, "x");
  text = ctl_table_to_text (table);
  g_assert_null (strchr (text, '\x1b'));
  g_assert_true (g_utf8_validate (text, -1, NULL));
  /* the headings, the row, and what follows the last newline */
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 3);
}

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "C.UTF-8");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ctl/table/rows", test_rows);
  g_test_add_func ("/ctl/table/plain", test_plain);
  g_test_add_func ("/ctl/table/empty", test_empty);
  g_test_add_func ("/ctl/table/hostile", test_hostile);
  return g_test_run ();
}
