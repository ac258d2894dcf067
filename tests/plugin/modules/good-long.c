/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Built against a later ABI: everything of it is longer, and it knows
 * capabilities and flags that we do not. It loads all the same. */
#include "bad.h"

typedef struct
{
  IvshmemPluginOption base;
  uint64_t later[3];
} LongOption;

typedef struct
{
  IvshmemPluginOps base;
  void (*later) (void);
} LongOps;

typedef struct
{
  IvshmemPlugin base;
  uint64_t later[4];
} LongTable;

static const LongOps ops = { BAD_OPS (.struct_size = sizeof (LongOps)), NULL };

#define LONG_OPTION(own_name)             \
  {                                       \
    { .struct_size = sizeof (LongOption), \
      .type = IVSHMEM_PLUGIN_NUMBER,      \
      .flags = UINT32_C (1) << 20,        \
      .name = own_name,                   \
      .description = "a later option" },  \
    {                                     \
      1, 2, 3                             \
    }                                     \
  }

static const LongOption options[] = { LONG_OPTION ("first"), LONG_OPTION ("second") };

/* The symbol is the table's beginning, whatever comes after. */
extern IVSHMEM_PLUGIN_EXPORT const LongTable table __asm__("ivshmem_plugin_v1");
const LongTable table
    = { BAD_TABLE ("good-long", &ops.base, .struct_size = sizeof (LongTable), .abi_minor = 7,
                   .capabilities = IVSHMEM_PLUGIN_CAP_READ | UINT64_C (1) << 50, .options = &options[0].base,
                   .n_options = 2, .option_size = sizeof (LongOption)),
        { 1, 2, 3, 4 } };
