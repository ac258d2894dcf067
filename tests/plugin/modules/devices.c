/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A plugin whose devices come and go: the files of the folder that the
 * environment variable IVT_DEVICES names. A device's first line is its
 * "driver"; one whose driver is "broken" cannot be opened; one whose driver is
 * "busy" neither, but it is given another meanwhile, as a bound device is; one
 * that is "away" is listed and cannot be found, until there is a file .back. A
 * region is lost when its file is removed.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ivshmem/plugin.h"

enum
{
  OPTION_DEVICE,
  N_OPTIONS
};

struct IvshmemPluginInstance
{
  const IvshmemPluginHost *host;
  IvshmemPluginRegion *region;
  int fd, inotify;
  uint64_t size, watch;
  char path[PATH_MAX]; /* of one that is busy */
};

struct IvshmemPluginMonitor
{
  int inotify;
};

static const char *
folder (void)
{
  const char *path = getenv ("IVT_DEVICES");

  return path != NULL ? path : "/nonexistent";
}

/* -1: it is not there. */
static int
open_device (const char *name, struct stat *st, char driver[32])
{
  char path[PATH_MAX];
  ssize_t length;
  int fd;

  snprintf (path, sizeof path, "%s/%s", folder (), name);
  fd = open (path, O_RDWR | O_CLOEXEC);
  if (fd < 0 || fstat (fd, st) < 0)
    return -1;
  length = pread (fd, driver, 31, 0);
  driver[length > 0 ? length : 0] = '\0';
  driver[strcspn (driver, "\n")] = '\0';
  return fd;
}

/* --- candidates --- */

static void
list_device (const IvshmemPluginHost *host, IvshmemPluginProbe *list, const char *name)
{
  char driver[32];
  struct stat st;
  int fd = open_device (name, &st, driver);
  const IvshmemPluginField fields[] = {
    { sizeof fields[0], IVSHMEM_PLUGIN_FIELD_TEXT, "name", name, 0 },
    { sizeof fields[0], IVSHMEM_PLUGIN_FIELD_NUMBER, "size", NULL, (uint64_t) st.st_size },
    { sizeof fields[0], IVSHMEM_PLUGIN_FIELD_TEXT, "driver", driver, 0 },
  };

  if (fd < 0)
    return;
  close (fd);
  host->candidate (list, fields, 3);
}

static IvshmemPluginStatus
probe (const IvshmemPluginHost *host, IvshmemPluginProbe *list)
{
  DIR *dir = opendir (folder ());
  struct dirent *entry;

  if (dir == NULL)
    return IVSHMEM_PLUGIN_OK;
  while ((entry = readdir (dir)) != NULL)
    if (entry->d_name[0] != '.')
      list_device (host, list, entry->d_name);
  closedir (dir);
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
monitor_open (const IvshmemPluginHost *host, IvshmemPluginMonitor **monitor, IvshmemPluginHandle *handle)
{
  int inotify = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);

  if (inotify_add_watch (inotify, folder (), IN_CREATE | IN_DELETE | IN_MOVE | IN_CLOSE_WRITE | IN_ATTRIB) < 0)
    {
      close (inotify);
      host->log (NULL, IVSHMEM_PLUGIN_LOG_NOTICE, "there is no folder of devices");
      return IVSHMEM_PLUGIN_NOT_SUPPORTED;
    }
  *monitor = calloc (1, sizeof **monitor);
  (*monitor)->inotify = inotify;
  *handle = inotify;
  return IVSHMEM_PLUGIN_OK;
}

static uint32_t
monitor_take (IvshmemPluginMonitor *monitor)
{
  char bytes[4096];

  return read (monitor->inotify, bytes, sizeof bytes) > 0;
}

static void
monitor_close (IvshmemPluginMonitor *monitor)
{
  close (monitor->inotify);
  free (monitor);
}

/* --- instances --- */

static void
destroy (IvshmemPluginInstance *self)
{
  close (self->inotify);
  close (self->fd);
  free (self);
}

static void
on_inotify (void *data, uint32_t conditions)
{
  IvshmemPluginInstance *self = data;
  char bytes[4096];
  struct stat st;

  if (read (self->inotify, bytes, sizeof bytes) <= 0 || fstat (self->fd, &st) < 0 || st.st_nlink > 0)
    return;
  self->host->unwatch (self->region, self->watch);
  self->host->lost (self->region, IVSHMEM_PLUGIN_REGION_LOST, "the device was removed");
}

static IvshmemPluginStatus
fail (const IvshmemPluginHost *host, IvshmemPluginRegion *region, IvshmemPluginStatus status, const char *name,
      const char *why)
{
  char message[PATH_MAX];

  snprintf (message, sizeof message, "device '%s' %s", name, why);
  return host->fail (region, status, message);
}

static int
is_back (void)
{
  char path[PATH_MAX];

  snprintf (path, sizeof path, "%s/.back", folder ());
  return access (path, F_OK) == 0;
}

/* Longer than the daemon waits before it lists devices anew. */
#define BUSY_USEC (600 * 1000)

