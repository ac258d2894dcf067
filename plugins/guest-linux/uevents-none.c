/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Built without libudev: nothing is heard. */
#include "config.h"

#include "guest-linux/error.h"
#include "guest-linux/uevents.h"

PciUevents *
pci_uevents_new (PciUeventSource source, GError **error)
{
  g_set_error_literal (error, PCI_ERROR, IVSHMEM_PLUGIN_NOT_SUPPORTED,
                       "devices that come and go are not noticed: the plugin was built without libudev");
  return NULL;
}

void
pci_uevents_free (PciUevents *self)
{
}

int
pci_uevents_get_fd (PciUevents *self)
{
  return -1;
}

PciUeventsResult
pci_uevents_take (PciUevents *self, PciUevent *ret_event)
{
  return PCI_UEVENTS_NONE;
}
