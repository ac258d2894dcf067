/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * A table for people. On a terminal it is as wide as the terminal and the
 * columns that may be cut are; else nothing is cut. Characters that could
 * steer a terminal are shown escaped.
 */

typedef struct _CtlTable CtlTable;

typedef enum
{
  CTL_COLUMN_LEFT = 0,
  CTL_COLUMN_RIGHT = 1 << 0, /* numbers */
  CTL_COLUMN_CUT = 1 << 1,   /* may be cut where the terminal is narrow */
  CTL_COLUMN_WRAP = 1 << 2,  /* goes on in the next line there */
} CtlColumnFlags;

typedef struct
{
  const char *name;
  CtlColumnFlags flags;
} CtlColumn;

CtlTable *ctl_table_new (const CtlColumn *columns, gsize n_columns);
/* Without a line of headings. */
CtlTable *ctl_table_new_plain (const CtlColumn *columns, gsize n_columns);
void ctl_table_free (CtlTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CtlTable, ctl_table_free)

/* Cells go into the latest row, from left to right; NULL shows as "-". */
void ctl_table_row (CtlTable *table);
void ctl_table_cell (CtlTable *table, const char *text);
void ctl_table_cell_printf (CtlTable *table, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* A table of no rows is the empty text. (transfer full) */
char *ctl_table_to_text (CtlTable *table);
