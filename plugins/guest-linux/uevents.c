/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/uevents.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <libudev.h>

#include "guest-linux/error.h"

#define UDEV_RUNS "/run/udev/control"
#define IVSHMEM_ID "1AF4:1110"

struct _PciUevents
{
  struct udev *udev;
  struct udev_monitor *monitor;
};

static gboolean
listen_to (PciUevents *self, const char *source)
{
  self->monitor = udev_monitor_new_from_netlink (self->udev, source);
  return self->monitor != NULL
         && udev_monitor_filter_add_match_subsystem_devtype (self->monitor, "pci", NULL) >= 0
         && udev_monitor_filter_add_match_subsystem_devtype (self->monitor, "vfio", NULL) >= 0
         && udev_monitor_enable_receiving (self->monitor) >= 0;
}

PciUevents *
pci_uevents_new (PciUeventSource source, GError **error)
{
  g_autoptr (PciUevents) self = g_new0 (PciUevents, 1);
  const gboolean by_udev = source == PCI_UEVENTS_OF_UDEV && access (UDEV_RUNS, F_OK) == 0;

  errno = 0;
  self->udev = udev_new ();
  if (self->udev != NULL && listen_to (self, by_udev ? "udev" : "kernel"))
    return g_steal_pointer (&self);
  pci_error_set_errno (error, errno != 0 ? errno : EIO, "the kernel's device events cannot be heard");
  return NULL;
}

void
pci_uevents_free (PciUevents *self)
{
  if (self == NULL)
    return;
  if (self->monitor != NULL)
    udev_monitor_unref (self->monitor);
  if (self->udev != NULL)
    udev_unref (self->udev);
  g_free (self);
}

int
pci_uevents_get_fd (PciUevents *self)
{
  return udev_monitor_get_fd (self->monitor);
}

/* A removed device has no folder any more: all that is known is in the event. */
static void
describe (struct udev_device *device, PciUevent *ret_event)
{
  const char *action = udev_device_get_action (device);
  const char *subsystem = udev_device_get_subsystem (device);
  const char *address = udev_device_get_property_value (device, "PCI_SLOT_NAME");
  const char *id = udev_device_get_property_value (device, "PCI_ID");

  *ret_event = (PciUevent){
    .is_ivshmem = id != NULL && g_ascii_strcasecmp (id, IVSHMEM_ID) == 0,
    .is_removal = g_strcmp0 (action, "remove") == 0,
    .is_binding = g_strcmp0 (action, "bind") == 0 || g_strcmp0 (action, "unbind") == 0,
  };
  if (g_strcmp0 (subsystem, "pci") == 0)
    g_strlcpy (ret_event->address, address != NULL ? address : udev_device_get_sysname (device),
               sizeof ret_event->address);
}

PciUeventsResult
pci_uevents_take (PciUevents *self, PciUevent *ret_event)
{
  struct udev_device *device;

  errno = 0;
  device = udev_monitor_receive_device (self->monitor);
  if (device != NULL)
    {
      describe (device, ret_event);
      udev_device_unref (device);
      return PCI_UEVENTS_ONE;
    }
  /* What is no good (somebody else's message, one without a path) has been
   * taken as well: there may be more behind it. */
  return errno == 0 || errno == EAGAIN || errno == EINTR ? PCI_UEVENTS_NONE : PCI_UEVENTS_MISSED;
}
