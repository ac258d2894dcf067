/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/way.h"

#include <string.h>
#include <unistd.h>

#include "guest-linux/sysfs.h"

#define PARAMETER_NO_IOMMU "module/vfio/parameters/enable_unsafe_noiommu_mode"
/* How vfio calls a group that it makes where there is no IOMMU. */
#define GROUP_PRETENDED "vfio-noiommu"

static gboolean
exists (const char *root, const char *name)
{
  g_autofree char *path = g_build_filename (root, name, NULL);

  return pci_sysfs_check_access (path, F_OK) == 0;
}

static char *
read_lockdown (const char *sysfs)
{
  g_autofree char *path = g_build_filename (sysfs, "kernel/security/lockdown", NULL);
  gsize length;
  g_autofree char *text = pci_sysfs_read (path, PCI_LIMIT_TEXT_BYTES, &length);

  return text != NULL ? pci_parse_lockdown (text, length) : NULL;
}

/* The first group of an IOMMU ends the search. */
static gboolean
find_iommu (const char *sysfs)
{
  g_autofree char *path = g_build_filename (sysfs, "kernel/iommu_groups", NULL);
  g_autoptr (GPtrArray) names = pci_sysfs_list (path, PCI_LIMIT_ENTRIES);

  for (guint i = 0; i < names->len; i++)
    {
      g_autofree char *file = g_build_filename (path, g_ptr_array_index (names, i), "name", NULL);
      g_autofree char *kind = pci_sysfs_read_line (file);

      if (g_strcmp0 (kind, GROUP_PRETENDED) != 0)
        return TRUE;
    }
  return FALSE;
}

static gboolean
is_yes (const char *root, const char *name)
{
  g_autofree char *path = g_build_filename (root, name, NULL);
  g_autofree char *text = pci_sysfs_read_line (path);

  return g_strcmp0 (text, "Y") == 0 || g_strcmp0 (text, "1") == 0;
}

PciMachine *
pci_machine_read (const char *sysfs, const char *dev)
{
  PciMachine *machine = g_new0 (PciMachine, 1);
  gboolean has_driver = exists (sysfs, "bus/pci/drivers/" PCI_DRIVER_VFIO);

  machine->lockdown = read_lockdown (sysfs);
  machine->locked_down = machine->lockdown != NULL && !g_str_equal (machine->lockdown, "none");
  machine->has_iommu = find_iommu (sysfs);
  machine->has_iommu_table = exists (sysfs, "firmware/acpi/tables/DMAR");
  machine->has_vfio = has_driver && exists (dev, "vfio/vfio");
  machine->has_vfio_module = exists (sysfs, "module/vfio");
  /* iommufd can stand in for it. */
  machine->has_type1 = exists (sysfs, "module/vfio_iommu_type1") || exists (sysfs, "module/iommufd");
  machine->has_no_iommu = exists (sysfs, PARAMETER_NO_IOMMU);
  machine->no_iommu_on = is_yes (sysfs, PARAMETER_NO_IOMMU);
  machine->has_iommufd = exists (dev, "iommu");
  return machine;
}

void
pci_machine_free (PciMachine *machine)
{
  if (machine == NULL)
    return;
  g_free (machine->lockdown);
  g_free (machine);
}
