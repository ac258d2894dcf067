/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "config/ivd-config-region.h"

#include <string.h>

#include "access/ivd-permission.h"
#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "base/ivd-names.h"

#define KEY_PLUGIN "plugin"
#define KEY_PERSIST "persist"
#define KEY_ACTIVITY IVD_OPTION_ACTIVITY
#define KEY_HOTPLUG IVD_OPTION_HOTPLUG
#define TEXT_TRUE "true"
#define TEXT_FALSE "false"

static void
option_free (gpointer data)
{
  IvdConfigOption *option = data;

  g_free (option->key);
  g_free (option->value);
  g_free (option->file);
  g_free (option);
}

IvdConfigRegion *
ivd_config_region_new (const char *name, const char *plugin)
{
  IvdConfigRegion *self = g_new0 (IvdConfigRegion, 1);

  self->name = g_strdup (name);
  self->plugin = g_strdup (plugin);
  self->options = g_ptr_array_new_with_free_func (option_free);
  return self;
}

void
ivd_config_region_free (IvdConfigRegion *self)
{
  if (self == NULL)
    return;
  g_free (self->name);
  g_free (self->plugin);
  g_ptr_array_unref (self->options);
  g_free (self->file);
  g_free (self);
}

static void
add_option (IvdConfigRegion *self, const char *key, const char *value, guint line)
{
  IvdConfigOption *option = g_new0 (IvdConfigOption, 1);

  option->key = g_strdup (key);
  option->value = g_strdup (value);
  option->file = g_strdup (self->file);
  option->line = line;
  g_ptr_array_add (self->options, option);
}

static gboolean
parse_entry (IvdConfigRegion *self, const IvdKeyFileEntry *entry, GError **error)
{
  IvdPermission permission;

  if (strcmp (entry->key, KEY_PLUGIN) == 0)
    {
      self->plugin = g_strdup (entry->value);
      return ivd_name_check ("plugin", entry->value, error);
    }
  if (strcmp (entry->key, KEY_PERSIST) == 0)
    return ivd_key_file_parse_boolean (entry->value, &self->persist, error);
  if (strcmp (entry->key, KEY_ACTIVITY) == 0)
    return ivd_key_file_parse_boolean (entry->value, &self->activity, error);
  if (strcmp (entry->key, KEY_HOTPLUG) == 0)
    return ivd_key_file_parse_boolean (entry->value, &self->hotplug, error);
  if (!ivd_permission_from_key (entry->key, &permission))
    add_option (self, entry->key, entry->value, entry->line);
  return TRUE;
}

/* Without a plugin there is nobody whose options they could be. */
static gboolean
check_rules_only (const IvdConfigRegion *self, GError **error)
{
  const IvdConfigOption *option;

  if (self->plugin != NULL || self->options->len == 0)
    return TRUE;
  option = g_ptr_array_index (self->options, 0);
  return ivd_key_file_fail (error, option->file, option->line,
                            "unknown key '%s': [region %s] has no plugin=NAME, whose option it could be; "
                            "known without one are allow-PERMISSION with " IVD_PERMISSION_NAMES,
                            option->key, self->name);
}

