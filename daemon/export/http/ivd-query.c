/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-query.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"

/* One that nobody has taken, within the query's text. */
typedef struct
{
  const char *key; /* NULL: it has been taken */
  const char *value;
} Parameter;

struct _IvdQuery
{
  GArray *parameters; /* of Parameter, in the order they came */
  GPtrArray *known;   /* of const char *: the keys that were asked for, for the error */
  char text[];        /* keys and values, decoded */
};

static gboolean
refuse_text (const char *text, gsize length, const char *why, GError **error)
{
  g_autofree char *copy = g_strndup (text, length);
  g_autofree char *safe = ivd_text_safe (copy);

  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "query '%s': %s", safe, why);
  return FALSE;
}

/* to: as long as text, and a NUL; moves on behind it. */
static gboolean
decode (const char *text, gsize length, char **to, GError **error)
{
  char *start = *to, *at = start;

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
      *at++ = c;
    }
  if (!g_utf8_validate (start, at - start, NULL))
    return refuse_text (text, length, "no UTF-8", error);
  *at++ = '\0';
  *to = at;
  return TRUE;
}

static gboolean
add_parameter (IvdQuery *self, const char *text, gsize length, char **to, GError **error)
{
  const char *equals = memchr (text, '=', length);
  Parameter parameter = { *to, NULL };

  if (!decode (text, equals != NULL ? (gsize) (equals - text) : length, to, error))
    return FALSE;
  if (equals == NULL)
    return refuse_text (text, length, "a key without '='", error);
  parameter.value = *to;
  if (!decode (equals + 1, length - (gsize) (equals + 1 - text), to, error))
    return FALSE;
  g_array_append_val (self->parameters, parameter);
  return TRUE;
}

IvdQuery *
ivd_query_new (const char *encoded, GError **error)
{
  gsize size = encoded != NULL ? strlen (encoded) : 0;
  g_autoptr (IvdQuery) self = NULL;
  char *to;

  if (size > IVD_LIMIT_QUERY_BYTES)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_TOO_LARGE, "a query of %" G_GSIZE_FORMAT " bytes: %d are allowed", size,
                   IVD_LIMIT_QUERY_BYTES);
      return NULL;
    }
  /* Each '=' and '&' makes room for a NUL, but for the last. */
  self = g_malloc (sizeof (IvdQuery) + size + 1);
  self->parameters = g_array_new (FALSE, FALSE, sizeof (Parameter));
  self->known = g_ptr_array_new ();
  to = self->text;
  while (encoded != NULL && *encoded != '\0')
    {
      gsize length = strcspn (encoded, "&");

      if (length > 0 && !add_parameter (self, encoded, length, &to, error))
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
  g_array_unref (query->parameters);
  g_ptr_array_unref (query->known);
  g_free (query);
}

/* NULL: there is none that is left. */
static Parameter *
find (IvdQuery *query, const char *key)
{
  for (guint i = 0; i < query->parameters->len; i++)
    {
      Parameter *parameter = &g_array_index (query->parameters, Parameter, i);

      if (parameter->key != NULL && strcmp (parameter->key, key) == 0)
        return parameter;
    }
  return NULL;
}

gboolean
ivd_query_has (IvdQuery *query, const char *key)
{
  return find (query, key) != NULL;
}

/* The first value that is left. NULL: there is none. */
static const char *
take_first (IvdQuery *query, const char *key)
{
  Parameter *parameter = find (query, key);

  if (parameter == NULL)
    return NULL;
  parameter->key = NULL;
  return parameter->value;
}

static void
remember (IvdQuery *query, const char *key)
{
  g_ptr_array_add (query->known, (gpointer) key);
}

/* *ret_value NULL: it is not there. */
static gboolean
take_one (IvdQuery *query, const char *key, const char **ret_value, GError **error)
{
  const char *value = take_first (query, key);

  remember (query, key);
  if (value != NULL && ivd_query_has (query, key))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "query '%s' comes twice: once is enough", key);
      return FALSE;
    }
  *ret_value = value;
  return TRUE;
}

static gboolean
refuse (const char *key, const char *value, const char *rule, GError **error)
{
  g_autofree char *safe = ivd_text_safe (value);

  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "query '%s' is '%s': it takes %s", key, safe, rule);
  return FALSE;
}

/* "17" or "0x11", nothing before and nothing behind it. */
static gboolean
parse_number (const char *text, guint64 *ret_value)
{
  gboolean is_hex = g_ascii_strncasecmp (text, "0x", 2) == 0;

  return g_ascii_string_to_unsigned (is_hex ? text + 2 : text, is_hex ? 16 : 10, 0, G_MAXUINT64, ret_value, NULL);
}

gboolean
ivd_query_take_uint64 (IvdQuery *query, const char *key, guint64 *ret_value, GError **error)
{
  const char *value;

  if (!take_one (query, key, &value, error))
    return FALSE;
  if (value == NULL || parse_number (value, ret_value))
    return TRUE;
  return refuse (key, value, "a whole number, 0 to 18446744073709551615, or the same as 0x and hexadecimal digits",
                 error);
}

gboolean
ivd_query_take_boolean (IvdQuery *query, const char *key, gboolean *ret_value, GError **error)
{
  const char *value;

  if (!take_one (query, key, &value, error))
    return FALSE;
  if (value == NULL || ivd_text_to_boolean (value, ret_value))
    return TRUE;
  return refuse (key, value, "true or false", error);
}

gboolean
ivd_query_take_text (IvdQuery *query, const char *key, char **ret_value, GError **error)
{
  const char *value;

  if (!take_one (query, key, &value, error))
    return FALSE;
  if (value != NULL)
    *ret_value = g_strdup (value);
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
      const char *value = take_first (query, key);
      g_auto (GStrv) items = g_strsplit (value, ",", -1);

      if (items[0] == NULL || g_strv_contains ((const char *const *) items, ""))
        return refuse (key, value, "names with ',' between them, none of them empty", error);
      g_strv_builder_addv (texts, (const char **) items);
    }
  *ret_value = g_strv_builder_end (texts);
  return TRUE;
}

static char *
list_known (IvdQuery *query)
{
  g_autoptr (GString) list = g_string_new (NULL);

  for (guint i = 0; i < query->known->len; i++)
    g_string_append_printf (list, "%s%s", i > 0 ? ", " : "", (const char *) query->known->pdata[i]);
  return g_string_free (g_steal_pointer (&list), FALSE);
}

gboolean
ivd_query_end (IvdQuery *query, GError **error)
{
  g_autofree char *safe = NULL, *known = NULL;
  guint i = 0;

  while (i < query->parameters->len && g_array_index (query->parameters, Parameter, i).key == NULL)
    i++;
  if (i == query->parameters->len)
    return TRUE;
  safe = ivd_text_safe (g_array_index (query->parameters, Parameter, i).key);
  known = query->known->len > 0 ? list_known (query) : g_strdup ("none");
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "unknown query '%s': known are: %s", safe, known);
  return FALSE;
}
