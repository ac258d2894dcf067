/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-error.h"

#include "ctl-output.h"
#include "ctl-plugins.h"
#include "ctl-region.h"
#include "ctl-size.h"
#include "ctl-verbs.h"

/* What could be attached: plugins, candidates. */

static void
print_plugins_json (GVariant *plugins, const char *only)
{
  g_autoptr (CtlJson) json = ctl_json_new ();

  ctl_json_begin_object (json, NULL);
  ctl_json_begin_array (json, "plugins");
  for (gsize i = 0; i < g_variant_n_children (plugins); i++)
    {
      g_autoptr (GVariant) plugin = g_variant_get_child_value (plugins, i);

      if (only == NULL || g_str_equal (ctl_region_text (plugin, "name"), only))
        ctl_json_variant (json, NULL, plugin, TRUE);
    }
  ctl_json_end_array (json);
  ctl_json_end_object (json);
  ctl_output_json (json);
}

static void
print_plugins (GVariant *plugins)
{
  static const CtlColumn columns[] = {
    { "NAME", CTL_COLUMN_LEFT },
    { "VERSION", CTL_COLUMN_LEFT },
    { "STATE", CTL_COLUMN_LEFT },
    { "DESCRIPTION", CTL_COLUMN_CUT },
  };
  g_autoptr (CtlTable) table = ctl_table_new (columns, G_N_ELEMENTS (columns));

  for (gsize i = 0; i < g_variant_n_children (plugins); i++)
    {
      g_autoptr (GVariant) plugin = g_variant_get_child_value (plugins, i);
      const char *failure = ctl_plugins_failure (plugin);

      ctl_table_row (table);
      ctl_table_cell (table, ctl_region_text (plugin, "name"));
      ctl_table_cell (table, ctl_region_text (plugin, "version"));
      ctl_table_cell (table, failure != NULL ? "failed" : "loaded");
      ctl_table_cell (table, failure != NULL ? failure : ctl_region_text (plugin, "description"));
    }
  ctl_output_table (table);
}

static void
print_plugin_options (GVariant *plugin)
{
  static const CtlColumn columns[] = {
    { "OPTION", CTL_COLUMN_LEFT },
    { "TYPE", CTL_COLUMN_LEFT },
    { "DEFAULT", CTL_COLUMN_LEFT },
    { "DESCRIPTION", CTL_COLUMN_CUT },
  };
  g_autoptr (CtlTable) table = ctl_table_new (columns, G_N_ELEMENTS (columns));
  g_autoptr (GVariant) options = ctl_plugins_options (plugin);

  ctl_output_printf ("%s %s: %s\n", ctl_region_text (plugin, "name"), ctl_region_text (plugin, "version"),
                     ctl_region_text (plugin, "description"));
  for (gsize i = 0; options != NULL && i < g_variant_n_children (options); i++)
    {
      g_autoptr (GVariant) option = g_variant_get_child_value (options, i);
      gboolean required = FALSE;

      g_variant_lookup (option, "required", "b", &required);
      ctl_table_row (table);
      ctl_table_cell (table, ctl_region_text (option, "name"));
      ctl_table_cell (table, ctl_region_text (option, "type"));
      ctl_table_cell (table, required ? "(required)" : ctl_region_text (option, "default"));
      ctl_table_cell (table, ctl_region_text (option, "description"));
    }
  ctl_output_table (table);
}

static gboolean
run_plugins (CtlCommand *command, GError **error)
{
  const char *only = ctl_command_word (command, 0);
  g_autoptr (GVariant) plugins = ctl_plugins_list (command, error);
  g_autoptr (GVariant) plugin = NULL;

  if (plugins == NULL)
    return FALSE;
  if (only != NULL)
    {
      plugin = ctl_plugins_find (plugins, only, error);
      if (plugin == NULL)
        return FALSE;
    }
  if (command->json)
    print_plugins_json (plugins, only);
  else if (plugin != NULL)
    print_plugin_options (plugin);
  else
    print_plugins (plugins);
  return TRUE;
}

static const CtlParameter plugin_parameter[]
    = { { "PLUGIN", CTL_PARAMETER_PLUGIN, .optional = TRUE }, { NULL } };

const CtlVerb ctl_verb_plugins = {
  .name = "plugins",
  .summary = "list the plugins, or the options of one",
  .parameters = plugin_parameter,
  .text = "Lists the plugins that the daemon has, also those that failed to load and why.\n"
          "With PLUGIN: the options that `attach PLUGIN` takes, with their defaults.\n",
  .example = "ivshmemctl plugins\nivshmemctl plugins doorbell-server\n",
  .run = run_plugins,
};

/* ------------------------------------------------------------------------ */

