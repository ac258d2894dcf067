/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-json-read.h"

#include <string.h>

#include "base/ivd-error.h"

static gboolean
depth_is_fine (const char *text, gsize length)
{
  gboolean in_string = FALSE;
  guint depth = 0;

  for (gsize i = 0; i < length; i++)
    {
      if (in_string)
        {
          if (text[i] == '\\')
            i++;
          else if (text[i] == '"')
            in_string = FALSE;
          continue;
        }
      if (text[i] == '"')
        in_string = TRUE;
      else if (text[i] == '{' || text[i] == '[')
        {
          if (++depth > CTL_JSON_DEPTH_MAX)
            return FALSE;
        }
      else if ((text[i] == '}' || text[i] == ']') && depth > 0)
        depth--;
    }
  return TRUE;
}

JsonNode *
ctl_json_read (const char *text, gsize length, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (GError) why = NULL;

  if (!depth_is_fine (text, length))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "the daemon's answer is nested deeper than %d levels",
                   CTL_JSON_DEPTH_MAX);
      return NULL;
    }
  if (!json_parser_load_from_data (parser, text, (gssize) length, &why))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "the daemon's answer is no JSON: %s", why->message);
      return NULL;
    }
  if (json_parser_get_root (parser) == NULL || !JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)))
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_IO, "the daemon's answer is no JSON object");
      return NULL;
    }
  return json_parser_steal_root (parser);
}

/* --- one value --- */

static gboolean
is_text (JsonNode *node)
{
  return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING;
}

static gboolean
is_boolean (JsonNode *node)
{
  return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_BOOLEAN;
}

static gboolean
get_unsigned (JsonNode *node, guint64 maximum, guint64 *ret_number)
{
  if (is_text (node))
    return g_ascii_string_to_unsigned (json_node_get_string (node), 10, 0, maximum, ret_number, NULL);
  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_INT64
      || json_node_get_int (node) < 0 || (guint64) json_node_get_int (node) > maximum)
    return FALSE;
  *ret_number = (guint64) json_node_get_int (node);
  return TRUE;
}

static GVariant *read_any (JsonNode *node);

/* Members that no D-Bus value can hold are left out. */
static GVariant *
read_dictionary (JsonObject *object)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  json_object_iter_init_ordered (&iter, object);
  while (json_object_iter_next_ordered (&iter, &name, &node))
    {
      GVariant *value = read_any (node);

      if (value != NULL)
        g_variant_builder_add (&builder, "{sv}", name, value);
    }
  return g_variant_builder_end (&builder);
}

static GVariant *
read_dictionaries (JsonArray *array)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);

      if (!JSON_NODE_HOLDS_OBJECT (node))
        return NULL;
      g_variant_builder_add_value (&builder, read_dictionary (json_node_get_object (node)));
    }
  return g_variant_builder_end (&builder);
}

static GVariant *
read_texts (JsonArray *array)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_STRING_ARRAY);

  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);

      if (!is_text (node))
        return NULL;
      g_variant_builder_add (&builder, "s", json_node_get_string (node));
    }
  return g_variant_builder_end (&builder);
}

static GVariant *
read_counters (JsonObject *object)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{st}"));
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;
  guint64 number;

  json_object_iter_init_ordered (&iter, object);
  while (json_object_iter_next_ordered (&iter, &name, &node))
    {
      if (!get_unsigned (node, G_MAXUINT64, &number))
        return NULL;
      g_variant_builder_add (&builder, "{st}", name, number);
    }
  return g_variant_builder_end (&builder);
}

/* What has no type of its own in the table: an option, what a plugin tells. */
static GVariant *
read_any (JsonNode *node)
{
  if (JSON_NODE_HOLDS_OBJECT (node))
    return read_dictionary (json_node_get_object (node));
  if (JSON_NODE_HOLDS_ARRAY (node))
    {
      JsonArray *array = json_node_get_array (node);
      gboolean objects = json_array_get_length (array) > 0
                         && JSON_NODE_HOLDS_OBJECT (json_array_get_element (array, 0));

      return objects ? read_dictionaries (array) : read_texts (array);
    }
  if (JSON_NODE_HOLDS_NULL (node))
    return NULL;
  if (is_text (node))
    return g_variant_new_string (json_node_get_string (node));
  if (is_boolean (node))
    return g_variant_new_boolean (json_node_get_boolean (node));
  if (json_node_get_value_type (node) == G_TYPE_DOUBLE)
    return g_variant_new_double (json_node_get_double (node));
  if (json_node_get_int (node) < 0)
    return g_variant_new_int64 (json_node_get_int (node));
  return g_variant_new_uint64 ((guint64) json_node_get_int (node));
}

