/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-name.h"

#include "ctl-event.h"
#include "ctl-loop.h"
#include "ctl-output.h"
#include "ctl-region.h"
#include "ctl-size.h"
#include "ctl-verbs.h"

/* What happens to regions: monitor. */

typedef struct
{
  CtlCommand *command;
  CtlLoop *loop;
  char **names; /* those asked for; NULL: all */
  GHashTable *found;
  guint64 left; /* events to go; 0: no limit */
} Monitor;

static void
print_event (Monitor *monitor, CtlEventLine *line)
{
  g_autofree char *text = ctl_event_line_finish (line);

  ctl_output_text (text);
  ctl_loop_flush_output (monitor->loop);
  if (monitor->left > 0 && --monitor->left == 0)
    ctl_loop_end (monitor->loop, NULL);
}

static void
print_signal (Monitor *monitor, const CtlEvent *event)
{
  g_autoptr (CtlEventLine) line = ctl_event_line_new_for_signal (monitor->command->json, event);

  if (line != NULL)
    print_event (monitor, line);
}

static void
print_plain (Monitor *monitor, const char *region, const char *type, GVariant *properties)
{
  g_autoptr (CtlEventLine) line = ctl_event_line_new (monitor->command->json, region, type);

  if (properties != NULL)
    {
      ctl_event_line_string (line, "plugin", ctl_region_text (properties, "Plugin"));
      ctl_event_line_string (line, "state", ctl_region_text (properties, "State"));
      ctl_event_line_uint (line, "size", ctl_region_number (properties, "Size", 0));
    }
  print_event (monitor, line);
}

static void
note_ready (Monitor *monitor)
{
  guint n_found = g_hash_table_size (monitor->found);

  for (char **name = monitor->names; name != NULL && *name != NULL; name++)
    {
      g_autofree char *safe = ivd_text_safe (*name);

      if (!g_hash_table_contains (monitor->found, *name))
        ctl_command_note (monitor->command, "there is no region '%s' yet; waiting for it", safe);
    }
  ctl_command_note (monitor->command, "following %u region%s; Ctrl-C ends it",
                    n_found, ctl_plural (n_found));
}

static void
note_refused (Monitor *monitor, const CtlEvent *event)
{
  g_autoptr (GError) error = g_error_copy (event->error);
  g_autofree char *text = NULL;

  /* The one that was asked for by name is the whole purpose. */
  if (monitor->names != NULL && g_strv_length (monitor->names) == 1)
    {
      ctl_loop_end (monitor->loop, error);
      return;
    }
  g_prefix_error (&error, "cannot follow region '%s': ", event->region);
  text = ctl_error_format (error, monitor->command->json);
  g_printerr ("%s", text);
}

static void
on_event (const CtlEvent *event, gpointer data)
{
  Monitor *monitor = data;

  if (ctl_loop_is_over (monitor->loop))
    return;
  switch (event->type)
    {
    case CTL_EVENT_FOUND:
      g_hash_table_add (monitor->found, g_strdup (event->region));
      break;
    case CTL_EVENT_READY:
      note_ready (monitor);
      break;
    case CTL_EVENT_ADDED:
      print_plain (monitor, event->region, "region-attached", event->properties);
      break;
    case CTL_EVENT_REMOVED:
      print_plain (monitor, event->region, "region-detached", NULL);
      break;
    case CTL_EVENT_SIGNAL:
      print_signal (monitor, event);
      break;
    case CTL_EVENT_REFUSED:
      note_refused (monitor, event);
      break;
    case CTL_EVENT_DAEMON_GONE:
      print_plain (monitor, NULL, "daemon-gone", NULL);
      break;
    case CTL_EVENT_DAEMON_BACK:
      print_plain (monitor, NULL, "daemon-back", NULL);
      break;
    case CTL_EVENT_CLOSED:
    default:
      ctl_loop_end (monitor->loop, event->error);
      break;
    }
}

static gboolean
run_monitor (CtlCommand *command, GError **error)
{
  CtlTransport *transport = ctl_command_connect (command, error);
  g_autoptr (CtlLoop) loop = ctl_loop_new ();
  g_autoptr (GHashTable) found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  Monitor monitor = { .command = command, .loop = loop, .found = found };
  gboolean good;

  if (transport == NULL)
    return FALSE;
  for (guint i = 0; i < ctl_arguments_n_words (command->arguments); i++)
    g_ptr_array_add (names, (gpointer) ctl_command_word (command, i));
  g_ptr_array_add (names, NULL);
  if (names->len > 1)
    monitor.names = (char **) names->pdata;
  monitor.left = ctl_arguments_number (command->arguments, "count", 0);

  ctl_transport_follow (transport, (const char *const *) monitor.names, on_event, &monitor);
  good = ctl_loop_run (loop, error);
  /* Nobody may tell the monitor anything once it is gone. */
  g_clear_pointer (&command->transport, ctl_transport_free);
  return good;
}

static const CtlParameter monitor_parameters[] = {
  { "NAME", CTL_PARAMETER_REGION, .optional = TRUE, .repeated = TRUE },
  { NULL },
};

static const CtlOption monitor_options[] = {
  { "count", CTL_VALUE_NUMBER, "N", "end after N events" },
  { NULL },
};

const CtlVerb ctl_verb_monitor = {
  .name = "monitor",
  .summary = "print what happens to regions, as it happens",
  .parameters = monitor_parameters,
  .options = monitor_options,
  .text = "Prints a line for every interrupt, peer that comes or goes, change of state, region that is\n"
          "attached or detached, of the regions named or of all; without a name also for every device that\n"
          "could be attached and comes or goes. Regions that come later are followed too, and a restart of\n"
          "the daemon is waited out. With --json: one object a line.\n"
          "Interrupts that come fast are summed up in their count. Ctrl-C ends it.\n",
  .example = "ivshmemctl monitor\nivshmemctl monitor demo --json --count 10\n",
  .run = run_monitor,
};
