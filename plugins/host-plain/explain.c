/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "host-plain/explain.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

IvshmemPluginStatus
plain_explain (IvshmemPluginStatus status, char **ret_text, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  *ret_text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  return status;
}

IvshmemPluginStatus
plain_explain_errno (int number, char **ret_text, const char *path, const char *what)
{
  IvshmemPluginStatus status;

  switch (number)
    {
    case EACCES:
    case EPERM:
    case EROFS:
      status = IVSHMEM_PLUGIN_DENIED;
      break;
    case ENOENT:
      status = IVSHMEM_PLUGIN_NOT_FOUND;
      break;
    case EMFILE:
    case ENFILE:
      status = IVSHMEM_PLUGIN_LIMIT;
      break;
    default:
      status = IVSHMEM_PLUGIN_IO;
      break;
    }
  return plain_explain (status, ret_text, "%s %s: %s", what, path, g_strerror (number));
}

/* The first part of a path that is a symbolic link; NULL: none. */
static char *
find_link (const char *path)
{
  for (const char *end = strchr (path + 1, '/');; end = strchr (end + 1, '/'))
    {
      g_autofree char *part = end == NULL ? g_strdup (path) : g_strndup (path, (gsize) (end - path));
      struct stat info;

      if (lstat (part, &info) == 0 && S_ISLNK (info.st_mode))
        return g_steal_pointer (&part);
      if (end == NULL)
        return NULL;
    }
}

IvshmemPluginStatus
plain_explain_open (IvshmemPluginStatus status, const char *path, gboolean read_only, char **ret_text)
{
  g_autofree char *link = status == IVSHMEM_PLUGIN_DENIED ? find_link (path) : NULL;

  if (link != NULL)
    return plain_explain (status, ret_text, "cannot open %s: %s is a symbolic link, and none is followed",
                          path, link);
  switch (status)
    {
    case IVSHMEM_PLUGIN_NOT_FOUND:
      return plain_explain (status, ret_text, "%s does not exist (create=true with size=... makes it)", path);
    case IVSHMEM_PLUGIN_DENIED:
      return plain_explain (status, ret_text, "no permission to open %s%s", path,
                            read_only ? "" : " for reading and writing (read-only=true needs less)");
    case IVSHMEM_PLUGIN_INVALID_ARGUMENT:
      return plain_explain (status, ret_text, "%s is not a regular file", path);
    case IVSHMEM_PLUGIN_LIMIT:
      return plain_explain (status, ret_text, "cannot open %s: out of descriptors (LimitNOFILE=, ulimit -n)",
                            path);
    default:
      return plain_explain (status, ret_text, "cannot open %s", path);
    }
}
