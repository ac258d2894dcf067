/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "ivshmem/plugin.h"

/* The table that a module exports, and whether it can be believed. */

/* The row of option i; the plugin's rows may be longer than ours. */
const IvshmemPluginOption *ivd_plugin_table_get_option (const IvshmemPlugin *table, guint i);

/* TRUE if table can be worked with: its version, sizes, texts, options and
 * operations. name: what the plugin must be called. Errors, all of them
 * invalid-argument or not-supported, say what its author has to mend. */
gboolean ivd_plugin_table_check (const IvshmemPlugin *table, const char *name, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
