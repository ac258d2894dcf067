/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "config/ivd-saved-region.h"

#include <string.h>

#include "access/ivd-permission.h"
#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "base/ivd-names.h"
#include "config/ivd-config-directory.h"
#include "platform/ivd-text-file.h"

#define HEADING                                                               \
  "# Written by ivshmemd for a region that was attached with persist=true.\n" \
  "# 'ivshmemctl detach' of the region removes this file.\n"

static char *
path_of (const char *directory, const char *name)
{
  g_autofree char *base = g_strconcat (name, IVD_CONFIG_SUFFIX, NULL);

  return g_build_filename (directory, base, NULL);
}

static char *
text_of (const IvdConfigRegion *region)
{
  g_autoptr (GString) text = g_string_new (HEADING);

  g_string_append_printf (text, "[region %s]\nplugin=%s\npersist=true\n", region->name, region->plugin);
  if (region->activity)
    g_string_append (text, IVD_OPTION_ACTIVITY "=true\n");
  if (region->hotplug)
    g_string_append (text, IVD_OPTION_HOTPLUG "=true\n");
  for (guint i = 0; i < region->options->len; i++)
    {
      const IvdConfigOption *option = g_ptr_array_index (region->options, i);

      g_string_append_printf (text, "%s=%s\n", option->key, option->value);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static gboolean
has_rules (const IvdKeyFileGroup *group)
{
  for (guint i = 0; i < group->entries->len; i++)
    {
      const IvdKeyFileEntry *entry = g_ptr_array_index (group->entries, i);
      IvdPermission permission;

      if (ivd_permission_from_key (entry->key, &permission))
        return TRUE;
    }
  return FALSE;
}

/* Exactly one group, the region of that name, with a plugin. */
static IvdConfigRegion *
parse (const char *name, const char *path, const char *text, gsize length, GError **error)
{
  g_autoptr (IvdKeyFile) key_file = ivd_key_file_new ();
  g_autoptr (IvdConfigRegion) region = NULL;
  const IvdKeyFileGroup *group;
  const GPtrArray *groups;

  if (!ivd_key_file_read_text (key_file, path, text, length, error))
    return NULL;
  groups = ivd_key_file_get_groups (key_file);
  group = groups->len == 1 ? g_ptr_array_index (groups, 0) : NULL;
  if (group == NULL || strcmp (group->kind, "region") != 0 || g_strcmp0 (group->name, name) != 0)
    {
      g_autofree char *safe = ivd_text_safe_bytes (path, IVD_LIMIT_PATH_BYTES);

      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                   "%s does not have [region %s] and nothing else: remove it", safe, name);
      return NULL;
    }
  if (has_rules (group))
    {
      ivd_key_file_fail (error, group->file, group->line,
                         "[region %s] has rules: they belong into the config", name);
      return NULL;
    }
  region = ivd_config_region_parse (group, error);
  if (region == NULL)
    return NULL;
  if (region->plugin == NULL)
    {
      ivd_key_file_fail (error, group->file, group->line, "[region %s] has no plugin=NAME", name);
      return NULL;
    }
  return g_steal_pointer (&region);
}

static gboolean
is_same (const IvdConfigRegion *a, const IvdConfigRegion *b)
{
  if (strcmp (a->plugin, b->plugin) != 0 || a->activity != b->activity || a->hotplug != b->hotplug
      || a->options->len != b->options->len)
    return FALSE;
  for (guint i = 0; i < a->options->len; i++)
    {
      const IvdConfigOption *left = g_ptr_array_index (a->options, i);
      const IvdConfigOption *right = g_ptr_array_index (b->options, i);

      if (strcmp (left->key, right->key) != 0 || strcmp (left->value, right->value) != 0)
        return FALSE;
    }
  return TRUE;
}

gboolean
ivd_saved_region_write (const char *directory, const IvdConfigRegion *region, GError **error)
{
  g_autoptr (IvdConfigRegion) again = NULL;
  g_autoptr (GError) failure = NULL;
  g_autofree char *path = NULL;
  g_autofree char *text = NULL;

  if (!ivd_name_check ("region", region->name, error) || !ivd_name_check ("plugin", region->plugin, error))
    return FALSE;
  /* There are no escapes in the format, so not every text can be kept. */
  path = path_of (directory, region->name);
  text = text_of (region);
  again = parse (region->name, path, text, strlen (text), &failure);
  if (again == NULL || !is_same (region, again))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                   "region '%s' cannot be kept over a restart: %s", region->name,
                   failure != NULL ? failure->message : "a value begins or ends with a blank");
      return FALSE;
    }
  return ivd_text_file_replace (path, text, strlen (text), error);
}

gboolean
ivd_saved_region_remove (const char *directory, const char *name, GError **error)
{
  g_autofree char *path = NULL;

  if (!ivd_name_check ("region", name, error))
    return FALSE;
  path = path_of (directory, name);
  return ivd_text_file_remove (path, error);
}

static IvdConfigRegion *
read_one (const char *path, GError **error)
{
  g_autofree char *base = g_path_get_basename (path);
  g_autofree char *text = NULL;
  gsize length = 0;

  base[strlen (base) - strlen (IVD_CONFIG_SUFFIX)] = '\0';
  if (!ivd_name_check ("region", base, error))
    {
      g_autofree char *safe = ivd_text_safe_bytes (path, IVD_LIMIT_PATH_BYTES);

      g_prefix_error (error, "%s: ", safe);
      return NULL;
    }
  if (!ivd_text_file_read (path, IVD_LIMIT_CONFIG_FILE_BYTES, &text, &length, error))
    return NULL;
  return parse (base, path, text, length, error);
}

GPtrArray *
ivd_saved_region_read_all (const char *directory, GPtrArray **ret_errors)
{
  g_autoptr (GPtrArray) regions = g_ptr_array_new_with_free_func ((GDestroyNotify) ivd_config_region_free);
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func ((GDestroyNotify) g_error_free);
  g_autoptr (GError) failure = NULL;
  g_auto (GStrv) paths = ivd_config_directory_list (directory, &failure);

  if (paths == NULL && !g_error_matches (failure, IVD_ERROR, IVD_ERROR_NOT_FOUND))
    g_ptr_array_add (errors, g_steal_pointer (&failure));
  for (gsize i = 0; paths != NULL && paths[i] != NULL; i++)
    {
      g_autoptr (GError) error = NULL;
      IvdConfigRegion *region = read_one (paths[i], &error);

      if (region != NULL)
        g_ptr_array_add (regions, region);
      else
        g_ptr_array_add (errors, g_steal_pointer (&error));
    }
  if (ret_errors != NULL)
    *ret_errors = g_steal_pointer (&errors);
  return g_steal_pointer (&regions);
}
