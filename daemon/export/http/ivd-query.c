/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-query.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"

typedef struct
{
  char *key;
  char *value;
} Parameter;

struct _IvdQuery
{
  GPtrArray *left; /* of Parameter, not taken yet, in the order they came */
  GString *known;  /* the keys that were asked for, for the error */
};

static void
parameter_free (gpointer data)
{
  Parameter *parameter = data;

  g_free (parameter->key);
  g_free (parameter->value);
  g_free (parameter);
}

static char *
refuse_text (const char *text, gsize length, const char *why, GError **error)
{
  g_autofree char *copy = g_strndup (text, length);
  g_autofree char *safe = ivd_text_safe (copy);

  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "query '%s': %s", safe, why);
  return NULL;
}

/* NULL: it is no good. (transfer full) */
static char *
decode (const char *text, gsize length, GError **error)
{
  g_autoptr (GString) decoded = g_string_sized_new (length);

  for (gsize i = 0; i < length; i++)
    {
      char c = text[i];

      if ((guchar) c <= ' ' || (guchar) c >= 0x7f)
        return refuse_text (text, length, "a character that a URL must have as %XX", error);
      if (c == '%')
        {
          if (length - i < 3 || !g_ascii_isxdigit (text[i + 1]) || !g_ascii_isxdigit (text[i + 2]))
            return refuse_text (text, length, "'%' takes two hexadecimal digits after it", error);
          c = (char) (g_ascii_xdigit_value (text[i + 1]) * 16 + g_ascii_xdigit_value (text[i + 2]));
          if (c == '\0')
            return refuse_text (text, length, "%00: text here has no NUL", error);
          i += 2;
        }
      else if (c == '+')
        c = ' ';
      g_string_append_c (decoded, c);
    }
  if (!g_utf8_validate (decoded->str, (gssize) decoded->len, NULL))
    return refuse_text (text, length, "no UTF-8", error);
  return g_string_free (g_steal_pointer (&decoded), FALSE);
}

static gboolean
add_parameter (IvdQuery *self, const char *text, gsize length, GError **error)
{
  const char *equals = memchr (text, '=', length);
  gsize key_length = equals != NULL ? (gsize) (equals - text) : length;
  g_autofree char *key = decode (text, key_length, error);
  g_autofree char *value = NULL;
  Parameter *parameter;

  if (key == NULL)
    return FALSE;
  if (equals == NULL)
    {
      refuse_text (text, length, "a key without '='", error);
      return FALSE;
    }
  value = decode (equals + 1, length - key_length - 1, error);
  if (value == NULL)
    return FALSE;
  parameter = g_new (Parameter, 1);
  parameter->key = g_steal_pointer (&key);
  parameter->value = g_steal_pointer (&value);
  g_ptr_array_add (self->left, parameter);
  return TRUE;
}

IvdQuery *
ivd_query_new (const char *encoded, GError **error)
{
  g_autoptr (IvdQuery) self = g_new0 (IvdQuery, 1);

  self->left = g_ptr_array_new_with_free_func (parameter_free);
  self->known = g_string_new (NULL);
  if (encoded == NULL)
    return g_steal_pointer (&self);
  if (strlen (encoded) > IVD_LIMIT_QUERY_BYTES)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_TOO_LARGE, "a query of %" G_GSIZE_FORMAT " bytes: %d are allowed",
                   strlen (encoded), IVD_LIMIT_QUERY_BYTES);
      return NULL;
    }
  while (*encoded != '\0')
    {
      gsize length = strcspn (encoded, "&");

      if (length > 0 && !add_parameter (self, encoded, length, error))
        return NULL;
      encoded += length;
      if (*encoded == '&')
        encoded++;
    }
  return g_steal_pointer (&self);
}

void
ivd_query_free (IvdQuery *query)
{
  if (query == NULL)
    return;
  g_ptr_array_unref (query->left);
  g_string_free (query->known, TRUE);
  g_free (query);
}

/* Its index, or that of the end. */
static guint
find (IvdQuery *query, const char *key)
{
  guint i;

  for (i = 0; i < query->left->len; i++)
    if (strcmp (((Parameter *) query->left->pdata[i])->key, key) == 0)
      break;
  return i;
}

