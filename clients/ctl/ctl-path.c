/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-path.h"

#include <string.h>

#include "base/ivd-names.h"

char *
ctl_path_of_region (const char *name)
{
  g_autoptr (GString) path = g_string_new (IVD_REGION_PATH_PREFIX);

  if (*name == '\0')
    g_string_append_c (path, '_');
  for (const char *p = name; *p != '\0'; p++)
    {
      if (g_ascii_isalpha (*p) || (g_ascii_isdigit (*p) && p > name))
        g_string_append_c (path, *p);
      else
        g_string_append_printf (path, "_%02x", (guchar) *p);
    }
  return g_string_free (g_steal_pointer (&path), FALSE);
}

char *
ctl_path_to_region (const char *path)
{
  g_autoptr (GString) name = g_string_new (NULL);
  const char *p = path + strlen (IVD_REGION_PATH_PREFIX);

  if (!g_str_has_prefix (path, IVD_REGION_PATH_PREFIX) || *p == '\0')
    return NULL;
  if (g_str_equal (p, "_"))
    return g_strdup ("");

  for (; *p != '\0'; p++)
    {
      if (g_ascii_isalnum (*p))
        g_string_append_c (name, *p);
      else if (*p == '_' && g_ascii_isxdigit (p[1]) && g_ascii_isxdigit (p[2]))
        {
          g_string_append_c (name, (char) (g_ascii_xdigit_value (p[1]) << 4 | g_ascii_xdigit_value (p[2])));
          p += 2;
        }
      else
        return NULL;
    }
  return g_string_free (g_steal_pointer (&name), FALSE);
}
