/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "guest-linux/parse.h"

/*
 * PciDevice: what sysfs says of one ivshmem device (1af4:1110), read once and
 * never changed. Needs no rights; what cannot be read without them is said to
 * be unknown. Every function takes the root of sysfs, so that tests can bring
 * their own. Threads: none of its own, nothing shared.
 */

#define PCI_SYSFS "/sys"
#define PCI_DEV "/dev"
#define PCI_DRIVER_VFIO "vfio-pci"

/* Of what others control. */
#define PCI_LIMIT_DEVICES 1024      /* ivshmem devices: what the daemon takes of one plugin */
#define PCI_LIMIT_ENTRIES 65536     /* names looked at in one directory */
#define PCI_LIMIT_GROUP_MEMBERS 256 /* of one IOMMU group */
#define PCI_LIMIT_MEMORY_BYTES (G_GUINT64_CONSTANT (1) << (sizeof (gpointer) == 8 ? 46 : 30))

/* Facts, B1: registers, MSI-X table, the region. */
enum
{
  PCI_BAR_REGISTERS = 0,
  PCI_BAR_MSIX = 1,
  PCI_BAR_MEMORY = 2,
};

#define PCI_REGISTERS_BYTES 256
#define PCI_MEMORY_BYTES_MIN 4096
#define PCI_REVISION_UNKNOWN G_MAXUINT
/* Of a device: not known, since the configuration space beyond its first 64
 * bytes is root's. */
#define PCI_VECTORS_UNKNOWN (-1)

/* Another device of the same IOMMU group. */
typedef struct
{
  char *address;
  char *driver;       /* NULL: none */
  gboolean is_bridge; /* the kernel does not count a PCI bridge's driver */
} PciGroupMember;

typedef struct
{
  char *address;                   /* DDDD:BB:DD.F: the stable name */
  guint revision;                  /* or PCI_REVISION_UNKNOWN */
  guint64 bar_address[PCI_N_BARS]; /* 0: nowhere */
  guint64 bar_bytes[PCI_N_BARS];   /* 0: not there, or without an address */
  guint unassigned;                /* a bit for each BAR that is known to be there without an address */
  char *driver;                    /* NULL: none */
  char *driver_override;           /* NULL: none */
  gboolean enabled;                /* memory accesses are decoded */
  gboolean has_write_combined;     /* resource2_wc is there */
  gint vectors;                    /* MSI-X; 0: ivshmem-plain; PCI_VECTORS_UNKNOWN */
  gint iommu_group;                /* -1: none */
  gboolean group_is_pretended;     /* vfio made the group, without an IOMMU (/dev/vfio/noiommu-N) */
  GPtrArray *group_members;        /* of PciGroupMember: the others */
} PciDevice;

/* One device. Errors: invalid-argument (no address), not-found (no such device,
 * not an ivshmem one, or it went away meanwhile). */
PciDevice *pci_device_read (const char *sysfs, const char *address, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void pci_device_free (PciDevice *device);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PciDevice, pci_device_free)

/* All of them, sorted by address, and no more than PCI_LIMIT_DEVICES; one that
 * goes away meanwhile is left out. Never NULL. (transfer full) (element-type
 * PciDevice) */
GPtrArray *pci_device_list (const char *sysfs);

/* "ivshmem-plain" and "ivshmem-doorbell" are told apart by their MSI-X BAR. */
gboolean pci_device_is_doorbell (const PciDevice *device);

/* NULL: its BARs are those of an ivshmem device. Else a sentence that says what
 * is wrong and what would be right (BAR0 under 256 bytes, no BAR2, no address
 * given to one, BAR2 larger than a program can map). (transfer full) */
char *pci_device_explain_bars (const PciDevice *device);

/* "0000:00:05.0 (ivshmem-doorbell, 4M)". (transfer full) */
char *pci_device_describe (const PciDevice *device);

/* "SYSFS/bus/pci/devices/ADDRESS/NAME". (transfer full) */
char *pci_device_path (const char *sysfs, const char *address, const char *name);
