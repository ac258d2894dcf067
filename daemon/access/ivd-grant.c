/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "access/ivd-grant.h"

#include <string.h>

#include "base/ivd-pattern.h"

#define SEE IVD_PERMISSION_BIT (IVD_PERMISSION_SEE)
#define READ (SEE | IVD_PERMISSION_BIT (IVD_PERMISSION_READ))
#define OPERATE (READ | IVD_PERMISSION_BIT (IVD_PERMISSION_WRITE) | IVD_PERMISSION_BIT (IVD_PERMISSION_RING))
#define MANAGE                                                                                         \
  (OPERATE | IVD_PERMISSION_BIT (IVD_PERMISSION_ATTACH) | IVD_PERMISSION_BIT (IVD_PERMISSION_HANDOVER) \
   | IVD_PERMISSION_BIT (IVD_PERMISSION_BRIDGE))

static const guint permissions_of_roles[IVD_ROLE_COUNT] = {
  [IVD_ROLE_VIEWER] = SEE,
  [IVD_ROLE_READER] = READ,
  [IVD_ROLE_OPERATOR] = OPERATE,
  [IVD_ROLE_MANAGER] = MANAGE,
  [IVD_ROLE_ADMIN] = IVD_PERMISSION_ALL_BITS,
};

guint
ivd_grant_permissions_of_role (IvdRole role)
{
  g_return_val_if_fail ((guint) role < IVD_ROLE_COUNT, 0);

  return permissions_of_roles[role];
}

static gboolean
covers_permission (guint permissions, IvdPermission permission)
{
  return (permissions & ivd_permission_granting_bits (permission)) != 0;
}

static gboolean
covers_region (const char *pattern, const char *region)
{
  if (strcmp (pattern, IVD_PATTERN_ALL) == 0)
    return TRUE;
  return region != NULL && ivd_pattern_matches (pattern, region);
}

gboolean
ivd_grant_allows (const IvdGrant *grant, IvdPermission permission, const char *region)
{
  return covers_permission (grant->permissions, permission) && covers_region (grant->pattern, region);
}

static void
append_roles (GString *text, IvdPermission permission)
{
  const char *separator = "the role ";

  for (guint i = 0; i < IVD_ROLE_COUNT; i++)
    {
      if (!covers_permission (permissions_of_roles[i], permission))
        continue;
      g_string_append_printf (text, "%s%s", separator, ivd_role_name (i));
      /* Each includes those before it, so the last one is always there. */
      separator = i + 1 == IVD_ROLE_LAST ? " or " : ", ";
    }
}

char *
ivd_grant_describe_missing (const IvdGrant *grant, IvdPermission permission, const char *region)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (!covers_permission (grant->permissions, permission))
    append_roles (text, permission);
  if (!covers_region (grant->pattern, region))
    g_string_append_printf (text, "%sa region pattern that is %s instead of '%s'", text->len > 0 ? " and " : "",
                            region != NULL ? "for it" : "for all", grant->pattern);
  return g_string_free (g_steal_pointer (&text), FALSE);
}
