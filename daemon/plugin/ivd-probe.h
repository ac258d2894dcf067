/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "plugin/ivd-plugin-host.h"
#include "plugin/ivd-plugin.h"

/* What a plugin could attach on this machine: asked on a thread of the pool,
 * checked and bounded. Candidates that are not good are left out and logged. */

void ivd_probe_start (IvdPluginHost *host, IvdPlugin *plugin, GAsyncReadyCallback callback, gpointer data);
/* aa{sv}: plugin and name (s), and what the plugin says besides. not-supported
 * when it cannot tell. (transfer full) */
GVariant *ivd_probe_finish (GAsyncResult *result, GError **error);
