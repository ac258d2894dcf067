/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-json-fields.h"

#include <math.h>
#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "base/ivd-names.h"
#include "export/http/ivd-json.h"

#define USEC_PER_MSEC 1000.0

struct _IvdJsonFields
{
  JsonObject *left; /* not taken yet */
  GString *known;   /* the keys that were asked for, for the error */
};

IvdJsonFields *
ivd_json_fields_new (JsonObject *object)
{
  IvdJsonFields *self = g_new0 (IvdJsonFields, 1);

  self->left = json_object_ref (object);
  self->known = g_string_new (NULL);
  return self;
}

IvdJsonFields *
ivd_json_fields_parse (const char *data, gsize length, GError **error)
{
  g_autoptr (JsonObject) object = ivd_json_parse (data, length, error);

  return object != NULL ? ivd_json_fields_new (object) : NULL;
}

void
ivd_json_fields_free (IvdJsonFields *fields)
{
  if (fields == NULL)
    return;
  json_object_unref (fields->left);
  g_string_free (fields->known, TRUE);
  g_free (fields);
}

gboolean
ivd_json_fields_has (IvdJsonFields *fields, const char *key)
{
  return json_object_has_member (fields->left, key);
}

void
ivd_json_fields_rename (IvdJsonFields *fields, const char *from, const char *to)
{
  JsonNode *node = json_object_dup_member (fields->left, from);

  if (node == NULL)
    return;
  json_object_remove_member (fields->left, from);
  json_object_set_member (fields->left, to, node);
}

gboolean
ivd_json_fields_require (IvdJsonFields *fields, const char *const *keys, GError **error)
{
  for (guint i = 0; keys[i] != NULL; i++)
    if (!ivd_json_fields_has (fields, keys[i]))
      {
        g_autofree char *all = g_strjoinv (", ", (GStrv) keys);

        g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "field '%s' is missing: needed are %s", keys[i],
                     all);
        return FALSE;
      }
  return TRUE;
}

/* NULL: not there. (transfer full) */
static JsonNode *
take (IvdJsonFields *fields, const char *key)
{
  JsonNode *node;

  g_string_append_printf (fields->known, "%s%s", fields->known->len > 0 ? ", " : "", key);
  node = json_object_dup_member (fields->left, key);
  if (node != NULL)
    json_object_remove_member (fields->left, key);
  return node;
}

static gboolean
refuse (const char *key, JsonNode *node, const char *rule, GError **error)
{
  g_autoptr (GString) json = g_string_new (NULL);
  g_autofree char *safe = NULL;

  ivd_json_append_node (json, node);
  safe = ivd_text_safe (json->str);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "field '%s' is %s: it takes %s", key, safe, rule);
  return FALSE;
}

static gboolean
holds (JsonNode *node, GType type)
{
  return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == type;
}

/* FALSE: it is none, or beyond maximum. */
static gboolean
read_unsigned (JsonNode *node, guint64 maximum, guint64 *ret_value)
{
  gint64 number;

  if (holds (node, G_TYPE_STRING))
    return g_ascii_string_to_unsigned (json_node_get_string (node), 10, 0, maximum, ret_value, NULL);
  if (!holds (node, G_TYPE_INT64))
    return FALSE;
  number = json_node_get_int (node);
  if (number < 0 || (guint64) number > maximum)
    return FALSE;
  *ret_value = (guint64) number;
  return TRUE;
}

gboolean
ivd_json_fields_take_uint64 (IvdJsonFields *fields, const char *key, guint64 *ret_value, GError **error)
{
  g_autoptr (JsonNode) node = take (fields, key);

  if (node == NULL || read_unsigned (node, G_MAXUINT64, ret_value))
    return TRUE;
  return refuse (key, node, "a whole number, 0 to 2^53, or its digits as a string, to 18446744073709551615", error);
}

