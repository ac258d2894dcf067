/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

/*
 * Hosts one region of a plugin as a program, for tests in other languages:
 *
 *   ivt-serve MODULE RUNTIME-DIR NAME "key=value key=value"
 *
 * It says `ready` when the region is, or `lost MESSAGE`. Each line of its
 * input is a command: `peers`, `kick ID`, `ring ID VECTOR`, `take VECTOR`,
 * `detach`. Each is answered by one line: what was asked for, `ok`, or
 * `failed MESSAGE`. The end of the input is a detach, and its end.
 */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gio/gunixinputstream.h>

#include "ivt-plugin-host.h"

#define MAX_WORDS 3

static void answer (const char *format, ...) G_GNUC_PRINTF (1, 2);

static void
answer (const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  vprintf (format, arguments);
  va_end (arguments);
  putchar ('\n');
  fflush (stdout);
}

static void
answer_result (const GError *error)
{
  if (error != NULL)
    answer ("failed %s", error->message);
  else
    answer ("ok");
}

static void
answer_peers (IvtRegion *region)
{
  GHashTableIter iter;
  gpointer value;
  g_autoptr (GString) text = g_string_new ("peers");

  g_hash_table_iter_init (&iter, region->peers);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const IvtPeer *peer = value;

      g_string_append_printf (text, " %u:%u:%" G_GINT64_FORMAT ":%s", peer->id, peer->vectors, peer->pid,
                              peer->executable != NULL ? peer->executable : "");
    }
  answer ("%s", text->str);
}

/* The count of an own vector, which is ours to read. */
static void
answer_count (IvtRegion *region, guint vector)
{
  g_autoptr (GError) error = NULL;
  int fd = ivt_region_vector (region, vector, &error);
  struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
  guint64 count = 0;

  if (fd >= 0 && poll (&poll_fd, 1, 0) == 1 && read (fd, &count, sizeof count) != sizeof count)
    count = 0;
  if (error != NULL)
    answer_result (error);
  else
    answer ("count %" G_GUINT64_FORMAT, count);
}

static void
obey (IvtRegion *region, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", MAX_WORDS);
  guint n = g_strv_length (words);
  guint first = n > 1 ? (guint) atoi (words[1]) : 0;
  guint second = n > 2 ? (guint) atoi (words[2]) : 0;
  g_autoptr (GError) error = NULL;

  if (g_strcmp0 (words[0], "peers") == 0)
    answer_peers (region);
  else if (g_strcmp0 (words[0], "take") == 0)
    answer_count (region, first);
  else if (g_strcmp0 (words[0], "kick") == 0)
    answer_result (ivt_region_kick (region, first, &error) ? NULL : error);
  else if (g_strcmp0 (words[0], "ring") == 0)
    answer_result (ivt_region_ring (region, first, second, &error) ? NULL : error);
  else if (g_strcmp0 (words[0], "detach") == 0)
    answer ("%s", ivt_region_detach (region, FALSE) ? "ok" : "pending");
  else
    answer ("failed what is '%s'?", line);
}

static void
on_line (GObject *object, GAsyncResult *result, gpointer data)
{
  IvtRegion **region = data;
  GDataInputStream *input = G_DATA_INPUT_STREAM (object);
  g_autofree char *line = g_data_input_stream_read_line_finish_utf8 (input, result, NULL, NULL);

  if (line == NULL)
    {
      ivt_region_close (g_steal_pointer (region), FALSE);
      return;
    }
  obey (*region, line);
  g_data_input_stream_read_line_async (input, G_PRIORITY_DEFAULT, NULL, on_line, region);
}

int
main (int argc, char **argv)
{
  g_autoptr (IvtPluginHost) host = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GInputStream) stdin_stream = g_unix_input_stream_new (STDIN_FILENO, FALSE);
  g_autoptr (GDataInputStream) input = g_data_input_stream_new (stdin_stream);
  IvtRegion *region;

  if (argc != 5)
    {
      fprintf (stderr, "usage: %s MODULE RUNTIME-DIR NAME OPTIONS\n", argv[0]);
      return 2;
    }
  host = ivt_plugin_host_new (argv[1], argv[2]);
  region = ivt_region_attach (host, argv[3], argv[4], &error);
  if (region == NULL)
    {
      answer ("lost %s", error->message);
      return 1;
    }
  answer ("ready");
  g_data_input_stream_read_line_async (input, G_PRIORITY_DEFAULT, NULL, on_line, &region);
  while (region != NULL)
    g_main_context_iteration (NULL, TRUE);
  return 0;
}
