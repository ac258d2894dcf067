/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "config/ivd-config.h"

#include <string.h>

#include <gio/gio.h>

#include "access/ivd-path-policy.h"
#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "config/ivd-config-directory.h"

#define LIST_SEPARATORS ":,"

struct _IvdConfig
{
  gatomicrefcount references;
  GStrv allowed_dirs; /* NULL: the default */
  char *state_dir;
  gboolean has_log_level;
  IvdLogLevel log_level;
  gboolean dbus_enabled;
  char *bus;
  IvdConfigHttp *http;
  GPtrArray *regions; /* of IvdConfigRegion * */
  IvdAccess *access;
};

typedef gboolean (*SetFunc) (IvdConfig *config, const char *value, GError **error);

typedef struct
{
  const char *key;
  SetFunc set;
} KeyRow;

typedef gboolean (*GroupFunc) (IvdConfig *config, const IvdKeyFileGroup *group, GError **error);

typedef struct
{
  const char *kind;
  gboolean named; /* [kind NAME] */
  GroupFunc read;
} GroupRow;

static gboolean
set_allowed_dirs (IvdConfig *self, const char *value, GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) parts = g_strsplit_set (value, LIST_SEPARATORS, -1);

  for (gsize i = 0; parts[i] != NULL; i++)
    {
      const char *path = g_strstrip (parts[i]);

      if (!ivd_path_check (path, error))
        return FALSE;
      g_strv_builder_add (builder, path);
    }
  self->allowed_dirs = g_strv_builder_end (builder);
  return TRUE;
}

static gboolean
set_state_dir (IvdConfig *self, const char *value, GError **error)
{
  self->state_dir = g_strdup (value);
  return ivd_path_check (value, error);
}

static gboolean
set_log_level (IvdConfig *self, const char *value, GError **error)
{
  self->has_log_level = TRUE;
  return ivd_log_level_parse (value, &self->log_level, error);
}

static gboolean
set_dbus_enabled (IvdConfig *self, const char *value, GError **error)
{
  return ivd_key_file_parse_boolean (value, &self->dbus_enabled, error);
}

static gboolean
set_bus (IvdConfig *self, const char *value, GError **error)
{
  g_autofree char *safe = NULL;

  self->bus = g_strdup (value);
  if (strcmp (value, "system") == 0 || strcmp (value, "session") == 0
      || g_dbus_is_supported_address (value, NULL))
    return TRUE;
  safe = ivd_text_safe (value);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "'%s' is no bus: system, session or an address such as "
               "unix:path=/run/dbus/system_bus_socket",
               safe);
  return FALSE;
}

static const KeyRow daemon_keys[] = {
  { "allowed-dirs", set_allowed_dirs },
  { "log-level", set_log_level },
  { "state-dir", set_state_dir },
};

static const KeyRow dbus_keys[] = {
  { "bus", set_bus },
  { "enabled", set_dbus_enabled },
};

static const KeyRow *
find_key (const KeyRow *rows, gsize n_rows, const char *key)
{
  for (gsize i = 0; i < n_rows; i++)
    {
      if (strcmp (rows[i].key, key) == 0)
        return &rows[i];
    }
  return NULL;
}

static gboolean
fail_unknown_key (const IvdKeyFileGroup *group,
                  const IvdKeyFileEntry *entry,
                  const KeyRow *rows,
                  gsize n_rows,
                  const char *others,
                  GError **error)
{
  g_autoptr (GString) known = g_string_new (NULL);

  for (gsize i = 0; i < n_rows; i++)
    g_string_append_printf (known, "%s%s", i > 0 ? ", " : "", rows[i].key);
  return ivd_key_file_fail (error, group->file, entry->line, "unknown key '%s' in [%s]: known are %s%s",
                            entry->key, group->kind, known->str, others);
}

/* One key of [daemon] or [dbus]. */
static gboolean
set_key (IvdConfig *self,
         const KeyRow *row,
         const IvdKeyFileGroup *group,
         const IvdKeyFileEntry *entry,
         GError **error)
{
  if (entry->value[0] == '\0')
    return ivd_key_file_fail (error, group->file, entry->line,
                              "%s: there is no value: give one, or leave the key out", entry->key);
  if (row->set (self, entry->value, error))
    return TRUE;
  g_prefix_error (error, "%s:%u: %s: ", group->file, entry->line, entry->key);
  return FALSE;
}

