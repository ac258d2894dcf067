/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A plugin that is built outside of this tree, with nothing but the installed
 * header: a region of anonymous memory with one vector that one can ring
 * oneself. test_out_of_tree.py compiles it, and has it opened.
 */
#define _GNU_SOURCE
#include <ivshmem/plugin.h>

#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define OWN_ID 1

enum
{
  OPTION_SIZE,
  N_OPTIONS
};

struct IvshmemPluginInstance
{
  const IvshmemPluginHost *host;
  IvshmemPluginRegion *region;
  int memory_fd, vector_fd;
  uint64_t size;
};

static void
destroy (IvshmemPluginInstance *self)
{
  if (self->memory_fd >= 0)
    close (self->memory_fd);
  if (self->vector_fd >= 0)
    close (self->vector_fd);
  free (self);
}

static IvshmemPluginStatus
create (const IvshmemPluginHost *host, IvshmemPluginRegion *region, const char *name,
        const IvshmemPluginValue *values, uint32_t n_values, IvshmemPluginInstance **instance)
{
  IvshmemPluginInstance *self = calloc (1, sizeof *self);
  IvshmemPluginStatus status;

  if (self == NULL || n_values < N_OPTIONS)
    {
      free (self);
      return host->fail (region, IVSHMEM_PLUGIN_INTERNAL, "there is no memory for another instance");
    }
  self->host = host;
  self->region = region;
  self->size = values[OPTION_SIZE].number;
  self->memory_fd = memfd_create (name, MFD_CLOEXEC);
  self->vector_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (self->memory_fd < 0 || self->vector_fd < 0 || ftruncate (self->memory_fd, (off_t) self->size) < 0)
    {
      destroy (self);
      return host->fail (region, IVSHMEM_PLUGIN_IO, "no memory of that size can be made");
    }
  *instance = self;
  status = host->memory_ready (region);
  if (status < 0)
    {
      *instance = NULL;
      destroy (self);
    }
  return status;
}

static IvshmemPluginStatus
describe (IvshmemPluginInstance *self, IvshmemPluginDescription *out)
{
  out->own_vectors = 1;
  out->own_id = OWN_ID;
  out->capabilities = IVSHMEM_PLUGIN_CAP_READ | IVSHMEM_PLUGIN_CAP_WRITE | IVSHMEM_PLUGIN_CAP_ATOMIC
                      | IVSHMEM_PLUGIN_CAP_RING | IVSHMEM_PLUGIN_CAP_RECEIVE | IVSHMEM_PLUGIN_CAP_OWN_ID
                      | IVSHMEM_PLUGIN_CAP_MEMORY_FD | IVSHMEM_PLUGIN_CAP_VECTOR_FD;
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
memory (IvshmemPluginInstance *self, IvshmemPluginMemory *out)
{
  out->handle = self->memory_fd;
  out->size = self->size;
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
ring (IvshmemPluginInstance *self, uint32_t peer, uint32_t vector)
{
  if (peer != OWN_ID || vector != 0)
    return self->host->fail (self->region, IVSHMEM_PLUGIN_NOT_FOUND, "there is only peer 1 with vector 0");
  return self->host->signal (self->region, self->vector_fd);
}

static IvshmemPluginStatus
vector_handle (IvshmemPluginInstance *self, uint32_t vector, IvshmemPluginHandle *handle)
{
  *handle = self->vector_fd;
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
detach (IvshmemPluginInstance *self, uint32_t keep)
{
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
probe (const IvshmemPluginHost *host, IvshmemPluginProbe *list)
{
  const IvshmemPluginField name = { sizeof name, IVSHMEM_PLUGIN_FIELD_TEXT, "name", "anonymous", 0 };

  host->candidate (list, &name, 1);
  return IVSHMEM_PLUGIN_OK;
}

/* Nothing ever changes, but a monitor it has. */
struct IvshmemPluginMonitor
{
  int fd;
};

static IvshmemPluginStatus
monitor_open (const IvshmemPluginHost *host, IvshmemPluginMonitor **monitor, IvshmemPluginHandle *handle)
{
  IvshmemPluginMonitor *self = calloc (1, sizeof *self);

  if (self == NULL)
    return IVSHMEM_PLUGIN_INTERNAL;
  self->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (self->fd < 0)
    {
      free (self);
      return IVSHMEM_PLUGIN_IO;
    }
  *monitor = self;
  *handle = self->fd;
  return IVSHMEM_PLUGIN_OK;
}

static uint32_t
monitor_take (IvshmemPluginMonitor *self)
{
  uint64_t count;

  return read (self->fd, &count, sizeof count) == sizeof count;
}

static void
monitor_close (IvshmemPluginMonitor *self)
{
  close (self->fd);
  free (self);
}

static const IvshmemPluginOption options[N_OPTIONS] = {
  [OPTION_SIZE] = {
      .struct_size = sizeof (IvshmemPluginOption),
      .type = IVSHMEM_PLUGIN_SIZE,
      .name = "size",
      .default_text = "64K",
      .description = "how much memory",
      .minimum = 4096,
      .maximum = 1 << 30,
  },
};

static const IvshmemPluginOps ops = {
  .struct_size = sizeof (IvshmemPluginOps),
  .probe = probe,
  .create = create,
  .describe = describe,
  .memory = memory,
  .ring = ring,
  .vector_handle = vector_handle,
  .detach = detach,
  .destroy = destroy,
  .monitor_open = monitor_open,
  .monitor_take = monitor_take,
  .monitor_close = monitor_close,
};

const IvshmemPlugin ivshmem_plugin_v1 = {
  .struct_size = sizeof (IvshmemPlugin),
  .abi_minor = IVSHMEM_PLUGIN_ABI_MINOR,
  .name = "outside",
  .version = "1.0",
  .license = "LGPL-3.0-or-later",
  .description = "memory of its own and one vector",
  .capabilities = IVSHMEM_PLUGIN_CAP_READ | IVSHMEM_PLUGIN_CAP_WRITE | IVSHMEM_PLUGIN_CAP_ATOMIC
                  | IVSHMEM_PLUGIN_CAP_RING | IVSHMEM_PLUGIN_CAP_RECEIVE | IVSHMEM_PLUGIN_CAP_OWN_ID
                  | IVSHMEM_PLUGIN_CAP_MEMORY_FD | IVSHMEM_PLUGIN_CAP_VECTOR_FD,
  .options = options,
  .n_options = N_OPTIONS,
  .option_size = sizeof (IvshmemPluginOption),
  .ops = &ops,
};
