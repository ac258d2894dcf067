/* SPDX-License-Identifier: LGPL-3.0-or-later */
#ifndef FAKE_MONITOR_H
#define FAKE_MONITOR_H

#include "fake.h"
#include "ivshmem/plugin.h"

/* The monitor of the plugin "fake": an eventfd that a test adds to. */

IvshmemPluginStatus fake_monitor_open (const IvshmemPluginHost *host, IvshmemPluginMonitor **monitor,
                                       IvshmemPluginHandle *handle);
uint32_t fake_monitor_take (IvshmemPluginMonitor *monitor);
void fake_monitor_close (IvshmemPluginMonitor *monitor);

#endif /* FAKE_MONITOR_H */