static GVariant *
read_number (JsonNode *node, char type)
{
  const guint64 maximum = type == 'y' ? G_MAXUINT8 : type == 'u' ? G_MAXUINT32
                                                 : type == 'i'   ? G_MAXINT32
                                                                 : G_MAXUINT64;
  guint64 number;

  if (type == 'i' && JSON_NODE_HOLDS_NULL (node))
    return g_variant_new_int32 (-1);
  if (!get_unsigned (node, maximum, &number))
    return NULL;
  switch (type)
    {
    case 'y':
      return g_variant_new_byte ((guint8) number);
    case 'u':
      return g_variant_new_uint32 ((guint32) number);
    case 'i':
      return g_variant_new_int32 ((gint32) number);
    default:
      return g_variant_new_uint64 (number);
    }
}

static GVariant *
read_typed (JsonNode *node, const char *type)
{
  if (g_str_equal (type, "s"))
    {
      if (JSON_NODE_HOLDS_NULL (node))
        return g_variant_new_string ("");
      return is_text (node) ? g_variant_new_string (json_node_get_string (node)) : NULL;
    }
  if (g_str_equal (type, "b"))
    return is_boolean (node) ? g_variant_new_boolean (json_node_get_boolean (node)) : NULL;
  if (g_str_equal (type, "as"))
    return JSON_NODE_HOLDS_ARRAY (node) ? read_texts (json_node_get_array (node)) : NULL;
  if (g_str_equal (type, "aa{sv}"))
    return JSON_NODE_HOLDS_ARRAY (node) ? read_dictionaries (json_node_get_array (node)) : NULL;
  if (g_str_equal (type, "a{sv}"))
    return JSON_NODE_HOLDS_OBJECT (node) ? read_dictionary (json_node_get_object (node)) : NULL;
  if (g_str_equal (type, "a{st}"))
    return JSON_NODE_HOLDS_OBJECT (node) ? read_counters (json_node_get_object (node)) : NULL;
  return read_number (node, *type);
}

GVariant *
ctl_json_read_member (JsonObject *object, const char *name, const char *type)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL ? read_typed (node, type) : NULL;
}

const char *
ctl_json_read_text (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node != NULL && is_text (node) ? json_node_get_string (node) : NULL;
}

/* --- regions --- */

GVariant *
ctl_json_read_region (JsonObject *region, GError **error)
{
  static const struct
  {
    const char *member, *property, *type;
  } rows[] = {
    { "name", "Name", "s" },
    { "plugin", "Plugin", "s" },
    { "state", "State", "s" },
    { "reason", "Reason", "s" },
    { "size", "Size", "t" },
    { "capabilities", "Capabilities", "as" },
    { "own_id", "OwnId", "i" },
    { "vectors", "Vectors", "u" },
    { "generation", "Generation", "t" },
    { "peer_count", "PeerCount", "u" },
    { "statistics", "Statistics", "a{st}" },
    { "options", "Options", "a{sv}" },
  };
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      GVariant *value = ctl_json_read_member (region, rows[i].member, rows[i].type);

      if (value == NULL)
        {
          g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "the daemon describes a region without a proper '%s'",
                       rows[i].member);
          return NULL;
        }
      g_variant_builder_add (&builder, "{sv}", rows[i].property, value);
    }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

GVariant *
ctl_json_read_regions (JsonObject *answer, GError **error)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{sa{sv}}"));
  JsonNode *list = json_object_get_member (answer, "regions");
  JsonArray *array;

  if (list == NULL || !JSON_NODE_HOLDS_ARRAY (list))
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_IO, "the daemon's answer has no list of regions");
      return NULL;
    }
  array = json_node_get_array (list);
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *node = json_array_get_element (array, i);
      g_autoptr (GVariant) properties = NULL;
      const char *name = NULL;

      if (!JSON_NODE_HOLDS_OBJECT (node))
        {
          g_set_error_literal (error, IVD_ERROR, IVD_ERROR_IO, "the daemon lists a region that is no object");
          return NULL;
        }
      properties = ctl_json_read_region (json_node_get_object (node), error);
      if (properties == NULL)
        return NULL;
      g_variant_lookup (properties, "Name", "&s", &name);
      g_variant_builder_add (&builder, "{s@a{sv}}", name, properties);
    }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

GVariant *
ctl_json_dash_keys (GVariant *dictionaries)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("aa{sv}"));

  for (gsize i = 0; i < g_variant_n_children (dictionaries); i++)
    {
      g_autoptr (GVariant) dictionary = g_variant_get_child_value (dictionaries, i);
      GVariantIter iter;
      GVariant *value;
      const char *key;

      g_variant_builder_open (&builder, G_VARIANT_TYPE_VARDICT);
      g_variant_iter_init (&iter, dictionary);
      while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
        {
          g_autofree char *dashed = g_strdelimit (g_strdup (key), "_", '-');

          g_variant_builder_add (&builder, "{sv}", dashed, value);
        }
      g_variant_builder_close (&builder);
    }
  return g_variant_builder_end (&builder);
}
