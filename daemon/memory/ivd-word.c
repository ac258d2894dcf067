/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "memory/ivd-memory.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"

/* Words as text: hexadecimal for all that leaves, decimal accepted too. */

static gboolean
set_text_error (GError **error, const char *what, const char *text, guint width)
{
  g_autofree char *safe = ivd_text_safe (text);

  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "%s '%s' is no unsigned number of %u bytes: "
               "0x and 1 to %u hexadecimal digits, or decimal digits",
               what, safe, width, 2 * width);
  return FALSE;
}

/* word × base + digit; FALSE if that leaves 128 bits. */
static gboolean
push_digit (IvdWord *word, guint base, guint digit)
{
  guint64 limbs[4] = { word->low & G_MAXUINT32, word->low >> 32, word->high & G_MAXUINT32, word->high >> 32 };
  guint64 carry = digit;

  for (gsize i = 0; i < G_N_ELEMENTS (limbs); i++)
    {
      limbs[i] = limbs[i] * base + carry;
      carry = limbs[i] >> 32;
      limbs[i] &= G_MAXUINT32;
    }
  word->low = limbs[1] << 32 | limbs[0];
  word->high = limbs[3] << 32 | limbs[2];
  return carry == 0;
}

static gboolean
parse_digits (const char *digits, guint base, IvdWord *word)
{
  for (const char *p = digits; *p != '\0'; p++)
    {
      gint digit = base == 16 ? g_ascii_xdigit_value (*p) : g_ascii_digit_value (*p);

      if (digit < 0 || !push_digit (word, base, (guint) digit))
        return FALSE;
    }
  return digits[0] != '\0';
}

gboolean
ivd_word_parse (const char *what, const char *text, guint width, IvdWord *ret_word, GError **error)
{
  gboolean is_hex = g_ascii_strncasecmp (text, "0x", 2) == 0;
  const char *digits = is_hex ? text + 2 : text;
  IvdWord word = { 0, 0 };

  if (width != 1 && width != 2 && width != 4 && width != 8 && width != 16)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "width %u is none of 1, 2, 4, 8, 16", width);
      return FALSE;
    }
  if (is_hex && strlen (digits) > 2 * (gsize) width)
    return set_text_error (error, what, text, width);
  if (!parse_digits (digits, is_hex ? 16 : 10, &word))
    return set_text_error (error, what, text, width);
  if (width < 16 && (word.high != 0 || (width < 8 && word.low >> (8 * width) != 0)))
    return set_text_error (error, what, text, width);

  *ret_word = word;
  return TRUE;
}

char *
ivd_word_format (IvdWord word)
{
  if (word.high != 0)
    return g_strdup_printf ("0x%" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x", word.high, word.low);
  return g_strdup_printf ("0x%" G_GINT64_MODIFIER "x", word.low);
}
