/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "guest-linux/device.h"

/*
 * The ways into an ivshmem device of this machine: which are open to this
 * process now, and of the others why they are not and what would open them.
 * Looking changes nothing: no driver is bound, nothing is opened for longer
 * than a look at its rights. `doctor` says the same sentences.
 *
 * What only trying can tell is not told here: a group that another process
 * holds, an IOMMU without interrupt remapping, a control group that denies
 * device files.
 */

typedef enum
{
  PCI_WAY_VFIO,     /* a group behind an IOMMU, type 1: memory, interrupts */
  PCI_WAY_SYSFS,    /* resource files: memory, rings, no interrupts */
  PCI_WAY_NO_IOMMU, /* vfio without an IOMMU: told, not built */
  PCI_WAY_IOMMUFD,  /* /dev/iommu and vfio's device files: told, not built */
} PciWayKind;

#define PCI_N_WAYS (PCI_WAY_IOMMUFD + 1)
/* "vfio", "sysfs", "vfio-noiommu", "iommufd" */
extern const char *const pci_way_names[PCI_N_WAYS];

typedef struct
{
  gboolean open;
  gboolean has_interrupts; /* those of this device come this way, when it is open */
  char *reason;            /* a clause: why not; NULL when open */
  char *remedy;            /* a clause: what to do; NULL when open or when nothing can be done */
} PciWay;

/* What of it concerns the machine and not one device. */
typedef struct
{
  gboolean locked_down;     /* the kernel lets no program map PCI memory through sysfs */
  char *lockdown;           /* "none", "integrity", "confidentiality"; NULL: unknown, or no lockdown */
  gboolean has_iommu;       /* it has at least one IOMMU group */
  gboolean has_iommu_table; /* its firmware tells of an Intel IOMMU, used or not */
  gboolean has_vfio;        /* /dev/vfio/vfio is there and vfio-pci can be bound to */
  gboolean has_vfio_module;
  gboolean has_type1;
  gboolean has_no_iommu; /* vfio can do without: the kernel has the parameter */
  gboolean no_iommu_on;
  gboolean has_iommufd; /* /dev/iommu */
} PciMachine;

PciMachine *pci_machine_read (const char *sysfs, const char *dev);
void pci_machine_free (PciMachine *machine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PciMachine, pci_machine_free)

/* dev: "/dev", or a test's. ways is filled; pci_ways_clear() empties it. */
void pci_ways_read (PciWay ways[PCI_N_WAYS], const PciMachine *machine, const PciDevice *device,
                    const char *sysfs, const char *dev);
void pci_ways_clear (PciWay ways[PCI_N_WAYS]);

/* The best open one that is built, or -1: that with interrupts, else sysfs
 * (which takes no device away from anybody), else vfio. */
gint pci_ways_best (const PciWay ways[PCI_N_WAYS]);

/* NULL: interrupts can be had. Else a sentence that says why not, with the
 * remedy. (transfer full) */
char *pci_ways_explain_interrupts (const PciWay ways[PCI_N_WAYS], const PciDevice *device);

/* TRUE when this process may bind the device to vfio-pci itself; also take it
 * from the driver that it has, which nobody does unasked. */
gboolean pci_way_may_bind (const PciDevice *device, const char *sysfs);

/* Its driver keeps vfio out of the group. */
gboolean pci_way_is_blocker (const PciGroupMember *member);
/* The first of the group's other members whose driver keeps vfio out of the
 * group; NULL: none. Stays the device's. */
const PciGroupMember *pci_way_find_blocker (const PciDevice *device);
