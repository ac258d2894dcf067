/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/monitor.h"

#include "guest-linux/error.h"
#include "guest-linux/uevents.h"

struct IvshmemPluginMonitor
{
  PciUevents *uevents;
};

IvshmemPluginStatus
pci_monitor_open (const IvshmemPluginHost *host, IvshmemPluginMonitor **monitor, IvshmemPluginHandle *handle)
{
  g_autoptr (GError) error = NULL;
  PciUevents *uevents = pci_uevents_new (PCI_UEVENTS_OF_UDEV, &error);

  if (uevents == NULL)
    {
      host->log (NULL, IVSHMEM_PLUGIN_LOG_NOTICE, error->message);
      return pci_error_status (error);
    }
  *monitor = g_new0 (IvshmemPluginMonitor, 1);
  (*monitor)->uevents = uevents;
  *handle = pci_uevents_get_fd (uevents);
  return IVSHMEM_PLUGIN_OK;
}

/* A neighbour's driver can close a group of the IOMMU to us, or open it. */
static gboolean
concerns_us (const PciUevent *event)
{
  return event->is_ivshmem || event->is_binding || event->address[0] == '\0';
}

uint32_t
pci_monitor_take (IvshmemPluginMonitor *monitor)
{
  PciUeventsResult result = PCI_UEVENTS_ONE;
  gboolean concerned = FALSE;
  PciUevent event;

  for (guint i = 0; i < PCI_UEVENTS_AT_ONCE && result != PCI_UEVENTS_NONE; i++)
    {
      result = pci_uevents_take (monitor->uevents, &event);
      if (result == PCI_UEVENTS_MISSED || (result == PCI_UEVENTS_ONE && concerns_us (&event)))
        concerned = TRUE;
    }
  return concerned;
}

void
pci_monitor_close (IvshmemPluginMonitor *monitor)
{
  pci_uevents_free (monitor->uevents);
  g_free (monitor);
}
