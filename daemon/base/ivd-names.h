/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

/* Every well-known name, once. */

#define IVD_BUS_NAME "org.ivshmem.Daemon1"
#define IVD_OBJECT_PATH "/org/ivshmem/Daemon1"
#define IVD_REGION_PATH_PREFIX IVD_OBJECT_PATH "/region/"
#define IVD_BRIDGE_PATH_PREFIX IVD_OBJECT_PATH "/bridge/"
#define IVD_INTERFACE_MANAGER "org.ivshmem.Daemon1.Manager"
#define IVD_INTERFACE_REGION "org.ivshmem.Daemon1.Region"
#define IVD_INTERFACE_BRIDGE "org.ivshmem.Daemon1.Bridge"

#define IVD_PLUGIN_SYMBOL "ivshmem_plugin_v1"

/* An option of every region, whatever its plugin: count which bytes change. */
#define IVD_OPTION_ACTIVITY "activity"

/* The same: attach it when a device that fits appears, and anew when that comes back. */
#define IVD_OPTION_HOTPLUG "hotplug"

/* What means "everybody" or "every vector" in a ring. */
#define IVD_ALL G_MAXUINT32
