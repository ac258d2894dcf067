/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ivshmem/plugin.h"

/* Bytes of a text: the host takes no more. */
#define PCI_LIMIT_FIELD_BYTES 1024

/* Between why a way is closed and what opens it. No reason has it in itself. */
#define PCI_CANDIDATE_REMEDY "; "

/* Lists the machine's ivshmem devices, whether they can be opened or not: the
 * operation probe() of the plugin. Any thread. */
IvshmemPluginStatus guest_linux_probe (const IvshmemPluginHost *host, IvshmemPluginProbe *probe);

/* The same of another sysfs and /dev. */
IvshmemPluginStatus pci_candidates_list (const IvshmemPluginHost *host, IvshmemPluginProbe *probe,
                                         const char *sysfs, const char *dev);