static void
write_candidates_json (CtlJson *json, const char *plugin, GVariant *candidates)
{
  for (gsize i = 0; i < g_variant_n_children (candidates); i++)
    {
      g_autoptr (GVariant) candidate = g_variant_get_child_value (candidates, i);
      GVariantIter iter;
      GVariant *value;
      const char *name;

      ctl_json_begin_object (json, NULL);
      ctl_json_string (json, "plugin", plugin);
      g_variant_iter_init (&iter, candidate);
      while (g_variant_iter_loop (&iter, "{&sv}", &name, &value))
        {
          g_autofree char *snake = ctl_json_snake_case (name);

          if (!g_str_equal (name, "plugin"))
            ctl_json_variant (json, snake, value, TRUE);
        }
      ctl_json_end_object (json);
    }
}

static char *
details_text (GVariant *candidate)
{
  static const char *const own_columns[] = { "plugin", "name", "size", NULL };
  g_autoptr (GString) out = g_string_new (NULL);
  GVariantIter iter;
  GVariant *value;
  const char *name;

  g_variant_iter_init (&iter, candidate);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &value))
    {
      g_autofree char *text = ctl_region_value_text (value);

      if (!g_strv_contains (own_columns, name) && *text != '\0')
        g_string_append_printf (out, "%s%s=%s", out->len > 0 ? " " : "", name, text);
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static void
add_candidates (CtlTable *table, const char *plugin, GVariant *candidates)
{
  for (gsize i = 0; i < g_variant_n_children (candidates); i++)
    {
      g_autoptr (GVariant) candidate = g_variant_get_child_value (candidates, i);
      guint64 bytes = ctl_region_number (candidate, "size", G_MAXUINT64);
      g_autofree char *size = bytes != G_MAXUINT64 ? ctl_size_format (bytes) : NULL;
      g_autofree char *details = details_text (candidate);

      ctl_table_row (table);
      ctl_table_cell (table, plugin);
      ctl_table_cell (table, ctl_region_text (candidate, "name"));
      ctl_table_cell (table, size);
      ctl_table_cell (table, details);
    }
}

typedef struct
{
  CtlJson *json;
  CtlTable *table;
  guint n_candidates;
} Candidates;

/* must: not to be able to list is an error, not the plugin's nature. */
static gboolean
list_candidates (CtlCommand *command, Candidates *all, const char *plugin, gboolean must, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GVariant) candidates = ctl_plugins_candidates (command, plugin, &local_error);

  if (candidates == NULL)
    {
      if (!must && g_error_matches (local_error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED))
        return TRUE;
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  all->n_candidates += (guint) g_variant_n_children (candidates);
  write_candidates_json (all->json, plugin, candidates);
  add_candidates (all->table, plugin, candidates);
  return TRUE;
}

static gboolean
list_all_candidates (CtlCommand *command, Candidates *all, GError **error)
{
  g_autoptr (GVariant) plugins = ctl_plugins_list (command, error);

  if (plugins == NULL)
    return FALSE;
  for (gsize i = 0; i < g_variant_n_children (plugins); i++)
    {
      g_autoptr (GVariant) plugin = g_variant_get_child_value (plugins, i);

      if (ctl_plugins_failure (plugin) != NULL)
        continue;
      if (!list_candidates (command, all, ctl_region_text (plugin, "name"), FALSE, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
run_candidates (CtlCommand *command, GError **error)
{
  static const CtlColumn columns[] = {
    { "PLUGIN", CTL_COLUMN_LEFT },
    { "NAME", CTL_COLUMN_LEFT },
    { "SIZE", CTL_COLUMN_RIGHT },
    { "DETAILS", CTL_COLUMN_CUT },
  };
  const char *plugin = ctl_command_word (command, 0);
  g_autoptr (CtlJson) json = ctl_json_new ();
  g_autoptr (CtlTable) table = ctl_table_new (columns, G_N_ELEMENTS (columns));
  Candidates all = { .json = json, .table = table };
  gboolean good;

  ctl_json_begin_object (json, NULL);
  ctl_json_begin_array (json, "candidates");
  if (plugin != NULL)
    good = list_candidates (command, &all, plugin, TRUE, error);
  else
    good = list_all_candidates (command, &all, error);
  ctl_json_end_array (json);
  ctl_json_end_object (json);
  if (!good)
    return FALSE;

  if (command->json)
    ctl_output_json (json);
  else if (all.n_candidates == 0)
    ctl_command_note (command, "nothing on this machine that could be attached");
  else
    ctl_output_table (table);
  return TRUE;
}

const CtlVerb ctl_verb_candidates = {
  .name = "candidates",
  .summary = "list what could be attached on this machine",
  .parameters = plugin_parameter,
  .text = "Lists what a plugin (without PLUGIN: every plugin) has found on this machine and could attach.\n",
  .example = "ivshmemctl candidates host-plain\n",
  .run = run_candidates,
};
