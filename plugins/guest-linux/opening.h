/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "guest-linux/device.h"
#include "guest-linux/registers.h"
#include "guest-linux/vfio.h"

/*
 * PciOpening: what the user asked for (device, access, memory), and what it
 * came to: a device opened by the best way there is. Opening and freeing may
 * block for milliseconds; one thread at a time.
 */

typedef enum
{
  PCI_ACCESS_AUTO,
  PCI_ACCESS_VFIO,
  PCI_ACCESS_SYSFS,
} PciAccess;

typedef enum
{
  PCI_MEMORY_AUTO,
  PCI_MEMORY_WC,
  PCI_MEMORY_UC,
} PciMemory;

typedef struct
{
  PciDevice *device;
  VfioDevice *vfio;        /* NULL: by sysfs */
  PciRegisters *registers; /* NULL: none are needed (ivshmem-plain) */
  guint n_vectors;         /* that can be received */
  gint own_id;             /* -1: none */
  int memory_fd;           /* of sysfs; -1: vfio's */
  gboolean write_combined;
  char *limitation; /* what it lacks, why, and the remedy; NULL: nothing */

  /* --- for its end --- */
  struct _PciBinding *binding; /* NULL: bound by somebody else, or not at all */
  int registers_fd;            /* of sysfs; -1: vfio's */
  int claim;                   /* held until the device is given back; -1: none */
} PciOpening;

/* TRUE and the value, or FALSE when text is none. */
gboolean pci_access_parse (const char *text, PciAccess *ret_access);
gboolean pci_memory_parse (const char *text, PciMemory *ret_memory);

/* match: as in pci_match_find(). region is for guarded() and log() alone.
 * Errors name the way that was tried, why it is closed, and the remedy. */
PciOpening *pci_opening_new (const IvshmemPluginHost *host, IvshmemPluginRegion *region, const char *match,
                             PciAccess access, PciMemory memory, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The device is going: everything of it that would hold it up is closed. What
 * is mapped by others is theirs to unmap. */
void pci_opening_let_go (PciOpening *self);

/* The same, and gives the device back to the driver that it had. Nothing of it
 * may be mapped any more. */
gboolean pci_opening_close (PciOpening *self, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Of one that was let go of or closed. NULL is fine. */
void pci_opening_free (PciOpening *self);
