/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-json.h"

#include <math.h>
#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "export/http/ivd-json-check.h"

JsonObject *
ivd_json_parse (const char *data, gsize length, GError **error)
{
  g_autoptr (JsonParser) parser = NULL;
  g_autoptr (GError) cause = NULL;
  JsonNode *root;

  if (!ivd_json_check (data, length, error))
    return NULL;
  parser = json_parser_new ();
  root = json_parser_load_from_data (parser, data, (gssize) length, &cause) ? json_parser_get_root (parser) : NULL;
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    {
      /* The check lets nothing through that json-glib does not take. */
      g_set_error (error, IVD_ERROR, IVD_ERROR_INTERNAL, "JSON that was checked is refused: %s",
                   cause != NULL ? cause->message : "no object");
      return NULL;
    }
  return json_node_dup_object (root);
}

static void
append_escaped (GString *json, char c)
{
  static const char plain[] = "\"\\\b\f\n\r\t";
  static const char letters[] = "\"\\bfnrt";
  const char *found = strchr (plain, c);

  if (found != NULL)
    {
      g_string_append_c (json, '\\');
      g_string_append_c (json, letters[found - plain]);
    }
  else
    g_string_append_printf (json, "\\u%04x", (guint) (guchar) c);
}

static void
append_valid_text (GString *json, const char *text)
{
  const char *from = text;
  const char *p;

  g_string_append_c (json, '"');
  for (p = text; *p != '\0'; p++)
    {
      if ((guchar) *p >= 0x20 && *p != '"' && *p != '\\' && *p != 0x7f)
        continue;
      g_string_append_len (json, from, p - from);
      append_escaped (json, *p);
      from = p + 1;
    }
  g_string_append_len (json, from, p - from);
  g_string_append_c (json, '"');
}

void
ivd_json_append_text (GString *json, const char *text)
{
  g_autofree char *valid = NULL;

  if (text == NULL)
    {
      g_string_append (json, "null");
      return;
    }
  if (!g_utf8_validate (text, -1, NULL))
    text = valid = g_utf8_make_valid (text, -1);
  append_valid_text (json, text);
}

void
ivd_json_append_uint64 (GString *json, guint64 value)
{
  char digits[24];
  char *p = digits + sizeof digits;
  gboolean quoted = value > IVD_LIMIT_JSON_INTEGER;

  /* By hand: this is most of what an event costs. */
  if (quoted)
    *--p = '"';
  do
    {
      *--p = (char) ('0' + value % 10);
      value /= 10;
    }
  while (value > 0);
  if (quoted)
    *--p = '"';
  g_string_append_len (json, p, digits + sizeof digits - p);
}

void
ivd_json_append_int64 (GString *json, gint64 value)
{
  if (value >= 0)
    ivd_json_append_uint64 (json, (guint64) value);
  else if (value >= -(gint64) IVD_LIMIT_JSON_INTEGER)
    g_string_append_printf (json, "%" G_GINT64_FORMAT, value);
  else
    g_string_append_printf (json, "\"%" G_GINT64_FORMAT "\"", value);
}

void
ivd_json_append_double (GString *json, double value)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE];

  if (!isfinite (value))
    {
      g_string_append (json, "null");
      return;
    }
  /* 0.0 makes -0 a 0. */
  g_ascii_dtostr (digits, sizeof digits, value + 0.0);
  g_string_append (json, digits);
  /* A reader shall not take it for an integer that has every digit right. */
  if (fabs (value) > (double) IVD_LIMIT_JSON_INTEGER && strpbrk (digits, ".e") == NULL)
    g_string_append (json, ".0");
}

static void
append_value (GString *json, JsonNode *node)
{
  switch (json_node_get_value_type (node))
    {
    case G_TYPE_STRING:
      ivd_json_append_text (json, json_node_get_string (node));
      break;
    case G_TYPE_INT64:
      ivd_json_append_int64 (json, json_node_get_int (node));
      break;
    case G_TYPE_DOUBLE:
      ivd_json_append_double (json, json_node_get_double (node));
      break;
    case G_TYPE_BOOLEAN:
      g_string_append (json, json_node_get_boolean (node) ? "true" : "false");
      break;
    default:
      g_string_append (json, "null");
      break;
    }
}

static void
append_object (GString *json, JsonObject *object)
{
  JsonObjectIter iter;
  const char *key;
  JsonNode *member;
  gboolean first = TRUE;

  g_string_append_c (json, '{');
  json_object_iter_init_ordered (&iter, object);
  while (json_object_iter_next_ordered (&iter, &key, &member))
    {
      if (!first)
        g_string_append_c (json, ',');
      first = FALSE;
      ivd_json_append_text (json, key);
      g_string_append_c (json, ':');
      ivd_json_append_node (json, member);
    }
  g_string_append_c (json, '}');
}

static void
append_array (GString *json, JsonArray *array)
{
  guint length = json_array_get_length (array);

  g_string_append_c (json, '[');
  for (guint i = 0; i < length; i++)
    {
      if (i > 0)
        g_string_append_c (json, ',');
      ivd_json_append_node (json, json_array_get_element (array, i));
    }
  g_string_append_c (json, ']');
}

void
ivd_json_append_node (GString *json, JsonNode *node)
{
  switch (json_node_get_node_type (node))
    {
    case JSON_NODE_OBJECT:
      append_object (json, json_node_get_object (node));
      break;
    case JSON_NODE_ARRAY:
      append_array (json, json_node_get_array (node));
      break;
    case JSON_NODE_VALUE:
      append_value (json, node);
      break;
    case JSON_NODE_NULL:
    default:
      g_string_append (json, "null");
      break;
    }
}

GBytes *
ivd_json_to_bytes (JsonNode *node)
{
  GString *json = g_string_new (NULL);

  ivd_json_append_node (json, node);
  g_string_append_c (json, '\n');
  return g_string_free_to_bytes (json);
}

GBytes *
ivd_json_builder_to_bytes (JsonBuilder *builder)
{
  g_autoptr (JsonNode) root = json_builder_get_root (builder);

  g_return_val_if_fail (root != NULL, NULL);
  return ivd_json_to_bytes (root);
}
