/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "ivshmem/plugin.h"

/* Facts, B1. */
#define PCI_OWN_ID 8
#define PCI_DOORBELL 12

static inline guint32
pci_doorbell_value (guint peer, guint vector)
{
  return (guint32) (peer << 16 | vector);
}

/*
 * PciRegisters: BAR0 with the own id and the doorbell (facts, B1). Mapped where
 * that is possible, so that a ring costs one store; through the descriptor
 * where the BAR shares its page with others and vfio lets nobody map it. The
 * device can go at any time: then region-lost is the answer. One thread at a
 * time.
 */

typedef struct _PciRegisters PciRegisters;

/* BAR0 begins at offset of fd, which is a multiple of the page size, plus
 * in_page. fd stays the caller's, and must stay open. region may be of any
 * thread: only guarded() is called for it. */
PciRegisters *pci_registers_map (const IvshmemPluginHost *host, IvshmemPluginRegion *region, int fd,
                                 guint64 offset, guint in_page, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* By pread() and pwrite() of four bytes. */
PciRegisters *pci_registers_new (const IvshmemPluginHost *host, IvshmemPluginRegion *region, int fd,
                                 guint64 offset);
void pci_registers_free (PciRegisters *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PciRegisters, pci_registers_free)

/* FALSE: the device is gone. */
gboolean pci_registers_get_own_id (PciRegisters *self, guint32 *ret_id) G_GNUC_WARN_UNUSED_RESULT;
/* Whether anybody hears it is not known. */
gboolean pci_registers_ring (PciRegisters *self, guint peer, guint vector) G_GNUC_WARN_UNUSED_RESULT;
