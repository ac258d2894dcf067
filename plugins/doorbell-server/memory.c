/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "doorbell-server/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "doorbell-server/error.h"

#define NAME_PREFIX "ivshmem-"
#define MODE_AT_BIRTH 0600
/* A file of memory is nothing to be executed. */
#define MODE_MASK 0666

/* Linux 6.3; older headers do not name it. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

static int
log2_of (guint64 power_of_two)
{
  return g_bit_nth_msf ((gulong) power_of_two, -1);
}

static int
make_memfd (const char *name, const DbsOptions *options)
{
  g_autofree char *label = g_strconcat (NAME_PREFIX, name, NULL);
  unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  int fd;

  if (options->huge)
    flags |= MFD_HUGETLB;
  if (options->huge_page_bytes != 0)
    flags |= (unsigned int) log2_of (options->huge_page_bytes) << MFD_HUGE_SHIFT;

  fd = memfd_create (label, flags | MFD_NOEXEC_SEAL);
  if (fd < 0 && errno == EINVAL)
    fd = memfd_create (label, flags);
  return fd;
}

static gboolean
resize (int fd, const char *what, const DbsOptions *options, GError **error)
{
  int number;

  if (ftruncate (fd, (off_t) options->size) < 0)
    {
      number = errno;
      dbs_error_set_errno (error, number, "%s cannot have %" G_GUINT64_FORMAT " bytes", what, options->size);
      return FALSE;
    }
  return TRUE;
}

/* Pages that are there cannot run out later. */
static gboolean
allocate (int fd, const char *what, const DbsOptions *options, GError **error)
{
  int number;

  if (!resize (fd, what, options, error))
    return FALSE;
  do
    number = fallocate (fd, 0, 0, (off_t) options->size) < 0 ? errno : 0;
  while (number == EINTR);
  /* ramfs has no limit, and so nothing to set aside. */
  if (number == 0 || number == EOPNOTSUPP)
    return TRUE;
  dbs_error_set_errno (error, number, "there is no room for the %" G_GUINT64_FORMAT " bytes of %s",
                       options->size, what);
  return FALSE;
}

/* The kernel may promise more than there is; what breaks the promise is the
 * death of some process or other. */
static gboolean
check_machine (const DbsOptions *options, GError **error)
{
  struct sysinfo machine;
  guint64 bytes;

  if (sysinfo (&machine) < 0)
    return TRUE;
  bytes = ((guint64) machine.totalram + machine.totalswap) * machine.mem_unit;
  if (options->size <= bytes)
    return TRUE;
  g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_NO_SPACE,
               "size %" G_GUINT64_FORMAT " is more than the %" G_GUINT64_FORMAT
               " bytes of memory and swap here",
               options->size, bytes);
  return FALSE;
}

/* A region is made of whole pages, whatever their size. */
static gboolean
check_huge_pages (guint64 page, const DbsOptions *options, GError **error)
{
  if (options->size % page == 0)
    return TRUE;
  g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_INVALID_ARGUMENT,
               "size %" G_GUINT64_FORMAT " is no multiple of a huge page of %" G_GUINT64_FORMAT " bytes",
               options->size, page);
  return FALSE;
}

static gboolean
check_file_system (int fd, const char *what, const DbsOptions *options, GError **error)
{
  struct statfs file_system;

  if (fstatfs (fd, &file_system) < 0)
    {
      dbs_error_set_errno (error, errno, "%s", what);
      return FALSE;
    }
  if (file_system.f_type == HUGETLBFS_MAGIC)
    return check_huge_pages ((guint64) file_system.f_bsize, options, error);
  if (file_system.f_type == TMPFS_MAGIC || file_system.f_type == RAMFS_MAGIC)
    return check_machine (options, error);
  return TRUE;
}

static gboolean
open_memfd (DbsMemory *memory, const char *name, const DbsOptions *options, GError **error)
{
  const char *what = options->huge ? "memory of huge pages" : "memory";
  dbs_autofd int fd = make_memfd (name, options);

  if (fd < 0)
    {
      dbs_error_set_errno (error, errno, "cannot make %s", what);
      return FALSE;
    }
  if (fchmod (fd, MODE_AT_BIRTH) < 0)
    {
      dbs_error_set_errno (error, errno, "permissions of %s", what);
      return FALSE;
    }
  if (!check_file_system (fd, what, options, error))
    return FALSE;
  /* Ordinary pages are accounted for by the size. Nothing limits how many the
   * kernel hands to a memfd but its last resort, so they are left to come. */
  if (options->huge ? !allocate (fd, what, options, error) : !resize (fd, what, options, error))
    return FALSE;
  if (fcntl (fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
    {
      dbs_error_set_errno (error, errno, "cannot seal %s against another size", what);
      return FALSE;
    }
  memory->fd = dbs_steal_fd (&fd);
  return TRUE;
}

/* --- a file with a name ------------------------------------------------ */

static IvshmemPluginStatus
open_file (const IvshmemPluginHost *host,
           IvshmemPluginRegion *region,
           const char *path,
           guint32 flags,
           int *ret_fd)
{
  IvshmemPluginHandle handle;
  IvshmemPluginStatus status
      = host->open_path (region, path, IVSHMEM_PLUGIN_OPEN_WRITE | flags, MODE_AT_BIRTH, &handle);

  if (status >= 0)
    *ret_fd = (int) handle;
  return status;
}

/* A file that was left when the daemon stopped: ours, and of this size. */
static gboolean
check_found (const struct stat *file, const DbsOptions *options, GError **error)
{
  if (file->st_uid != geteuid () && (options->owner < 0 || file->st_uid != (uid_t) options->owner))
    {
      g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_DENIED,
                   "%s is there and belongs to uid %u: not used, its owner could truncate it",
                   options->memory_path, file->st_uid);
      return FALSE;
    }
  if (file->st_nlink != 1)
    {
      g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_DENIED, "%s has a second name: not used",
                   options->memory_path);
      return FALSE;
    }
  if ((guint64) file->st_size != options->size)
    {
      g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_EXISTS,
                   "%s is there and has %" G_GINT64_FORMAT " bytes, not the %" G_GUINT64_FORMAT " of size: "
                   "remove it or give its size",
                   options->memory_path, (gint64) file->st_size, options->size);
      return FALSE;
    }
  return TRUE;
}

