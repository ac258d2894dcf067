/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "ivshmem/plugin.h"

/*
 * Clients that were refused and have not gone yet. Each was told, and that
 * nothing else will come; but the socket stays until it hangs up. A QEMU that
 * connects by chardev-add drops what it has not read when it notices a hang-up
 * before its device is added, and then waits for the greeting for ever. There
 * are never many: the oldest goes when there is one too many.
 */

typedef struct
{
  const IvshmemPluginHost *host;
  IvshmemPluginRegion *region;
  GQueue guests; /* the oldest first */
} DbsFarewell;

void dbs_farewell_init (DbsFarewell *farewell, const IvshmemPluginHost *host, IvshmemPluginRegion *region);
void dbs_farewell_refuse (DbsFarewell *farewell, int take_fd);
/* Hangs up on all. */
void dbs_farewell_clear (DbsFarewell *farewell);
