/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "plugin/ivd-plugin.h"

#include <string.h>

#include <gmodule.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "base/ivd-names.h"
#include "model/ivd-capability.h"
#include "platform/ivd-module-file.h"
#include "plugin/ivd-plugin-table.h"

#define FILE_ENDING "." G_MODULE_SUFFIX
/* Majors that are looked for only to say which one a module speaks. */
#define OTHER_MAJORS 16

struct _IvdPlugin
{
  const IvshmemPlugin *table;
  char *name;
  char *file;
};

static void
plugin_clear (gpointer data)
{
  IvdPlugin *self = data;

  g_free (self->name);
  g_free (self->file);
}

IvdPlugin *
ivd_plugin_ref (IvdPlugin *plugin)
{
  return g_atomic_rc_box_acquire (plugin);
}

void
ivd_plugin_unref (IvdPlugin *plugin)
{
  g_atomic_rc_box_release_full (plugin, plugin_clear);
}

static IvdPlugin *
plugin_new (const IvshmemPlugin *table, const char *name, const char *file, GError **error)
{
  IvdPlugin *self;

  if (!ivd_plugin_table_check (table, name, error))
    return NULL;
  self = g_atomic_rc_box_new0 (IvdPlugin);
  self->table = table;
  self->name = g_strdup (name);
  self->file = g_strdup (file);
  return self;
}

IvdPlugin *
ivd_plugin_new (const IvshmemPlugin *table, const char *name, GError **error)
{
  return plugin_new (table, name, NULL, error);
}

/* The name that path gives a plugin: its last part without the ending. */
static char *
name_of_file (const char *path, GError **error)
{
  g_autofree char *base = g_path_get_basename (path);
  g_autofree char *safe = NULL;

  if (g_str_has_suffix (base, FILE_ENDING))
    base[strlen (base) - strlen (FILE_ENDING)] = '\0';
  else
    {
      safe = ivd_text_safe (base);
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "'%s' does not end in " FILE_ENDING, safe);
      return NULL;
    }
  return ivd_name_check ("plugin", base, error) ? g_steal_pointer (&base) : NULL;
}

/* Why there is no table: it may speak another major version. */
static void
explain_missing_symbol (GModule *module, GError **error)
{
  gpointer symbol;

  for (guint major = 0; major < OTHER_MAJORS; major++)
    {
      g_autofree char *name = g_strdup_printf ("ivshmem_plugin_v%u", major);

      if (g_module_symbol (module, name, &symbol))
        {
          g_set_error (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
                       "it speaks version %u of the plugin ABI, and this daemon speaks version %d",
                       major, IVSHMEM_PLUGIN_ABI_MAJOR);
          return;
        }
    }
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "it is no ivshmem plugin: it does not export " IVD_PLUGIN_SYMBOL);
}

/* Once the code is in, it stays: its constructors have run, and it may have
 * left pointers to itself anywhere. */
static const IvshmemPlugin *
load_table (const char *path, GError **error)
{
  GModule *module = g_module_open (path, G_MODULE_BIND_LOCAL);
  gpointer symbol = NULL;

  if (module == NULL)
    {
      g_autofree char *why = ivd_text_safe_bytes (g_module_error (), IVD_LIMIT_PLUGIN_MESSAGE_BYTES);

      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "it cannot be loaded: %s", why);
      return NULL;
    }
  g_module_make_resident (module);
  if (!g_module_symbol (module, IVD_PLUGIN_SYMBOL, &symbol) || symbol == NULL)
    explain_missing_symbol (module, error);
  return symbol;
}

IvdPlugin *
ivd_plugin_load (const char *path, GError **error)
{
  g_autofree char *name = name_of_file (path, error);
  const IvshmemPlugin *table;

  if (name == NULL || !ivd_module_file_check (path, error))
    return NULL;
  table = load_table (path, error);
  return table != NULL ? plugin_new (table, name, path, error) : NULL;
}

const char *
ivd_plugin_get_name (IvdPlugin *plugin)
{
  return plugin->name;
}

const char *
ivd_plugin_get_file (IvdPlugin *plugin)
{
  return plugin->file;
}

const IvshmemPlugin *
ivd_plugin_get_table (IvdPlugin *plugin)
{
  return plugin->table;
}

guint
ivd_plugin_get_capabilities (IvdPlugin *plugin)
{
  guint capabilities = (guint) plugin->table->capabilities & IVD_CAP_ALL;

  return capabilities & IVD_CAP_ATOMIC ? capabilities | IVD_CAP_ATOMIC16 : capabilities;
}

gboolean
ivd_plugin_can_probe (IvdPlugin *plugin)
{
  const IvshmemPluginOps *ops = plugin->table->ops;

  return IVSHMEM_PLUGIN_HAS (IvshmemPluginOps, ops, probe);
}

gboolean
ivd_plugin_can_monitor (IvdPlugin *plugin)
{
  const IvshmemPluginOps *ops = plugin->table->ops;

  return IVSHMEM_PLUGIN_HAS (IvshmemPluginOps, ops, monitor_open);
}
