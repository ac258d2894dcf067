/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Speaks a version of the ABI that is yet to come. */
#include "bad.h"

extern IVSHMEM_PLUGIN_EXPORT const IvshmemPlugin ivshmem_plugin_v2;

static const IvshmemPluginOps ops = BAD_OPS ();
const IvshmemPlugin ivshmem_plugin_v2 = BAD_TABLE ("bad-major", &ops);
