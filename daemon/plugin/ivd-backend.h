/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "model/ivd-region.h"
#include "plugin/ivd-options.h"
#include "plugin/ivd-plugin-host.h"
#include "plugin/ivd-plugin.h"

/*
 * IvdBackend: the running instance that a plugin made for one region, and the
 * wrapper that believes nothing it says. What is right becomes a fact of the
 * registry; what is wrong (an id, a count, a size, a text, a rate, a thread)
 * makes the region lost, with a sentence that says what the plugin did, and
 * the instance is detached.
 *
 * The instance is destroyed when it has detached, its work on the pool is
 * done, and nobody uses its memory any more.
 */

/* Opens a region: makes it in the registry, has the plugin open it, and
 * answers when its memory is there (or when the plugin says that it will take
 * longer: state connecting), or with the error, at most IVD_LIMIT_ATTACH_USEC
 * later; then nothing is left of it. Cancelled is closed. name, and that there
 * is no such region, have been checked; the latter is checked again. */
void ivd_backend_attach (IvdPluginHost *host, IvdPlugin *plugin, const char *name, IvdOptions *options,
                         GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data);
/* The region, published. (transfer full) */
IvdRegion *ivd_backend_attach_finish (GAsyncResult *result, GError **error);
