/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "access/ivd-permission.h"
#include "base/ivd-role.h"

/*
 * IvdGrant: what somebody may do who is no user of this machine: certain
 * permissions, for the regions whose names match a pattern. Only one whose
 * pattern is "*" gives anything that belongs to no region.
 */

typedef struct
{
  guint permissions; /* of IVD_PERMISSION_BIT () */
  const char *pattern;
} IvdGrant;

/* What a role may do, in bits. */
guint ivd_grant_permissions_of_role (IvdRole role);

/* region: NULL asks for what belongs to no region. */
gboolean ivd_grant_allows (const IvdGrant *grant, IvdPermission permission, const char *region);

/* Why not: what it would have to have for that, as the end of a sentence.
 * (transfer full) */
char *ivd_grant_describe_missing (const IvdGrant *grant, IvdPermission permission, const char *region);
