/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Has no name. */
#include "bad.h"

static const IvshmemPluginOps ops = BAD_OPS ();
const IvshmemPlugin ivshmem_plugin_v1 = BAD_TABLE (NULL, &ops);
