/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Cannot do without what a later daemon has. */
#include "bad.h"

static const IvshmemPluginOps ops = BAD_OPS ();
const IvshmemPlugin ivshmem_plugin_v1 = BAD_TABLE ("bad-future", &ops, .abi_minor = 99, .min_host_minor = 99);
