/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-json.h"

#include <string.h>

#define DEPTH_MAX 64

struct _CtlJson
{
  GString *text;
  guint depth;
  /* Whether the object or array at this depth has a member yet. */
  gboolean filled[DEPTH_MAX + 1];
};

CtlJson *
ctl_json_new (void)
{
  CtlJson *json = g_new0 (CtlJson, 1);

  json->text = g_string_new (NULL);
  return json;
}

void
ctl_json_free (CtlJson *json)
{
  if (json == NULL)
    return;
  g_string_free (json->text, TRUE);
  g_free (json);
}

static void
append_quoted (GString *out, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);

  g_string_append_c (out, '"');
  for (const char *p = valid; *p != '\0'; p++)
    {
      guchar c = (guchar) *p;

      if (c == '"' || c == '\\')
        g_string_append_printf (out, "\\%c", c);
      else if (c == '\n')
        g_string_append (out, "\\n");
      else if (c == '\t')
        g_string_append (out, "\\t");
      else if (c < 0x20 || c == 0x7f)
        g_string_append_printf (out, "\\u%04x", c);
      else
        g_string_append_c (out, (char) c);
    }
  g_string_append_c (out, '"');
}

/* The comma and the key that stand before a value. */
static void
begin_value (CtlJson *json, const char *key)
{
  if (json->filled[json->depth])
    g_string_append_c (json->text, ',');
  json->filled[json->depth] = TRUE;
  if (key == NULL)
    return;
  append_quoted (json->text, key);
  g_string_append_c (json->text, ':');
}

static void
begin_container (CtlJson *json, const char *key, char bracket)
{
  g_return_if_fail (json->depth < DEPTH_MAX);

  begin_value (json, key);
  g_string_append_c (json->text, bracket);
  json->depth++;
  json->filled[json->depth] = FALSE;
}

static void
end_container (CtlJson *json, char bracket)
{
  g_return_if_fail (json->depth > 0);

  json->depth--;
  g_string_append_c (json->text, bracket);
}

void
ctl_json_begin_object (CtlJson *json, const char *key)
{
  begin_container (json, key, '{');
}

void
ctl_json_end_object (CtlJson *json)
{
  end_container (json, '}');
}

void
ctl_json_begin_array (CtlJson *json, const char *key)
{
  begin_container (json, key, '[');
}

void
ctl_json_end_array (CtlJson *json)
{
  end_container (json, ']');
}

void
ctl_json_null (CtlJson *json, const char *key)
{
  begin_value (json, key);
  g_string_append (json->text, "null");
}

void
ctl_json_string (CtlJson *json, const char *key, const char *text)
{
  if (text == NULL)
    {
      ctl_json_null (json, key);
      return;
    }
  begin_value (json, key);
  append_quoted (json->text, text);
}

void
ctl_json_uint (CtlJson *json, const char *key, guint64 value)
{
  const char *quote = value > CTL_JSON_NUMBER_MAX ? "\"" : "";

  begin_value (json, key);
  g_string_append_printf (json->text, "%s%" G_GUINT64_FORMAT "%s", quote, value, quote);
}

void
ctl_json_int (CtlJson *json, const char *key, gint64 value)
{
  if (value >= 0)
    {
      ctl_json_uint (json, key, (guint64) value);
      return;
    }

  const char *quote = value < -(gint64) CTL_JSON_NUMBER_MAX ? "\"" : "";

  begin_value (json, key);
  g_string_append_printf (json->text, "%s%" G_GINT64_FORMAT "%s", quote, value, quote);
}

void
ctl_json_boolean (CtlJson *json, const char *key, gboolean value)
{
  begin_value (json, key);
  g_string_append (json->text, value ? "true" : "false");
}

void
ctl_json_decimal (CtlJson *json, const char *key, gdouble value, guint digits)
{
  char format[16];
  char buffer[400]; /* the longest double has 309 digits before its point */

  g_return_if_fail (digits <= 17);

  g_snprintf (format, sizeof format, "%%.%uf", digits);
  begin_value (json, key);
  g_string_append (json->text, g_ascii_formatd (buffer, sizeof buffer, format, value));
}

static void
write_bytes (CtlJson *json, const char *key, GVariant *value)
{
  gsize n;
  const guint8 *bytes = g_variant_get_fixed_array (value, &n, 1);

  begin_value (json, key);
  g_string_append_c (json->text, '"');
  for (gsize i = 0; i < n; i++)
    g_string_append_printf (json->text, "%02x", bytes[i]);
  g_string_append_c (json->text, '"');
}

