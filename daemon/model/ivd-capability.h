/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/* What a region can do. The bits are those of the plugin ABI. */
typedef enum
{
  IVD_CAP_NONE = 0,
  IVD_CAP_READ = 1 << 0,
  IVD_CAP_WRITE = 1 << 1,
  IVD_CAP_ATOMIC = 1 << 2,
  IVD_CAP_ATOMIC16 = 1 << 3,
  IVD_CAP_RING = 1 << 4,
  IVD_CAP_RECEIVE = 1 << 5,
  IVD_CAP_OWN_ID = 1 << 6,
  IVD_CAP_PEERS = 1 << 7,
  IVD_CAP_PEER_VECTORS = 1 << 8,
  IVD_CAP_MEMORY_FD = 1 << 9,
  IVD_CAP_VECTOR_FD = 1 << 10,
  IVD_CAP_JOIN = 1 << 11,
} IvdCapability;

#define IVD_CAP_COUNT 12
#define IVD_CAP_ALL ((1u << IVD_CAP_COUNT) - 1)

/* "read" "write" ... of the one bit that is set. */
const char *ivd_capability_name (IvdCapability capability);

/* The names of the bits that are set, NULL-terminated. (transfer container) */
const char **ivd_capability_names (guint capabilities);

/* not-supported naming what is missing, the region, its plugin and the reason
 * (NULL: not known), unless the wanted one is among the capabilities. */
gboolean ivd_capability_check (guint capabilities, IvdCapability wanted, const char *region, const char *plugin,
                               const char *reason, GError **error) G_GNUC_WARN_UNUSED_RESULT;
