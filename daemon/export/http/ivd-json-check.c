/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-json-check.h"

#include <math.h>
#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"

/* Of a word in a message. */
#define QUOTED_BYTES 32

/* Where the check stands. Text is known to be UTF-8 without NUL, and at `end`
 * comes nothing: peek() answers NUL there. */
typedef struct
{
  const char *start;
  const char *at;
  const char *end;
  guint depth;
  GError **error;
} Cursor;

static gboolean check_value (Cursor *cursor);

static gboolean fail_at (Cursor *cursor, const char *at, const char *format, ...) G_GNUC_PRINTF (3, 4);

static gboolean
fail_at (Cursor *cursor, const char *at, const char *format, ...)
{
  g_autofree char *message = NULL;
  const char *line_start = cursor->start;
  guint line = 1;
  va_list arguments;

  for (const char *p = cursor->start; p < at; p++)
    if (*p == '\n')
      {
        line++;
        line_start = p + 1;
      }
  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (cursor->error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "JSON, line %u, column %lu: %s", line,
               g_utf8_pointer_to_offset (line_start, at) + 1, message);
  return FALSE;
}

static char
peek (const Cursor *cursor)
{
  return cursor->at < cursor->end ? *cursor->at : '\0';
}

static gboolean
skip_char (Cursor *cursor, char c)
{
  if (peek (cursor) != c)
    return FALSE;
  cursor->at++;
  return TRUE;
}

static void
skip_space (Cursor *cursor)
{
  while (cursor->at < cursor->end && strchr (" \t\r\n", *cursor->at) != NULL)
    cursor->at++;
}

static gboolean
is_word_char (char c)
{
  return g_ascii_isalnum (c) || strchr ("+-._", c) != NULL;
}

/* What stands at the cursor, for a message: a word, or one character. */
static char *
quote_here (const Cursor *cursor)
{
  const char *p = cursor->at;
  g_autofree char *found = NULL;
  g_autofree char *safe = NULL;

  if (p == cursor->end)
    return g_strdup ("the end");
  while (p < cursor->end && is_word_char (*p) && p - cursor->at < QUOTED_BYTES)
    p++;
  if (p == cursor->at)
    p = g_utf8_next_char (p);
  found = g_strndup (cursor->at, (gsize) (p - cursor->at));
  safe = ivd_text_safe (found);
  return g_strdup_printf ("'%s'", safe);
}

static gboolean
fail_here (Cursor *cursor, const char *expected)
{
  char next = cursor->end - cursor->at > 1 ? cursor->at[1] : '\0';
  g_autofree char *found = NULL;

  if (peek (cursor) == '#' || (peek (cursor) == '/' && (next == '/' || next == '*')))
    return fail_at (cursor, cursor->at, "a comment: JSON has none");
  if (peek (cursor) == '\'')
    return fail_at (cursor, cursor->at, "a single quote: text and keys stand in double quotes");
  found = quote_here (cursor);
  return fail_at (cursor, cursor->at, "%s, where %s is expected", found, expected);
}

/* --- text --- */

static gboolean
take_hex4 (Cursor *cursor, gunichar *ret_unit)
{
  gunichar unit = 0;

  if (cursor->end - cursor->at < 4)
    return fail_at (cursor, cursor->at, "\\u takes four hexadecimal digits");
  for (guint i = 0; i < 4; i++)
    {
      if (!g_ascii_isxdigit (cursor->at[i]))
        return fail_at (cursor, cursor->at, "\\u takes four hexadecimal digits");
      unit = unit * 16 + (gunichar) g_ascii_xdigit_value (cursor->at[i]);
    }
  cursor->at += 4;
  *ret_unit = unit;
  return TRUE;
}

