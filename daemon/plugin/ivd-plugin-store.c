/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "plugin/ivd-plugin-store.h"

#include <string.h>

#include <gmodule.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"
#include "model/ivd-capability.h"
#include "platform/ivd-log.h"
#include "platform/ivd-module-file.h"
#include "plugin/ivd-option-value.h"
#include "plugin/ivd-plugin-table.h"

#define FILE_ENDING "." G_MODULE_SUFFIX

struct _IvdPluginStore
{
  GPtrArray *rows; /* of IvdPluginRow, ordered by name */
};

static void
row_free (gpointer data)
{
  IvdPluginRow *row = data;

  g_free ((char *) row->name);
  g_free ((char *) row->file);
  g_free ((char *) row->error);
  g_clear_pointer (&row->plugin, ivd_plugin_unref);
  g_free (row);
}

IvdPluginStore *
ivd_plugin_store_new (void)
{
  IvdPluginStore *self = g_new0 (IvdPluginStore, 1);

  self->rows = g_ptr_array_new_with_free_func (row_free);
  return self;
}

void
ivd_plugin_store_free (IvdPluginStore *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->rows);
  g_free (self);
}

static gint
compare_rows (gconstpointer a, gconstpointer b)
{
  const IvdPluginRow *left = *(const IvdPluginRow *const *) a, *right = *(const IvdPluginRow *const *) b;
  gint order = strcmp (left->name, right->name);

  return order != 0 ? order : g_strcmp0 (left->file, right->file);
}

static void
add_row (IvdPluginStore *self, IvdPluginRow *take_row)
{
  g_ptr_array_add (self->rows, take_row);
  g_ptr_array_sort (self->rows, compare_rows);
}

static const IvdPluginRow *
find_row (IvdPluginStore *self, const char *name, gboolean loaded)
{
  for (guint i = 0; i < self->rows->len; i++)
    {
      const IvdPluginRow *row = g_ptr_array_index (self->rows, i);

      if (strcmp (row->name, name) == 0 && (row->plugin != NULL) == loaded)
        return row;
    }
  return NULL;
}

gboolean
ivd_plugin_store_add (IvdPluginStore *self, IvdPlugin *plugin)
{
  const IvshmemPlugin *table = ivd_plugin_get_table (plugin);
  IvdPluginRow *row;

  if (find_row (self, ivd_plugin_get_name (plugin), TRUE) != NULL)
    return FALSE;
  row = g_new0 (IvdPluginRow, 1);
  row->name = g_strdup (ivd_plugin_get_name (plugin));
  row->file = g_strdup (ivd_plugin_get_file (plugin));
  row->version = table->version;
  row->license = table->license;
  row->description = table->description;
  row->plugin = ivd_plugin_ref (plugin);
  add_row (self, row);
  return TRUE;
}

static void
add_failure (IvdPluginStore *self, const char *path, const char *message)
{
  g_autofree char *base = g_path_get_basename (path);
  IvdPluginRow *row = g_new0 (IvdPluginRow, 1);

  base[strlen (base) - strlen (FILE_ENDING)] = '\0';
  row->name = ivd_text_safe (base);
  row->file = ivd_text_safe_bytes (path, strlen (path));
  row->error = g_strdup (message);
  ivd_log (IVD_LOG_WARNING, NULL, "plugin %s is not loaded: %s", row->file, message);
  add_row (self, row);
}

static void
load_file (IvdPluginStore *self, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdPlugin) plugin = ivd_plugin_load (path, &error);
  g_autofree char *message = NULL;

  if (plugin == NULL)
    {
      add_failure (self, path, error->message);
      return;
    }
  if (ivd_plugin_store_add (self, plugin))
    return;
  message = g_strdup_printf ("there is a plugin of that name already, from %s",
                             find_row (self, ivd_plugin_get_name (plugin), TRUE)->file);
  add_failure (self, path, message);
}

