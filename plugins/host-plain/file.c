/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "host-plain/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "host-plain/explain.h"
#include "host-plain/memfd.h"

#define SELF_BYTES 32

static IvshmemPluginStatus
check_filesystem (int fd, const PlainOptions *options, gboolean *ret_huge, char **ret_text)
{
  struct statfs info;

  if (fstatfs (fd, &info) < 0)
    return plain_explain_errno (errno, ret_text, options->path, "cannot look at the file system of");

  *ret_huge = info.f_type == HUGETLBFS_MAGIC;
  if (*ret_huge || info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC || options->any_filesystem)
    return IVSHMEM_PLUGIN_OK;
  return plain_explain (IVSHMEM_PLUGIN_INVALID_ARGUMENT, ret_text,
                        "%s is on a file system (type 0x%lx) that is neither tmpfs nor ramfs nor hugetlbfs, "
                        "so its bytes go to a "
                        "disk or further (any-filesystem=true allows it)",
                        options->path, (gulong) info.f_type);
}

static IvshmemPluginStatus
open_parent (const PlainOptions *options,
             const IvshmemPluginHost *host,
             IvshmemPluginRegion *region,
             int *ret_fd,
             char **ret_text)
{
  g_autofree char *directory = g_path_get_dirname (options->path);
  IvshmemPluginHandle handle;
  IvshmemPluginStatus status = host->open_path (region, directory, IVSHMEM_PLUGIN_OPEN_DIRECTORY, 0, &handle);

  if (status == IVSHMEM_PLUGIN_NOT_FOUND)
    return plain_explain (status, ret_text, "the directory of %s does not exist", options->path);
  if (status < 0)
    return plain_explain_open (status, directory, TRUE, ret_text);

  *ret_fd = (int) handle;
  return IVSHMEM_PLUGIN_OK;
}

/* Bytes that are really there: a store to a hole could find the file system
 * full. From within fallocate nothing stays when it fails. */
static IvshmemPluginStatus
allocate (int fd, guint64 from, guint64 to, const char *path, char **ret_text)
{
  int result;

  if (to > G_MAXINT64)
    return plain_explain (IVSHMEM_PLUGIN_OUT_OF_RANGE, ret_text,
                          "no file can have %" G_GUINT64_FORMAT " bytes", to);

  do
    result = fallocate (fd, 0, (off_t) from, (off_t) (to - from));
  while (result < 0 && errno == EINTR);
  /* ramfs has no fallocate, and no bounds either */
  if (result < 0 && errno == EOPNOTSUPP)
    result = ftruncate (fd, (off_t) to);
  if (result == 0)
    return IVSHMEM_PLUGIN_OK;

  if (errno == ENOSPC || errno == ENOMEM || errno == EFBIG || errno == EDQUOT)
    return plain_explain (IVSHMEM_PLUGIN_NO_SPACE, ret_text,
                          "no room for %" G_GUINT64_FORMAT " bytes in %s: %s", to - from, path,
                          g_strerror (errno));
  return plain_explain_errno (errno, ret_text, path, "cannot give its size to");
}

static IvshmemPluginStatus
give_rights (int fd, const PlainOptions *options, char **ret_text)
{
  if ((options->owner != (uid_t) -1 || options->group != (gid_t) -1)
      && fchown (fd, options->owner, options->group) < 0)
    return plain_explain_errno (errno, ret_text, options->path, "cannot set the owner and group of");
  /* After fchown, which may take bits away; and no umask has a say here. */
  if (fchmod (fd, options->mode) < 0)
    return plain_explain_errno (errno, ret_text, options->path, "cannot set the mode of");
  return IVSHMEM_PLUGIN_OK;
}

/* What we make, or make longer, is made of whole pages. */
static IvshmemPluginStatus
check_new_size (int fd, const PlainOptions *options, char **ret_text)
{
  struct statfs info;
  guint64 page;

  if (fstatfs (fd, &info) < 0)
    return plain_explain_errno (errno, ret_text, options->path, "cannot look at the file system of");

  page = info.f_type == HUGETLBFS_MAGIC ? (guint64) info.f_bsize : (guint64) sysconf (_SC_PAGESIZE);
  if (options->size % page == 0)
    return IVSHMEM_PLUGIN_OK;
  return plain_explain (IVSHMEM_PLUGIN_INVALID_ARGUMENT, ret_text,
                        "size %" G_GUINT64_FORMAT " is not a multiple of the page size, %" G_GUINT64_FORMAT
                        ", of %s",
                        options->size, page, options->path);
}

