/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "doorbell-server/options.h"
#include "doorbell-server/place.h"

/*
 * The memory of one server: a memfd that nobody can resize, or a file with a
 * name. What could run out, a file system's space and huge pages, is taken at
 * the start, so that no access fails for want of it.
 */

typedef struct
{
  int fd;          /* -1: none */
  gboolean found;  /* the file was there already: the memory of an earlier run */
  DbsPlace *place; /* of a file with a name; NULL: a memfd */
  int lock;        /* another description of the file, locked: nobody else gets this one */
} DbsMemory;

#define DBS_MEMORY_NONE                 \
  {                                     \
    .fd = -1, .place = NULL, .lock = -1 \
  }

/* Takes its time: not for the main thread. */
gboolean dbs_memory_open (DbsMemory *memory,
                          const IvshmemPluginHost *host,
                          IvshmemPluginRegion *region,
                          const char *name,
                          const DbsOptions *options,
                          GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Takes the name of the file away, if there is one. */
void dbs_memory_remove (DbsMemory *memory);
void dbs_memory_close (DbsMemory *memory);
