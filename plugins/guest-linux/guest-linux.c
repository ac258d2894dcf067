/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <unistd.h>

#include "guest-linux/candidates.h"
#include "guest-linux/error.h"
#include "guest-linux/match.h"
#include "guest-linux/monitor.h"
#include "guest-linux/opening.h"
#include "guest-linux/removal.h"
#include "ivshmem/wire.h"

/*
 * The plugin "guest-linux": the ivshmem device of the machine that we run in,
 * on a stock kernel. Opening is done on another thread; what it came to is
 * fixed from then on, until the device goes.
 */

enum
{
  OPTION_DEVICE,
  OPTION_ACCESS,
  OPTION_MEMORY,
  N_OPTIONS,
};

/* QEMU looks at eight bits of it where no ioeventfd matches (facts, B1): a
 * larger one would ring another. */
#define MAX_RING_VECTOR 255

struct IvshmemPluginInstance
{
  const IvshmemPluginHost *host;
  IvshmemPluginRegion *region;
  char *match; /* NULL: not given */
  PciAccess access;
  PciMemory memory;
  gboolean says_access, says_memory; /* not given: to be told what they came to */

  PciOpening *opening; /* NULL: not open yet */
  GError *error;       /* how opening ended, when not well */
  PciRemoval *removal;
  uint64_t request_watch; /* 0: none */
  gboolean under_way;     /* being opened, on another thread */
  gboolean stopped;       /* detached: nothing is reported any more */
  gboolean gone;          /* the device is; what was open is closed */
};

/* --- its end, from outside --- */

static void
unwatch_end (IvshmemPluginInstance *self)
{
  g_clear_pointer (&self->removal, pci_removal_free);
  if (self->request_watch != 0)
    self->host->unwatch (self->region, self->request_watch);
  self->request_watch = 0;
}

static void
destroy (IvshmemPluginInstance *self)
{
  unwatch_end (self);
  pci_opening_free (self->opening);
  g_clear_error (&self->error);
  g_free (self->match);
  g_free (self);
}

/* The kernel holds a removal up until we have let go. */
static void
lose_device (IvshmemPluginInstance *self, const char *how)
{
  g_autofree char *message = NULL;

  if (self->gone || self->stopped)
    return;
  self->gone = TRUE;
  message = g_strdup_printf ("the device %s %s", self->opening->device->address, how);
  unwatch_end (self);
  self->host->lost (self->region, IVSHMEM_PLUGIN_REGION_LOST, message);
  pci_opening_let_go (self->opening);
}

static void
on_removed (void *data)
{
  lose_device (data, "has been removed");
}

static void
on_request (void *data, uint32_t conditions)
{
  IvshmemPluginInstance *self = data;
  guint64 count;

  if (read (vfio_device_get_request_fd (self->opening->vfio), &count, sizeof count) == (ssize_t) sizeof count)
    lose_device (self, "is wanted back by the kernel: it is being removed, or taken from vfio-pci");
}

/* FALSE: it is lost already. */
static gboolean
watch_removal (IvshmemPluginInstance *self)
{
  g_autoptr (GError) error = NULL;

  self->removal = pci_removal_new (self->host, self->region, PCI_SYSFS, self->opening->device->address, on_removed,
                                   self, &error);
  if (self->removal != NULL)
    return TRUE;
  if (pci_error_status (error) != IVSHMEM_PLUGIN_NOT_SUPPORTED)
    {
      self->host->lost (self->region, pci_error_status (error), error->message);
      return FALSE;
    }
  if (self->opening->vfio == NULL)
    self->host->log (self->region, IVSHMEM_PLUGIN_LOG_NOTICE, error->message);
  return TRUE;
}

static gboolean
watch_requests (IvshmemPluginInstance *self)
{
  const int fd = self->opening->vfio != NULL ? vfio_device_get_request_fd (self->opening->vfio) : -1;
  IvshmemPluginStatus status = IVSHMEM_PLUGIN_OK;

  if (fd >= 0)
    status = self->host->watch (self->region, fd, IVSHMEM_PLUGIN_READABLE, on_request, self, &self->request_watch);
  if (status < 0)
    self->host->lost (self->region, status, "nobody can be told when the kernel wants the device back");
  return status >= 0;
}

