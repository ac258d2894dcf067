/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "ivshmem/plugin.h"

/*
 * IvdPlugin: one module whose table has been checked. Immutable and reference
 * counted; any thread. The code behind it is never unloaded.
 */

typedef struct _IvdPlugin IvdPlugin;

/* Loads path, called NAME.so. Errors say what is wrong with it: not-found,
 * denied (somebody else can write it), invalid-argument, not-supported (ABI). */
IvdPlugin *ivd_plugin_load (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* One whose code is here already. table stays. */
IvdPlugin *ivd_plugin_new (const IvshmemPlugin *table, const char *name,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

IvdPlugin *ivd_plugin_ref (IvdPlugin *plugin);
void ivd_plugin_unref (IvdPlugin *plugin);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdPlugin, ivd_plugin_unref)

const char *ivd_plugin_get_name (IvdPlugin *plugin);
/* The file it was loaded from, or NULL. */
const char *ivd_plugin_get_file (IvdPlugin *plugin);
const IvshmemPlugin *ivd_plugin_get_table (IvdPlugin *plugin);
/* IvdCapability bits: what its regions may have at most. */
guint ivd_plugin_get_capabilities (IvdPlugin *plugin);
gboolean ivd_plugin_can_probe (IvdPlugin *plugin);
/* It has what tells when probing would give something else. */
gboolean ivd_plugin_can_monitor (IvdPlugin *plugin);
