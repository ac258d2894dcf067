/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-name.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"

#define SAFE_TEXT_BYTES 128

static gboolean
name_is_good (const char *name)
{
  const char *p;

  if (!g_ascii_isalnum (name[0]))
    return FALSE;
  for (p = name; *p != '\0'; p++)
    {
      if (!g_ascii_isalnum (*p) && strchr ("_.-", *p) == NULL)
        return FALSE;
      if (p - name >= IVD_LIMIT_NAME_BYTES)
        return FALSE;
    }
  return TRUE;
}

gboolean
ivd_name_check (const char *what, const char *name, GError **error)
{
  g_autofree char *safe = NULL;

  if (name != NULL && name_is_good (name))
    return TRUE;

  safe = ivd_text_safe (name != NULL ? name : "");
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "'%s' is no %s name: 1 to %d of A-Z a-z 0-9 _ . -, the first a letter or a digit",
               safe, what, IVD_LIMIT_NAME_BYTES);
  return FALSE;
}

char *
ivd_text_safe (const char *text)
{
  return ivd_text_safe_bytes (text, SAFE_TEXT_BYTES);
}

char *
ivd_text_safe_bytes (const char *text, gsize limit)
{
  g_autofree char *valid = g_utf8_make_valid (text, strnlen (text, limit));
  g_autoptr (GString) out = g_string_new (NULL);
  const char *p;

  for (p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (g_unichar_iscntrl (c))
        g_string_append_printf (out, "\\x%02x", c);
      else
        g_string_append_unichar (out, c);
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

gboolean
ivd_text_to_boolean (const char *text, gboolean *ret_value)
{
  static const char *const yes[] = { "true", "yes", "on", "1", NULL };
  static const char *const no[] = { "false", "no", "off", "0", NULL };

  if (!g_strv_contains (yes, text) && !g_strv_contains (no, text))
    return FALSE;
  *ret_value = g_strv_contains (yes, text);
  return TRUE;
}

char *
ivd_name_to_path (const char *prefix, const char *name)
{
  g_autoptr (GString) path = g_string_new (prefix);

  if (*name == '\0')
    g_string_append_c (path, '_');
  for (const char *p = name; *p != '\0'; p++)
    {
      if (g_ascii_isalpha (*p) || (p > name && g_ascii_isdigit (*p)))
        g_string_append_c (path, *p);
      else
        g_string_append_printf (path, "_%02x", (guchar) *p);
    }
  return g_string_free (g_steal_pointer (&path), FALSE);
}
