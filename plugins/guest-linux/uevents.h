/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * PciUevents: what happens to PCI devices and vfio groups, as the kernel tells
 * it (or udev, once its rules are done). One thread. Without libudev there is
 * none: not-supported.
 */

typedef struct _PciUevents PciUevents;

/* Events that one look takes; the rest makes the descriptor readable again. */
#define PCI_UEVENTS_AT_ONCE 256

typedef enum
{
  PCI_UEVENTS_OF_KERNEL, /* at once */
  PCI_UEVENTS_OF_UDEV,   /* when udev has set rights and drivers; the kernel's where it does not run */
} PciUeventSource;

typedef struct
{
  char address[32];    /* "0000:00:05.0"; empty: it is a vfio group */
  gboolean is_ivshmem; /* 1af4:1110 */
  gboolean is_removal; /* it is gone, and so is its folder in sysfs */
  gboolean is_binding; /* a driver was bound or unbound */
} PciUevent;

typedef enum
{
  PCI_UEVENTS_NONE, /* no more for now */
  PCI_UEVENTS_ONE,
  PCI_UEVENTS_MISSED, /* some were lost: anything can have happened */
} PciUeventsResult;

/* Errors: not-supported, denied, limit, io. */
PciUevents *pci_uevents_new (PciUeventSource source, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void pci_uevents_free (PciUevents *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PciUevents, pci_uevents_free)

/* Readable when there is something to take. Stays ours. */
int pci_uevents_get_fd (PciUevents *self);

/* Never waits. ret_event is written with PCI_UEVENTS_ONE only. */
PciUeventsResult pci_uevents_take (PciUevents *self, PciUevent *ret_event);
