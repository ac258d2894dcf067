/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-region.h"

const char *
ctl_region_text (GVariant *properties, const char *property)
{
  const char *text = NULL;

  return g_variant_lookup (properties, property, "&s", &text) ? text : "-";
}

gboolean
ctl_region_has_reason (GVariant *properties)
{
  const char *reason = "";

  return g_variant_lookup (properties, "Reason", "&s", &reason) && reason[0] != '\0';
}

static gboolean
number_of (GVariant *value, guint64 *ret_number)
{
  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_BYTE:
      *ret_number = g_variant_get_byte (value);
      return TRUE;
    case G_VARIANT_CLASS_UINT32:
      *ret_number = g_variant_get_uint32 (value);
      return TRUE;
    case G_VARIANT_CLASS_UINT64:
      *ret_number = g_variant_get_uint64 (value);
      return TRUE;
    case G_VARIANT_CLASS_INT32:
      *ret_number = (guint64) g_variant_get_int32 (value);
      return g_variant_get_int32 (value) >= 0;
    case G_VARIANT_CLASS_INT64:
      *ret_number = (guint64) g_variant_get_int64 (value);
      return g_variant_get_int64 (value) >= 0;
    case G_VARIANT_CLASS_BOOLEAN:
    case G_VARIANT_CLASS_INT16:
    case G_VARIANT_CLASS_UINT16:
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
      return FALSE;
    }
}

guint64
ctl_region_number (GVariant *properties, const char *property, guint64 fallback)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (properties, property, NULL);
  guint64 number;

  return value != NULL && number_of (value, &number) ? number : fallback;
}

gboolean
ctl_region_is_ready (GVariant *properties)
{
  return g_str_equal (ctl_region_text (properties, "State"), "ready");
}

gboolean
ctl_region_can (GVariant *properties, const char *capability)
{
  g_autofree const char **capabilities = NULL;

  return g_variant_lookup (properties, "Capabilities", "^a&s", &capabilities)
         && g_strv_contains (capabilities, capability);
}

char *
ctl_region_option (GVariant *properties, const char *option)
{
  g_autoptr (GVariant) options = g_variant_lookup_value (properties, "Options", G_VARIANT_TYPE_VARDICT);
  g_autoptr (GVariant) value = options != NULL ? g_variant_lookup_value (options, option, NULL) : NULL;

  return value != NULL ? ctl_region_value_text (value) : NULL;
}

guint64
ctl_region_statistic (GVariant *properties, const char *name)
{
  g_autoptr (GVariant) statistics
      = g_variant_lookup_value (properties, "Statistics", G_VARIANT_TYPE ("a{st}"));
  guint64 value = 0;

  if (statistics != NULL)
    g_variant_lookup (statistics, name, "t", &value);
  return value;
}

char *
ctl_region_own_id (GVariant *properties)
{
  guint64 id = ctl_region_number (properties, "OwnId", G_MAXUINT64);

  return id == G_MAXUINT64 ? g_strdup ("-") : g_strdup_printf ("%" G_GUINT64_FORMAT, id);
}

char *
ctl_region_value_text (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARIANT))
    {
      g_autoptr (GVariant) inner = g_variant_get_variant (value);

      return ctl_region_value_text (inner);
    }
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
      || g_variant_is_of_type (value, G_VARIANT_TYPE_OBJECT_PATH))
    return g_variant_dup_string (value, NULL);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING_ARRAY))
    {
      g_autofree const char **words = g_variant_get_strv (value, NULL);

      return g_strjoinv (" ", (char **) words);
    }
  return g_variant_print (value, FALSE);
}

void
ctl_region_write_json (CtlJson *json, const char *key, GVariant *properties)
{
  static const char *const order[] = { "Name", "Plugin", "State", "Size", "Capabilities", "OwnId", "Vectors",
                                       "Generation", "PeerCount", "Statistics", "Options", NULL };
  GVariantIter iter;
  GVariant *value;
  const char *name;

  ctl_json_begin_object (json, key);
  for (const char *const *p = order; *p != NULL; p++)
    {
      g_autoptr (GVariant) known = g_variant_lookup_value (properties, *p, NULL);
      g_autofree char *snake = ctl_json_snake_case (*p);

      if (known != NULL)
        ctl_json_variant (json, snake, known, !g_str_equal (*p, "Options"));
    }
  g_variant_iter_init (&iter, properties);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &value))
    {
      g_autofree char *snake = ctl_json_snake_case (name);

      if (!g_strv_contains (order, name))
        ctl_json_variant (json, snake, value, TRUE);
    }
  ctl_json_end_object (json);
}
