/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/way.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest-linux/sysfs.h"

#define REMEDY_IOMMU                                                                              \
  "start QEMU with -machine q35 and -device intel-iommu,intremap=on before its other devices "    \
  "(under KVM also kernel-irqchip=split; on Arm -machine virt,iommu=smmuv3), and boot the guest " \
  "with intel_iommu=on"
#define REMEDY_UDEV \
  "install ivshmemd's udev rules, which give it to the daemon's user, or run as a user who may"
#define REMEDY_READ_ONLY "give the service the drop-in guest-sysfs.conf, with this device's address in it"
#define REMEDY_WINDOW                                                               \
  "make the region smaller, or the guest's 64-bit PCI window larger, as by QEMU's " \
  "-global q35-pcihost.pci-hole64-size=64G"
#define REMEDY_DEVICE "use an ivshmem-plain or ivshmem-doorbell of QEMU 2.6 or later"

const char *const pci_way_names[PCI_N_WAYS] = {
  [PCI_WAY_VFIO] = "vfio",
  [PCI_WAY_SYSFS] = "sysfs",
  [PCI_WAY_NO_IOMMU] = "vfio-noiommu",
  [PCI_WAY_IOMMUFD] = "iommufd",
};

/* What a look at one device has at hand. */
typedef struct
{
  const PciMachine *machine;
  const PciDevice *device;
  const char *sysfs, *dev;
} Look;

/* remedy: NULL: nothing can be done. */
static void G_GNUC_PRINTF (3, 4) close_way (PciWay *way, const char *remedy, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  way->reason = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  way->remedy = g_strdup (remedy);
}

/* A file that is needed, and that number keeps us from. */
static void
close_for_access (PciWay *way, const char *path, int number)
{
  struct stat info;

  if (number == EROFS)
    close_way (way, REMEDY_READ_ONLY, "%s is on a file system that is read-only for this process", path);
  else if (number == ENOENT)
    close_way (way, "give this container or service the file, if that is where the daemon runs",
               "%s is not there", path);
  else if (stat (path, &info) == 0)
    close_way (way, REMEDY_UDEV, "user %u may not open %s, which belongs to user %u and group %u, mode 0%o",
               (guint) geteuid (), path, info.st_uid, info.st_gid, info.st_mode & 0777);
  else
    close_way (way, REMEDY_UDEV, "user %u may not open %s", (guint) geteuid (), path);
}

/* Enabling a device asks for the capability besides the right to the file. */
static gboolean
is_administrator (void)
{
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

  if (syscall (SYS_capget, &header, data) < 0)
    return FALSE;
  return (data[CAP_TO_INDEX (CAP_SYS_ADMIN)].effective & CAP_TO_MASK (CAP_SYS_ADMIN)) != 0;
}

static gboolean
close_for_bars (PciWay *way, const PciDevice *device)
{
  g_autofree char *fault = pci_device_explain_bars (device);
  gboolean unassigned = device->bar_bytes[PCI_BAR_MEMORY] == 0 || device->bar_bytes[PCI_BAR_REGISTERS] == 0
                        || device->unassigned != 0;

  if (fault != NULL)
    close_way (way, unassigned ? REMEDY_WINDOW : REMEDY_DEVICE, "%s", fault);
  return fault != NULL;
}

/* --- vfio behind an IOMMU --- */

static void
close_for_no_iommu (PciWay *way, const PciMachine *machine)
{
  if (machine->has_iommu)
    close_way (way, "name -device intel-iommu before the other devices on QEMU's command line",
               "this machine's IOMMU does not cover the device");
  else if (machine->has_iommu_table)
    close_way (way, "boot the guest with intel_iommu=on",
               "this machine has an IOMMU, but its kernel does not use it");
  else
    close_way (way, REMEDY_IOMMU, "this machine has no IOMMU");
}

/* vfio itself, whatever the device. */
static gboolean
close_for_vfio (PciWay *way, const Look *look)
{
  g_autofree char *container = g_build_filename (look->dev, "vfio/vfio", NULL);
  int number;

  if (!look->machine->has_vfio)
    close_way (way, "run `modprobe vfio-pci`, and name vfio-pci in a file of /etc/modules-load.d",
               "the kernel module vfio-pci is not loaded");
  else if (!look->machine->has_type1)
    close_way (way, "run `modprobe vfio_iommu_type1`, and name it in a file of /etc/modules-load.d",
               "the kernel module vfio_iommu_type1 is not loaded");
  else if ((number = pci_sysfs_check_access (container, R_OK | W_OK)) != 0)
    close_for_access (way, container, number);
  else
    return FALSE;
  return TRUE;
}

gboolean
pci_way_may_bind (const PciDevice *device, const char *sysfs)
{
  g_autofree char *override = pci_device_path (sysfs, device->address, "driver_override");
  g_autofree char *probe = g_build_filename (sysfs, "bus/pci/drivers_probe", NULL);
  g_autofree char *unbind = pci_device_path (sysfs, device->address, "driver/unbind");
  gboolean taken = device->driver != NULL && !g_str_equal (device->driver, PCI_DRIVER_VFIO);

  return pci_sysfs_check_access (override, W_OK) == 0 && pci_sysfs_check_access (probe, W_OK) == 0
         && (!taken || pci_sysfs_check_access (unbind, W_OK) == 0);
}

