/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "doorbell-server/place.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "doorbell-server/error.h"

DbsPlace *
dbs_place_new (const IvshmemPluginHost *host, IvshmemPluginRegion *region, const char *path, GError **error)
{
  g_autoptr (DbsPlace) place = g_new0 (DbsPlace, 1);
  g_autofree char *directory = g_path_get_dirname (path);
  IvshmemPluginHandle handle;
  IvshmemPluginStatus status;

  place->directory = -1;
  place->name = g_path_get_basename (path);
  place->path = g_strdup (path);
  status = host->open_path (region, directory, IVSHMEM_PLUGIN_OPEN_DIRECTORY, 0, &handle);
  if (status < 0)
    {
      g_set_error (error, DBS_ERROR, status,
                   "%s: its directory %s cannot be opened, or not without a symbolic link", path, directory);
      return NULL;
    }
  place->directory = (int) handle;
  return g_steal_pointer (&place);
}

void
dbs_place_free (DbsPlace *place)
{
  if (place == NULL)
    return;
  dbs_close (&place->directory);
  g_free (place->name);
  g_free (place->path);
  g_free (place);
}

void
dbs_place_claim (DbsPlace *place, const struct stat *there)
{
  place->device = there->st_dev;
  place->inode = there->st_ino;
}

void
dbs_place_remove (DbsPlace *place)
{
  struct stat now;

  if (place->inode == 0)
    return;
  if (fstatat (place->directory, place->name, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_dev == place->device
      && now.st_ino == place->inode)
    unlinkat (place->directory, place->name, 0);
  place->inode = 0;
}
