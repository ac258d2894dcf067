/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "access/ivd-permission.h"

#include <string.h>

#define KEY_PREFIX "allow-"
#define ROW(name) KEY_PREFIX name

static const char *const keys[IVD_PERMISSION_COUNT] = {
  [IVD_PERMISSION_SEE] = ROW ("see"),
  [IVD_PERMISSION_READ] = ROW ("read"),
  [IVD_PERMISSION_WRITE] = ROW ("write"),
  [IVD_PERMISSION_RING] = ROW ("ring"),
  [IVD_PERMISSION_HANDOVER] = ROW ("handover"),
  [IVD_PERMISSION_ATTACH] = ROW ("attach"),
  [IVD_PERMISSION_BRIDGE] = ROW ("bridge"),
  [IVD_PERMISSION_ADMIN] = ROW ("admin"),
};

const char *
ivd_permission_key (IvdPermission permission)
{
  g_return_val_if_fail ((guint) permission < IVD_PERMISSION_COUNT, "allow-?");

  return keys[permission];
}

const char *
ivd_permission_name (IvdPermission permission)
{
  return ivd_permission_key (permission) + strlen (KEY_PREFIX);
}

gboolean
ivd_permission_from_key (const char *key, IvdPermission *ret_permission)
{
  for (guint i = 0; i < IVD_PERMISSION_COUNT; i++)
    {
      if (strcmp (keys[i], key) != 0)
        continue;
      *ret_permission = (IvdPermission) i;
      return TRUE;
    }
  return FALSE;
}

gboolean
ivd_permission_from_name (const char *name, IvdPermission *ret_permission)
{
  g_autofree char *key = g_strconcat (KEY_PREFIX, name, NULL);

  return ivd_permission_from_key (key, ret_permission);
}

guint
ivd_permission_granting_bits (IvdPermission permission)
{
  if (permission == IVD_PERMISSION_SEE)
    return IVD_PERMISSION_ALL_BITS;
  return IVD_PERMISSION_BIT (permission) | IVD_PERMISSION_BIT (IVD_PERMISSION_ADMIN);
}
