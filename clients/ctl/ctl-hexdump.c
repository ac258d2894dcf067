/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-hexdump.h"

#include <string.h>

#define LINE_BYTES 16
/* Offset, sixteen times "xx ", gaps, text between bars. */
#define LINE_TEXT_BYTES 128

struct _CtlHexdump
{
  CtlHexdumpFunc func;
  gpointer data;
  guint64 offset; /* of the line that is being filled */
  guint8 line[LINE_BYTES];
  gsize filled;
  guint8 previous[LINE_BYTES];
  gboolean has_previous, squeezing;
};

CtlHexdump *
ctl_hexdump_new (guint64 offset, CtlHexdumpFunc func, gpointer data)
{
  CtlHexdump *dump = g_new0 (CtlHexdump, 1);

  dump->offset = offset;
  dump->func = func;
  dump->data = data;
  return dump;
}

void
ctl_hexdump_free (CtlHexdump *dump)
{
  g_free (dump);
}

static gboolean
print_line (CtlHexdump *dump)
{
  g_autoptr (GString) out = g_string_sized_new (LINE_TEXT_BYTES);

  g_string_append_printf (out, "%08" G_GINT64_MODIFIER "x  ", dump->offset);
  for (gsize i = 0; i < LINE_BYTES; i++)
    {
      if (i < dump->filled)
        g_string_append_printf (out, "%02x ", dump->line[i]);
      else
        g_string_append (out, "   ");
      if (i == LINE_BYTES / 2 - 1)
        g_string_append_c (out, ' ');
    }
  g_string_append (out, " |");
  for (gsize i = 0; i < dump->filled; i++)
    g_string_append_c (out, g_ascii_isprint (dump->line[i]) ? (char) dump->line[i] : '.');
  g_string_append (out, "|\n");
  return dump->func (out->str, dump->data);
}

/* The line is whole, or the last one. */
static gboolean
end_line (CtlHexdump *dump)
{
  gboolean again = dump->filled == LINE_BYTES && dump->has_previous
                   && memcmp (dump->line, dump->previous, LINE_BYTES) == 0;
  gboolean goes_on = TRUE;

  if (!again)
    goes_on = print_line (dump);
  else if (!dump->squeezing)
    goes_on = dump->func ("*\n", dump->data);

  dump->squeezing = again;
  memcpy (dump->previous, dump->line, LINE_BYTES);
  dump->has_previous = TRUE;
  dump->offset += dump->filled;
  dump->filled = 0;
  return goes_on;
}

gboolean
ctl_hexdump_feed (CtlHexdump *dump, const void *bytes, gsize length)
{
  const guint8 *p = bytes;

  while (length > 0)
    {
      gsize n = MIN (length, LINE_BYTES - dump->filled);

      memcpy (dump->line + dump->filled, p, n);
      dump->filled += n;
      p += n;
      length -= n;
      if (dump->filled == LINE_BYTES && !end_line (dump))
        return FALSE;
    }
  return TRUE;
}

gboolean
ctl_hexdump_finish (CtlHexdump *dump)
{
  char end[32];

  if (dump->filled > 0 && !end_line (dump))
    return FALSE;
  /* As hexdump does: nothing at all for no bytes. */
  if (!dump->has_previous)
    return TRUE;
  g_snprintf (end, sizeof end, "%08" G_GINT64_MODIFIER "x\n", dump->offset);
  return dump->func (end, dump->data);
}
