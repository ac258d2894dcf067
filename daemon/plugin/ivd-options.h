/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "ivshmem/plugin.h"

/*
 * IvdOptions: the options of one region, checked against its plugin's table
 * and complete. Immutable and reference counted; any thread.
 */

typedef struct _IvdOptions IvdOptions;

/* Whether the caller may have a path opened: FALSE and an error (denied). The
 * path is absolute and normal. Not asked about the plugin's own defaults. */
typedef gboolean (*IvdOptionPathFunc) (const char *path, gpointer data, GError **error);

/* table: good (ivd_plugin_table_check), and stays. given: a{sv}; values are
 * native types or what one would write on the command line. allow_path: NULL
 * allows all. A name of a user or group may ask the machine's name service.
 * Errors (invalid-argument, or allow_path's) name the option and the rule. */
IvdOptions *ivd_options_new (const IvshmemPlugin *table, GVariant *given, IvdOptionPathFunc allow_path,
                             gpointer data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* TRUE if the table has an option key and this value is good for it; what it
 * needs besides, and whether a path is allowed, is not asked. */
gboolean ivd_options_check (const IvshmemPlugin *table, const char *key, GVariant *value, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

IvdOptions *ivd_options_ref (IvdOptions *options);
void ivd_options_unref (IvdOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdOptions, ivd_options_unref)

/* One more that is not the plugin's and stands after its own in the variant. By
 * whoever has just made them, before anybody else has them. value: floating. */
void ivd_options_add (IvdOptions *options, const char *key, GVariant *value);

/* One for each row of the table. */
const IvshmemPluginValue *ivd_options_get_values (IvdOptions *options, guint *ret_n_values);

/* a{sv} of all that are present, defaults included, by name; but for what was
 * added it is taken by ivd_options_new and gives the same again. (transfer none) */
GVariant *ivd_options_get_variant (IvdOptions *options);
