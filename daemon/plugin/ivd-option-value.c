/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "plugin/ivd-option-value.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "base/ivd-path.h"
#include "platform/ivd-account.h"

#define MODE_MAX 0777

typedef struct
{
  const char *suffix;
  guint64 factor;
} Unit;

static const Unit size_units[] = {
  { "", 1 },
  { "K", G_GUINT64_CONSTANT (1) << 10 },
  { "M", G_GUINT64_CONSTANT (1) << 20 },
  { "G", G_GUINT64_CONSTANT (1) << 30 },
  { "T", G_GUINT64_CONSTANT (1) << 40 },
  { NULL, 0 },
};

static const Unit duration_units[] = {
  { "", G_USEC_PER_SEC },
  { "us", 1 },
  { "ms", 1000 },
  { "s", G_USEC_PER_SEC },
  { "min", 60 * G_GUINT64_CONSTANT (1000000) },
  { "h", 3600 * G_GUINT64_CONSTANT (1000000) },
  { NULL, 0 },
};

static const Unit no_units[] = { { "", 1 }, { NULL, 0 } };

static const char *const type_names[] = {
  [IVSHMEM_PLUGIN_TEXT] = "text",
  [IVSHMEM_PLUGIN_PATH] = "path",
  [IVSHMEM_PLUGIN_SIZE] = "size",
  [IVSHMEM_PLUGIN_NUMBER] = "number",
  [IVSHMEM_PLUGIN_BOOLEAN] = "boolean",
  [IVSHMEM_PLUGIN_MODE] = "mode",
  [IVSHMEM_PLUGIN_USER] = "user",
  [IVSHMEM_PLUGIN_GROUP] = "group",
  [IVSHMEM_PLUGIN_DURATION] = "duration",
  [IVSHMEM_PLUGIN_LIST] = "list",
};

const char *
ivd_option_type_name (guint32 type)
{
  return type < G_N_ELEMENTS (type_names) ? type_names[type] : NULL;
}

static const char *
rule_of (const IvshmemPluginOption *option)
{
  switch (option->type)
    {
    case IVSHMEM_PLUGIN_PATH:
      return "an absolute path";
    case IVSHMEM_PLUGIN_SIZE:
      return "a number of bytes, or one with K, M, G or T after it";
    case IVSHMEM_PLUGIN_NUMBER:
      return "a whole number, not negative";
    case IVSHMEM_PLUGIN_BOOLEAN:
      return "true or false";
    case IVSHMEM_PLUGIN_MODE:
      return "file permissions, in octal, 0 to 777";
    case IVSHMEM_PLUGIN_USER:
      return "the name or the number of a user of this machine";
    case IVSHMEM_PLUGIN_GROUP:
      return "the name or the number of a group of this machine";
    case IVSHMEM_PLUGIN_DURATION:
      return "a number with us, ms, s, min or h after it (s if nothing), or off";
    case IVSHMEM_PLUGIN_LIST:
      return "text, separated by commas";
    default:
      return "text";
    }
}

static gboolean
refuse (const IvshmemPluginOption *option, const char *text, const char *why, GError **error)
{
  g_autofree char *safe = ivd_text_safe (text);

  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "option '%s': '%s' is %s: it takes %s",
               option->name, safe, why, rule_of (option));
  return FALSE;
}

/* Digits and the suffix of one of the units, with nothing around them. */
static gboolean
parse_number (const IvshmemPluginOption *option, const char *text, const Unit *units, guint64 *ret,
              GError **error)
{
  gsize digits = strspn (text, "0123456789");
  g_autofree char *number = g_strndup (text, digits);
  guint64 value;

  if (digits == 0)
    return refuse (option, text, text[0] == '-' ? "negative" : "not understood", error);
  for (; units->suffix != NULL; units++)
    if (g_ascii_strcasecmp (text + digits, units->suffix) == 0)
      break;
  if (units->suffix == NULL)
    return refuse (option, text, "not understood", error);
  if (!g_ascii_string_to_unsigned (number, 10, 0, G_MAXUINT64, &value, NULL)
      || !g_uint64_checked_mul (ret, value, units->factor))
    return refuse (option, text, "too large", error);
  return TRUE;
}

static gboolean
check_limits (const IvshmemPluginOption *option, const char *text, guint64 number, GError **error)
{
  const char *unit = option->type == IVSHMEM_PLUGIN_DURATION ? " us" : "";
  g_autofree char *safe = NULL;

  if (option->minimum == 0 && option->maximum == 0)
    return TRUE;
  /* A duration that is off is none, so it has no least length. */
  if (number == 0 && option->type == IVSHMEM_PLUGIN_DURATION)
    return TRUE;
  if (number >= option->minimum && number <= option->maximum)
    return TRUE;
  safe = ivd_text_safe (text);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "option '%s': '%s' is out of range: %" G_GUINT64_FORMAT "%s to %" G_GUINT64_FORMAT "%s",
               option->name, safe, option->minimum, unit, option->maximum, unit);
  return FALSE;
}