gboolean
ivd_query_has (IvdQuery *query, const char *key)
{
  return find (query, key) < query->left->len;
}

/* The first value that is left. NULL: there is none. (transfer full) */
static char *
take_first (IvdQuery *query, const char *key)
{
  guint index = find (query, key);
  Parameter *parameter;
  char *value;

  if (index == query->left->len)
    return NULL;
  parameter = query->left->pdata[index];
  value = g_steal_pointer (&parameter->value);
  g_ptr_array_remove_index (query->left, index);
  return value;
}

static void
remember (IvdQuery *query, const char *key)
{
  g_string_append_printf (query->known, "%s%s", query->known->len > 0 ? ", " : "", key);
}

/* *ret_value NULL: it is not there. */
static gboolean
take_one (IvdQuery *query, const char *key, char **ret_value, GError **error)
{
  g_autofree char *value = NULL;

  remember (query, key);
  value = take_first (query, key);
  if (ivd_query_has (query, key))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "query '%s' comes twice: once is enough", key);
      return FALSE;
    }
  *ret_value = g_steal_pointer (&value);
  return TRUE;
}

static gboolean
refuse (const char *key, const char *value, const char *rule, GError **error)
{
  g_autofree char *safe = ivd_text_safe (value);

  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "query '%s' is '%s': it takes %s", key, safe, rule);
  return FALSE;
}

gboolean
ivd_query_take_uint64 (IvdQuery *query, const char *key, guint64 *ret_value, GError **error)
{
  g_autofree char *value = NULL;

  if (!take_one (query, key, &value, error))
    return FALSE;
  if (value == NULL || g_ascii_string_to_unsigned (value, 10, 0, G_MAXUINT64, ret_value, NULL))
    return TRUE;
  return refuse (key, value, "a whole number, 0 to 18446744073709551615", error);
}

gboolean
ivd_query_take_uint32 (IvdQuery *query, const char *key, guint32 *ret_value, GError **error)
{
  g_autofree char *value = NULL;
  guint64 number;

  if (!take_one (query, key, &value, error))
    return FALSE;
  if (value == NULL)
    return TRUE;
  if (!g_ascii_string_to_unsigned (value, 10, 0, G_MAXUINT32, &number, NULL))
    return refuse (key, value, "a whole number, 0 to 4294967295", error);
  *ret_value = (guint32) number;
  return TRUE;
}

gboolean
ivd_query_take_boolean (IvdQuery *query, const char *key, gboolean *ret_value, GError **error)
{
  g_autofree char *value = NULL;

  if (!take_one (query, key, &value, error))
    return FALSE;
  if (value == NULL || ivd_text_to_boolean (value, ret_value))
    return TRUE;
  return refuse (key, value, "true or false", error);
}

gboolean
ivd_query_take_text (IvdQuery *query, const char *key, char **ret_value, GError **error)
{
  g_autofree char *value = NULL;

  if (!take_one (query, key, &value, error))
    return FALSE;
  if (value != NULL)
    *ret_value = g_steal_pointer (&value);
  return TRUE;
}

gboolean
ivd_query_take_texts (IvdQuery *query, const char *key, GStrv *ret_value, GError **error)
{
  g_autoptr (GStrvBuilder) texts = g_strv_builder_new ();

  remember (query, key);
  if (!ivd_query_has (query, key))
    return TRUE;
  while (ivd_query_has (query, key))
    {
      g_autofree char *value = take_first (query, key);
      g_auto (GStrv) items = g_strsplit (value, ",", -1);

      if (items[0] == NULL || g_strv_contains ((const char *const *) items, ""))
        return refuse (key, value, "names with ',' between them, none of them empty", error);
      g_strv_builder_addv (texts, (const char **) items);
    }
  *ret_value = g_strv_builder_end (texts);
  return TRUE;
}

gboolean
ivd_query_end (IvdQuery *query, GError **error)
{
  g_autofree char *safe = NULL;

  if (query->left->len == 0)
    return TRUE;
  safe = ivd_text_safe (((Parameter *) query->left->pdata[0])->key);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "unknown query '%s': known are: %s", safe,
               query->known->len > 0 ? query->known->str : "none");
  return FALSE;
}
