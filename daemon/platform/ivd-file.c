/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * What exists is first looked at without opening it (O_PATH), and then the
 * very same inode is opened through /proc/self/fd, so that neither a FIFO nor
 * a device is ever opened, nor anything that was put in its place meanwhile.
 */
#include "config.h"

#include "platform/ivd-file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"

/* No set-id bits, no sticky bit. */
#define PERMISSION_BITS 0777

static int
open_plain (const char *path, int flags, guint mode)
{
  struct open_how how = {
    .flags = (guint64) flags | O_CLOEXEC,
    .mode = flags & O_CREAT ? mode : 0,
    .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };

  return (int) syscall (SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

static int
refuse (const char *path, IvdErrorCode code, const char *why, GError **error)
{
  g_autofree char *safe = ivd_text_safe (path);

  g_set_error (error, IVD_ERROR, code, "\"%s\": %s", safe, why);
  return -1;
}

static int
refuse_errno (const char *path, int reason, GError **error)
{
  switch (reason)
    {
    case ENOENT:
    case ENOTDIR:
      return refuse (path, IVD_ERROR_NOT_FOUND, "there is no such file", error);
    case EEXIST:
      return refuse (path, IVD_ERROR_EXISTS, "there is such a file already", error);
    case ELOOP:
      return refuse (path, IVD_ERROR_DENIED, "a part of the path is a symbolic link, and none is followed",
                     error);
    case EACCES:
    case EPERM:
    case EROFS:
      return refuse (path, IVD_ERROR_DENIED, g_strerror (reason), error);
    case ENOSPC:
    case EDQUOT:
      return refuse (path, IVD_ERROR_NO_SPACE, g_strerror (reason), error);
    case EMFILE:
    case ENFILE:
      return refuse (path, IVD_ERROR_LIMIT, g_strerror (reason), error);
    case ENAMETOOLONG:
    case EINVAL:
    case EISDIR:
      return refuse (path, IVD_ERROR_INVALID_ARGUMENT, g_strerror (reason), error);
    case EWOULDBLOCK:
    case ETXTBSY:
      return refuse (path, IVD_ERROR_BUSY, "another process has a lease on it or executes it", error);
    case ENOSYS:
      return refuse (path, IVD_ERROR_NOT_SUPPORTED, "this kernel has no openat2 (Linux 5.6 or later has)",
                     error);
    default:
      return refuse (path, IVD_ERROR_IO, g_strerror (reason), error);
    }
}

static const char *
kind_of (mode_t mode)
{
  switch (mode & S_IFMT)
    {
    case S_IFDIR:
      return "a directory, not a regular file";
    case S_IFIFO:
      return "a FIFO, not a regular file";
    case S_IFSOCK:
      return "a socket, not a regular file";
    case S_IFCHR:
    case S_IFBLK:
      return "a device, not a regular file";
    case S_IFLNK:
      return "a symbolic link, and none is followed";
    default:
      return "not a regular file";
    }
}

static int
create_file (const char *path, IvdFileFlags flags, guint mode, GError **error)
{
  int access = flags & IVD_FILE_WRITE ? O_RDWR : O_RDONLY;
  int fd = open_plain (path, O_CREAT | O_EXCL | O_NOCTTY | access, mode & PERMISSION_BITS);

  if (fd < 0)
    return refuse_errno (path, errno, error);
  /* The umask only ever took away; what was asked for is what is made. */
  if (fchmod (fd, mode & PERMISSION_BITS) < 0)
    {
      int reason = errno;

      unlink (path);
      close (fd);
      return refuse_errno (path, reason, error);
    }
  return fd;
}

static int
open_regular (const char *path, int path_fd, IvdFileFlags flags, GError **error)
{
  char self[sizeof "/proc/self/fd/" + 3 * sizeof path_fd];
  int access = flags & IVD_FILE_WRITE ? O_RDWR : O_RDONLY;
  struct stat st;
  int fd;

  if (fstat (path_fd, &st) < 0)
    return refuse_errno (path, errno, error);
  if (!S_ISREG (st.st_mode))
    return refuse (path, IVD_ERROR_INVALID_ARGUMENT, kind_of (st.st_mode), error);
  g_snprintf (self, sizeof self, "/proc/self/fd/%d", path_fd);
  /* O_NONBLOCK: a lease that somebody holds must not keep us. */
  fd = open (self, access | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0)
    return refuse_errno (path, errno, error);
  fcntl (fd, F_SETFL, 0);
  return fd;
}

int
ivd_file_open (const char *path, IvdFileFlags flags, guint mode, GError **error)
{
  int path_fd, fd;

  if (path == NULL || path[0] != '/')
    return refuse (path != NULL ? path : "", IVD_ERROR_INVALID_ARGUMENT, "a path begins with /", error);
  if (flags & IVD_FILE_DIRECTORY)
    {
      fd = open_plain (path, O_PATH | O_DIRECTORY, 0);
      if (fd < 0 && errno == ENOTDIR)
        return refuse (path, IVD_ERROR_INVALID_ARGUMENT, "not a directory", error);
      return fd >= 0 ? fd : refuse_errno (path, errno, error);
    }
  if (flags & IVD_FILE_CREATE)
    return create_file (path, flags, mode, error);

  path_fd = open_plain (path, O_PATH, 0);
  if (path_fd < 0)
    return refuse_errno (path, errno, error);
  fd = open_regular (path, path_fd, flags, error);
  close (path_fd);
  return fd;
}