static gboolean
close_for_driver (PciWay *way, const Look *look)
{
  const PciDevice *device = look->device;
  g_autofree char *remedy = NULL;

  if (g_strcmp0 (device->driver, PCI_DRIVER_VFIO) == 0)
    return FALSE;
  if (device->driver != NULL)
    {
      remedy = g_strdup_printf ("if nothing uses it, take it away: echo %s > %s/bus/pci/drivers/%s/unbind",
                                device->address, look->sysfs, device->driver);
      close_way (way, remedy, "the device belongs to the driver %s, and must be vfio-pci's", device->driver);
      return TRUE;
    }
  if (device->driver_override != NULL && !g_str_equal (device->driver_override, PCI_DRIVER_VFIO))
    {
      remedy = g_strdup_printf ("if that is not wanted: echo > %s/bus/pci/devices/%s/driver_override",
                                look->sysfs, device->address);
      close_way (way, remedy, "its driver_override keeps the device for the driver %s",
                 device->driver_override);
      return TRUE;
    }
  if (pci_way_may_bind (device, look->sysfs))
    return FALSE;
  remedy = g_strdup_printf ("install ivshmemd's udev rules, which bind it, or as root: "
                            "echo vfio-pci > %s/bus/pci/devices/%s/driver_override; "
                            "echo %s > %s/bus/pci/drivers_probe",
                            look->sysfs, device->address, device->address, look->sysfs);
  close_way (way, remedy, "the device has no driver, and user %u may not bind it to vfio-pci",
             (guint) geteuid ());
  return TRUE;
}

gboolean
pci_way_is_blocker (const PciGroupMember *member)
{
  /* Those that do no DMA of their own, and vfio's own kin, are none. */
  return member->driver != NULL && !member->is_bridge && !g_str_equal (member->driver, "pci-stub")
         && !g_str_equal (member->driver, "pcieport") && strstr (member->driver, "vfio") == NULL;
}

const PciGroupMember *
pci_way_find_blocker (const PciDevice *device)
{
  for (guint i = 0; i < device->group_members->len; i++)
    {
      const PciGroupMember *member = g_ptr_array_index (device->group_members, i);

      if (pci_way_is_blocker (member))
        return member;
    }
  return NULL;
}

/* Our udev rules give away no group that holds anything else. */
static gboolean
is_alone (const PciDevice *device)
{
  for (guint i = 0; i < device->group_members->len; i++)
    if (!((const PciGroupMember *) g_ptr_array_index (device->group_members, i))->is_bridge)
      return FALSE;
  return TRUE;
}

static gboolean
close_for_group (PciWay *way, const Look *look)
{
  const PciGroupMember *blocker = pci_way_find_blocker (look->device);
  g_autofree char *name = g_strdup_printf ("%d", look->device->iommu_group);
  g_autofree char *path = g_build_filename (look->dev, "vfio", name, NULL);
  g_autofree char *remedy = NULL;
  int number;

  if (blocker != NULL)
    {
      remedy
          = g_strdup_printf ("put the ivshmem device on pcie.0 or alone behind a bridge of its own, or take "
                             "the driver %s from %s",
                             blocker->driver, blocker->address);
      close_way (way, remedy, "%s of the same IOMMU group %d has the driver %s, which keeps vfio out",
                 blocker->address, look->device->iommu_group, blocker->driver);
      return TRUE;
    }
  number = pci_sysfs_check_access (path, R_OK | W_OK);
  /* It comes with the first device that is bound. */
  if (number == 0 || (number == ENOENT && look->device->driver == NULL))
    return FALSE;
  close_for_access (way, path, number);
  if (number == EACCES && !is_alone (look->device))
    {
      g_free (way->remedy);
      way->remedy = g_strdup ("put the ivshmem device on pcie.0 or alone behind a bridge of its own, since "
                              "ivshmemd's udev rules give no group away that holds others, or run as a user "
                              "who may");
    }
  return TRUE;
}

static void
look_at_vfio (PciWay *way, const Look *look)
{
  way->has_interrupts = pci_device_is_doorbell (look->device);
  if (close_for_bars (way, look->device))
    return;
  if (look->device->iommu_group < 0 || look->device->group_is_pretended)
    close_for_no_iommu (way, look->machine);
  else
    way->open = !close_for_vfio (way, look) && !close_for_driver (way, look) && !close_for_group (way, look);
}

/* --- sysfs --- */

static gboolean
close_for_resource (PciWay *way, const Look *look, guint bar)
{
  g_autofree char *name = g_strdup_printf ("resource%u", bar);
  g_autofree char *path = pci_device_path (look->sysfs, look->device->address, name);
  int number = pci_sysfs_check_access (path, R_OK | W_OK);

  if (number == 0)
    return FALSE;
  if (number == ENOENT)
    close_way (way, NULL, "this kernel gives no file %s", path);
  else
    close_for_access (way, path, number);
  return TRUE;
}

