/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Has a monitor that can be opened and closed, but not read. */
#include "bad.h"

static IvshmemPluginStatus
monitor_open (const IvshmemPluginHost *host, IvshmemPluginMonitor **monitor, IvshmemPluginHandle *handle)
{
  return IVSHMEM_PLUGIN_NOT_SUPPORTED;
}

static void
monitor_close (IvshmemPluginMonitor *monitor)
{
}

static const IvshmemPluginOps ops = BAD_OPS (.monitor_open = monitor_open, .monitor_close = monitor_close);
const IvshmemPlugin ivshmem_plugin_v1 = BAD_TABLE ("bad-monitor", &ops);