static void
set_driver (const char *path, const char driver[4])
{
  int fd = open (path, O_WRONLY | O_CLOEXEC);

  if (fd < 0 || pwrite (fd, driver, 4, 0) != 4)
    abort ();
  close (fd);
}

static void
try_busy (void *data)
{
  IvshmemPluginInstance *self = data;

  self->host->log (self->region, IVSHMEM_PLUGIN_LOG_INFO, "it is tried");
  set_driver (self->path, "mine");
  usleep (BUSY_USEC);
  set_driver (self->path, "busy");
}

static void
on_tried (void *data)
{
  IvshmemPluginInstance *self = data;

  self->host->lost (self->region, IVSHMEM_PLUGIN_BUSY, "the device is busy");
}

static IvshmemPluginStatus
create_busy (const IvshmemPluginHost *host, IvshmemPluginRegion *region, const char *name, int take_fd,
             IvshmemPluginInstance **instance)
{
  IvshmemPluginInstance *self = calloc (1, sizeof *self);

  *self = (IvshmemPluginInstance){ host, region, take_fd, -1, 0, 0, "" };
  snprintf (self->path, sizeof self->path, "%s/%s", folder (), name);
  *instance = self;
  return host->run (region, try_busy, on_tried, self);
}

static IvshmemPluginStatus
create (const IvshmemPluginHost *host, IvshmemPluginRegion *region, const char *region_name,
        const IvshmemPluginValue *values, uint32_t n_values, IvshmemPluginInstance **instance)
{
  const char *name = values[OPTION_DEVICE].text;
  IvshmemPluginInstance *self;
  char path[PATH_MAX], driver[32];
  struct stat st;
  int fd = open_device (name, &st, driver);

  if (fd < 0)
    return fail (host, region, IVSHMEM_PLUGIN_NOT_FOUND, name, "is not there");
  if (strcmp (driver, "broken") == 0)
    {
      close (fd);
      return fail (host, region, IVSHMEM_PLUGIN_DENIED, name, "is broken");
    }
  if (strcmp (driver, "away") == 0 && !is_back ())
    {
      close (fd);
      return fail (host, region, IVSHMEM_PLUGIN_NOT_FOUND, name, "is away");
    }
  if (strcmp (driver, "busy") == 0)
    return create_busy (host, region, name, fd, instance);
  self = calloc (1, sizeof *self);
  *self = (IvshmemPluginInstance){ host, region, fd, inotify_init1 (IN_CLOEXEC | IN_NONBLOCK), 0, 0, "" };
  self->size = (uint64_t) st.st_size;
  snprintf (path, sizeof path, "%s/%s", folder (), name);
  if (inotify_add_watch (self->inotify, path, IN_ATTRIB | IN_DELETE_SELF) < 0
      || host->watch (region, self->inotify, IVSHMEM_PLUGIN_READABLE, on_inotify, self, &self->watch) < 0)
    {
      destroy (self);
      return fail (host, region, IVSHMEM_PLUGIN_NOT_FOUND, name, "has gone");
    }
  *instance = self;
  if (host->memory_ready (region) >= 0)
    return IVSHMEM_PLUGIN_OK;
  *instance = NULL;
  destroy (self);
  return IVSHMEM_PLUGIN_IO;
}

static IvshmemPluginStatus
describe (IvshmemPluginInstance *self, IvshmemPluginDescription *out)
{
  out->own_id = -1;
  out->capabilities = IVSHMEM_PLUGIN_CAP_READ | IVSHMEM_PLUGIN_CAP_WRITE;
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
memory (IvshmemPluginInstance *self, IvshmemPluginMemory *out)
{
  out->handle = self->fd;
  out->size = self->size;
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
detach (IvshmemPluginInstance *self, uint32_t keep)
{
  return IVSHMEM_PLUGIN_OK;
}

static const IvshmemPluginOption options[N_OPTIONS] = {
  [OPTION_DEVICE] = {
      .struct_size = sizeof (IvshmemPluginOption),
      .type = IVSHMEM_PLUGIN_TEXT,
      .flags = IVSHMEM_PLUGIN_OPTION_REQUIRED,
      .name = "device",
      .description = "the name of its file",
  },
};

static const IvshmemPluginOps ops = {
  .struct_size = sizeof (IvshmemPluginOps),
  .probe = probe,
  .create = create,
  .describe = describe,
  .memory = memory,
  .detach = detach,
  .destroy = destroy,
  .monitor_open = monitor_open,
  .monitor_take = monitor_take,
  .monitor_close = monitor_close,
};

const IvshmemPlugin ivshmem_plugin_v1 = {
  .struct_size = sizeof (IvshmemPlugin),
  .abi_minor = IVSHMEM_PLUGIN_ABI_MINOR,
  .name = "devices",
  .version = "1",
  .license = "LGPL-3.0-or-later",
  .description = "devices that come and go, for tests",
  .capabilities = IVSHMEM_PLUGIN_CAP_READ | IVSHMEM_PLUGIN_CAP_WRITE,
  .options = options,
  .n_options = N_OPTIONS,
  .option_size = sizeof (IvshmemPluginOption),
  .ops = &ops,
};
