/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Can begin, but not end. */
#include "bad.h"

static const IvshmemPluginOps ops = BAD_OPS (.destroy = NULL);
const IvshmemPlugin ivshmem_plugin_v1 = BAD_TABLE ("bad-operation", &ops);
