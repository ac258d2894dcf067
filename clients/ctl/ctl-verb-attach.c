/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "base/ivd-name.h"

#include "ctl-output.h"
#include "ctl-path.h"
#include "ctl-region.h"
#include "ctl-size.h"
#include "ctl-verbs.h"

/* Regions come and go: attach, detach. */

/* "key=value" words, as text: the daemon knows their types. */
static gboolean
read_settings (CtlCommand *command, GVariantDict *options, GError **error)
{
  const char *word;

  for (guint i = 2; (word = ctl_command_word (command, i)) != NULL; i++)
    {
      const char *equals = strchr (word, '=');
      g_autofree char *safe = ivd_text_safe (word);
      g_autofree char *key = NULL;

      if (equals == NULL || equals == word)
        {
          g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE, "'%s' is no key=value", safe);
          return FALSE;
        }
      key = g_strndup (word, (gsize) (equals - word));
      if (g_variant_dict_contains (options, key))
        {
          g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE, "'%s': this key is given twice", safe);
          return FALSE;
        }
      g_variant_dict_insert (options, key, "s", equals + 1);
    }
  return TRUE;
}

/* The region may be gone again by now: then its name alone is the answer. */
static void
print_attached (CtlCommand *command, const char *name)
{
  g_autoptr (GVariant) properties = ctl_command_region (command, name, NULL);
  g_autoptr (CtlJson) json = ctl_json_new ();
  g_autofree char *size = NULL;

  if (command->json && properties != NULL)
    ctl_region_write_json (json, NULL, properties);
  else if (command->json)
    {
      ctl_json_begin_object (json, NULL);
      ctl_json_string (json, "name", name);
      ctl_json_end_object (json);
    }
  if (command->json)
    {
      ctl_output_json (json);
      return;
    }
  if (command->quiet)
    return;
  if (properties == NULL)
    {
      ctl_output_printf ("%s attached\n", name);
      return;
    }
  size = ctl_size_format (ctl_region_number (properties, "Size", 0));
  ctl_output_printf ("%s attached: %s, %s, %s\n", name, ctl_region_text (properties, "Plugin"), size,
                     ctl_region_text (properties, "State"));
  if (ctl_region_has_reason (properties))
    ctl_output_printf ("%s\n", ctl_region_text (properties, "Reason"));
}

static gboolean
run_attach (CtlCommand *command, GError **error)
{
  const char *plugin = ctl_command_word (command, 0);
  const char *name = ctl_command_word (command, 1);
  g_autoptr (GVariant) answer = NULL;
  g_autofree char *attached = NULL;
  const char *path;
  g_auto (GVariantDict) options;

  g_variant_dict_init (&options, NULL);
  if (!read_settings (command, &options, error))
    return FALSE;
  answer = ctl_command_call (command, NULL, "Attach",
                             g_variant_new ("(ss@a{sv})", plugin, name, g_variant_dict_end (&options)),
                             "(o)", error);
  if (answer == NULL)
    return FALSE;
  g_variant_get (answer, "(&o)", &path);
  attached = ctl_path_to_region (path);
  print_attached (command, attached != NULL ? attached : name);
  return TRUE;
}

static const CtlParameter attach_parameters[] = {
  { "PLUGIN", CTL_PARAMETER_PLUGIN },
  { "NAME", CTL_PARAMETER_TEXT },
  { "key=value", CTL_PARAMETER_SETTING, .optional = TRUE, .repeated = TRUE },
  { NULL },
};

const CtlVerb ctl_verb_attach = {
  .name = "attach",
  .summary = "open or serve a region by a plugin",
  .parameters = attach_parameters,
  .text = "Has PLUGIN open a region and calls it NAME: 1 to 64 of A-Z a-z 0-9 _ . -, the first a\n"
          "letter or a digit. `ivshmemctl plugins PLUGIN` lists the keys that PLUGIN understands.\n"
          "Answers once the region's memory is there.\n",
  .example = "ivshmemctl attach doorbell-server demo size=4M vectors=4\n"
             "ivshmemctl attach host-plain glass path=/dev/shm/looking-glass size=64M create=true\n"
             "ivshmemctl attach doorbell other socket=/run/other.sock reconnect=true\n",
  .run = run_attach,
};

/* ------------------------------------------------------------------------ */

static gboolean
run_detach (CtlCommand *command, GError **error)
{
  const char *name = ctl_command_word (command, 0);
  g_autoptr (GVariant) answer = NULL;
  g_auto (GVariantDict) options;

  g_variant_dict_init (&options, NULL);
  if (ctl_arguments_has (command->arguments, "force"))
    g_variant_dict_insert (&options, "force", "b", TRUE);
  /* A backend may take its time to let go. */
  answer = ctl_command_call_patiently (command, NULL, "Detach",
                                       g_variant_new ("(s@a{sv})", name, g_variant_dict_end (&options)),
                                       NULL, error);
  if (answer == NULL)
    return FALSE;

  if (command->json)
    {
      g_autoptr (CtlJson) json = ctl_json_new ();

      ctl_json_begin_object (json, NULL);
      ctl_json_string (json, "detached", name);
      ctl_json_end_object (json);
      ctl_output_json (json);
    }
  else if (!command->quiet)
    ctl_output_printf ("%s detached\n", name);
  return TRUE;
}

static const CtlParameter detach_parameters[] = { { "NAME", CTL_PARAMETER_REGION }, { NULL } };

static const CtlOption detach_options[] = {
  { "force", CTL_VALUE_NONE, NULL, "even while peers are connected" },
  { NULL },
};

const CtlVerb ctl_verb_detach = {
  .name = "detach",
  .summary = "give a region up",
  .parameters = detach_parameters,
  .options = detach_options,
  .text = "Gives a region up. While peers are connected this needs --force: a guest that stays keeps\n"
          "its memory and its doorbells to the others, but hears of nobody any more.\n",
  .example = "ivshmemctl detach demo\n",
  .run = run_detach,
};