static gboolean
close_for_disabled (PciWay *way, const Look *look)
{
  g_autofree char *path = pci_device_path (look->sysfs, look->device->address, "enable");
  g_autofree char *remedy = NULL;
  int number;

  if (look->device->enabled)
    return FALSE;
  if (look->device->driver != NULL)
    {
      close_way (way, "use vfio, or take the driver away from it",
                 "the device does not answer memory accesses, and only its driver %s can make it",
                 look->device->driver);
      return TRUE;
    }
  number = pci_sysfs_check_access (path, W_OK);
  if (number == 0 && is_administrator ())
    return FALSE;
  if (number != 0 && number != EACCES)
    {
      close_for_access (way, path, number);
      return TRUE;
    }
  remedy = g_strdup_printf ("as root: echo 1 > %s (ivshmemd's udev rules do it)", path);
  close_way (way, remedy, "the device does not answer memory accesses, and enabling it takes CAP_SYS_ADMIN");
  return TRUE;
}

static void
look_at_sysfs (PciWay *way, const Look *look)
{
  gboolean has_group = look->device->iommu_group >= 0 && !look->device->group_is_pretended;

  if (close_for_bars (way, look->device))
    return;
  if (look->machine->locked_down)
    {
      close_way (way,
                 has_group
                     ? "use vfio, which lockdown leaves open"
                     : "give the guest an IOMMU and use vfio, or boot it without lockdown= and Secure Boot",
                 "the kernel is locked down (%s): no program may map PCI memory through sysfs",
                 look->machine->lockdown);
      return;
    }
  way->open = !close_for_resource (way, look, PCI_BAR_MEMORY)
              && !(pci_device_is_doorbell (look->device) && close_for_resource (way, look, PCI_BAR_REGISTERS))
              && !close_for_disabled (way, look);
}

/* --- what is not built yet --- */

static void
look_at_no_iommu (PciWay *way, const PciMachine *machine)
{
  const char *instead = "use vfio with an IOMMU";

  if (!machine->has_vfio_module)
    close_way (way, instead, "the kernel module vfio is not loaded, and ivshmemd has not built this way yet");
  else if (!machine->has_no_iommu)
    close_way (way, instead,
               "this kernel's vfio cannot do without an IOMMU (CONFIG_VFIO_NOIOMMU is not set)");
  else if (!machine->no_iommu_on)
    close_way (way, instead,
               "vfio's enable_unsafe_noiommu_mode is off, and ivshmemd has not built this way yet");
  else
    close_way (way, instead, "vfio could do without an IOMMU here, but ivshmemd has not built this way yet");
}

static void
look_at_iommufd (PciWay *way, const PciMachine *machine)
{
  if (machine->has_iommufd)
    close_way (way, "use vfio by its groups",
               "the kernel has /dev/iommu, but ivshmemd has not built this way yet");
  else
    close_way (way, "use vfio by its groups", "the kernel has no /dev/iommu");
}

void
pci_ways_read (PciWay ways[PCI_N_WAYS], const PciMachine *machine, const PciDevice *device, const char *sysfs,
               const char *dev)
{
  const Look look = { .machine = machine, .device = device, .sysfs = sysfs, .dev = dev };

  memset (ways, 0, PCI_N_WAYS * sizeof *ways);
  look_at_vfio (&ways[PCI_WAY_VFIO], &look);
  look_at_sysfs (&ways[PCI_WAY_SYSFS], &look);
  look_at_no_iommu (&ways[PCI_WAY_NO_IOMMU], machine);
  look_at_iommufd (&ways[PCI_WAY_IOMMUFD], machine);
}

void
pci_ways_clear (PciWay ways[PCI_N_WAYS])
{
  for (guint i = 0; i < PCI_N_WAYS; i++)
    {
      g_free (ways[i].reason);
      g_free (ways[i].remedy);
    }
  memset (ways, 0, PCI_N_WAYS * sizeof *ways);
}

gint
pci_ways_best (const PciWay ways[PCI_N_WAYS])
{
  if (ways[PCI_WAY_VFIO].open && ways[PCI_WAY_VFIO].has_interrupts)
    return PCI_WAY_VFIO;
  if (ways[PCI_WAY_SYSFS].open)
    return PCI_WAY_SYSFS;
  return ways[PCI_WAY_VFIO].open ? PCI_WAY_VFIO : -1;
}

char *
pci_ways_explain_interrupts (const PciWay ways[PCI_N_WAYS], const PciDevice *device)
{
  const PciWay *vfio = &ways[PCI_WAY_VFIO];

  if (!pci_device_is_doorbell (device))
    return g_strdup ("no interrupts: it is an ivshmem-plain, which has none by its nature");
  if (vfio->open)
    return NULL;
  return g_strdup_printf ("no interrupts, which come through vfio only: %s%s%s", vfio->reason,
                          vfio->remedy != NULL ? "; " : "", vfio->remedy != NULL ? vfio->remedy : "");
}
