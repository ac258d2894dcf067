/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-mounts.h"

#include <string.h>

#define MOUNTINFO "/proc/self/mountinfo"
#define FIELD_MOUNT_POINT 4
/* After the mount point and its options come optional fields up to a "-". */
#define FIELD_OPTIONAL 6

/* The mount point if the line is of a mount of that type, else NULL. */
static char *
parse_line (const char *line, const char *type)
{
  g_auto (GStrv) fields = g_strsplit (line, " ", -1);
  g_autofree char *path = NULL;
  guint n = g_strv_length (fields);
  guint i;

  for (i = FIELD_OPTIONAL; i < n && strcmp (fields[i], "-") != 0; i++)
    ;
  if (i + 1 >= n || strcmp (fields[i + 1], type) != 0)
    return NULL;
  /* The kernel writes blanks and backslashes in octal. */
  path = g_strcompress (fields[FIELD_MOUNT_POINT]);
  if (path[0] != '/' || !g_utf8_validate (path, -1, NULL))
    return NULL;
  return g_steal_pointer (&path);
}

GStrv
ivd_mounts_parse (const char *text, const char *type)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

  for (gsize i = 0; lines[i] != NULL; i++)
    {
      g_autofree char *path = parse_line (lines[i], type);

      if (path != NULL)
        g_strv_builder_add (builder, path);
    }
  return g_strv_builder_end (builder);
}

GStrv
ivd_mounts_list (const char *type)
{
  g_autofree char *text = NULL;

  if (!g_file_get_contents (MOUNTINFO, &text, NULL, NULL))
    return g_new0 (char *, 1);
  return ivd_mounts_parse (text, type);
}