/* --- closing --- */

static void
close_device (void *data)
{
  IvshmemPluginInstance *self = data;
  g_autoptr (GError) error = NULL;

  if (!pci_opening_close (self->opening, &error))
    self->host->log (self->region, IVSHMEM_PLUGIN_LOG_WARNING, error->message);
}

static void
on_closed (void *data)
{
  IvshmemPluginInstance *self = data;

  self->host->detached (self->region);
}

/* Off the main thread, as it was opened. FALSE: there is nothing to wait for. */
static gboolean
start_closing (IvshmemPluginInstance *self)
{
  if (self->opening == NULL)
    return FALSE;
  if (self->host->run (self->region, close_device, on_closed, self) >= 0)
    return TRUE;
  close_device (self);
  return FALSE;
}

/* --- opening --- */

static void
open_device (void *data)
{
  IvshmemPluginInstance *self = data;

  self->opening = pci_opening_new (self->host, self->region, self->match, self->access, self->memory, &self->error);
}

static void
tell_choices (IvshmemPluginInstance *self)
{
  const PciOpening *opening = self->opening;

  if (self->match == NULL)
    self->host->resolved (self->region, "device", opening->device->address);
  if (self->says_access)
    self->host->resolved (self->region, "access", opening->vfio != NULL ? "vfio" : "sysfs");
  if (self->says_memory)
    self->host->resolved (self->region, "memory", opening->write_combined ? "wc" : "uc");
}

static void
tell_limitation (IvshmemPluginInstance *self)
{
  if (self->opening->limitation == NULL)
    return;
  self->host->log (self->region, IVSHMEM_PLUGIN_LOG_NOTICE, self->opening->limitation);
  self->host->limited (self->region, self->opening->limitation);
}

static void
on_opened (void *data)
{
  IvshmemPluginInstance *self = data;

  self->under_way = FALSE;
  if (self->stopped)
    {
      if (!start_closing (self))
        self->host->detached (self->region);
      return;
    }
  if (self->opening == NULL)
    {
      self->host->lost (self->region, pci_error_status (self->error), self->error->message);
      return;
    }
  tell_choices (self);
  if (!watch_removal (self) || !watch_requests (self))
    return;
  if (self->host->memory_ready (self->region) >= 0)
    tell_limitation (self);
}

static IvshmemPluginStatus
refuse_option (IvshmemPluginInstance *self, const char *option, const char *text, const char *choice)
{
  g_autofree char *message = g_strdup_printf ("%s=%s: it is %s", option, text, choice);

  return self->host->fail (self->region, IVSHMEM_PLUGIN_INVALID_ARGUMENT, message);
}

