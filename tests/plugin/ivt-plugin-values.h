/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "ivshmem/plugin.h"

/* The values of a plugin's options as its create() wants them. */
typedef struct
{
  IvshmemPluginValue *values;
  guint32 n_values;
  GPtrArray *texts; /* that the values point at */
} IvtPluginValues;

/* options: "key=value key=value", each as a user writes it. NULL and an error
 * that names the option when one is unknown, malformed or out of its range. */
IvtPluginValues *ivt_plugin_values_new (const IvshmemPlugin *plugin, const char *options, GError **error);
void ivt_plugin_values_free (IvtPluginValues *values);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvtPluginValues, ivt_plugin_values_free)