static gboolean
parse_boolean (const IvshmemPluginOption *option, const char *text, guint64 *ret, GError **error)
{
  gboolean value;

  if (!ivd_text_to_boolean (text, &value))
    return refuse (option, text, "not understood", error);
  *ret = value ? 1 : 0;
  return TRUE;
}

static gboolean
parse_mode (const IvshmemPluginOption *option, const char *text, guint64 *ret, GError **error)
{
  guint64 mode;

  if (text[0] == '\0' || strspn (text, "01234567") != strlen (text))
    return refuse (option, text, "not understood", error);
  if (!g_ascii_string_to_unsigned (text, 8, 0, MODE_MAX, &mode, NULL))
    return refuse (option, text, "too large", error);
  *ret = mode;
  return TRUE;
}

static gboolean
parse_account (const IvshmemPluginOption *option, const char *text, guint64 *ret, GError **error)
{
  guint32 id;
  gboolean found = option->type == IVSHMEM_PLUGIN_USER ? ivd_account_find_user (text, &id, error)
                                                       : ivd_account_find_group (text, &id, error);

  if (!found)
    {
      g_prefix_error (error, "option '%s': ", option->name);
      return FALSE;
    }
  *ret = id;
  return TRUE;
}

static gboolean
check_path (const IvshmemPluginOption *option, const char *path, GError **error)
{
  if (ivd_path_check (path, error))
    return TRUE;
  g_prefix_error (error, "option '%s': ", option->name);
  return FALSE;
}

static gboolean
check_text (const IvshmemPluginOption *option, const char *text, GError **error)
{
  if (strlen (text) > IVD_LIMIT_OPTION_TEXT_BYTES)
    return refuse (option, text, "too long", error);
  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p))
    if (g_unichar_iscntrl (g_utf8_get_char (p)))
      return refuse (option, text, "no plain text (it has control characters)", error);
  return TRUE;
}

static gboolean
parse_duration (const IvshmemPluginOption *option, const char *text, guint64 *ret, GError **error)
{
  if (strcmp (text, "off") != 0)
    return parse_number (option, text, duration_units, ret, error);
  *ret = 0;
  return TRUE;
}

static gboolean
parse_text (const IvshmemPluginOption *option, const char *text, guint64 *ret_number, GError **error)
{
  guint64 number = 0;
  gboolean good = TRUE;

  if (!check_text (option, text, error))
    return FALSE;
  switch (option->type)
    {
    case IVSHMEM_PLUGIN_PATH:
      good = check_path (option, text, error);
      break;
    case IVSHMEM_PLUGIN_SIZE:
      good = parse_number (option, text, size_units, &number, error);
      break;
    case IVSHMEM_PLUGIN_NUMBER:
      good = parse_number (option, text, no_units, &number, error);
      break;
    case IVSHMEM_PLUGIN_BOOLEAN:
      good = parse_boolean (option, text, &number, error);
      break;
    case IVSHMEM_PLUGIN_MODE:
      good = parse_mode (option, text, &number, error);
      break;
    case IVSHMEM_PLUGIN_USER:
    case IVSHMEM_PLUGIN_GROUP:
      good = parse_account (option, text, &number, error);
      break;
    case IVSHMEM_PLUGIN_DURATION:
      good = parse_duration (option, text, &number, error);
      break;
    default:
      break;
    }
  if (!good || !check_limits (option, text, number, error))
    return FALSE;
  *ret_number = number;
  return TRUE;
}

/* A native integer as the text that means the same; NULL: it is none. */
static char *
text_of_integer (const IvshmemPluginOption *option, GVariant *value)
{
  guint64 number;

  switch (g_variant_classify (value))
    {
    case G_VARIANT_CLASS_INT16:
      return g_strdup_printf ("%d", g_variant_get_int16 (value));
    case G_VARIANT_CLASS_INT32:
      return g_strdup_printf ("%d", g_variant_get_int32 (value));
    case G_VARIANT_CLASS_INT64:
      return g_strdup_printf ("%" G_GINT64_FORMAT, g_variant_get_int64 (value));
    case G_VARIANT_CLASS_BYTE:
      number = g_variant_get_byte (value);
      break;
    case G_VARIANT_CLASS_UINT16:
      number = g_variant_get_uint16 (value);
      break;
    case G_VARIANT_CLASS_UINT32:
      number = g_variant_get_uint32 (value);
      break;
    case G_VARIANT_CLASS_UINT64:
      number = g_variant_get_uint64 (value);
      break;
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
  return g_strdup_printf ("%" G_GUINT64_FORMAT, number);
}

/* An integer is a mode's bits, not the octal digits that one would write. */
static char *
mode_of_integer (char *take_text)
{
  g_autofree char *text = take_text;
  guint64 number;

  if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64, &number, NULL))
    return g_steal_pointer (&text);
  return g_strdup_printf ("0%" G_GINT64_MODIFIER "o", number);
}

