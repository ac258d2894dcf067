/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-doctor.h"

#include <gio/gio.h>
#include <string.h>

#include "ctl-size.h"

#define VENDOR "0x1af4"
#define DEVICE "0x1110"
#define REVISION_OLD "0x00"
/* The line of a BAR in a device's file "resource". */
#define MEMORY_BAR 2

static gboolean
exists_below (const char *directory, const char *name)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static char *
link_name (const char *directory, const char *name)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  g_autofree char *target = g_file_read_link (path, NULL);

  return target != NULL ? g_path_get_basename (target) : NULL;
}

static guint64
memory_size (const char *directory)
{
  g_autofree char *text = ctl_doctor_read_file (directory, "resource");
  g_auto (GStrv) lines = g_strsplit (text != NULL ? text : "", "\n", -1);
  guint64 first, last;
  char *end;

  if (g_strv_length (lines) <= MEMORY_BAR)
    return 0;
  first = g_ascii_strtoull (lines[MEMORY_BAR], &end, 16);
  last = g_ascii_strtoull (end, NULL, 16);
  return last > first ? last - first + 1 : 0;
}

/* What to do where interrupts cannot be had. */
static void
check_interrupts (CtlDoctor *doctor, const char *sysfs, const char *directory, const char *name)
{
  g_autofree char *driver = link_name (directory, "driver");
  gboolean noiommu = exists_below (sysfs, "module/vfio/parameters/enable_unsafe_noiommu_mode");

  if (!exists_below (directory, "msi_irqs") && !exists_below (directory, "resource1"))
    ctl_doctor_add (doctor, CTL_FINDING_OK, name, NULL, "is an ivshmem-plain: no interrupts, by its nature");
  else if (exists_below (directory, "iommu_group"))
    ctl_doctor_add (doctor, CTL_FINDING_OK, name, NULL,
                    "is behind an IOMMU: vfio-pci can give its interrupts (driver now: %s)",
                    driver != NULL ? driver : "none");
  else if (noiommu)
    ctl_doctor_add (
        doctor, CTL_FINDING_WARNING, name,
        "give the guest an IOMMU (-device intel-iommu,intremap=on before the others), or set the parameter",
        "is behind no IOMMU: vfio gives interrupts only with vfio.enable_unsafe_noiommu_mode=1");
  else
    ctl_doctor_add (
        doctor, CTL_FINDING_WARNING, name,
        "give the guest an IOMMU (-device intel-iommu,intremap=on before the others)",
        "is behind no IOMMU, and this kernel has no vfio without one: memory can be used and doorbells "
        "can be rung, but interrupts cannot be received");
}

static void
check_lockdown (CtlDoctor *doctor, const char *sysfs, const char *name, gboolean iommu)
{
  g_autofree char *lockdown = ctl_doctor_read_file (sysfs, "kernel/security/lockdown");

  if (lockdown == NULL || strstr (lockdown, "[none]") != NULL)
    return;
  if (iommu)
    ctl_doctor_add (doctor, CTL_FINDING_WARNING, name, "use it by vfio-pci",
                    "the kernel is locked down (Secure Boot): its memory cannot be mapped by sysfs");
  else
    ctl_doctor_add (
        doctor, CTL_FINDING_PROBLEM, name,
        "give the guest an IOMMU and use vfio-pci, or boot without lockdown=",
        "the kernel is locked down (Secure Boot) and there is no IOMMU: no program can reach its memory");
}

static void
check_device (CtlDoctor *doctor, const char *sysfs, const char *directory, const char *address)
{
  g_autofree char *name = g_strdup_printf ("PCI %s", strlen (address) > 5 ? address + 5 : address);
  g_autofree char *revision = ctl_doctor_read_file (directory, "revision");
  g_autofree char *enabled = ctl_doctor_read_file (directory, "enable");
  guint64 bytes = memory_size (directory);
  g_autofree char *size = ctl_size_format (bytes);

  if (bytes == 0)
    ctl_doctor_add (doctor, CTL_FINDING_PROBLEM, name,
                    "make the region smaller, or the guest's 64-bit PCI window larger",
                    "has no address for its memory");
  else
    ctl_doctor_add (doctor, CTL_FINDING_OK, name, NULL, "is an ivshmem device of %s", size);
  if (g_strcmp0 (revision, REVISION_OLD) == 0)
    ctl_doctor_add (doctor, CTL_FINDING_WARNING, name,
                    "use ivshmem-plain or ivshmem-doorbell of QEMU 2.6 or later",
                    "is of revision 0, as before QEMU 2.6");
  if (g_strcmp0 (enabled, "0") == 0)
    ctl_doctor_add (doctor, CTL_FINDING_WARNING, name,
                    "write 1 to its file `enable` in sysfs, or bind a driver",
                    "is not enabled: its memory may read as zeros");
  check_interrupts (doctor, sysfs, directory, name);
  check_lockdown (doctor, sysfs, name, exists_below (directory, "iommu_group"));
}

void
ctl_doctor_check_guest (CtlDoctor *doctor, const char *sysfs)
{
  g_autofree char *devices = g_build_filename (sysfs, "bus/pci/devices", NULL);
  g_autoptr (GDir) directory = g_dir_open (devices, 0, NULL);
  guint n_found = 0;
  const char *address;

  while (directory != NULL && (address = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *path = g_build_filename (devices, address, NULL);
      g_autofree char *vendor = ctl_doctor_read_file (path, "vendor");
      g_autofree char *device = ctl_doctor_read_file (path, "device");

      if (g_strcmp0 (vendor, VENDOR) != 0 || g_strcmp0 (device, DEVICE) != 0)
        continue;
      check_device (doctor, sysfs, path, address);
      n_found++;
    }
  if (n_found == 0)
    ctl_doctor_add (doctor, CTL_FINDING_OK, "guest", NULL,
                    "this machine itself has no ivshmem device (PCI 1af4:1110)");
}
