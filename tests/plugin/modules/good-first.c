/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Built against the ABI's first minor version: its operations end before those
 * of a monitor, and what lies behind them is none of the host's business. */
#include "bad.h"

#include <stdlib.h>

static IvshmemPluginStatus
not_ours (const IvshmemPluginHost *host, IvshmemPluginMonitor **monitor, IvshmemPluginHandle *handle)
{
  abort ();
}

static IvshmemPluginStatus
probe (const IvshmemPluginHost *host, IvshmemPluginProbe *list)
{
  return IVSHMEM_PLUGIN_OK;
}

static const IvshmemPluginOps ops
    = BAD_OPS (.struct_size = offsetof (IvshmemPluginOps, monitor_open), .probe = probe, .monitor_open = not_ours);
const IvshmemPlugin ivshmem_plugin_v1 = BAD_TABLE ("good-first", &ops, .abi_minor = 0);
