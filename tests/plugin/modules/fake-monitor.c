/* SPDX-License-Identifier: LGPL-3.0-or-later */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "fake-monitor.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

struct IvshmemPluginMonitor
{
  int fd;
  int other_end; /* of a pipe, or -1 */
};

extern IVSHMEM_PLUGIN_EXPORT FakeControl fake_control;

static int
is_how (const char *how)
{
  return fake_control.monitor != NULL && strcmp (fake_control.monitor, how) == 0;
}

static void
open_handle (IvshmemPluginMonitor *self)
{
  int ends[2];

  if (is_how ("hang-up") && pipe2 (ends, O_CLOEXEC | O_NONBLOCK) == 0)
    {
      self->fd = ends[0];
      self->other_end = ends[1];
    }
  else if (is_how ("file"))
    self->fd = memfd_create ("fake-monitor", MFD_CLOEXEC);
  else
    self->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (self->fd < 0)
    abort ();
}

IvshmemPluginStatus
fake_monitor_open (const IvshmemPluginHost *host, IvshmemPluginMonitor **monitor, IvshmemPluginHandle *handle)
{
  IvshmemPluginMonitor *self;

  if (is_how ("none"))
    return IVSHMEM_PLUGIN_NOT_SUPPORTED;
  if (is_how ("fail"))
    return IVSHMEM_PLUGIN_IO;
  if (is_how ("null"))
    return IVSHMEM_PLUGIN_OK;
  self = calloc (1, sizeof *self);
  if (self == NULL)
    abort ();
  self->other_end = -1;
  open_handle (self);
  fake_control.counters.monitors++;
  fake_control.monitor_fd = self->other_end >= 0 ? self->other_end : self->fd;
  *monitor = self;
  *handle = is_how ("closed") ? 19999 : self->fd;
  return IVSHMEM_PLUGIN_OK;
}

uint32_t
fake_monitor_take (IvshmemPluginMonitor *monitor)
{
  uint64_t count = 0;

  fake_control.counters.takes++;
  if (is_how ("busy") || is_how ("busy-nothing"))
    return is_how ("busy");
  return read (monitor->fd, &count, sizeof count) > 0 && !is_how ("nothing");
}

void
fake_monitor_close (IvshmemPluginMonitor *monitor)
{
  fake_control.counters.monitors--;
  close (monitor->fd);
  if (monitor->other_end >= 0 && fake_control.monitor_fd >= 0)
    close (monitor->other_end);
  fake_control.monitor_fd = -1;
  free (monitor);
}
