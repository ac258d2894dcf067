/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <sys/stat.h>

#include "ivshmem/plugin.h"

/*
 * A name in a directory. The directory was opened by the daemon's rules once,
 * so that nobody can put another in its stead; and what we put there is known
 * by its inode, so that we never remove what somebody else put there since.
 */

typedef struct
{
  int directory; /* O_PATH */
  char *name;    /* of the last component */
  char *path;    /* as given */
  dev_t device;  /* of what we put there */
  ino_t inode;   /* 0: nothing */
} DbsPlace;

DbsPlace *dbs_place_new (const IvshmemPluginHost *host,
                         IvshmemPluginRegion *region,
                         const char *path,
                         GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void dbs_place_free (DbsPlace *place);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DbsPlace, dbs_place_free)

/* What is there is ours. */
void dbs_place_claim (DbsPlace *place, const struct stat *there);
/* Removes it, if it is still ours. */
void dbs_place_remove (DbsPlace *place);
