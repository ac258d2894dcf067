/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "operation/ivd-arguments.h"

#include "base/ivd-error.h"
#include "base/ivd-name.h"

struct _IvdArguments
{
  GHashTable *left; /* key → GVariant, not taken yet */
  GString *known;   /* the keys that were asked for, for the error */
};

IvdArguments *
ivd_arguments_new (GVariant *options, GError **error)
{
  g_autoptr (IvdArguments) self = g_new0 (IvdArguments, 1);
  GVariantIter iter;
  GVariant *value;
  char *key;

  self->left = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_variant_unref);
  self->known = g_string_new (NULL);
  g_variant_iter_init (&iter, options);
  while (g_variant_iter_next (&iter, "{sv}", &key, &value))
    if (!g_hash_table_insert (self->left, key, value))
      {
        g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "an option is given twice: once is enough");
        return NULL;
      }
  return g_steal_pointer (&self);
}

void
ivd_arguments_free (IvdArguments *arguments)
{
  if (arguments == NULL)
    return;
  g_hash_table_unref (arguments->left);
  g_string_free (arguments->known, TRUE);
  g_free (arguments);
}

GVariant *
ivd_arguments_take (IvdArguments *arguments, const char *key)
{
  gpointer stolen_key = NULL, stolen_value = NULL;

  g_string_append_printf (arguments->known, "%s%s", arguments->known->len > 0 ? ", " : "", key);
  if (!g_hash_table_steal_extended (arguments->left, key, &stolen_key, &stolen_value))
    return NULL;
  g_free (stolen_key);
  return stolen_value;
}

static gboolean
wrong_type (const char *key, GVariant *value, const char *expected, GError **error)
{
  g_autofree char *text = g_variant_print (value, TRUE);
  g_autofree char *safe = ivd_text_safe (text);

  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "option '%s' is %s: it takes %s", key, safe, expected);
  return FALSE;
}

gboolean
ivd_arguments_take_boolean (IvdArguments *arguments, const char *key, gboolean *ret_value, GError **error)
{
  g_autoptr (GVariant) value = ivd_arguments_take (arguments, key);

  if (value == NULL)
    return TRUE;
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    *ret_value = g_variant_get_boolean (value);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
           && ivd_text_to_boolean (g_variant_get_string (value, NULL), ret_value))
    return TRUE;
  else
    return wrong_type (key, value, "true or false", error);
  return TRUE;
}

gboolean
ivd_arguments_take_text (IvdArguments *arguments, const char *key, char **ret_value, GError **error)
{
  g_autoptr (GVariant) value = ivd_arguments_take (arguments, key);

  if (value != NULL && !g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return wrong_type (key, value, "text", error);
  *ret_value = value != NULL ? g_variant_dup_string (value, NULL) : NULL;
  return TRUE;
}

gboolean
ivd_arguments_end (IvdArguments *arguments, GError **error)
{
  g_autofree char *safe = NULL;
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, arguments->left);
  if (!g_hash_table_iter_next (&iter, &key, NULL))
    return TRUE;
  safe = ivd_text_safe (key);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "unknown option '%s': known are: %s", safe,
               arguments->known->len > 0 ? arguments->known->str : "none");
  return FALSE;
}

GVariant *
ivd_arguments_rest (IvdArguments *arguments)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  GHashTableIter iter;
  gpointer key, value;

  g_hash_table_iter_init (&iter, arguments->left);
  while (g_hash_table_iter_next (&iter, &key, &value))
    g_variant_builder_add (&builder, "{sv}", key, value);
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}
