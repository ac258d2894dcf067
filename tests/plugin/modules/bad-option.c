/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Has an option of a kind that there is not. */
#include "bad.h"

static const IvshmemPluginOps ops = BAD_OPS ();
static const IvshmemPluginOption options[] = {
  { .struct_size = sizeof options[0], .type = 77, .name = "colour", .description = "of the bits" },
};
const IvshmemPlugin ivshmem_plugin_v1
    = BAD_TABLE ("bad-option", &ops, .options = options, .n_options = 1, .option_size = sizeof options[0]);
