/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "host-plain/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "host-plain/explain.h"

#define LINK_BYTES 32

/* The folder and the number. */
static gboolean
parse (const char *path, char *ret_directory, int *ret_number)
{
  guint64 pid = (guint64) getpid (), number;
  const char *at;
  char *end;

  if (g_str_has_prefix (path, "/dev/fd/"))
    at = path + strlen ("/dev/fd/");
  else if (g_str_has_prefix (path, "/proc/self/fd/"))
    at = path + strlen ("/proc/self/fd/");
  else if (g_str_has_prefix (path, "/proc/") && g_ascii_isdigit (path[6]))
    {
      pid = g_ascii_strtoull (path + 6, &end, 10);
      if (pid > G_MAXINT || !g_str_has_prefix (end, "/fd/"))
        return FALSE;
      at = end + strlen ("/fd/");
    }
  else
    return FALSE;

  if (!g_ascii_isdigit (*at))
    return FALSE;
  number = g_ascii_strtoull (at, &end, 10);
  if (*end != '\0' || number > G_MAXINT)
    return FALSE;

  g_snprintf (ret_directory, LINK_BYTES, "/proc/%u/fd", (guint) pid);
  *ret_number = (int) number;
  return TRUE;
}

/* Such a path is a link that the kernel follows, so it is first looked at
 * without being opened, and then the very same thing is opened. */
static IvshmemPluginStatus
open_same (const PlainOptions *options, int look, char **ret_text, int *ret_fd)
{
  char self[LINK_BYTES];
  struct stat info;
  int seals;

  if (fstat (look, &info) < 0 || !S_ISREG (info.st_mode))
    return plain_explain (IVSHMEM_PLUGIN_INVALID_ARGUMENT, ret_text, "%s is not a memfd", options->path);
  if (info.st_nlink != 0)
    return plain_explain (IVSHMEM_PLUGIN_INVALID_ARGUMENT, ret_text,
                          "%s is a file that has a name: give that as path", options->path);

  g_snprintf (self, sizeof self, "/proc/self/fd/%d", look);
  *ret_fd = open (self, (options->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (*ret_fd < 0)
    return plain_explain_errno (errno, ret_text, options->path, "cannot open");

  seals = fcntl (*ret_fd, F_GET_SEALS);
  if (options->read_only || seals < 0 || (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) == 0)
    return IVSHMEM_PLUGIN_OK;
  close (*ret_fd);
  return plain_explain (IVSHMEM_PLUGIN_DENIED, ret_text,
                        "%s is sealed against writing (read-only=true works)", options->path);
}

gboolean
plain_memfd_is_path (const char *path)
{
  char directory[LINK_BYTES];
  int number;

  return parse (path, directory, &number);
}

IvshmemPluginStatus
plain_memfd_open (const PlainOptions *options,
                  const IvshmemPluginHost *host,
                  IvshmemPluginRegion *region,
                  int *ret_fd,
                  char **ret_text)
{
  char directory[LINK_BYTES], name[LINK_BYTES];
  IvshmemPluginHandle handle;
  IvshmemPluginStatus status;
  struct statfs info;
  int number, look, reason;

  if (!parse (options->path, directory, &number))
    return plain_explain (IVSHMEM_PLUGIN_INVALID_ARGUMENT, ret_text, "%s is no path of a memfd",
                          options->path);

  status = host->open_path (region, directory, IVSHMEM_PLUGIN_OPEN_DIRECTORY, 0, &handle);
  if (status < 0)
    return plain_explain (status, ret_text, "cannot open %s: %s", options->path,
                          status == IVSHMEM_PLUGIN_NOT_FOUND ? "there is no such process"
                                                             : "no permission to see what it has open");

  g_snprintf (name, sizeof name, "%d", number);
  look = fstatfs ((int) handle, &info) == 0 && info.f_type == PROC_SUPER_MAGIC
             ? openat ((int) handle, name, O_PATH | O_CLOEXEC)
             : -1;
  reason = errno;
  close ((int) handle);
  if (look < 0)
    return plain_explain_errno (reason, ret_text, options->path, "cannot open");

  status = open_same (options, look, ret_text, ret_fd);
  close (look);
  return status;
}