static void
write_dictionary (CtlJson *json, const char *key, GVariant *value, gboolean snake)
{
  GVariantIter iter;
  GVariant *entry;

  ctl_json_begin_object (json, key);
  g_variant_iter_init (&iter, value);
  while ((entry = g_variant_iter_next_value (&iter)) != NULL)
    {
      g_autoptr (GVariant) held = entry;
      g_autoptr (GVariant) name = g_variant_get_child_value (entry, 0);
      g_autoptr (GVariant) member = g_variant_get_child_value (entry, 1);
      g_autofree char *text = g_variant_is_of_type (name, G_VARIANT_TYPE_STRING)
                                  ? g_variant_dup_string (name, NULL)
                                  : g_variant_print (name, FALSE);
      g_autofree char *written = snake ? ctl_json_snake_case (text) : g_strdup (text);

      ctl_json_variant (json, written, member, snake);
    }
  ctl_json_end_object (json);
}

static void
write_children (CtlJson *json, const char *key, GVariant *value, gboolean snake)
{
  ctl_json_begin_array (json, key);
  for (gsize i = 0; i < g_variant_n_children (value); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      ctl_json_variant (json, NULL, child, snake);
    }
  ctl_json_end_array (json);
}

static void
write_number (CtlJson *json, const char *key, GVariant *value)
{
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_BYTE:
      ctl_json_uint (json, key, g_variant_get_byte (value));
      break;
    case G_VARIANT_CLASS_INT16:
      ctl_json_int (json, key, g_variant_get_int16 (value));
      break;
    case G_VARIANT_CLASS_UINT16:
      ctl_json_uint (json, key, g_variant_get_uint16 (value));
      break;
    case G_VARIANT_CLASS_INT32:
      ctl_json_int (json, key, g_variant_get_int32 (value));
      break;
    case G_VARIANT_CLASS_UINT32:
      ctl_json_uint (json, key, g_variant_get_uint32 (value));
      break;
    case G_VARIANT_CLASS_INT64:
      ctl_json_int (json, key, g_variant_get_int64 (value));
      break;
    case G_VARIANT_CLASS_UINT64:
      ctl_json_uint (json, key, g_variant_get_uint64 (value));
      break;
    case G_VARIANT_CLASS_DOUBLE:
      ctl_json_decimal (json, key, g_variant_get_double (value), 6);
      break;
    case G_VARIANT_CLASS_BOOLEAN:
    case G_VARIANT_CLASS_HANDLE:
    case G_VARIANT_CLASS_STRING:
    case G_VARIANT_CLASS_OBJECT_PATH:
    case G_VARIANT_CLASS_SIGNATURE:
    case G_VARIANT_CLASS_VARIANT:
    case G_VARIANT_CLASS_MAYBE:
    case G_VARIANT_CLASS_ARRAY:
    case G_VARIANT_CLASS_TUPLE:
    case G_VARIANT_CLASS_DICT_ENTRY:
    default:
      ctl_json_null (json, key);
      break;
    }
}

void
ctl_json_variant (CtlJson *json, const char *key, GVariant *value, gboolean snake)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARIANT))
    {
      g_autoptr (GVariant) inner = g_variant_get_variant (value);

      ctl_json_variant (json, key, inner, snake);
    }
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
           || g_variant_is_of_type (value, G_VARIANT_TYPE_OBJECT_PATH)
           || g_variant_is_of_type (value, G_VARIANT_TYPE_SIGNATURE))
    ctl_json_string (json, key, g_variant_get_string (value, NULL));
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    ctl_json_boolean (json, key, g_variant_get_boolean (value));
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_BYTESTRING))
    write_bytes (json, key, value);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_DICTIONARY))
    write_dictionary (json, key, value, snake);
  else if (g_variant_is_container (value))
    write_children (json, key, value, snake);
  else
    write_number (json, key, value);
}

char *
ctl_json_to_line (CtlJson *json)
{
  g_return_val_if_fail (json->depth == 0, NULL);

  return g_strconcat (json->text->str, "\n", NULL);
}

char *
ctl_json_snake_case (const char *name)
{
  g_autoptr (GString) out = g_string_new (NULL);

  for (const char *p = name; *p != '\0'; p++)
    {
      if (g_ascii_isupper (*p) && p > name && !g_ascii_isupper (p[-1]) && p[-1] != '-' && p[-1] != '_')
        g_string_append_c (out, '_');
      g_string_append_c (out, *p == '-' ? '_' : g_ascii_tolower (*p));
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}
