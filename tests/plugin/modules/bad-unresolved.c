/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Needs a function that nobody has. */
#include "bad.h"

extern int nobody_has_this_function (void);

static IvshmemPluginStatus
detach (IvshmemPluginInstance *instance, uint32_t keep)
{
  return nobody_has_this_function ();
}

static const IvshmemPluginOps ops = BAD_OPS (.detach = detach);
const IvshmemPlugin ivshmem_plugin_v1 = BAD_TABLE ("bad-unresolved", &ops);
