/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "guest-linux/device.h"

/*
 * VfioDevice: one device, opened through its IOMMU group (type 1), as facts
 * B10 have it. It can be opened by one process at a time. May block for
 * milliseconds; one thread at a time.
 */

typedef struct _VfioDevice VfioDevice;

/* Errors, with their remedies: not-found, denied (rights; no interrupt
 * remapping), busy (another process, a member of the group with a driver), io.
 * The device decodes memory and is bus master when this returns. */
VfioDevice *vfio_device_open (const char *dev, const PciDevice *device, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* NULL is fine. Interrupts end; the registers and what was mapped go. */
void vfio_device_free (VfioDevice *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VfioDevice, vfio_device_free)

/* Of the device's own descriptor: where a BAR is in it, and how long. */
int vfio_device_get_fd (VfioDevice *self);
guint64 vfio_device_get_bar_offset (VfioDevice *self, guint bar);
guint64 vfio_device_get_bar_bytes (VfioDevice *self, guint bar);

/* FALSE: it shares a page with other registers, and vfio lets nobody map it. */
gboolean vfio_device_can_map_bar (VfioDevice *self, guint bar);

/* How many MSI-X vectors it has; 0: ivshmem-plain. */
guint vfio_device_get_vectors (VfioDevice *self);

/* An eventfd for each vector, as many as the kernel gives: halved until it has
 * no ENOSPC to say. ret_n: how many. */
gboolean vfio_device_enable_vectors (VfioDevice *self, guint *ret_n, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Stays ours; -1: there is none. */
int vfio_device_get_vector_fd (VfioDevice *self, guint vector);

/* An eventfd for others: when it is written, the kernel itself stores value, 32
 * bits, at offset of the BAR. One for each (offset, value), as long as the
 * device is open; at most VFIO_LIMIT_DOORBELLS. Stays ours. Errors: limit,
 * not-supported (this kernel does not), io. */
#define VFIO_LIMIT_DOORBELLS 1000 /* the kernel's own, for one device */
int vfio_device_open_doorbell (VfioDevice *self, guint bar, guint64 offset, guint32 value,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* An eventfd that is written when the kernel wants the device back: it is
 * being removed, or unbound. -1: this kernel does not say. Stays ours. */
int vfio_device_get_request_fd (VfioDevice *self);