static gboolean
read_daemon (IvdConfig *self, const IvdKeyFileGroup *group, GError **error)
{
  IvdPermission permission;

  for (guint i = 0; i < group->entries->len; i++)
    {
      const IvdKeyFileEntry *entry = g_ptr_array_index (group->entries, i);
      const KeyRow *row = find_key (daemon_keys, G_N_ELEMENTS (daemon_keys), entry->key);

      if (ivd_permission_from_key (entry->key, &permission))
        continue;
      if (row == NULL)
        return fail_unknown_key (group, entry, daemon_keys, G_N_ELEMENTS (daemon_keys),
                                 " and allow-PERMISSION with " IVD_PERMISSION_NAMES, error);
      if (!set_key (self, row, group, entry, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
read_dbus (IvdConfig *self, const IvdKeyFileGroup *group, GError **error)
{
  for (guint i = 0; i < group->entries->len; i++)
    {
      const IvdKeyFileEntry *entry = g_ptr_array_index (group->entries, i);
      const KeyRow *row = find_key (dbus_keys, G_N_ELEMENTS (dbus_keys), entry->key);

      if (row == NULL)
        return fail_unknown_key (group, entry, dbus_keys, G_N_ELEMENTS (dbus_keys), "", error);
      if (!set_key (self, row, group, entry, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
read_http (IvdConfig *self, const IvdKeyFileGroup *group, GError **error)
{
  return ivd_config_http_parse (self->http, group, error);
}

static gboolean
read_region (IvdConfig *self, const IvdKeyFileGroup *group, GError **error)
{
  g_autoptr (IvdConfigRegion) region = NULL;

  if (self->regions->len >= IVD_LIMIT_REGIONS)
    return ivd_key_file_fail (error, group->file, group->line,
                              "this is one region too many: at most %d", IVD_LIMIT_REGIONS);
  region = ivd_config_region_parse (group, error);
  if (region == NULL)
    return FALSE;
  g_ptr_array_add (self->regions, g_steal_pointer (&region));
  return TRUE;
}

static const GroupRow group_rows[] = {
  { "daemon", FALSE, read_daemon },
  { "dbus", FALSE, read_dbus },
  { "http", FALSE, read_http },
  { "region", TRUE, read_region },
};

static const GroupRow *
find_group (const char *kind)
{
  for (gsize i = 0; i < G_N_ELEMENTS (group_rows); i++)
    {
      if (strcmp (group_rows[i].kind, kind) == 0)
        return &group_rows[i];
    }
  return NULL;
}

static gboolean
read_group (IvdConfig *self, const IvdKeyFileGroup *group, GError **error)
{
  const GroupRow *row = find_group (group->kind);
  g_autofree char *kind = ivd_text_safe (group->kind);

  if (row == NULL)
    return ivd_key_file_fail (error, group->file, group->line,
                              "unknown group [%s]: known are [daemon], [dbus], [http] and [region NAME]", kind);
  if (row->named && group->name == NULL)
    return ivd_key_file_fail (error, group->file, group->line, "[%s] needs a name: write [%s NAME]",
                              kind, kind);
  if (!row->named && group->name != NULL)
    return ivd_key_file_fail (error, group->file, group->line, "[%s] takes no name: write [%s]", kind, kind);
  return row->read (self, group, error);
}

/* group->name is NULL in [daemon], which is about every region. */
static gboolean
read_rules (IvdConfig *self, const IvdKeyFileGroup *group, GError **error)
{
  for (guint i = 0; i < group->entries->len; i++)
    {
      const IvdKeyFileEntry *entry = g_ptr_array_index (group->entries, i);
      IvdPermission permission;

      if (!ivd_permission_from_key (entry->key, &permission))
        continue;
      if (!ivd_access_allow (self->access, group->name, permission, entry->value, error))
        {
          g_prefix_error (error, "%s:%u: %s: ", group->file, entry->line, entry->key);
          return FALSE;
        }
    }
  return TRUE;
}

IvdConfig *
ivd_config_new (const IvdKeyFile *key_file, const IvdConfigSource *source, GError **error)
{
  g_autoptr (IvdConfig) self = g_new0 (IvdConfig, 1);
  const GPtrArray *groups = ivd_key_file_get_groups (key_file);

  g_atomic_ref_count_init (&self->references);
  self->dbus_enabled = TRUE;
  self->http = ivd_config_http_new (source->runtime_dir);
  self->regions = g_ptr_array_new_with_free_func ((GDestroyNotify) ivd_config_region_free);
  for (guint i = 0; i < groups->len; i++)
    {
      if (!read_group (self, g_ptr_array_index (groups, i), error))
        return NULL;
    }
  if ((source->http_listen != NULL && !ivd_config_http_override (self->http, source->http_listen, error))
      || !ivd_config_http_check (self->http, error))
    return NULL;
  self->access = ivd_access_new (ivd_path_policy_new (source->runtime_dir, (const char *const *) self->allowed_dirs));
  for (guint i = 0; i < groups->len; i++)
    {
      if (!read_rules (self, g_ptr_array_index (groups, i), error))
        return NULL;
    }
  return g_steal_pointer (&self);
}

static gboolean
read_file (IvdKeyFile *key_file, const IvdConfigSource *source, GError **error)
{
  g_autoptr (GError) failure = NULL;

  if (ivd_key_file_read (key_file, source->file, &failure))
    return TRUE;
  if (source->file_may_miss && g_error_matches (failure, IVD_ERROR, IVD_ERROR_NOT_FOUND))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failure));
  return FALSE;
}

static gboolean
read_directory (IvdKeyFile *key_file, const IvdConfigSource *source, GError **error)
{
  g_autoptr (GError) failure = NULL;
  g_auto (GStrv) paths = ivd_config_directory_list (source->directory, &failure);

  if (paths == NULL && source->directory_may_miss
      && g_error_matches (failure, IVD_ERROR, IVD_ERROR_NOT_FOUND))
    return TRUE;
  if (paths == NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failure));
      return FALSE;
    }
  for (gsize i = 0; paths[i] != NULL; i++)
    {
      if (!ivd_key_file_read (key_file, paths[i], error))
        return FALSE;
    }
  return TRUE;
}

IvdConfig *
ivd_config_load (const IvdConfigSource *source, GError **error)
{
  g_autoptr (IvdKeyFile) key_file = ivd_key_file_new ();
  g_autoptr (IvdConfig) self = NULL;

  if (!read_file (key_file, source, error) || !read_directory (key_file, source, error))
    return NULL;
  self = ivd_config_new (key_file, source, error);
  if (self == NULL || !ivd_config_http_load (self->http, error))
    return NULL;
  return g_steal_pointer (&self);
}

IvdConfig *
ivd_config_ref (IvdConfig *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
ivd_config_unref (IvdConfig *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->references))
    return;
  g_strfreev (self->allowed_dirs);
  g_free (self->state_dir);
  g_free (self->bus);
  ivd_config_http_free (self->http);
  g_ptr_array_unref (self->regions);
  ivd_access_unref (self->access);
  g_free (self);
}

const char *
ivd_config_get_state_dir (const IvdConfig *self)
{
  return self->state_dir;
}

gboolean
ivd_config_get_log_level (const IvdConfig *self, IvdLogLevel *ret_level)
{
  if (self->has_log_level)
    *ret_level = self->log_level;
  return self->has_log_level;
}

gboolean
ivd_config_get_dbus_enabled (const IvdConfig *self)
{
  return self->dbus_enabled;
}

const char *
ivd_config_get_bus (const IvdConfig *self)
{
  return self->bus;
}

const IvdConfigHttp *
ivd_config_get_http (const IvdConfig *self)
{
  return self->http;
}

const GPtrArray *
ivd_config_get_regions (const IvdConfig *self)
{
  return self->regions;
}

IvdAccess *
ivd_config_get_access (const IvdConfig *self)
{
  return self->access;
}
