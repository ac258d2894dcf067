/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-role.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"

static const char *const names[IVD_ROLE_COUNT] = {
  [IVD_ROLE_VIEWER] = "viewer",
  [IVD_ROLE_READER] = "reader",
  [IVD_ROLE_OPERATOR] = "operator",
  [IVD_ROLE_MANAGER] = "manager",
  [IVD_ROLE_ADMIN] = "admin",
};

const char *
ivd_role_name (IvdRole role)
{
  g_return_val_if_fail ((guint) role < IVD_ROLE_COUNT, "?");

  return names[role];
}

gboolean
ivd_role_parse (const char *text, IvdRole *ret_role, GError **error)
{
  g_autofree char *safe = NULL;

  for (guint i = 0; i < IVD_ROLE_COUNT; i++)
    {
      if (strcmp (names[i], text) != 0)
        continue;
      *ret_role = (IvdRole) i;
      return TRUE;
    }
  safe = ivd_text_safe (text);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "'%s' is no role: known are " IVD_ROLE_NAMES, safe);
  return FALSE;
}
