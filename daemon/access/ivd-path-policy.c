/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "access/ivd-path-policy.h"

#include <string.h>

#include "platform/ivd-mounts.h"

#define SHM_DIR "/dev/shm"
#define HUGETLBFS "hugetlbfs"

struct _IvdPathPolicy
{
  GPtrArray *directories; /* of char * */
};

static void
add (IvdPathPolicy *self, const char *directory)
{
  if (!g_ptr_array_find_with_equal_func (self->directories, directory, g_str_equal, NULL))
    g_ptr_array_add (self->directories, g_strdup (directory));
}

IvdPathPolicy *
ivd_path_policy_new (const char *runtime_dir, const char *const *directories)
{
  IvdPathPolicy *self = g_new0 (IvdPathPolicy, 1);
  g_auto (GStrv) huge = NULL;

  self->directories = g_ptr_array_new_with_free_func (g_free);
  add (self, runtime_dir);
  if (directories == NULL)
    {
      add (self, SHM_DIR);
      huge = ivd_mounts_list (HUGETLBFS);
      directories = (const char *const *) huge;
    }
  for (gsize i = 0; directories[i] != NULL; i++)
    add (self, directories[i]);
  return self;
}

void
ivd_path_policy_free (IvdPathPolicy *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->directories);
  g_free (self);
}

static gboolean
is_below (const char *path, const char *directory)
{
  gsize length = strlen (directory);

  if (length == 1)
    return path[1] != '\0';
  return strncmp (path, directory, length) == 0 && path[length] == '/';
}

gboolean
ivd_path_policy_allows (const IvdPathPolicy *self, const char *path)
{
  for (guint i = 0; i < self->directories->len; i++)
    {
      if (is_below (path, g_ptr_array_index (self->directories, i)))
        return TRUE;
    }
  return FALSE;
}

char *
ivd_path_policy_describe (const IvdPathPolicy *self)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < self->directories->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? ", " : "",
                            (const char *) g_ptr_array_index (self->directories, i));
  return g_string_free (g_steal_pointer (&text), FALSE);
}