IvdConfigRegion *
ivd_config_region_parse (const IvdKeyFileGroup *group, GError **error)
{
  g_autoptr (IvdConfigRegion) self = ivd_config_region_new (group->name, NULL);

  self->file = g_strdup (group->file);
  self->line = group->line;
  if (!ivd_name_check ("region", group->name, error))
    {
      g_prefix_error (error, "%s:%u: ", group->file, group->line);
      return NULL;
    }
  for (guint i = 0; i < group->entries->len; i++)
    {
      const IvdKeyFileEntry *entry = g_ptr_array_index (group->entries, i);

      if (!parse_entry (self, entry, error))
        {
          g_prefix_error (error, "%s:%u: %s: ", group->file, entry->line, entry->key);
          return NULL;
        }
    }
  if (self->options->len > IVD_LIMIT_OPTIONS)
    {
      ivd_key_file_fail (error, group->file, group->line, "[region %s] has %u options: at most %d",
                         self->name, self->options->len, IVD_LIMIT_OPTIONS);
      return NULL;
    }
  if (!check_rules_only (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

const IvdConfigOption *
ivd_config_region_find (const IvdConfigRegion *self, const char *key)
{
  for (guint i = 0; i < self->options->len; i++)
    {
      const IvdConfigOption *option = g_ptr_array_index (self->options, i);

      if (strcmp (option->key, key) == 0)
        return option;
    }
  return NULL;
}

static GVariant *
dup_options (const IvdConfigRegion *self, gboolean activity, gboolean hotplug)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (guint i = 0; i < self->options->len; i++)
    {
      const IvdConfigOption *option = g_ptr_array_index (self->options, i);

      g_variant_builder_add (&builder, "{sv}", option->key, g_variant_new_string (option->value));
    }
  if (activity)
    g_variant_builder_add (&builder, "{sv}", KEY_ACTIVITY, g_variant_new_string (TEXT_TRUE));
  if (hotplug)
    g_variant_builder_add (&builder, "{sv}", KEY_HOTPLUG, g_variant_new_string (TEXT_TRUE));
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

GVariant *
ivd_config_region_dup_options (const IvdConfigRegion *self)
{
  return dup_options (self, FALSE, FALSE);
}

GVariant *
ivd_config_region_dup_attach_options (const IvdConfigRegion *self)
{
  return dup_options (self, self->activity, self->hotplug);
}

/* NULL: of no type that an option can have. */
static char *
text_of_value (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_variant_dup_string (value, NULL);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    return g_strdup (g_variant_get_boolean (value) ? TEXT_TRUE : TEXT_FALSE);
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_BYTE:
    case G_VARIANT_CLASS_INT16:
    case G_VARIANT_CLASS_UINT16:
    case G_VARIANT_CLASS_INT32:
    case G_VARIANT_CLASS_UINT32:
    case G_VARIANT_CLASS_INT64:
    case G_VARIANT_CLASS_UINT64:
      /* Decimal, except for a byte. */
      if (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTE))
        return g_strdup_printf ("%u", g_variant_get_byte (value));
      return g_variant_print (value, FALSE);
    case G_VARIANT_CLASS_BOOLEAN:
    case G_VARIANT_CLASS_HANDLE:
    case G_VARIANT_CLASS_DOUBLE:
    case G_VARIANT_CLASS_STRING:
    case G_VARIANT_CLASS_OBJECT_PATH:
    case G_VARIANT_CLASS_SIGNATURE:
    case G_VARIANT_CLASS_VARIANT:
    case G_VARIANT_CLASS_MAYBE:
    case G_VARIANT_CLASS_ARRAY:
    case G_VARIANT_CLASS_TUPLE:
    case G_VARIANT_CLASS_DICT_ENTRY:
    default:
      return NULL;
    }
}

gboolean
ivd_config_region_add_options (IvdConfigRegion *self, GVariant *options, GError **error)
{
  GVariantIter iter;
  const char *key;
  GVariant *value;

  g_variant_iter_init (&iter, options);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
    {
      g_autofree char *text = text_of_value (value);

      if (text == NULL)
        {
          g_autofree char *safe = ivd_text_safe (key);

          g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                       "option '%s' has the type '%s': options are texts, booleans and integers",
                       safe, g_variant_get_type_string (value));
          g_variant_unref (value);
          return FALSE;
        }
      add_option (self, key, text, 0);
    }
  return TRUE;
}

void
ivd_config_region_prefix_error (const IvdConfigRegion *self, const char *key, GError **error)
{
  const IvdConfigOption *option = key != NULL ? ivd_config_region_find (self, key) : NULL;

  if (self->file == NULL)
    return;
  if (option != NULL && option->file != NULL)
    g_prefix_error (error, "%s:%u: ", option->file, option->line);
  else
    g_prefix_error (error, "%s:%u: ", self->file, self->line);
}
