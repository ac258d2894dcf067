/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "guest-linux/device.h"

/*
 * The option device=: which of the machine's devices is meant.
 *
 *   0000:00:05.0, 00:05.0    the one at that address
 *   size:16M                 the only one whose memory has that size
 *   index:0                  the n-th by address, from 0
 *   (not given)              the only one
 */

typedef enum
{
  PCI_MATCH_ONLY,
  PCI_MATCH_ADDRESS,
  PCI_MATCH_SIZE,
  PCI_MATCH_INDEX,
} PciMatchKind;

typedef struct
{
  PciMatchKind kind;
  PciAddress address;
  guint64 size;
  guint index;
} PciMatch;

/* text: NULL: not given. Error: invalid-argument. */
gboolean pci_match_parse (const char *text, PciMatch *ret_match, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Finds it. Errors, each naming the devices that there are: invalid-argument
 * (no such form), not-found, busy (several fit: which). (transfer full) */
PciDevice *pci_match_find (const char *sysfs, const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;
