/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "base/ivd-error.h"

#include "ctl-hexdump.h"
#include "ctl-memory.h"
#include "ctl-output.h"
#include "ctl-region.h"
#include "ctl-size.h"
#include "ctl-spool.h"
#include "ctl-verbs.h"

/* Bytes: read, write, fill. */

static const CtlParameter region_parameter[] = { { "NAME", CTL_PARAMETER_REGION }, { NULL } };

typedef gboolean (*PieceFunc) (const void *bytes, gsize length, gpointer data);

static gboolean
put_raw (const void *bytes, gsize length, gpointer data)
{
  return ctl_output_bytes (bytes, length);
}

static gboolean
put_line (const char *line, gpointer data)
{
  return ctl_output_text (line);
}

static gboolean
put_hexdump (const void *bytes, gsize length, gpointer data)
{
  return ctl_hexdump_feed (data, bytes, length);
}

static gboolean
put_digits (const void *bytes, gsize length)
{
  static const char digits[] = "0123456789abcdef";
  const guint8 *p = bytes;
  g_autofree char *text = g_malloc (2 * length);

  for (gsize i = 0; i < length; i++)
    {
      text[2 * i] = digits[p[i] >> 4];
      text[2 * i + 1] = digits[p[i] & 15];
    }
  return ctl_output_bytes (text, 2 * length);
}

/* Ends early when standard output takes no more; the flush at the end says so. */
static gboolean
read_pieces (CtlMemory *memory, PieceFunc func, gpointer data, GError **error)
{
  while (TRUE)
    {
      g_autoptr (GBytes) piece = ctl_memory_read (memory, error);
      gconstpointer bytes;
      gsize length;

      if (piece == NULL)
        return FALSE;
      bytes = g_bytes_get_data (piece, &length);
      if (length == 0 || !func (bytes, length, data))
        return TRUE;
    }
}

typedef struct
{
  CtlMemory *memory;
  gboolean begun;
} JsonRead;

/* By hand, so that a large region needs no large memory; and not before there
 * is a byte, so that an error stands alone. */
static void
begin_json (JsonRead *state)
{
  g_autoptr (CtlJson) offset = ctl_json_new ();
  g_autoptr (CtlJson) length = ctl_json_new ();
  g_autofree char *offset_text = NULL;
  g_autofree char *length_text = NULL;

  if (state->begun)
    return;
  state->begun = TRUE;
  ctl_json_uint (offset, NULL, ctl_memory_get_offset (state->memory));
  ctl_json_uint (length, NULL, ctl_memory_get_length (state->memory));
  offset_text = g_strchomp (ctl_json_to_line (offset));
  length_text = g_strchomp (ctl_json_to_line (length));
  ctl_output_printf ("{\"offset\":%s,\"length\":%s,\"bytes\":\"", offset_text, length_text);
}

static gboolean
put_json (const void *bytes, gsize length, gpointer data)
{
  begin_json (data);
  return put_digits (bytes, length);
}

static gboolean
read_as_json (CtlMemory *memory, GError **error)
{
  JsonRead state = { .memory = memory };

  if (!read_pieces (memory, put_json, &state, error))
    return FALSE;
  begin_json (&state);
  ctl_output_text ("\"}\n");
  return TRUE;
}

static gboolean
run_read (CtlCommand *command, GError **error)
{
  CtlRange range = ctl_memory_range (command->arguments);
  gboolean raw = g_str_equal (ctl_arguments_text (command->arguments, "format", "hex"), "raw");
  g_autoptr (CtlMemory) memory = NULL;
  g_autoptr (CtlHexdump) dump = NULL;

  if (raw && command->json)
    {
      g_set_error_literal (error, CTL_ERROR, CTL_ERROR_USAGE, "--json and --format raw exclude each other");
      return FALSE;
    }
  memory = ctl_memory_open (command, ctl_command_word (command, 0), range, CTL_MEMORY_READ, error);
  if (memory == NULL)
    return FALSE;
  if (command->json)
    return read_as_json (memory, error);
  if (raw)
    return read_pieces (memory, put_raw, NULL, error);

  dump = ctl_hexdump_new (range.offset, put_line, NULL);
  if (!read_pieces (memory, put_hexdump, dump, error))
    return FALSE;
  ctl_hexdump_finish (dump);
  return TRUE;
}

static const char *const format_choices[] = { "hex", "raw", NULL };

static const CtlOption read_options[] = {
  { "offset", CTL_VALUE_SIZE, "N", "where to begin (0)" },
  { "length", CTL_VALUE_SIZE, "N", "how many bytes (to the end)" },
  { "format", CTL_VALUE_CHOICE, "hex|raw", "a hexdump (the default), or the bytes as they are",
    format_choices },
  { NULL },
};

