/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "guest-linux/device.h"

/*
 * PciBinding: a device bound to vfio-pci through driver_override, and what it
 * had before, so that it can be given back. May block for milliseconds.
 */

typedef struct _PciBinding PciBinding;

/* Binds it, if it is not bound already (ret_binding is NULL then: there is
 * nothing to give back). Errors: denied (with the remedy), busy (its driver did
 * not let go, or another took it), not-supported (no vfio-pci), io. What was
 * begun is undone. */
gboolean pci_binding_take (const char *sysfs, const PciDevice *device, PciBinding **ret_binding,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Gives the device back to the driver it had, and frees binding. Everything of
 * vfio's must be closed and unmapped: the kernel waits for it. The device may
 * be gone: that is no error, and another one at its address is left alone. */
gboolean pci_binding_restore (PciBinding *take_binding, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Without giving it back. */
void pci_binding_free (PciBinding *binding);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PciBinding, pci_binding_free)