/* Whoever may open the socket gets this memory, so that the file may follow
 * the socket's permissions; an allow-list knows more than they can say. */
static gboolean
set_permissions (int fd, const DbsOptions *options, GError **error)
{
  gboolean listed = options->allow_uids != NULL || options->allow_gids != NULL;
  guint mode = listed ? MODE_AT_BIRTH : options->mode & MODE_MASK;

  if ((options->owner >= 0 || options->group >= 0)
      && fchown (fd, (uid_t) options->owner, (gid_t) options->group) < 0)
    {
      dbs_error_set_errno (error, errno, "owner and group of %s", options->memory_path);
      return FALSE;
    }
  if (fchmod (fd, mode) < 0)
    {
      dbs_error_set_errno (error, errno, "permissions of %s", options->memory_path);
      return FALSE;
    }
  return TRUE;
}

static gboolean
fill_file (int fd, gboolean found, const struct stat *file, const DbsOptions *options, GError **error)
{
  if (found && !check_found (file, options, error))
    return FALSE;
  return check_file_system (fd, options->memory_path, options, error) && set_permissions (fd, options, error)
         && allocate (fd, options->memory_path, options, error);
}

static gboolean
lock_file (int fd, const char *path, GError **error)
{
  if (flock (fd, LOCK_EX | LOCK_NB) == 0)
    return TRUE;
  if (errno == EWOULDBLOCK)
    g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_BUSY, "%s is the memory of another server", path);
  else
    dbs_error_set_errno (error, errno, "locking %s", path);
  return FALSE;
}

static gboolean
open_named (DbsMemory *memory,
            const IvshmemPluginHost *host,
            IvshmemPluginRegion *region,
            const DbsOptions *options,
            GError **error)
{
  const char *path = options->memory_path;
  g_autoptr (DbsPlace) place = dbs_place_new (host, region, path, error);
  dbs_autofd int lock = -1;
  dbs_autofd int fd = -1;
  gboolean found = TRUE;
  struct stat locked, file;
  IvshmemPluginStatus status;

  if (place == NULL)
    return FALSE;
  status = open_file (host, region, path, 0, &lock);
  if (status == IVSHMEM_PLUGIN_NOT_FOUND)
    {
      found = FALSE;
      status = open_file (host, region, path, IVSHMEM_PLUGIN_OPEN_CREATE, &lock);
    }
  /* A lock goes with the open file description, and the one that clients get
   * would keep it when we are gone: so there is another for them. */
  if (status >= 0)
    status = open_file (host, region, path, 0, &fd);
  if (status < 0)
    {
      g_set_error (error, DBS_ERROR, status, "%s cannot be opened as a regular file to read and write", path);
      return FALSE;
    }
  if (!lock_file (lock, path, error))
    return FALSE;
  if (fstat (lock, &locked) < 0 || fstat (fd, &file) < 0 || locked.st_dev != file.st_dev
      || locked.st_ino != file.st_ino)
    {
      g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_BUSY, "%s was replaced while it was opened", path);
      return FALSE;
    }

  dbs_place_claim (place, &file);
  if (!fill_file (fd, found, &file, options, error))
    {
      if (!found)
        dbs_place_remove (place);
      return FALSE;
    }
  memory->found = found;
  memory->fd = dbs_steal_fd (&fd);
  memory->lock = dbs_steal_fd (&lock);
  memory->place = g_steal_pointer (&place);
  return TRUE;
}

gboolean
dbs_memory_open (DbsMemory *memory,
                 const IvshmemPluginHost *host,
                 IvshmemPluginRegion *region,
                 const char *name,
                 const DbsOptions *options,
                 GError **error)
{
  if (options->memory_path != NULL)
    return open_named (memory, host, region, options, error);
  return open_memfd (memory, name, options, error);
}

void
dbs_memory_remove (DbsMemory *memory)
{
  if (memory->place != NULL)
    dbs_place_remove (memory->place);
}

void
dbs_memory_close (DbsMemory *memory)
{
  dbs_close (&memory->fd);
  dbs_close (&memory->lock);
  g_clear_pointer (&memory->place, dbs_place_free);
}
