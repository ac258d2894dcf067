/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "host-plain/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-plain/explain.h"

#define FILE_EVENTS (IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF)
#define PLACE_EVENTS (IN_CREATE | IN_MOVED_TO | IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR)
/* Directories may come and go while the nearest one is looked for. */
#define PLACE_ATTEMPTS 16
#define BUFFER_BYTES 4096
/* Whoever writes without pause is not followed for ever. */
#define DRAIN_READS 64

struct _PlainWatch
{
  int fd;
  int file; /* watch descriptors; -1: none */
  int place;
  char *awaited; /* the name within place that leads to the file */
};

PlainWatch *
plain_watch_new (IvshmemPluginStatus *ret_status, char **ret_text)
{
  int fd = inotify_init1 (IN_NONBLOCK | IN_CLOEXEC);
  int reason = errno;
  PlainWatch *watch;

  if (fd < 0)
    {
      *ret_status
          = plain_explain (reason == EMFILE || reason == ENFILE ? IVSHMEM_PLUGIN_LIMIT : IVSHMEM_PLUGIN_IO,
                           ret_text,
                           "cannot watch files: %s (each region of this kind takes one of the user's "
                           "fs.inotify.max_user_instances, and a descriptor)",
                           g_strerror (reason));
      return NULL;
    }

  watch = g_new0 (PlainWatch, 1);
  watch->fd = fd;
  watch->file = -1;
  watch->place = -1;
  return watch;
}

void
plain_watch_free (PlainWatch *watch)
{
  if (watch == NULL)
    return;

  close (watch->fd);
  g_free (watch->awaited);
  g_free (watch);
}

int
plain_watch_get_fd (PlainWatch *watch)
{
  return watch->fd;
}

static IvshmemPluginStatus
add (PlainWatch *watch, const char *path, int fd, guint32 events, int *ret_descriptor, char **ret_text)
{
  char self[32];
  int descriptor, reason;

  g_snprintf (self, sizeof self, "/proc/self/fd/%d", fd);
  descriptor = inotify_add_watch (watch->fd, self, events);
  reason = errno;
  if (descriptor < 0)
    return plain_explain (reason == ENOSPC   ? IVSHMEM_PLUGIN_LIMIT
                          : reason == EACCES ? IVSHMEM_PLUGIN_DENIED
                                             : IVSHMEM_PLUGIN_IO,
                          ret_text, "cannot watch %s: %s%s", path, g_strerror (reason),
                          reason == ENOSPC ? " (the user has reached fs.inotify.max_user_watches)" : "");

  *ret_descriptor = descriptor;
  return IVSHMEM_PLUGIN_OK;
}

IvshmemPluginStatus
plain_watch_add_file (PlainWatch *watch, const char *path, int fd, char **ret_text)
{
  return add (watch, path, fd, FILE_EVENTS, &watch->file, ret_text);
}

void
plain_watch_drop_place (PlainWatch *watch)
{
  if (watch->place >= 0)
    inotify_rm_watch (watch->fd, watch->place);
  watch->place = -1;
}

/* Watches the nearest directory on the way to path that exists. */
static IvshmemPluginStatus
add_nearest (PlainWatch *watch,
             const char *path,
             const IvshmemPluginHost *host,
             IvshmemPluginRegion *region,
             gboolean *ret_stable,
             char **ret_text)
{
  g_autofree char *name = g_path_get_basename (path);
  g_autofree char *directory = g_path_get_dirname (path);
  IvshmemPluginHandle handle;
  IvshmemPluginStatus status;
  gboolean is_parent = TRUE;
  struct stat info;

  while ((status = host->open_path (region, directory, IVSHMEM_PLUGIN_OPEN_DIRECTORY, 0, &handle))
             == IVSHMEM_PLUGIN_NOT_FOUND
         && !g_str_equal (directory, "/"))
    {
      g_autofree char *below = g_steal_pointer (&directory);

      g_free (name);
      name = g_path_get_basename (below);
      directory = g_path_get_dirname (below);
      is_parent = FALSE;
    }
  if (status < 0)
    return plain_explain_open (status, directory, TRUE, ret_text);

  plain_watch_drop_place (watch);
  status = add (watch, directory, (int) handle, PLACE_EVENTS, &watch->place, ret_text);
  /* What came before the watch was there will not be told. */
  *ret_stable = is_parent || fstatat ((int) handle, name, &info, AT_SYMLINK_NOFOLLOW) < 0;
  close ((int) handle);
  g_free (watch->awaited);
  watch->awaited = g_steal_pointer (&name);
  return status;
}

IvshmemPluginStatus
plain_watch_add_place (PlainWatch *watch,
                       const char *path,
                       const IvshmemPluginHost *host,
                       IvshmemPluginRegion *region,
                       char **ret_text)
{
  gboolean stable = FALSE;

  for (guint i = 0; i < PLACE_ATTEMPTS && !stable; i++)
    {
      IvshmemPluginStatus status = add_nearest (watch, path, host, region, &stable, ret_text);

      if (status < 0)
        return status;
    }
  if (stable)
    return IVSHMEM_PLUGIN_OK;
  return plain_explain (IVSHMEM_PLUGIN_BUSY, ret_text,
                        "the directories of %s come and go too fast to be watched", path);
}

static gboolean
concerns (PlainWatch *watch, const struct inotify_event *event)
{
  if (event->mask & IN_Q_OVERFLOW)
    return TRUE;
  if (event->wd == watch->file)
    return TRUE;
  return event->wd == watch->place && (event->len == 0 || g_strcmp0 (event->name, watch->awaited) == 0);
}

gboolean
plain_watch_drain (PlainWatch *watch)
{
  union
  {
    struct inotify_event event;
    char bytes[BUFFER_BYTES];
  } buffer;
  gboolean found = FALSE;

  for (guint i = 0; i < DRAIN_READS; i++)
    {
      gssize length = read (watch->fd, buffer.bytes, sizeof buffer.bytes);

      if (length <= 0)
        break;
      for (gssize at = 0; at < length;)
        {
          const struct inotify_event *event = (const struct inotify_event *) (buffer.bytes + at);

          found = found || concerns (watch, event);
          at += (gssize) (sizeof *event + event->len);
        }
    }
  return found;
}
