/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-error.h"

#include "ctl-event.h"
#include "ctl-loop.h"
#include "ctl-memory.h"
#include "ctl-output.h"
#include "ctl-region.h"
#include "ctl-verbs.h"

/* Changes of bytes: watch. */

#define INTERVAL_USEC (G_USEC_PER_SEC / 10)

typedef struct
{
  CtlCommand *command;
  CtlLoop *loop;
  guint64 offset, length;
  guint64 left; /* changes to go; 0: no limit */
  guint32 watch;
  gboolean watching;
} Watcher;

static void
begin (Watcher *watcher)
{
  CtlCommand *command = watcher->command;
  const char *region = ctl_command_word (command, 0);
  guint64 interval = ctl_arguments_number (command->arguments, "interval", INTERVAL_USEC);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer
      = ctl_command_call (command, region, "Watch",
                          g_variant_new ("(ttt)", watcher->offset, watcher->length, interval), "(u)", &error);

  if (answer == NULL)
    {
      ctl_loop_end (watcher->loop, error);
      return;
    }
  g_variant_get (answer, "(u)", &watcher->watch);
  watcher->watching = TRUE;
  ctl_command_note (command,
                    "watching %" G_GUINT64_FORMAT " bytes at offset %" G_GUINT64_FORMAT
                    " of region '%s'; Ctrl-C ends it",
                    watcher->length, watcher->offset, region);
}

static void
print_change (Watcher *watcher, const CtlEvent *event)
{
  g_autoptr (CtlEventLine) line = NULL;
  g_autofree char *text = NULL;
  guint32 watch;

  if (!watcher->watching || !g_str_equal (event->signal, "Changed"))
    return;
  line = ctl_event_line_new_for_signal (watcher->command->json, event);
  if (line == NULL)
    return;
  g_variant_get_child (event->parameters, 0, "u", &watch);
  if (watch != watcher->watch)
    return;

  text = ctl_event_line_finish (line);
  ctl_output_text (text);
  ctl_loop_flush_output (watcher->loop);
  if (watcher->left > 0 && --watcher->left == 0)
    ctl_loop_end (watcher->loop, NULL);
}

static void
on_event (const CtlEvent *event, gpointer data)
{
  Watcher *watcher = data;
  g_autoptr (GError) gone = NULL;

  if (ctl_loop_is_over (watcher->loop))
    return;
  switch (event->type)
    {
    case CTL_EVENT_READY:
      begin (watcher);
      break;
    case CTL_EVENT_SIGNAL:
      print_change (watcher, event);
      break;
    case CTL_EVENT_REMOVED:
      gone = g_error_new (IVD_ERROR, IVD_ERROR_CLOSED, "region '%s' has been detached", event->region);
      ctl_loop_end (watcher->loop, gone);
      break;
    case CTL_EVENT_DAEMON_GONE:
      gone = g_error_new_literal (CTL_ERROR, CTL_ERROR_NO_DAEMON, "ivshmemd has gone");
      ctl_loop_end (watcher->loop, gone);
      break;
    case CTL_EVENT_REFUSED:
    case CTL_EVENT_CLOSED:
      ctl_loop_end (watcher->loop, event->error);
      break;
    case CTL_EVENT_FOUND:
    case CTL_EVENT_ADDED:
    case CTL_EVENT_DAEMON_BACK:
    default:
      break;
    }
}

static gboolean
run_watch (CtlCommand *command, GError **error)
{
  const char *region = ctl_command_word (command, 0);
  const char *const names[] = { region, NULL };
  g_autoptr (GVariant) properties = ctl_command_region (command, region, error);
  g_autoptr (CtlLoop) loop = NULL;
  Watcher watcher = { .command = command };
  guint64 size;
  gboolean good;

  if (properties == NULL)
    return FALSE;
  size = ctl_region_number (properties, "Size", 0);
  watcher.offset = ctl_arguments_number (command->arguments, "offset", 0);
  watcher.length = ctl_arguments_number (command->arguments, "length",
                                         watcher.offset <= size ? size - watcher.offset : 0);
  if (!ctl_memory_check_range (region, size, watcher.offset, watcher.length, error))
    return FALSE;

  watcher.left = ctl_arguments_number (command->arguments, "count", 0);
  loop = ctl_loop_new ();
  watcher.loop = loop;
  ctl_transport_follow (command->transport, names, on_event, &watcher);
  good = ctl_loop_run (loop, error);
  g_clear_pointer (&command->transport, ctl_transport_free);
  return good;
}

static const CtlParameter parameters[] = { { "NAME", CTL_PARAMETER_REGION }, { NULL } };

static const CtlOption options[] = {
  { "offset", CTL_VALUE_SIZE, "N", "where to begin (0)" },
  { "length", CTL_VALUE_SIZE, "N", "how many bytes (to the end)" },
  { "interval", CTL_VALUE_DURATION, "T", "tell at most once in this time (100ms)" },
  { "count", CTL_VALUE_NUMBER, "N", "end after N changes" },
  { NULL },
};

const CtlVerb ctl_verb_watch = {
  .name = "watch",
  .summary = "print which bytes of a region change",
  .parameters = parameters,
  .options = options,
  .text = "Has the daemon look at a range of a region and prints a line whenever bytes there have changed,\n"
          "with the offset and length of the blocks that they are in. With --json: one object a line.\n"
          "Ctrl-C ends it.\n",
  .example = "ivshmemctl watch demo --offset 0 --length 4K --interval 20ms\n",
  .run = run_watch,
};