static gint
compare_paths (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

gboolean
ivd_plugin_store_load (IvdPluginStore *self, const char *directory, GError **error)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) reason = NULL;
  g_autoptr (GDir) dir = NULL;
  const char *name;

  if (!ivd_module_directory_check (directory, error))
    {
      g_prefix_error (error, "plugin directory %s: ", directory);
      return FALSE;
    }
  dir = g_dir_open (directory, 0, &reason);
  if (dir == NULL)
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_IO, reason->message);
      return FALSE;
    }
  while ((name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_suffix (name, FILE_ENDING))
      g_ptr_array_add (paths, g_build_filename (directory, name, NULL));
  g_ptr_array_sort (paths, compare_paths);
  for (guint i = 0; i < paths->len; i++)
    load_file (self, g_ptr_array_index (paths, i));
  return TRUE;
}

static char *
loaded_names (IvdPluginStore *self)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < self->rows->len; i++)
    {
      const IvdPluginRow *row = g_ptr_array_index (self->rows, i);

      if (row->plugin != NULL)
        g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "", row->name);
    }
  if (text->len == 0)
    g_string_append (text, "none");
  return g_string_free (g_steal_pointer (&text), FALSE);
}

IvdPlugin *
ivd_plugin_store_find (IvdPluginStore *self, const char *name, GError **error)
{
  const IvdPluginRow *row = find_row (self, name, TRUE);
  g_autofree char *safe = NULL;
  g_autofree char *names = NULL;

  if (row != NULL)
    return row->plugin;
  safe = ivd_text_safe (name);
  row = find_row (self, name, FALSE);
  if (row != NULL)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND, "plugin '%s' could not be loaded: %s", safe,
                   row->error);
      return NULL;
    }
  names = loaded_names (self);
  g_set_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND, "there is no plugin '%s'; loaded: %s", safe, names);
  return NULL;
}

const GPtrArray *
ivd_plugin_store_list (IvdPluginStore *self)
{
  return self->rows;
}

static void
add_text (GVariantBuilder *builder, const char *key, const char *text)
{
  if (text != NULL)
    g_variant_builder_add (builder, "{sv}", key, g_variant_new_string (text));
}

static GVariant *
options_to_variant (const IvshmemPlugin *table)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < table->n_options; i++)
    {
      const IvshmemPluginOption *option = ivd_plugin_table_get_option (table, i);

      g_variant_builder_open (&builder, G_VARIANT_TYPE_VARDICT);
      add_text (&builder, "name", option->name);
      add_text (&builder, "type", ivd_option_type_name (option->type));
      add_text (&builder, "description", option->description);
      add_text (&builder, "default", option->default_text);
      g_variant_builder_add (&builder, "{sv}", "required",
                             g_variant_new_boolean ((option->flags & IVSHMEM_PLUGIN_OPTION_REQUIRED) != 0));
      g_variant_builder_close (&builder);
    }
  return g_variant_builder_end (&builder);
}

static void
row_to_variant (const IvdPluginRow *row, GVariantBuilder *builder)
{
  add_text (builder, "name", row->name);
  add_text (builder, "file", row->file);
  add_text (builder, "version", row->version);
  add_text (builder, "license", row->license);
  add_text (builder, "description", row->description);
  add_text (builder, "error", row->error);
  if (row->plugin != NULL)
    {
      g_autofree const char **names = ivd_capability_names (ivd_plugin_get_capabilities (row->plugin));

      g_variant_builder_add (builder, "{sv}", "capabilities", g_variant_new_strv (names, -1));
      g_variant_builder_add (builder, "{sv}", "options",
                             options_to_variant (ivd_plugin_get_table (row->plugin)));
    }
}

GVariant *
ivd_plugin_store_to_variant (IvdPluginStore *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < self->rows->len; i++)
    {
      g_variant_builder_open (&builder, G_VARIANT_TYPE_VARDICT);
      row_to_variant (g_ptr_array_index (self->rows, i), &builder);
      g_variant_builder_close (&builder);
    }
  return g_variant_builder_end (&builder);
}
