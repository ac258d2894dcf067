/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/binding.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "guest-linux/error.h"
#include "guest-linux/witness.h"

struct _PciBinding
{
  char *sysfs;
  char *address;
  char *driver;          /* that it had; NULL: none */
  char *driver_override; /* that it had; NULL: none */
  int witness;           /* a file of this very device, whatever is at its address later */
};

/* --- writing to sysfs --- */

/* One write, as attributes want it. FALSE and errno. */
static gboolean
write_file (const char *path, const char *text)
{
  pci_autofd int fd = open (path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  const gsize length = strlen (text);
  int saved;
  gboolean good;

  if (fd < 0)
    return FALSE;
  good = write (fd, text, length) == (ssize_t) length;
  saved = errno;
  pci_close (&fd);
  errno = saved;
  return good;
}

static gboolean
set_override (const PciBinding *binding, const char *driver)
{
  g_autofree char *path = pci_device_path (binding->sysfs, binding->address, "driver_override");
  g_autofree char *line = g_strdup_printf ("%s\n", driver != NULL ? driver : "");

  return write_file (path, line);
}

static gboolean
tell_driver (const PciBinding *binding, const char *driver, const char *what)
{
  g_autofree char *path = g_build_filename (binding->sysfs, "bus/pci/drivers", driver, what, NULL);

  return write_file (path, binding->address);
}

/* The kernel looks for the driver that fits. */
static gboolean
probe_drivers (const PciBinding *binding)
{
  g_autofree char *path = g_build_filename (binding->sysfs, "bus/pci/drivers_probe", NULL);

  return write_file (path, binding->address);
}

/* --- binding --- */

static gboolean
has_vfio (const char *sysfs, GError **error)
{
  g_autofree char *path = g_build_filename (sysfs, "bus/pci/drivers", PCI_DRIVER_VFIO, NULL);

  if (g_file_test (path, G_FILE_TEST_IS_DIR))
    return TRUE;
  g_set_error_literal (error, PCI_ERROR, IVSHMEM_PLUGIN_NOT_SUPPORTED,
                       "the driver vfio-pci is not there: load it with modprobe vfio-pci");
  return FALSE;
}

static gboolean
refuse (const PciBinding *binding, const char *what, GError **error)
{
  if (errno == EACCES || errno == EPERM || errno == EROFS)
    pci_error_set_errno (error, errno,
                         "%s cannot be %s: the udev rule 60-ivshmemd.rules binds it without the daemon, or as "
                         "root: driverctl set-override %s vfio-pci",
                         binding->address, what, binding->address);
  else
    pci_error_set_errno (error, errno, "%s cannot be %s", binding->address, what);
  return FALSE;
}

static gboolean
bind (const PciBinding *binding, GError **error)
{
  g_autoptr (PciDevice) now = NULL;

  if (!set_override (binding, PCI_DRIVER_VFIO))
    return refuse (binding, "given to vfio-pci", error);
  if (binding->driver != NULL && !tell_driver (binding, binding->driver, "unbind"))
    return refuse (binding, "taken from its driver", error);
  if (!probe_drivers (binding))
    return refuse (binding, "bound to vfio-pci", error);
  now = pci_device_read (binding->sysfs, binding->address, error);
  if (now == NULL)
    return FALSE;
  if (g_strcmp0 (now->driver, PCI_DRIVER_VFIO) == 0)
    return TRUE;
  g_set_error (error, PCI_ERROR, IVSHMEM_PLUGIN_BUSY,
               "vfio-pci did not take %s (it has %s now): the kernel's log says why", binding->address,
               now->driver != NULL ? now->driver : "no driver");
  return FALSE;
}

static PciBinding *
binding_new (const char *sysfs, const PciDevice *device, GError **error)
{
  const int witness = pci_witness_open (sysfs, device->address, error);
  PciBinding *binding;

  if (witness < 0)
    return NULL;
  binding = g_new0 (PciBinding, 1);
  binding->sysfs = g_strdup (sysfs);
  binding->address = g_strdup (device->address);
  binding->driver = g_strdup (device->driver);
  binding->driver_override = g_strdup (device->driver_override);
  binding->witness = witness;
  return binding;
}

gboolean
pci_binding_take (const char *sysfs, const PciDevice *device, PciBinding **ret_binding, GError **error)
{
  g_autoptr (PciBinding) binding = NULL;

  if (g_strcmp0 (device->driver, PCI_DRIVER_VFIO) == 0)
    {
      *ret_binding = NULL;
      return TRUE;
    }
  if (!has_vfio (sysfs, error))
    return FALSE;
  binding = binding_new (sysfs, device, error);
  if (binding == NULL)
    return FALSE;
  if (!bind (binding, error))
    {
      (void) !pci_binding_restore (g_steal_pointer (&binding), NULL);
      return FALSE;
    }
  *ret_binding = g_steal_pointer (&binding);
  return TRUE;
}

/* --- giving it back --- */

static gboolean
give_back (const PciBinding *binding, const char *driver_now)
{
  if (!set_override (binding, binding->driver_override))
    return FALSE;
  if (g_strcmp0 (driver_now, PCI_DRIVER_VFIO) == 0 && !tell_driver (binding, PCI_DRIVER_VFIO, "unbind"))
    return FALSE;
  return binding->driver == NULL || g_strcmp0 (driver_now, binding->driver) == 0 || probe_drivers (binding);
}

gboolean
pci_binding_restore (PciBinding *take_binding, GError **error)
{
  g_autoptr (PciBinding) binding = take_binding;
  g_autoptr (PciDevice) now = NULL;

  /* Another one at its address was never ours to give. */
  if (pci_witness_is_gone (binding->witness))
    return TRUE;
  now = pci_device_read (binding->sysfs, binding->address, NULL);
  if (now == NULL || give_back (binding, now->driver))
    return TRUE;
  return refuse (binding, "given back to the driver it had", error);
}

void
pci_binding_free (PciBinding *binding)
{
  if (binding == NULL)
    return;
  g_free (binding->sysfs);
  g_free (binding->address);
  g_free (binding->driver);
  g_free (binding->driver_override);
  pci_close (&binding->witness);
  g_free (binding);
}