static char *
text_of_list (GVariant *value)
{
  g_autofree const char **items = g_variant_get_strv (value, NULL);

  for (gsize i = 0; items[i] != NULL; i++)
    if (strchr (items[i], ',') != NULL)
      return NULL;
  return g_strjoinv (",", (char **) items);
}

/* One native integer, or several for a list. */
static char *
text_of_integers (const IvshmemPluginOption *option, GVariant *value)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (option->type != IVSHMEM_PLUGIN_LIST || !g_variant_is_of_type (value, G_VARIANT_TYPE_ARRAY))
    return text_of_integer (option, value);
  for (gsize i = 0; i < g_variant_n_children (value); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);
      g_autofree char *item = text_of_integer (option, child);

      if (item == NULL)
        return NULL;
      g_string_append_printf (text, "%s%s", i > 0 ? "," : "", item);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* What the user would have written; NULL: such a type says nothing here. */
static char *
text_of_variant (const IvshmemPluginOption *option, GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_variant_dup_string (value, NULL);
  if (option->type == IVSHMEM_PLUGIN_LIST && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING_ARRAY))
    return text_of_list (value);
  if (option->type == IVSHMEM_PLUGIN_BOOLEAN)
    {
      if (!g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
        return NULL;
      return g_strdup (g_variant_get_boolean (value) ? "true" : "false");
    }
  if (option->type == IVSHMEM_PLUGIN_PATH)
    return NULL;
  if (option->type == IVSHMEM_PLUGIN_TEXT || option->type == IVSHMEM_PLUGIN_LIST)
    return text_of_integers (option, value);
  if (option->type == IVSHMEM_PLUGIN_MODE)
    {
      char *text = text_of_integer (option, value);

      return text != NULL ? mode_of_integer (text) : NULL;
    }
  return text_of_integer (option, value);
}

gboolean
ivd_option_value_parse (const IvshmemPluginOption *option, GVariant *value, char **ret_text,
                        guint64 *ret_number, GError **error)
{
  g_autofree char *text = text_of_variant (option, value);
  g_autofree char *type = NULL;

  if (text == NULL)
    {
      type = ivd_text_safe (g_variant_get_type_string (value));
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                   "option '%s': a value of type '%s' is of no use here: it takes %s",
                   option->name, type, rule_of (option));
      return FALSE;
    }
  if (!parse_text (option, text, ret_number, error))
    return FALSE;
  *ret_text = g_steal_pointer (&text);
  return TRUE;
}

static GVariant *
duration_to_variant (guint64 usec)
{
  if (usec == 0)
    return g_variant_new_string ("off");
  if (usec % G_USEC_PER_SEC == 0)
    return g_variant_new_take_string (g_strdup_printf ("%" G_GUINT64_FORMAT "s", usec / G_USEC_PER_SEC));
  if (usec % 1000 == 0)
    return g_variant_new_take_string (g_strdup_printf ("%" G_GUINT64_FORMAT "ms", usec / 1000));
  return g_variant_new_take_string (g_strdup_printf ("%" G_GUINT64_FORMAT "us", usec));
}

GVariant *
ivd_option_value_to_variant (const IvshmemPluginOption *option, const char *text, guint64 number)
{
  switch (option->type)
    {
    case IVSHMEM_PLUGIN_SIZE:
    case IVSHMEM_PLUGIN_NUMBER:
      return g_variant_new_uint64 (number);
    case IVSHMEM_PLUGIN_BOOLEAN:
      return g_variant_new_boolean (number != 0);
    case IVSHMEM_PLUGIN_MODE:
      return g_variant_new_take_string (g_strdup_printf ("%04" G_GINT64_MODIFIER "o", number));
    case IVSHMEM_PLUGIN_USER:
    case IVSHMEM_PLUGIN_GROUP:
      return g_variant_new_uint32 ((guint32) number);
    case IVSHMEM_PLUGIN_DURATION:
      return duration_to_variant (number);
    default:
      return g_variant_new_string (text);
    }
}
