/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "plugin/ivd-options.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"
#include "plugin/ivd-option-value.h"
#include "plugin/ivd-plugin-table.h"

struct _IvdOptions
{
  guint n_values;
  IvshmemPluginValue *values; /* their texts are ours */
  GVariant *variant;
};

static void
options_clear (gpointer data)
{
  IvdOptions *self = data;

  for (guint i = 0; i < self->n_values; i++)
    g_free ((char *) self->values[i].text);
  g_free (self->values);
  g_clear_pointer (&self->variant, g_variant_unref);
}

IvdOptions *
ivd_options_ref (IvdOptions *options)
{
  return g_atomic_rc_box_acquire (options);
}

void
ivd_options_unref (IvdOptions *options)
{
  g_atomic_rc_box_release_full (options, options_clear);
}

/* "knows path, size" for error messages. */
static char *
known_options (const IvshmemPlugin *table)
{
  g_autoptr (GString) text = g_string_new (table->n_options == 0 ? "has no options" : "knows ");

  for (guint i = 0; i < table->n_options; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? ", " : "", ivd_plugin_table_get_option (table, i)->name);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static gboolean
find_option (const IvshmemPlugin *table, const char *key, guint *ret_index, GError **error)
{
  g_autofree char *safe = NULL;
  g_autofree char *known = NULL;

  for (guint i = 0; i < table->n_options; i++)
    if (strcmp (ivd_plugin_table_get_option (table, i)->name, key) == 0)
      {
        *ret_index = i;
        return TRUE;
      }
  safe = ivd_text_safe (key);
  known = known_options (table);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "there is no option '%s': plugin '%s' %s",
               safe, table->name, known);
  return FALSE;
}

gboolean
ivd_options_check (const IvshmemPlugin *table, const char *key, GVariant *value, GError **error)
{
  g_autofree char *text = NULL;
  guint64 number;
  guint i = 0;

  return find_option (table, key, &i, error)
         && ivd_option_value_parse (ivd_plugin_table_get_option (table, i), value, &text, &number, error);
}

static gboolean
set_value (IvdOptions *self, const IvshmemPlugin *table, guint i, GVariant *variant, gboolean given,
           GError **error)
{
  IvshmemPluginValue *value = &self->values[i];
  char *text = NULL;

  if (!ivd_option_value_parse (ivd_plugin_table_get_option (table, i), variant, &text, &value->number, error))
    return FALSE;
  value->text = text;
  value->present = 1;
  value->given = given ? 1 : 0;
  return TRUE;
}

static gboolean
take_given (IvdOptions *self, const IvshmemPlugin *table, GVariant *given, IvdOptionPathFunc allow_path,
            gpointer data, GError **error)
{
  GVariantIter iter;
  const char *key;
  GVariant *child;

  if (!g_variant_is_of_type (given, G_VARIANT_TYPE_VARDICT))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "options are a dictionary of type a{sv}");
      return FALSE;
    }
  g_variant_iter_init (&iter, given);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &child))
    {
      g_autoptr (GVariant) value = child;
      guint i = 0;

      if (!find_option (table, key, &i, error))
        return FALSE;
      if (self->values[i].present)
        {
          g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "option '%s' is given twice", key);
          return FALSE;
        }
      if (!set_value (self, table, i, value, TRUE, error))
        return FALSE;
      if (ivd_plugin_table_get_option (table, i)->type == IVSHMEM_PLUGIN_PATH && allow_path != NULL
          && !allow_path (self->values[i].text, data, error))
        {
          g_prefix_error (error, "option '%s': ", key);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
fill_in (IvdOptions *self, const IvshmemPlugin *table, GError **error)
{
  for (guint i = 0; i < self->n_values; i++)
    {
      const IvshmemPluginOption *option = ivd_plugin_table_get_option (table, i);
      g_autoptr (GVariant) text = NULL;

      if (self->values[i].present)
        continue;
      if (option->flags & IVSHMEM_PLUGIN_OPTION_REQUIRED)
        {
          g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                       "option '%s' is missing (%s): plugin '%s' needs it", option->name, option->description,
                       table->name);
          return FALSE;
        }
      if (option->default_text == NULL)
        continue;
      text = g_variant_ref_sink (g_variant_new_string (option->default_text));
      if (!set_value (self, table, i, text, FALSE, error))
        return FALSE;
    }
  return TRUE;
}

static GVariant *
build_variant (IvdOptions *self, const IvshmemPlugin *table)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < self->n_values; i++)
    {
      const IvshmemPluginOption *option = ivd_plugin_table_get_option (table, i);
      const IvshmemPluginValue *value = &self->values[i];

      if (value->present)
        g_variant_builder_add (&builder, "{sv}", option->name,
                               ivd_option_value_to_variant (option, value->text, value->number));
    }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

IvdOptions *
ivd_options_new (const IvshmemPlugin *table, GVariant *given, IvdOptionPathFunc allow_path, gpointer data,
                 GError **error)
{
  g_autoptr (IvdOptions) self = g_atomic_rc_box_new0 (IvdOptions);

  self->n_values = table->n_options;
  self->values = g_new0 (IvshmemPluginValue, MAX (table->n_options, 1));
  for (guint i = 0; i < self->n_values; i++)
    self->values[i].struct_size = sizeof (IvshmemPluginValue);
  if (!take_given (self, table, given, allow_path, data, error) || !fill_in (self, table, error))
    return NULL;
  self->variant = build_variant (self, table);
  return g_steal_pointer (&self);
}

void
ivd_options_add (IvdOptions *options, const char *key, GVariant *value)
{
  g_autoptr (GVariant) before = options->variant;
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  GVariantIter iter;
  const char *other_key;
  GVariant *other;

  g_variant_iter_init (&iter, before);
  while (g_variant_iter_loop (&iter, "{&sv}", &other_key, &other))
    g_variant_builder_add (&builder, "{sv}", other_key, other);
  g_variant_builder_add (&builder, "{sv}", key, value);
  options->variant = g_variant_ref_sink (g_variant_builder_end (&builder));
}

const IvshmemPluginValue *
ivd_options_get_values (IvdOptions *options, guint *ret_n_values)
{
  *ret_n_values = options->n_values;
  return options->values;
}

GVariant *
ivd_options_get_variant (IvdOptions *options)
{
  return options->variant;
}
