/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "config/ivd-config-directory.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"

static IvdErrorCode
code_of_file_error (const GError *error)
{
  if (g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    return IVD_ERROR_NOT_FOUND;
  if (g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_ACCES))
    return IVD_ERROR_DENIED;
  return IVD_ERROR_IO;
}

static int
compare_paths (gconstpointer a, gconstpointer b)
{
  const char *const *left = a;
  const char *const *right = b;

  return strcmp (*left, *right);
}

GStrv
ivd_config_directory_list (const char *directory, GError **error)
{
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *safe = ivd_text_safe_bytes (directory, IVD_LIMIT_PATH_BYTES);
  g_autoptr (GError) failure = NULL;
  g_autoptr (GDir) dir = g_dir_open (directory, 0, &failure);
  const char *name;

  if (dir == NULL)
    {
      g_autofree char *reason = ivd_text_safe_bytes (failure->message, 2 * IVD_LIMIT_PATH_BYTES);

      g_set_error_literal (error, IVD_ERROR, code_of_file_error (failure), reason);
      return NULL;
    }
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      if (name[0] == '.' || !g_str_has_suffix (name, IVD_CONFIG_SUFFIX))
        continue;
      if (paths->len >= IVD_LIMIT_CONFIG_FILES)
        {
          g_set_error (error, IVD_ERROR, IVD_ERROR_LIMIT, "%s has more than %d config files", safe,
                       IVD_LIMIT_CONFIG_FILES);
          return NULL;
        }
      g_ptr_array_add (paths, g_build_filename (directory, name, NULL));
    }
  g_ptr_array_sort (paths, compare_paths);
  g_ptr_array_add (paths, NULL);
  return (GStrv) g_ptr_array_steal (paths, NULL);
}
