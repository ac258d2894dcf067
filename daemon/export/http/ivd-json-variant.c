/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-json-variant.h"

#include <math.h>

#include "base/ivd-limits.h"

typedef char *(*KeyFunc) (const char *name);

static void add_value (JsonBuilder *builder, GVariant *value, KeyFunc key_of);

static char *
same_key (const char *name)
{
  return g_strdup (name);
}

char *
ivd_json_key (const char *name)
{
  g_autoptr (GString) key = g_string_new (NULL);

  for (const char *p = name; *p != '\0'; p++)
    {
      /* A word begins at each capital, but for those within "TLS". */
      gboolean begins = g_ascii_isupper (*p) && p > name && g_ascii_isalnum (p[-1])
                        && (!g_ascii_isupper (p[-1]) || g_ascii_islower (p[1]));

      if (begins)
        g_string_append_c (key, '_');
      g_string_append_c (key, *p == '-' ? '_' : g_ascii_tolower (*p));
    }
  return g_string_free (g_steal_pointer (&key), FALSE);
}

void
ivd_json_add_uint64 (JsonBuilder *builder, guint64 value)
{
  g_autofree char *digits = NULL;

  if (value <= IVD_LIMIT_JSON_INTEGER)
    {
      json_builder_add_int_value (builder, (gint64) value);
      return;
    }
  digits = g_strdup_printf ("%" G_GUINT64_FORMAT, value);
  json_builder_add_string_value (builder, digits);
}

static void
add_int64 (JsonBuilder *builder, gint64 value)
{
  /* Beyond 2^53 below zero the writer of the text quotes it. */
  if (value < 0)
    json_builder_add_int_value (builder, value);
  else
    ivd_json_add_uint64 (builder, (guint64) value);
}

static void
add_double (JsonBuilder *builder, double value)
{
  if (isfinite (value))
    json_builder_add_double_value (builder, value);
  else
    json_builder_add_null_value (builder);
}

static void
add_bytes (JsonBuilder *builder, GVariant *value)
{
  gsize length;
  gconstpointer bytes = g_variant_get_fixed_array (value, &length, 1);
  g_autofree char *text = g_base64_encode (bytes, length);

  json_builder_add_string_value (builder, text);
}

static void
add_dictionary (JsonBuilder *builder, GVariant *value, KeyFunc key_of)
{
  json_builder_begin_object (builder);
  for (gsize i = 0; i < g_variant_n_children (value); i++)
    {
      g_autoptr (GVariant) entry = g_variant_get_child_value (value, i);
      g_autoptr (GVariant) name = g_variant_get_child_value (entry, 0);
      g_autoptr (GVariant) member = g_variant_get_child_value (entry, 1);
      gboolean text = g_variant_is_of_type (name, G_VARIANT_TYPE_STRING)
                      || g_variant_is_of_type (name, G_VARIANT_TYPE_OBJECT_PATH);
      g_autofree char *printed = text ? g_variant_dup_string (name, NULL) : g_variant_print (name, FALSE);
      g_autofree char *key = key_of (printed);

      json_builder_set_member_name (builder, key);
      add_value (builder, member, key_of);
    }
  json_builder_end_object (builder);
}

/* Arrays and tuples. */
static void
add_list (JsonBuilder *builder, GVariant *value, KeyFunc key_of)
{
  json_builder_begin_array (builder);
  for (gsize i = 0; i < g_variant_n_children (value); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      add_value (builder, child, key_of);
    }
  json_builder_end_array (builder);
}

static void
add_array (JsonBuilder *builder, GVariant *value, KeyFunc key_of)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING))
    add_bytes (builder, value);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_DICTIONARY))
    add_dictionary (builder, value, key_of);
  else
    add_list (builder, value, key_of);
}

static void
add_inner (JsonBuilder *builder, GVariant *take_inner, KeyFunc key_of)
{
  g_autoptr (GVariant) inner = take_inner;

  if (inner != NULL)
    add_value (builder, inner, key_of);
  else
    json_builder_add_null_value (builder);
}

static void
add_value (JsonBuilder *builder, GVariant *value, KeyFunc key_of)
{
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_BOOLEAN:
      json_builder_add_boolean_value (builder, g_variant_get_boolean (value));
      break;
    case G_VARIANT_CLASS_BYTE:
      ivd_json_add_uint64 (builder, g_variant_get_byte (value));
      break;
    case G_VARIANT_CLASS_INT16:
      add_int64 (builder, g_variant_get_int16 (value));
      break;
    case G_VARIANT_CLASS_UINT16:
      ivd_json_add_uint64 (builder, g_variant_get_uint16 (value));
      break;
    case G_VARIANT_CLASS_INT32:
      add_int64 (builder, g_variant_get_int32 (value));
      break;
    case G_VARIANT_CLASS_UINT32:
      ivd_json_add_uint64 (builder, g_variant_get_uint32 (value));
      break;
    case G_VARIANT_CLASS_INT64:
      add_int64 (builder, g_variant_get_int64 (value));
      break;
    case G_VARIANT_CLASS_UINT64:
      ivd_json_add_uint64 (builder, g_variant_get_uint64 (value));
      break;
    case G_VARIANT_CLASS_DOUBLE:
      add_double (builder, g_variant_get_double (value));
      break;
    case G_VARIANT_CLASS_STRING:
    case G_VARIANT_CLASS_OBJECT_PATH:
    case G_VARIANT_CLASS_SIGNATURE:
      json_builder_add_string_value (builder, g_variant_get_string (value, NULL));
      break;
    case G_VARIANT_CLASS_VARIANT:
      add_inner (builder, g_variant_get_variant (value), key_of);
      break;
    case G_VARIANT_CLASS_MAYBE:
      add_inner (builder, g_variant_get_maybe (value), key_of);
      break;
    case G_VARIANT_CLASS_ARRAY:
      add_array (builder, value, key_of);
      break;
    case G_VARIANT_CLASS_TUPLE:
    case G_VARIANT_CLASS_DICT_ENTRY:
      add_list (builder, value, key_of);
      break;
    case G_VARIANT_CLASS_HANDLE:
    default:
      /* A descriptor means nothing at the other end of HTTP. */
      json_builder_add_null_value (builder);
      break;
    }
}

void
ivd_json_add_variant (JsonBuilder *builder, GVariant *value)
{
  add_value (builder, value, ivd_json_key);
}

void
ivd_json_add_options (JsonBuilder *builder, GVariant *value)
{
  add_value (builder, value, same_key);
}