gboolean
ivd_json_fields_take_uint32 (IvdJsonFields *fields, const char *key, guint32 *ret_value, GError **error)
{
  g_autoptr (JsonNode) node = take (fields, key);
  guint64 value;

  if (node == NULL)
    return TRUE;
  if (!read_unsigned (node, G_MAXUINT32, &value))
    return refuse (key, node, "a whole number, 0 to 4294967295", error);
  *ret_value = (guint32) value;
  return TRUE;
}

gboolean
ivd_json_fields_take_uint32_or_all (IvdJsonFields *fields, const char *key, guint32 *ret_value, GError **error)
{
  g_autoptr (JsonNode) node = take (fields, key);
  guint64 value = IVD_ALL;

  if (node == NULL)
    return TRUE;
  if (!(holds (node, G_TYPE_STRING) && strcmp (json_node_get_string (node), "all") == 0)
      && !read_unsigned (node, IVD_ALL - 1, &value))
    return refuse (key, node, "a whole number, 0 to 4294967294, or \"all\"", error);
  *ret_value = (guint32) value;
  return TRUE;
}

gboolean
ivd_json_fields_take_boolean (IvdJsonFields *fields, const char *key, gboolean *ret_value, GError **error)
{
  g_autoptr (JsonNode) node = take (fields, key);

  if (node == NULL)
    return TRUE;
  if (!holds (node, G_TYPE_BOOLEAN))
    return refuse (key, node, "true or false", error);
  *ret_value = json_node_get_boolean (node);
  return TRUE;
}

static gboolean
read_number (JsonNode *node, double *ret_value)
{
  if (!holds (node, G_TYPE_DOUBLE) && !holds (node, G_TYPE_INT64))
    return FALSE;
  *ret_value = json_node_get_double (node);
  return isfinite (*ret_value);
}

gboolean
ivd_json_fields_take_msec (IvdJsonFields *fields, const char *key, guint64 *ret_usec, GError **error)
{
  g_autoptr (JsonNode) node = take (fields, key);
  double value;

  if (node == NULL)
    return TRUE;
  if (!read_number (node, &value) || value < 0 || value * USEC_PER_MSEC > (double) IVD_LIMIT_JSON_INTEGER)
    return refuse (key, node, "milliseconds, 0 to 2^53 / 1000", error);
  *ret_usec = (guint64) (value * USEC_PER_MSEC + 0.5);
  return TRUE;
}

gboolean
ivd_json_fields_take_null (IvdJsonFields *fields, const char *key)
{
  if (!ivd_json_fields_has (fields, key) || !json_object_get_null_member (fields->left, key))
    return FALSE;
  json_node_unref (take (fields, key));
  return TRUE;
}

gboolean
ivd_json_fields_take_text (IvdJsonFields *fields, const char *key, char **ret_value, GError **error)
{
  g_autoptr (JsonNode) node = take (fields, key);

  if (node == NULL)
    return TRUE;
  if (!holds (node, G_TYPE_STRING))
    return refuse (key, node, "text", error);
  *ret_value = json_node_dup_string (node);
  return TRUE;
}

gboolean
ivd_json_fields_take_texts (IvdJsonFields *fields, const char *key, GStrv *ret_value, GError **error)
{
  g_autoptr (JsonNode) node = take (fields, key);
  g_autoptr (GStrvBuilder) texts = g_strv_builder_new ();
  JsonArray *array;

  if (node == NULL)
    return TRUE;
  if (holds (node, G_TYPE_STRING))
    g_strv_builder_add (texts, json_node_get_string (node));
  else if (!JSON_NODE_HOLDS_ARRAY (node))
    return refuse (key, node, "text, or an array of text", error);
  array = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++)
    {
      JsonNode *element = json_array_get_element (array, i);

      if (!holds (element, G_TYPE_STRING))
        return refuse (key, node, "text, or an array of text", error);
      g_strv_builder_add (texts, json_node_get_string (element));
    }
  *ret_value = g_strv_builder_end (texts);
  return TRUE;
}

