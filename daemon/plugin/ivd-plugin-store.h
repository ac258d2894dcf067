/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "plugin/ivd-plugin.h"

/*
 * IvdPluginStore: all plugins of this daemon, by name, and a row for each
 * module that could not be loaded, saying why. Filled at start, main thread.
 */

typedef struct _IvdPluginStore IvdPluginStore;

/* One module, as users see it. error: NULL when it is loaded; else the other
 * texts but name and file may be NULL. */
typedef struct
{
  const char *name;
  const char *file; /* NULL: built in */
  const char *version;
  const char *license;
  const char *description;
  const char *error;
  IvdPlugin *plugin; /* NULL: not loaded */
} IvdPluginRow;

IvdPluginStore *ivd_plugin_store_new (void);
void ivd_plugin_store_free (IvdPluginStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdPluginStore, ivd_plugin_store_free)

/* Loads every *.so of a directory, in the order of their names. What cannot be
 * loaded is a warning and a row. Of two modules of one name the first stays.
 * FALSE and an error when the directory itself cannot be used: not-found,
 * denied (others can write it), io. */
gboolean ivd_plugin_store_load (IvdPluginStore *store, const char *directory, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* plugin: (transfer none). FALSE when there is one of that name. */
gboolean ivd_plugin_store_add (IvdPluginStore *store, IvdPlugin *plugin);

/* not-found names the plugins that there are, and why this one could not be
 * loaded, when it was tried. (transfer none) */
IvdPlugin *ivd_plugin_store_find (IvdPluginStore *store, const char *name, GError **error);

/* Ordered by name; of const IvdPluginRow *. (transfer none) */
const GPtrArray *ivd_plugin_store_list (IvdPluginStore *store);

/* The rows as an API shows them: aa{sv} with name, and where they are known
 * file, version, license, description, error (s), capabilities (as), options
 * (aa{sv}: name, type, description, default, required). (transfer floating) */
GVariant *ivd_plugin_store_to_variant (IvdPluginStore *store);
