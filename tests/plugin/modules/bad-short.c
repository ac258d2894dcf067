/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Says that its table is shorter than it ever was. */
#include "bad.h"

static const IvshmemPluginOps ops = BAD_OPS ();
const IvshmemPlugin ivshmem_plugin_v1
    = BAD_TABLE ("bad-short", &ops, .struct_size = offsetof (IvshmemPlugin, capabilities));
