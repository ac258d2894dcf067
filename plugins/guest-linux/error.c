/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/error.h"

#include <errno.h>
#include <unistd.h>

GQuark
pci_error_quark (void)
{
  /* Not the static variant: GLib would keep a pointer into this module. */
  return g_quark_from_string ("ivshmem-guest-linux");
}

static IvshmemPluginStatus
status_of_errno (int number)
{
  switch (number)
    {
    case ENOENT:
    case ENODEV:
    case ENXIO:
      return IVSHMEM_PLUGIN_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
      return IVSHMEM_PLUGIN_DENIED;
    case EBUSY:
      return IVSHMEM_PLUGIN_BUSY;
    case ENOSPC:
    case ENOMEM:
      return IVSHMEM_PLUGIN_NO_SPACE;
    case EMFILE:
    case ENFILE:
      return IVSHMEM_PLUGIN_LIMIT;
    default:
      return IVSHMEM_PLUGIN_IO;
    }
}

void
pci_error_set_errno (GError **error, int number, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list arguments;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, PCI_ERROR, status_of_errno (number), "%s: %s", message, g_strerror (number));
}

IvshmemPluginStatus
pci_error_status (const GError *error)
{
  return error->domain == PCI_ERROR ? (IvshmemPluginStatus) error->code : IVSHMEM_PLUGIN_INTERNAL;
}

void
pci_close (int *fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}
