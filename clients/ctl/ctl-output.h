/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ctl-json.h"
#include "ctl-table.h"

/* Standard output. What could not be written is remembered and told by
 * ctl_output_flush, which must be the last word of a command. */

/* FALSE once something could not be written: there is no use in going on. */
gboolean ctl_output_text (const char *text);
gboolean ctl_output_printf (const char *format, ...) G_GNUC_PRINTF (1, 2);
gboolean ctl_output_bytes (const void *bytes, gsize length);
gboolean ctl_output_json (CtlJson *json);
gboolean ctl_output_table (CtlTable *table);

/* Errors: io. */
gboolean ctl_output_flush (GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The size of the terminal that standard output is; FALSE when it is none. */
gboolean ctl_output_terminal (guint *ret_columns, guint *ret_rows);