/* A file without a name, complete but for that. */
static IvshmemPluginStatus
prepare (PlainFile *file, const PlainOptions *options, int parent, char **ret_text)
{
  IvshmemPluginStatus status = check_filesystem (parent, options, &file->huge, ret_text);

  if (status < 0)
    return status;

  file->fd = openat (parent, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
    return plain_explain (IVSHMEM_PLUGIN_NOT_SUPPORTED, ret_text,
                          "cannot create %s: its file system has no O_TMPFILE; make the file first",
                          options->path);
  if (file->fd < 0)
    return plain_explain_errno (errno, ret_text, options->path, "cannot create");

  file->unborn = TRUE;
  status = check_new_size (file->fd, options, ret_text);
  if (status >= 0)
    status = give_rights (file->fd, options, ret_text);
  if (status >= 0)
    status = allocate (file->fd, 0, options->size, options->path, ret_text);
  if (status < 0)
    plain_file_close (file);
  return status;
}

static IvshmemPluginStatus
open_named (PlainFile *file,
            const PlainOptions *options,
            const IvshmemPluginHost *host,
            IvshmemPluginRegion *region,
            char **ret_text)
{
  IvshmemPluginHandle handle;
  IvshmemPluginStatus status;
  int parent;

  status = host->open_path (region, options->path, options->read_only ? 0 : IVSHMEM_PLUGIN_OPEN_WRITE, 0,
                            &handle);
  if (status >= 0)
    {
      file->fd = (int) handle;
      return IVSHMEM_PLUGIN_OK;
    }
  if (status != IVSHMEM_PLUGIN_NOT_FOUND || !options->create)
    return plain_explain_open (status, options->path, options->read_only, ret_text);

  status = open_parent (options, host, region, &parent, ret_text);
  if (status < 0)
    return status;

  status = prepare (file, options, parent, ret_text);
  close (parent);
  return status;
}

void
plain_file_close (PlainFile *file)
{
  if (file->fd >= 0)
    close (file->fd);
  *file = (PlainFile) PLAIN_FILE_NONE;
}

IvshmemPluginStatus
plain_file_open (const PlainOptions *options,
                 const IvshmemPluginHost *host,
                 IvshmemPluginRegion *region,
                 PlainFile *ret_file,
                 char **ret_text)
{
  PlainFile file = PLAIN_FILE_NONE;
  IvshmemPluginStatus status;
  struct stat info;

  file.nameless = plain_memfd_is_path (options->path);
  status = file.nameless ? plain_memfd_open (options, host, region, &file.fd, ret_text)
                         : open_named (&file, options, host, region, ret_text);
  if (status < 0)
    return status;

  status = check_filesystem (file.fd, options, &file.huge, ret_text);
  if (status >= 0 && fstat (file.fd, &info) < 0)
    status = plain_explain_errno (errno, ret_text, options->path, "cannot look at");
  if (status < 0)
    {
      plain_file_close (&file);
      return status;
    }

  file.device = info.st_dev;
  file.inode = info.st_ino;
  *ret_file = file;
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
check_size (const PlainOptions *options, guint64 size, char **ret_text)
{
  if (!options->has_size && size == 0)
    return plain_explain (IVSHMEM_PLUGIN_INVALID_ARGUMENT, ret_text,
                          "%s is empty: there is nothing to map (grow=true with size=... gives it bytes)",
                          options->path);
  if (!options->has_size || size == options->size || (options->grow && size < options->size))
    return IVSHMEM_PLUGIN_OK;
  if (options->grow)
    return plain_explain (IVSHMEM_PLUGIN_INVALID_ARGUMENT, ret_text,
                          "%s has %" G_GUINT64_FORMAT " bytes, more than size=%" G_GUINT64_FORMAT
                          ", and grow only makes a file longer: give size=%" G_GUINT64_FORMAT ", or no size",
                          options->path, size, options->size, size);
  return plain_explain (IVSHMEM_PLUGIN_INVALID_ARGUMENT, ret_text,
                        "%s has %" G_GUINT64_FORMAT " bytes, and size says %" G_GUINT64_FORMAT ": %s",
                        options->path, size, options->size,
                        size < options->size ? "give the size that it has, or none, or grow=true"
                                             : "give the size that it has, or none");
}

/* A time in the future says nothing: the clock was set. */
static gboolean
changed_lately (const struct stat *info)
{
  gint64 age = g_get_real_time () - (info->st_ctim.tv_sec * G_USEC_PER_SEC + info->st_ctim.tv_nsec / 1000);

  return age >= 0 && age < PLAIN_FILE_QUIET_USEC;
}

/* The last step of making it. */
static IvshmemPluginStatus
give_name (PlainFile *file,
           const PlainOptions *options,
           const IvshmemPluginHost *host,
           IvshmemPluginRegion *region,
           char **ret_text)
{
  g_autofree char *name = g_path_get_basename (options->path);
  char self[SELF_BYTES];
  IvshmemPluginStatus status;
  int parent, result, reason;

  status = open_parent (options, host, region, &parent, ret_text);
  if (status < 0)
    return status;

  g_snprintf (self, sizeof self, "/proc/self/fd/%d", file->fd);
  result = linkat (AT_FDCWD, self, parent, name, AT_SYMLINK_FOLLOW);
  reason = errno;
  close (parent);
  if (result < 0 && reason == EEXIST)
    return plain_explain (IVSHMEM_PLUGIN_EXISTS, ret_text, "%s appeared while it was being made",
                          options->path);
  if (result < 0)
    return plain_explain_errno (reason, ret_text, options->path, "cannot create");

  file->unborn = FALSE;
  file->born = TRUE;
  return IVSHMEM_PLUGIN_OK;
}

IvshmemPluginStatus
plain_file_fit (PlainFile *file,
                const PlainOptions *options,
                const IvshmemPluginHost *host,
                IvshmemPluginRegion *region,
                char **ret_text)
{
  IvshmemPluginStatus status;
  struct stat info;
  guint64 size, wanted;

  if (fstat (file->fd, &info) < 0)
    return plain_explain_errno (errno, ret_text, options->path, "cannot look at");

  size = (guint64) info.st_size;
  wanted = options->has_size ? options->size : size;
  status = check_size (options, size, ret_text);
  if (status < 0)
    return status;
  if (options->quiet && changed_lately (&info))
    return plain_explain (IVSHMEM_PLUGIN_BUSY, ret_text, "%s is still being made", options->path);

  if (size < wanted)
    status = check_new_size (file->fd, options, ret_text);
  /* A huge page that is not there when it is touched is a SIGBUS. */
  if (status < 0)
    return status;
  if (file->huge && !options->read_only)
    status = allocate (file->fd, 0, wanted, options->path, ret_text);
  else if (size < wanted)
    status = allocate (file->fd, size, wanted, options->path, ret_text);
  if (status >= 0 && file->unborn)
    status = give_name (file, options, host, region, ret_text);
  if (status >= 0)
    file->size = wanted;
  return status;
}

IvshmemPluginStatus
plain_file_check (const PlainFile *file, const PlainOptions *options, char **ret_text)
{
  struct stat info;

  if (fstat (file->fd, &info) < 0)
    return plain_explain_errno (errno, ret_text, options->path, "cannot look at");
  if ((guint64) info.st_size < file->size)
    return plain_explain (IVSHMEM_PLUGIN_REGION_LOST, ret_text,
                          "%s was truncated from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT " bytes",
                          options->path, file->size, (guint64) info.st_size);
  if (file->nameless)
    return IVSHMEM_PLUGIN_OK;

  if (info.st_nlink == 0 || lstat (options->path, &info) < 0)
    return plain_explain (IVSHMEM_PLUGIN_REGION_LOST, ret_text, "%s was deleted or moved away",
                          options->path);
  if (info.st_dev != file->device || info.st_ino != file->inode)
    return plain_explain (IVSHMEM_PLUGIN_REGION_LOST, ret_text, "%s was replaced by another file",
                          options->path);
  return IVSHMEM_PLUGIN_OK;
}

IvshmemPluginStatus
plain_file_unlink (const PlainFile *file,
                   const PlainOptions *options,
                   const IvshmemPluginHost *host,
                   IvshmemPluginRegion *region,
                   char **ret_text)
{
  g_autofree char *name = g_path_get_basename (options->path);
  IvshmemPluginStatus status;
  struct stat info;
  int parent, reason = 0;

  if (file->fd < 0 || file->nameless)
    return IVSHMEM_PLUGIN_OK;
  status = open_parent (options, host, region, &parent, ret_text);
  if (status < 0)
    return status;

  if (fstatat (parent, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && info.st_dev == file->device
      && info.st_ino == file->inode && unlinkat (parent, name, 0) < 0)
    reason = errno;
  close (parent);
  return reason == 0 ? IVSHMEM_PLUGIN_OK
                     : plain_explain_errno (reason, ret_text, options->path, "cannot remove");
}
