/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Has the name of another. */
#include "bad.h"

static const IvshmemPluginOps ops = BAD_OPS ();
const IvshmemPlugin ivshmem_plugin_v1 = BAD_TABLE ("fake", &ops);
