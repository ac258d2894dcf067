/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Two sayings must agree: the kernel's event, which names the address, and the
 * device's witness (witness.h). So an event that was lost, or that came for the
 * one before, does no harm.
 */
#include "config.h"

#include "guest-linux/removal.h"

#include <string.h>

#include "guest-linux/error.h"
#include "guest-linux/uevents.h"
#include "guest-linux/witness.h"

struct _PciRemoval
{
  const IvshmemPluginHost *host;
  IvshmemPluginRegion *region;
  char *address;
  PciRemovalFunc func;
  void *data;

  PciUevents *uevents;
  int witness;
  uint64_t watch; /* 0: not watched (any more) */
};

static gboolean
take_events (PciRemoval *self)
{
  PciUeventsResult result = PCI_UEVENTS_ONE;
  gboolean look = FALSE;
  PciUevent event;

  for (guint i = 0; i < PCI_UEVENTS_AT_ONCE && result != PCI_UEVENTS_NONE; i++)
    {
      result = pci_uevents_take (self->uevents, &event);
      if (result == PCI_UEVENTS_MISSED)
        look = TRUE;
      else if (result == PCI_UEVENTS_ONE && event.is_removal && strcmp (event.address, self->address) == 0)
        look = TRUE;
    }
  return look;
}

static void
on_ready (void *data, uint32_t conditions)
{
  PciRemoval *self = data;

  if (!take_events (self) || !pci_witness_is_gone (self->witness))
    return;
  self->host->unwatch (self->region, self->watch);
  self->watch = 0;
  self->func (self->data);
}

PciRemoval *
pci_removal_new (const IvshmemPluginHost *host, IvshmemPluginRegion *region, const char *sysfs, const char *address,
                 PciRemovalFunc func, void *data, GError **error)
{
  g_autoptr (PciRemoval) self = g_new0 (PciRemoval, 1);
  IvshmemPluginStatus status;

  *self = (PciRemoval){ .host = host, .region = region, .func = func, .data = data, .witness = -1 };
  self->address = g_strdup (address);
  /* In this order: what is removed after the first line is heard of. */
  self->uevents = pci_uevents_new (PCI_UEVENTS_OF_KERNEL, error);
  if (self->uevents == NULL)
    return NULL;
  self->witness = pci_witness_open (sysfs, address, error);
  if (self->witness < 0)
    return NULL;
  status = host->watch (region, pci_uevents_get_fd (self->uevents), IVSHMEM_PLUGIN_READABLE, on_ready, self,
                        &self->watch);
  if (status != IVSHMEM_PLUGIN_OK)
    {
      g_set_error (error, PCI_ERROR, status, "the removal of device %s cannot be waited for", address);
      return NULL;
    }
  return g_steal_pointer (&self);
}

void
pci_removal_free (PciRemoval *self)
{
  if (self == NULL)
    return;
  if (self->watch != 0)
    self->host->unwatch (self->region, self->watch);
  pci_close (&self->witness);
  pci_uevents_free (self->uevents);
  g_free (self->address);
  g_free (self);
}
