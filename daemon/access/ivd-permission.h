/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/* What somebody may be allowed to do with a region. Admin implies all, and
 * every one of them implies see. */
typedef enum
{
  IVD_PERMISSION_SEE,
  IVD_PERMISSION_READ,
  IVD_PERMISSION_WRITE,
  IVD_PERMISSION_RING,
  IVD_PERMISSION_HANDOVER,
  IVD_PERMISSION_ATTACH,
  IVD_PERMISSION_BRIDGE,
  IVD_PERMISSION_ADMIN,
} IvdPermission;

#define IVD_PERMISSION_LAST IVD_PERMISSION_ADMIN
#define IVD_PERMISSION_COUNT (IVD_PERMISSION_LAST + 1)
#define IVD_PERMISSION_BIT(permission) (1u << (permission))
#define IVD_PERMISSION_ALL_BITS (IVD_PERMISSION_BIT (IVD_PERMISSION_COUNT) - 1)

#define IVD_PERMISSION_NAMES "see, read, write, ring, handover, attach, bridge, admin"

/* "see" "read" "write" "ring" "handover" "attach" "bridge" "admin" */
const char *ivd_permission_name (IvdPermission permission);

/* FALSE: no permission has that name. */
gboolean ivd_permission_from_name (const char *name, IvdPermission *ret_permission);

/* The config key that grants it: "allow-read". */
const char *ivd_permission_key (IvdPermission permission);

/* FALSE: the key grants no permission. */
gboolean ivd_permission_from_key (const char *key, IvdPermission *ret_permission);

/* The permissions that include this one, in bits. */
guint ivd_permission_granting_bits (IvdPermission permission);
