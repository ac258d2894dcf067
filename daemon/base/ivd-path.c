/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-path.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"

static gboolean
components_are_normal (const char *path)
{
  g_auto (GStrv) parts = g_strsplit (path + 1, "/", -1);

  if (path[1] == '\0')
    return TRUE;
  for (gsize i = 0; parts[i] != NULL; i++)
    {
      if (parts[i][0] == '\0' || strcmp (parts[i], ".") == 0 || strcmp (parts[i], "..") == 0)
        return FALSE;
    }
  return TRUE;
}

gboolean
ivd_path_check (const char *path, GError **error)
{
  g_autofree char *safe = NULL;

  if (strnlen (path, IVD_LIMIT_PATH_BYTES + 1) > IVD_LIMIT_PATH_BYTES)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "a path has at most %d bytes",
                   IVD_LIMIT_PATH_BYTES);
      return FALSE;
    }
  if (path[0] == '/' && g_utf8_validate (path, -1, NULL) && components_are_normal (path))
    return TRUE;
  safe = ivd_text_safe (path);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "'%s' is no absolute, normal path: it begins with '/' and has no '//', '.', '..' or '/' "
               "at the end",
               safe);
  return FALSE;
}