/* After \u. */
static gboolean
take_unicode_escape (Cursor *cursor, GString *text)
{
  const char *start = cursor->at - 2;
  gunichar high, low;

  if (!take_hex4 (cursor, &high))
    return FALSE;
  if (high == 0)
    return fail_at (cursor, start, "\\u0000: text here has no NUL");
  if (high < 0xd800 || high > 0xdfff)
    {
      g_string_append_unichar (text, high);
      return TRUE;
    }
  if (high > 0xdbff || cursor->end - cursor->at < 2 || cursor->at[0] != '\\' || cursor->at[1] != 'u')
    return fail_at (cursor, start, "half a surrogate pair: \\ud800 to \\udbff, then \\udc00 to \\udfff");
  cursor->at += 2;
  if (!take_hex4 (cursor, &low))
    return FALSE;
  if (low < 0xdc00 || low > 0xdfff)
    return fail_at (cursor, start, "half a surrogate pair: \\ud800 to \\udbff, then \\udc00 to \\udfff");
  g_string_append_unichar (text, 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
  return TRUE;
}

/* After the backslash. */
static gboolean
take_escape (Cursor *cursor, GString *text)
{
  static const char letters[] = "\"\\/bfnrt";
  static const char meant[] = "\"\\/\b\f\n\r\t";
  char c = peek (cursor);
  const char *found = c != '\0' ? strchr (letters, c) : NULL;

  if (c == 'u')
    {
      cursor->at++;
      return take_unicode_escape (cursor, text);
    }
  if (found == NULL)
    return fail_at (cursor, cursor->at - 1, "no such escape: there are \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
  g_string_append_c (text, meant[found - letters]);
  cursor->at++;
  return TRUE;
}

/* At the quote. text: what the string means. */
static gboolean
take_string (Cursor *cursor, GString *text)
{
  const char *start = cursor->at++;

  while (cursor->at < cursor->end)
    {
      char c = *cursor->at;

      if (c == '"')
        {
          cursor->at++;
          return TRUE;
        }
      if ((guchar) c < 0x20)
        return fail_at (cursor, cursor->at, "a control character in text: write it as \\u%04x", (guint) c);
      cursor->at++;
      if (c != '\\')
        g_string_append_c (text, c);
      else if (!take_escape (cursor, text))
        return FALSE;
    }
  return fail_at (cursor, start, "text that is not closed: a \" is missing");
}

static gboolean
check_string (Cursor *cursor)
{
  g_autoptr (GString) text = g_string_new (NULL);

  return take_string (cursor, text);
}

/* --- numbers --- */

static gboolean
skip_digits (Cursor *cursor)
{
  const char *start = cursor->at;

  while (g_ascii_isdigit (peek (cursor)))
    cursor->at++;
  return cursor->at > start;
}

/* Whether what was skipped from start is a number that we can hold. */
static gboolean
check_number_value (Cursor *cursor, const char *start, gboolean integer)
{
  g_autofree char *literal = NULL;
  guint64 magnitude;
  gsize length = (gsize) (cursor->at - start);

  if (length > IVD_LIMIT_JSON_NUMBER_BYTES)
    return fail_at (cursor, start, "a number of %" G_GSIZE_FORMAT " characters: %d are allowed", length,
                    IVD_LIMIT_JSON_NUMBER_BYTES);
  literal = g_strndup (start, length);
  if (!integer)
    {
      if (isfinite (g_ascii_strtod (literal, NULL)))
        return TRUE;
      return fail_at (cursor, start, "the number %s is too large", literal);
    }
  if (g_ascii_string_to_unsigned (literal[0] == '-' ? literal + 1 : literal, 10, 0, IVD_LIMIT_JSON_INTEGER,
                                  &magnitude, NULL))
    return TRUE;
  return fail_at (cursor, start,
                  "the number %s is beyond 2^53, where JSON's readers lose digits: write it as a string, \"%s\"",
                  literal, literal);
}

static gboolean
check_number (Cursor *cursor)
{
  const char *start = cursor->at;
  gboolean integer = TRUE;

  skip_char (cursor, '-');
  if (peek (cursor) == '0' && cursor->end - cursor->at > 1 && g_ascii_isalnum (cursor->at[1])
      && g_ascii_tolower (cursor->at[1]) != 'e')
    return fail_at (cursor, start, "a number is decimal, without leading zeros");
  if (!skip_digits (cursor))
    return fail_here (cursor, "a digit");
  if (skip_char (cursor, '.'))
    {
      integer = FALSE;
      if (!skip_digits (cursor))
        return fail_here (cursor, "a digit");
    }
  if (g_ascii_tolower (peek (cursor)) == 'e')
    {
      integer = FALSE;
      cursor->at++;
      if (!skip_char (cursor, '+'))
        skip_char (cursor, '-');
      if (!skip_digits (cursor))
        return fail_here (cursor, "a digit");
    }
  return check_number_value (cursor, start, integer);
}

/* --- what holds others --- */

static gboolean
enter (Cursor *cursor)
{
  if (cursor->depth == IVD_LIMIT_JSON_DEPTH)
    return fail_at (cursor, cursor->at, "nested deeper than %d", IVD_LIMIT_JSON_DEPTH);
  cursor->depth++;
  cursor->at++;
  skip_space (cursor);
  return TRUE;
}

/* TRUE and *ret_more FALSE: it has ended. */
static gboolean
next_or_end (Cursor *cursor, char end, const char *expected, gboolean *ret_more)
{
  skip_space (cursor);
  if (skip_char (cursor, end))
    {
      cursor->depth--;
      *ret_more = FALSE;
      return TRUE;
    }
  if (!skip_char (cursor, ','))
    return fail_here (cursor, expected);
  skip_space (cursor);
  if (peek (cursor) == end)
    return fail_at (cursor, cursor->at, "a comma before '%c': commas stand between values", end);
  *ret_more = TRUE;
  return TRUE;
}

static gboolean
check_member (Cursor *cursor, GHashTable *keys)
{
  g_autoptr (GString) key = g_string_new (NULL);
  const char *start = cursor->at;

  if (peek (cursor) != '"')
    return fail_here (cursor, "a key in double quotes");
  if (!take_string (cursor, key))
    return FALSE;
  if (g_hash_table_size (keys) == IVD_LIMIT_JSON_MEMBERS)
    return fail_at (cursor, start, "an object of more than %d members", IVD_LIMIT_JSON_MEMBERS);
  if (!g_hash_table_add (keys, g_strdup (key->str)))
    {
      g_autofree char *safe = ivd_text_safe (key->str);

      return fail_at (cursor, start, "the key '%s' comes twice: once is enough", safe);
    }
  skip_space (cursor);
  if (!skip_char (cursor, ':'))
    return fail_here (cursor, "':'");
  skip_space (cursor);
  return check_value (cursor);
}

static gboolean
check_object (Cursor *cursor)
{
  g_autoptr (GHashTable) keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  gboolean more = TRUE;

  if (!enter (cursor))
    return FALSE;
  if (skip_char (cursor, '}'))
    {
      cursor->depth--;
      return TRUE;
    }
  while (more)
    if (!check_member (cursor, keys) || !next_or_end (cursor, '}', "',' or '}'", &more))
      return FALSE;
  return TRUE;
}

static gboolean
check_array (Cursor *cursor)
{
  gboolean more = TRUE;

  if (!enter (cursor))
    return FALSE;
  if (skip_char (cursor, ']'))
    {
      cursor->depth--;
      return TRUE;
    }
  while (more)
    if (!check_value (cursor) || !next_or_end (cursor, ']', "',' or ']'", &more))
      return FALSE;
  return TRUE;
}

static gboolean
check_word (Cursor *cursor)
{
  static const char *const words[] = { "true", "false", "null" };

  for (guint i = 0; i < G_N_ELEMENTS (words); i++)
    {
      gsize length = strlen (words[i]);

      if ((gsize) (cursor->end - cursor->at) < length || memcmp (cursor->at, words[i], length) != 0)
        continue;
      if ((gsize) (cursor->end - cursor->at) > length && g_ascii_isalnum (cursor->at[length]))
        continue;
      cursor->at += length;
      return TRUE;
    }
  return fail_here (cursor, "a value (text, a number, true, false, null, an object or an array)");
}

static gboolean
check_value (Cursor *cursor)
{
  char c = peek (cursor);

  if (c == '{')
    return check_object (cursor);
  if (c == '[')
    return check_array (cursor);
  if (c == '"')
    return check_string (cursor);
  if (c == '-' || g_ascii_isdigit (c))
    return check_number (cursor);
  return check_word (cursor);
}

static gboolean
check_bytes (const char *data, gsize length, Cursor *cursor)
{
  const char *bad;

  if (length > IVD_LIMIT_JSON_BYTES)
    {
      g_set_error (cursor->error, IVD_ERROR, IVD_ERROR_TOO_LARGE,
                   "JSON of %" G_GSIZE_FORMAT " bytes: %d are allowed", length, IVD_LIMIT_JSON_BYTES);
      return FALSE;
    }
  if (length == 0)
    {
      g_set_error (cursor->error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                   "nothing was sent: this takes a JSON object, {} at least");
      return FALSE;
    }
  /* NUL is no good to it, either. */
  if (g_utf8_validate_len (data, length, &bad))
    return TRUE;
  if (*bad == '\0')
    return fail_at (cursor, bad, "a NUL character");
  return fail_at (cursor, bad, "the byte 0x%02x is no UTF-8", (guint) (guchar) *bad);
}

gboolean
ivd_json_check (const char *data, gsize length, GError **error)
{
  /* No bytes may be nowhere. */
  const char *start = data != NULL ? data : "";
  Cursor cursor = { .start = start, .at = start, .end = start + length, .error = error };

  if (!check_bytes (start, length, &cursor))
    return FALSE;
  skip_space (&cursor);
  if (peek (&cursor) != '{')
    return fail_here (&cursor, "an object, '{'");
  if (!check_object (&cursor))
    return FALSE;
  skip_space (&cursor);
  if (cursor.at < cursor.end)
    return fail_here (&cursor, "the end, after one object,");
  return TRUE;
}