const CtlVerb ctl_verb_read = {
  .name = "read",
  .summary = "show bytes of a region",
  .parameters = region_parameter,
  .options = read_options,
  .text
  = "Reads bytes of a region and shows them as `hexdump -C` would; lines like the one before are\n"
    "squeezed to one \"*\". With --json: {\"offset\",\"length\",\"bytes\"}, the bytes in hexadecimal.\n",
  .example = "ivshmemctl read demo --offset 4K --length 256\n"
             "ivshmemctl read demo --format raw | sha256sum\n",
  .run = run_read,
};

/* ------------------------------------------------------------------------ */

static void
print_count (CtlCommand *command, const char *key, guint64 count, const char *region, guint64 offset)
{
  g_autoptr (CtlJson) json = NULL;

  if (command->json)
    {
      json = ctl_json_new ();
      ctl_json_begin_object (json, NULL);
      ctl_json_uint (json, key, count);
      ctl_json_end_object (json);
      ctl_output_json (json);
    }
  else if (!command->quiet)
    ctl_output_printf ("%s: %s %" G_GUINT64_FORMAT " byte%s at offset %" G_GUINT64_FORMAT "\n", region, key,
                       count, ctl_plural (count), offset);
}

static gboolean
run_write (CtlCommand *command, GError **error)
{
  const char *region = ctl_command_word (command, 0);
  guint64 offset = ctl_arguments_number (command->arguments, "offset", 0);
  g_autoptr (GVariant) properties = ctl_command_region (command, region, error);
  g_autoptr (CtlSpool) spool = NULL;
  g_autoptr (CtlMemory) memory = NULL;
  CtlRange range;
  guint64 size;

  if (properties == NULL)
    return FALSE;
  /* An offset behind the end, before standard input is waited for. */
  size = ctl_region_number (properties, "Size", 0);
  if (!ctl_memory_check_range (region, size, offset, 0, error))
    return FALSE;
  spool = ctl_spool_open (ctl_command_word (command, 1), size - offset, error);
  if (spool == NULL)
    return FALSE;
  range = (CtlRange){ .offset = offset, .length = ctl_spool_get_length (spool) };
  memory = ctl_memory_open (command, region, range, CTL_MEMORY_WRITE, error);
  if (memory == NULL || !ctl_spool_copy (spool, memory, NULL, error))
    return FALSE;
  print_count (command, "written", range.length, region, offset);
  return TRUE;
}

static const CtlParameter write_parameters[] = {
  { "NAME", CTL_PARAMETER_REGION },
  { "FILE", CTL_PARAMETER_FILE, .optional = TRUE },
  { NULL },
};

static const CtlOption write_options[] = {
  { "offset", CTL_VALUE_SIZE, "N", "where to begin", .required = TRUE },
  { NULL },
};

const CtlVerb ctl_verb_write = {
  .name = "write",
  .summary = "write bytes of a file or of standard input into a region",
  .parameters = write_parameters,
  .options = write_options,
  .text = "Writes the bytes of FILE, or of standard input, into a region. All of them are read before the\n"
          "first is written, and what does not fit into the region is refused whole.\n",
  .example = "printf hello | ivshmemctl write demo --offset 0\n"
             "ivshmemctl write demo --offset 1M firmware.bin\n",
  .run = run_write,
};

/* ------------------------------------------------------------------------ */

static gboolean
run_fill (CtlCommand *command, GError **error)
{
  const char *region = ctl_command_word (command, 0);
  guint64 offset = ctl_arguments_number (command->arguments, "offset", 0);
  guint64 length = ctl_arguments_number (command->arguments, "length", 0);
  guint8 value = (guint8) ctl_arguments_number (command->arguments, "value", 0);
  g_autoptr (GVariant) answer = ctl_command_call_patiently (
      command, region, "Fill", g_variant_new ("(tty)", offset, length, value), NULL, error);

  if (answer == NULL)
    return FALSE;
  print_count (command, "filled", length, region, offset);
  return TRUE;
}

static const CtlOption fill_options[] = {
  { "offset", CTL_VALUE_SIZE, "N", "where to begin", .required = TRUE },
  { "length", CTL_VALUE_SIZE, "N", "how many bytes", .required = TRUE },
  { "value", CTL_VALUE_NUMBER, "BYTE", "the byte, 0 to 255 (0)", .maximum = G_MAXUINT8 },
  { NULL },
};

const CtlVerb ctl_verb_fill = {
  .name = "fill",
  .summary = "fill a range of a region with one byte",
  .parameters = region_parameter,
  .options = fill_options,
  .text = "Fills a range of a region with one byte.\n",
  .example = "ivshmemctl fill demo --offset 0 --length 4K --value 0xff\n",
  .run = run_fill,
};
