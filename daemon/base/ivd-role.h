/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/* What a token may be for; what each role may do is in access/ivd-grant.h. */
typedef enum
{
  IVD_ROLE_VIEWER,
  IVD_ROLE_READER,
  IVD_ROLE_OPERATOR,
  IVD_ROLE_MANAGER,
  IVD_ROLE_ADMIN,
} IvdRole;

#define IVD_ROLE_LAST IVD_ROLE_ADMIN
#define IVD_ROLE_COUNT (IVD_ROLE_LAST + 1)

#define IVD_ROLE_NAMES "viewer, reader, operator, manager, admin"

/* "viewer" "reader" "operator" "manager" "admin" */
const char *ivd_role_name (IvdRole role);

/* invalid-argument, naming the roles. */
gboolean ivd_role_parse (const char *text, IvdRole *ret_role, GError **error) G_GNUC_WARN_UNUSED_RESULT;
