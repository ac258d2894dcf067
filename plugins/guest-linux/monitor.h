/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ivshmem/plugin.h"

/* The plugin's monitor, for its table of operations: it tells when the list of
 * candidates, or what is said of one, may be another. */

IvshmemPluginStatus pci_monitor_open (const IvshmemPluginHost *host, IvshmemPluginMonitor **monitor,
                                      IvshmemPluginHandle *handle);
uint32_t pci_monitor_take (IvshmemPluginMonitor *monitor);
void pci_monitor_close (IvshmemPluginMonitor *monitor);
