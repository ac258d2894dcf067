/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * PciRegisters: BAR0, mapped: the own id and the doorbell (facts, B1). The
 * device can go at any time: every access is a single aligned 32-bit one, under
 * no guard but the promise that the mapping goes before the device does.
 */

typedef struct _PciRegisters PciRegisters;

/* Maps a page of fd at offset; fd stays the caller's. */
PciRegisters *pci_registers_map (int fd, guint64 offset, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void pci_registers_free (PciRegisters *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PciRegisters, pci_registers_free)

guint32 pci_registers_get_own_id (PciRegisters *self);
void pci_registers_ring (PciRegisters *self, guint peer, guint vector);
