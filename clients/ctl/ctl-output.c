/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/ivd-error.h"

gboolean
ctl_output_bytes (const void *bytes, gsize length)
{
  return fwrite (bytes, 1, length, stdout) == length;
}

gboolean
ctl_output_text (const char *text)
{
  return ctl_output_bytes (text, strlen (text));
}

gboolean
ctl_output_printf (const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  return ctl_output_text (text);
}

gboolean
ctl_output_json (CtlJson *json)
{
  g_autofree char *line = ctl_json_to_line (json);

  return ctl_output_text (line);
}

gboolean
ctl_output_table (CtlTable *table)
{
  g_autofree char *text = ctl_table_to_text (table);

  return ctl_output_text (text);
}

gboolean
ctl_output_flush (GError **error)
{
  gboolean failed_before = ferror (stdout) != 0;

  if (fflush (stdout) == 0 && !failed_before)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "cannot write standard output: %s",
               failed_before ? "a write has failed" : g_strerror (errno));
  return FALSE;
}

gboolean
ctl_output_terminal (guint *ret_columns, guint *ret_rows)
{
  struct winsize window = { 0 };

  if (!isatty (STDOUT_FILENO) || ioctl (STDOUT_FILENO, TIOCGWINSZ, &window) < 0)
    return FALSE;
  *ret_columns = window.ws_col;
  *ret_rows = window.ws_row;
  return TRUE;
}
