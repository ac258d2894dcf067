/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "guest-linux/device.h"

/*
 * A claim is a descriptor that says whose a device is, while it is open: it
 * locks the device's file resource0, which only those can open who may do
 * anything to the device. By vfio a device belongs to one region alone, from
 * before it is bound until it has been given back; by sysfs several share it.
 * Other daemons look at it, too; other programs do not.
 */

/* FALSE: somebody else has it. *ret_claim is -1 where the file is not ours to
 * open: who may not even open it cannot bind the device, which is what needs
 * the claim. Waits a moment for who is about to let go. */
gboolean pci_claim_take (const char *sysfs, const char *address, gboolean alone, int *ret_claim,
                         GError **error) G_GNUC_WARN_UNUSED_RESULT;
