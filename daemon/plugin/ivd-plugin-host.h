/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "ivshmem/plugin.h"
#include "memory/ivd-copy.h"
#include "model/ivd-registry.h"
#include "platform/ivd-poller.h"

/*
 * IvdPluginHost: the daemon as its plugins see it: the host's table of the
 * plugin ABI and what stands behind it. Reference counted; each running
 * backend holds one. Main thread.
 */

typedef struct _IvdPluginHost IvdPluginHost;

/* context: of the main thread, which is the one that calls this. registry,
 * poller and pool must stay until the last region is detached. runtime_dir:
 * where sockets belong; NULL: nowhere. */
IvdPluginHost *ivd_plugin_host_new (GMainContext *context, IvdRegistry *registry, IvdPoller *poller,
                                    IvdCopyPool *pool, const char *runtime_dir);
IvdPluginHost *ivd_plugin_host_ref (IvdPluginHost *host);
void ivd_plugin_host_unref (IvdPluginHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdPluginHost, ivd_plugin_host_unref)

/* The instances that have not been destroyed yet: those that are detaching,
 * and those whose memory somebody still uses, included. */
guint ivd_plugin_host_count (IvdPluginHost *host);
