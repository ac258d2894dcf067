/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "ivshmem/plugin.h"

/*
 * Failures on their way to the host: a GError whose code is the status of the
 * plugin ABI and whose message is the sentence that the user reads, with the
 * remedy in it.
 */

#define PCI_ERROR (pci_error_quark ())

GQuark pci_error_quark (void);

/* Sets "MESSAGE: strerror (number)" with the status that fits number. */
void pci_error_set_errno (GError **error, int number, const char *format, ...) G_GNUC_PRINTF (3, 4);

/* The status of an error; internal for one of another domain. */
IvshmemPluginStatus pci_error_status (const GError *error);

/* Descriptors that close themselves. */
void pci_close (int *fd);
#define pci_autofd __attribute__ ((cleanup (pci_close)))

static inline int
pci_steal_fd (int *fd)
{
  int stolen = *fd;

  *fd = -1;
  return stolen;
}
