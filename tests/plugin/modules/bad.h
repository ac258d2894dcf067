/* SPDX-License-Identifier: LGPL-3.0-or-later */
#ifndef BAD_H
#define BAD_H

#include <stddef.h>

#include "ivshmem/plugin.h"

/*
 * A plugin that would load, for the bad-*.c to spoil one thing of. Its
 * instances never come to be.
 */

static IvshmemPluginStatus
bad_create (const IvshmemPluginHost *host, IvshmemPluginRegion *region, const char *name,
            const IvshmemPluginValue *values, uint32_t n_values, IvshmemPluginInstance **instance)
{
  return host->fail (region, IVSHMEM_PLUGIN_NOT_SUPPORTED, "this one is for loading only");
}

static IvshmemPluginStatus
bad_describe (IvshmemPluginInstance *instance, IvshmemPluginDescription *out)
{
  return IVSHMEM_PLUGIN_INTERNAL;
}

static IvshmemPluginStatus
bad_memory (IvshmemPluginInstance *instance, IvshmemPluginMemory *out)
{
  return IVSHMEM_PLUGIN_INTERNAL;
}

static IvshmemPluginStatus
bad_detach (IvshmemPluginInstance *instance, uint32_t keep)
{
  return IVSHMEM_PLUGIN_OK;
}

static void
bad_destroy (IvshmemPluginInstance *instance)
{
}

#define BAD_OPS(...)                                                                          \
  {                                                                                           \
    .struct_size = sizeof (IvshmemPluginOps), .create = bad_create, .describe = bad_describe, \
    .memory = bad_memory, .detach = bad_detach, .destroy = bad_destroy, __VA_ARGS__           \
  }

#define BAD_TABLE(own_name, own_ops, ...)                                                           \
  {                                                                                                 \
    .struct_size = sizeof (IvshmemPlugin), .abi_minor = IVSHMEM_PLUGIN_ABI_MINOR, .name = own_name, \
    .version = "1", .license = "LGPL-3.0-or-later", .description = "no good, for tests",            \
    .capabilities = IVSHMEM_PLUGIN_CAP_READ, .ops = own_ops, __VA_ARGS__                            \
  }

#endif /* BAD_H */