static IvshmemPluginStatus
read_options (IvshmemPluginInstance *self, const IvshmemPluginValue *values)
{
  const IvshmemPluginValue *access = &values[OPTION_ACCESS], *memory = &values[OPTION_MEMORY];
  g_autoptr (GError) error = NULL;
  PciMatch match;

  if (values[OPTION_DEVICE].present)
    self->match = g_strdup (values[OPTION_DEVICE].text);
  if (!pci_match_parse (self->match, &match, &error))
    return self->host->fail (self->region, pci_error_status (error), error->message);
  self->says_access = !access->given;
  self->says_memory = !memory->given;
  if (!pci_access_parse (access->text, &self->access))
    return refuse_option (self, "access", access->text, "auto, vfio or sysfs");
  if (!pci_memory_parse (memory->text, &self->memory))
    return refuse_option (self, "memory", memory->text, "auto, wc or uc");
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
create (const IvshmemPluginHost *host, IvshmemPluginRegion *region, const char *name,
        const IvshmemPluginValue *values, uint32_t n_values, IvshmemPluginInstance **instance)
{
  IvshmemPluginInstance *self = g_new0 (IvshmemPluginInstance, 1);
  IvshmemPluginStatus status;

  self->host = host;
  self->region = region;
  status = n_values < N_OPTIONS ? IVSHMEM_PLUGIN_INTERNAL : read_options (self, values);
  if (status >= 0)
    status = host->run (region, open_device, on_opened, self);
  if (status < 0)
    {
      destroy (self);
      return status;
    }
  self->under_way = TRUE;
  *instance = self;
  return IVSHMEM_PLUGIN_OK;
}

/* --- what the host asks --- */

static gboolean
is_there (const IvshmemPluginInstance *self)
{
  return self->opening != NULL && !self->gone;
}

static IvshmemPluginStatus
fail_gone (IvshmemPluginInstance *self)
{
  return self->host->fail (self->region, IVSHMEM_PLUGIN_REGION_LOST, "the device is gone");
}

static IvshmemPluginStatus
describe (IvshmemPluginInstance *self, IvshmemPluginDescription *out)
{
  const PciOpening *opening = self->opening;

  if (!is_there (self))
    return fail_gone (self);
  out->own_id = opening->own_id;
  out->own_vectors = opening->n_vectors;
  out->capabilities = IVSHMEM_PLUGIN_CAP_READ | IVSHMEM_PLUGIN_CAP_WRITE | IVSHMEM_PLUGIN_CAP_ATOMIC;
  if (opening->memory_fd >= 0)
    out->capabilities |= IVSHMEM_PLUGIN_CAP_MEMORY_FD;
  if (opening->registers != NULL)
    out->capabilities |= IVSHMEM_PLUGIN_CAP_RING;
  if (opening->own_id >= 0)
    out->capabilities |= IVSHMEM_PLUGIN_CAP_OWN_ID;
  if (opening->n_vectors > 0)
    out->capabilities |= IVSHMEM_PLUGIN_CAP_RECEIVE | IVSHMEM_PLUGIN_CAP_VECTOR_FD;
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
memory (IvshmemPluginInstance *self, IvshmemPluginMemory *out)
{
  const PciOpening *opening = self->opening;

  if (!is_there (self))
    return fail_gone (self);
  out->size = opening->device->bar_bytes[PCI_BAR_MEMORY];
  out->flags = opening->write_combined ? IVSHMEM_PLUGIN_MEMORY_WRITE_COMBINED : IVSHMEM_PLUGIN_MEMORY_UNCACHED;
  out->address = NULL;
  out->handle = opening->memory_fd;
  out->offset = 0;
  if (opening->memory_fd < 0)
    {
      /* Who has vfio's descriptor has the whole device. */
      out->flags |= IVSHMEM_PLUGIN_MEMORY_NO_HANDOVER;
      out->handle = vfio_device_get_fd (opening->vfio);
      out->offset = vfio_device_get_bar_offset (opening->vfio, PCI_BAR_MEMORY);
    }
  return IVSHMEM_PLUGIN_OK;
}

/* Of a ring, by whatever means. */
static IvshmemPluginStatus
check_doorbell (IvshmemPluginInstance *self, uint32_t peer, uint32_t vector)
{
  if (!is_there (self))
    return fail_gone (self);
  if (self->opening->registers == NULL)
    return self->host->fail (self->region, IVSHMEM_PLUGIN_NOT_SUPPORTED,
                             "an ivshmem-plain device has no doorbell: nobody can be rung");
  if (peer > IVSHMEM_WIRE_ID_MAX)
    return self->host->fail (self->region, IVSHMEM_PLUGIN_OUT_OF_RANGE, "peers have the ids 0 to 65535");
  if (vector > MAX_RING_VECTOR)
    return self->host->fail (self->region, IVSHMEM_PLUGIN_OUT_OF_RANGE,
                             "a guest can ring the vectors 0 to 255: QEMU takes eight bits of a larger one, and "
                             "would ring another");
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
ring (IvshmemPluginInstance *self, uint32_t peer, uint32_t vector)
{
  IvshmemPluginStatus status = check_doorbell (self, peer, vector);

  if (status < 0)
    return status;
  return pci_registers_ring (self->opening->registers, peer, vector) ? IVSHMEM_PLUGIN_OK : fail_gone (self);
}

static IvshmemPluginStatus
doorbell_handle (IvshmemPluginInstance *self, uint32_t peer, uint32_t vector, IvshmemPluginHandle *handle)
{
  IvshmemPluginStatus status = check_doorbell (self, peer, vector);
  g_autoptr (GError) error = NULL;
  int fd;

  if (status < 0)
    return status;
  if (self->opening->vfio == NULL)
    return self->host->fail (self->region, IVSHMEM_PLUGIN_NOT_SUPPORTED,
                             "only by access=vfio can a descriptor ring: use Ring");
  fd = vfio_device_open_doorbell (self->opening->vfio, PCI_BAR_REGISTERS, PCI_DOORBELL, pci_doorbell_value (peer, vector),
                                  &error);
  if (fd < 0)
    return self->host->fail (self->region, pci_error_status (error), error->message);
  *handle = fd;
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
vector_handle (IvshmemPluginInstance *self, uint32_t vector, IvshmemPluginHandle *handle)
{
  int fd = is_there (self) && self->opening->vfio != NULL ? vfio_device_get_vector_fd (self->opening->vfio, vector)
                                                          : -1;

  if (fd < 0)
    return self->host->fail (self->region, IVSHMEM_PLUGIN_NOT_FOUND, "there is no such vector");
  *handle = fd;
  return IVSHMEM_PLUGIN_OK;
}

/* Whether the daemon starts again or not: only this one knows what the device
 * had before it was bound. */
static IvshmemPluginStatus
detach (IvshmemPluginInstance *self, uint32_t keep)
{
  self->stopped = TRUE;
  unwatch_end (self);
  /* What is being opened is closed when it is open. */
  return self->under_way || start_closing (self) ? IVSHMEM_PLUGIN_PENDING : IVSHMEM_PLUGIN_OK;
}

static const IvshmemPluginOption options[N_OPTIONS] = {
  [OPTION_DEVICE] = {
      .struct_size = sizeof (IvshmemPluginOption),
      .type = IVSHMEM_PLUGIN_TEXT,
      .name = "device",
      .description = "which one: a PCI address, size:BYTES or index:N; not needed when there is one",
  },
  [OPTION_ACCESS] = {
      .struct_size = sizeof (IvshmemPluginOption),
      .type = IVSHMEM_PLUGIN_TEXT,
      .name = "access",
      .default_text = "auto",
      .description = "the way in: vfio (with interrupts), sysfs (without), or auto: the best that is open",
  },
  [OPTION_MEMORY] = {
      .struct_size = sizeof (IvshmemPluginOption),
      .type = IVSHMEM_PLUGIN_TEXT,
      .name = "memory",
      .default_text = "auto",
      .description = "how it is mapped: wc (write-combined), uc (uncached), or auto: wc where it can be had",
  },
};

static const IvshmemPluginOps ops = {
  .struct_size = sizeof (IvshmemPluginOps),
  .probe = guest_linux_probe,
  .monitor_open = pci_monitor_open,
  .monitor_take = pci_monitor_take,
  .monitor_close = pci_monitor_close,
  .create = create,
  .describe = describe,
  .memory = memory,
  .ring = ring,
  .vector_handle = vector_handle,
  .detach = detach,
  .destroy = destroy,
  .doorbell_handle = doorbell_handle,
};

const IvshmemPlugin ivshmem_plugin_v1 = {
  .struct_size = sizeof (IvshmemPlugin),
  .abi_minor = IVSHMEM_PLUGIN_ABI_MINOR,
  .min_host_minor = 1, /* guarded() */
  .name = "guest-linux",
  .version = IVD_VERSION,
  .license = "LGPL-3.0-or-later",
  .description = "the ivshmem device of this machine, a guest of QEMU's: memory and interrupts",
  .capabilities = IVSHMEM_PLUGIN_CAP_READ | IVSHMEM_PLUGIN_CAP_WRITE | IVSHMEM_PLUGIN_CAP_ATOMIC
                  | IVSHMEM_PLUGIN_CAP_RING | IVSHMEM_PLUGIN_CAP_RECEIVE | IVSHMEM_PLUGIN_CAP_OWN_ID
                  | IVSHMEM_PLUGIN_CAP_MEMORY_FD | IVSHMEM_PLUGIN_CAP_VECTOR_FD,
  .options = options,
  .n_options = N_OPTIONS,
  .option_size = sizeof (IvshmemPluginOption),
  .ops = &ops,
};