/* GLib's decoder skips what it does not know. */
static gboolean
is_base64 (const char *text)
{
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  gsize length = strlen (text);
  gsize digits = strspn (text, alphabet);

  return length % 4 == 0 && length - digits <= 2 && strspn (text + digits, "=") == length - digits;
}

gboolean
ivd_json_fields_take_bytes (IvdJsonFields *fields, const char *key, GBytes **ret_value, GError **error)
{
  g_autoptr (JsonNode) node = take (fields, key);
  const char *text;
  guchar *bytes;
  gsize length;

  if (node == NULL)
    return TRUE;
  text = holds (node, G_TYPE_STRING) ? json_node_get_string (node) : NULL;
  if (text == NULL || !is_base64 (text))
    return refuse (key, node, "bytes in base64, A-Z a-z 0-9 + / and = at the end", error);
  bytes = g_base64_decode (text, &length);
  *ret_value = g_bytes_new_take (bytes, length);
  return TRUE;
}

/* --- options --- */

static char *
text_of_element (JsonNode *node)
{
  if (holds (node, G_TYPE_STRING))
    return json_node_dup_string (node);
  if (holds (node, G_TYPE_INT64))
    return g_strdup_printf ("%" G_GINT64_FORMAT, json_node_get_int (node));
  return NULL;
}

/* NULL: something in it is neither text nor a whole number. */
static GVariant *
option_of_array (JsonArray *array)
{
  g_autoptr (GStrvBuilder) texts = g_strv_builder_new ();
  g_auto (GStrv) strv = NULL;

  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      g_autofree char *text = text_of_element (json_array_get_element (array, i));

      if (text == NULL)
        return NULL;
      g_strv_builder_add (texts, text);
    }
  strv = g_strv_builder_end (texts);
  return g_variant_new_strv ((const char *const *) strv, -1);
}

static GVariant *
option_of_node (JsonNode *node)
{
  gint64 number;

  if (JSON_NODE_HOLDS_ARRAY (node))
    return option_of_array (json_node_get_array (node));
  if (holds (node, G_TYPE_STRING))
    return g_variant_new_string (json_node_get_string (node));
  if (holds (node, G_TYPE_BOOLEAN))
    return g_variant_new_boolean (json_node_get_boolean (node));
  if (!holds (node, G_TYPE_INT64))
    return NULL;
  number = json_node_get_int (node);
  return number < 0 ? g_variant_new_int64 (number) : g_variant_new_uint64 ((guint64) number);
}

gboolean
ivd_json_fields_take_options (IvdJsonFields *fields, const char *key, GVariant **ret_value, GError **error)
{
  g_autoptr (JsonNode) node = take (fields, key);
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  JsonObjectIter iter;
  const char *name;
  JsonNode *member;

  if (node == NULL)
    return TRUE;
  if (!JSON_NODE_HOLDS_OBJECT (node))
    return refuse (key, node, "an object", error);
  json_object_iter_init_ordered (&iter, json_node_get_object (node));
  while (json_object_iter_next_ordered (&iter, &name, &member))
    {
      GVariant *value = option_of_node (member);

      if (value == NULL)
        {
          g_autofree char *safe = ivd_text_safe (name);

          return refuse (safe, member, "text, true, false, a whole number, or an array of text and whole numbers",
                         error);
        }
      g_variant_builder_add (&builder, "{sv}", name, value);
    }
  *ret_value = g_variant_ref_sink (g_variant_builder_end (&builder));
  return TRUE;
}

gboolean
ivd_json_fields_end (IvdJsonFields *fields, GError **error)
{
  g_autofree char *safe = NULL;
  JsonObjectIter iter;
  const char *key;
  JsonNode *member;

  json_object_iter_init_ordered (&iter, fields->left);
  if (!json_object_iter_next_ordered (&iter, &key, &member))
    return TRUE;
  safe = ivd_text_safe (key);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "unknown field '%s': known are: %s", safe,
               fields->known->len > 0 ? fields->known->str : "none");
  return FALSE;
}
