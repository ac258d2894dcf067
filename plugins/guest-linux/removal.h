/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "ivshmem/plugin.h"

/*
 * PciRemoval: tells an instance when its PCI device is removed, also when
 * another one is at the same address at once. For ways on which the kernel
 * itself does not say it (sysfs; vfio has its request eventfd). Main thread.
 */

typedef struct _PciRemoval PciRemoval;

/* Called once, from the host's watch. May free the removal. */
typedef void (*PciRemovalFunc) (void *data);

/* sysfs: as in device.h. Errors: not-found (it is gone already), not-supported
 * (built without libudev: the region can be opened, but its loss is noticed
 * only when it is touched), and those of the host's watch. */
PciRemoval *pci_removal_new (const IvshmemPluginHost *host, IvshmemPluginRegion *region, const char *sysfs,
                             const char *address, PciRemovalFunc func, void *data,
                             GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Before or after the instance's detach, which ends all watches. NULL is fine. */
void pci_removal_free (PciRemoval *removal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PciRemoval, pci_removal_free)
