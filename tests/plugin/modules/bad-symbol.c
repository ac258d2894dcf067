/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* A shared object, but no plugin. */
#include "bad.h"

extern IVSHMEM_PLUGIN_EXPORT const int something_else;

static const IvshmemPluginOps ops = BAD_OPS ();
const int something_else = (int) sizeof ops;
