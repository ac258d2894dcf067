/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "base/ivd-names.h"

#include "ctl-completion.h"
#include "ctl-output.h"
#include "ctl-plugins.h"
#include "ctl-region.h"
#include "ctl-verbs.h"

/*
 * What the shell's completion asks: hidden. Behind "--" stand the words of the
 * line up to the cursor; the answer is one candidate a line, "@files" or
 * "@commands" where the shell knows better, and "@nospace" when more follows.
 */

static void
offer (const char *current, const char *candidate)
{
  if (g_str_has_prefix (candidate, current))
    ctl_output_printf ("%s\n", candidate);
}

static void
offer_verbs (const char *current)
{
  for (const CtlVerb *const *verb = ctl_verbs; *verb != NULL; verb++)
    {
      if (!(*verb)->hidden)
        offer (current, (*verb)->name);
    }
}

static void
offer_options (const char *current, const CtlOption *options)
{
  for (const CtlOption *option = options; option != NULL && option->name != NULL; option++)
    {
      g_autofree char *dashed = g_strconcat ("--", option->name, NULL);

      offer (current, dashed);
    }
}

static void
offer_choices (const char *current, const char *const *choices)
{
  for (const char *const *choice = choices; choice != NULL && *choice != NULL; choice++)
    offer (current, *choice);
}

/* Without a daemon, or without the right to ask it, there is nothing to say. */
static void
offer_regions (CtlCommand *command, const char *current)
{
  CtlTransport *transport = ctl_command_connect (command, NULL);
  g_autoptr (GVariant) regions = transport != NULL ? ctl_transport_regions (transport, NULL) : NULL;
  GVariantIter iter;
  const char *name;

  if (regions == NULL)
    return;
  g_variant_iter_init (&iter, regions);
  while (g_variant_iter_loop (&iter, "{&s@a{sv}}", &name, NULL))
    offer (current, name);
}

static void
offer_plugins (CtlCommand *command, const char *current)
{
  g_autoptr (GVariant) plugins = ctl_plugins_list (command, NULL);

  for (gsize i = 0; plugins != NULL && i < g_variant_n_children (plugins); i++)
    {
      g_autoptr (GVariant) plugin = g_variant_get_child_value (plugins, i);

      if (ctl_plugins_failure (plugin) == NULL)
        offer (current, ctl_region_text (plugin, "name"));
    }
}

/* What every region takes, whatever its plugin. */
static const char *const common_settings[] = { IVD_OPTION_ACTIVITY "=", IVD_OPTION_HOTPLUG "=", "persist=" };

/* "key=", and files for what is a path. */
static void
offer_settings (CtlCommand *command, const char *name, const char *current)
{
  g_autoptr (GVariant) plugins = ctl_plugins_list (command, NULL);
  g_autoptr (GVariant) plugin = plugins != NULL ? ctl_plugins_find (plugins, name, NULL) : NULL;
  g_autoptr (GVariant) options = plugin != NULL ? ctl_plugins_options (plugin) : NULL;

  ctl_output_text ("@nospace\n");
  for (gsize i = 0; i < G_N_ELEMENTS (common_settings); i++)
    offer (current, common_settings[i]);
  for (gsize i = 0; options != NULL && i < g_variant_n_children (options); i++)
    {
      g_autoptr (GVariant) option = g_variant_get_child_value (options, i);
      g_autofree char *key = g_strconcat (ctl_region_text (option, "name"), "=", NULL);

      if (g_str_has_prefix (current, key) && g_str_equal (ctl_region_text (option, "type"), "path"))
        ctl_output_text ("@files\n");
      else if (strchr (current, '=') == NULL)
        offer (current, key);
    }
}

static gboolean
run_complete (CtlCommand *command, GError **error)
{
  g_autoptr (GPtrArray) words = g_ptr_array_new ();
  CtlCompletion found;
  const char *current;

  for (guint i = 0; i < ctl_arguments_n_words (command->arguments); i++)
    g_ptr_array_add (words, (gpointer) ctl_command_word (command, i));
  current = ctl_command_word (command, words->len - 1);
  g_ptr_array_add (words, NULL);
  found = ctl_completion_find ((const char *const *) words->pdata, command->arguments);

  switch (found.kind)
    {
    case CTL_COMPLETION_VERBS:
      offer_verbs (current);
      break;
    case CTL_COMPLETION_OPTIONS:
      offer_options (current, found.verb != NULL ? found.verb->options : NULL);
      offer_options (current, ctl_global_options);
      break;
    case CTL_COMPLETION_CHOICES:
      offer_choices (current, found.choices);
      break;
    case CTL_COMPLETION_FILES:
      ctl_output_text ("@files\n");
      break;
    case CTL_COMPLETION_COMMAND:
      ctl_output_text ("@commands\n");
      break;
    case CTL_COMPLETION_REGIONS:
      offer_regions (command, current);
      break;
    case CTL_COMPLETION_PLUGINS:
      offer_plugins (command, current);
      break;
    case CTL_COMPLETION_SETTINGS:
      offer_settings (command, found.plugin, current);
      break;
    case CTL_COMPLETION_NOTHING:
    default:
      break;
    }
  return TRUE;
}

static const CtlParameter parameters[] = {
  { "WORD", CTL_PARAMETER_FILE, .repeated = TRUE },
  { NULL },
};

const CtlVerb ctl_verb_complete = {
  .name = "__complete",
  .summary = "answer the shell's completion",
  .parameters = parameters,
  .text = "Answers the shell's completion; not for people.\n",
  .example = "ivshmemctl __complete -- read ''\n",
  .hidden = TRUE,
  .run = run_complete,
};
