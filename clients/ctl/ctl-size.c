/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-size.h"

#include <string.h>

#include "base/ivd-name.h"

#include "ctl-error.h"

#define KIB 1024
#define USEC_PER_MSEC 1000
#define USEC_PER_MINUTE (60 * G_USEC_PER_SEC)
#define USEC_PER_HOUR (60 * G_GUINT64_CONSTANT (60) * G_USEC_PER_SEC)

static gboolean
refuse (GError **error, const char *text, const char *rule)
{
  g_autofree char *safe = ivd_text_safe (text);

  g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE, "'%s' is %s", safe, rule);
  return FALSE;
}

typedef enum
{
  DIGITS_FINE,
  DIGITS_NONE,
  DIGITS_TOO_BIG,
} Digits;

/* Reads digits up to the first character that is none. */
static Digits
read_digits (const char *text, guint base, guint64 *ret_number, const char **ret_end)
{
  guint64 number = 0;
  gboolean too_big = FALSE;
  const char *p;

  for (p = text; base == 16 ? g_ascii_isxdigit (*p) : g_ascii_isdigit (*p); p++)
    {
      if (!g_uint64_checked_mul (&number, number, base)
          || !g_uint64_checked_add (&number, number, (guint64) g_ascii_xdigit_value (*p)))
        too_big = TRUE;
    }
  *ret_end = p;
  *ret_number = number;
  if (p == text)
    return DIGITS_NONE;
  return too_big ? DIGITS_TOO_BIG : DIGITS_FINE;
}

static gboolean
is_hexadecimal (const char *text)
{
  return text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

static gboolean
read_suffix (const char *text, guint64 *ret_factor)
{
  static const char letters[] = "KMGT";
  const char *found;
  guint64 factor = 1;

  if (*text == '\0')
    {
      *ret_factor = 1;
      return TRUE;
    }
  found = strchr (letters, g_ascii_toupper (*text));
  if (found == NULL || text[1] != '\0')
    return FALSE;
  for (const char *p = letters; p <= found; p++)
    factor *= KIB;
  *ret_factor = factor;
  return TRUE;
}

gboolean
ctl_size_parse (const char *text, guint64 *ret_size, GError **error)
{
  static const char rule[]
      = "no size: digits, with K, M, G or T after them if wanted, or 0x and hexadecimal digits";
  static const char too_big[] = "too big: sizes and offsets have 64 bits";
  gboolean hexadecimal = is_hexadecimal (text);
  guint64 number, factor;
  const char *end;

  switch (read_digits (hexadecimal ? text + 2 : text, hexadecimal ? 16 : 10, &number, &end))
    {
    case DIGITS_NONE:
      return refuse (error, text, rule);
    case DIGITS_TOO_BIG:
      return refuse (error, text, too_big);
    case DIGITS_FINE:
    default:
      break;
    }
  if (hexadecimal ? *end != '\0' : !read_suffix (end, &factor))
    return refuse (error, text, rule);
  if (!hexadecimal && !g_uint64_checked_mul (&number, number, factor))
    return refuse (error, text, too_big);
  *ret_size = number;
  return TRUE;
}

char *
ctl_size_format (guint64 size)
{
  static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
  guint64 whole = size, divisor = 1;
  guint64 tenths;
  gsize unit = 0;

  while (whole >= KIB)
    {
      whole /= KIB;
      divisor *= KIB;
      unit++;
    }
  if (size % divisor == 0)
    return g_strdup_printf ("%" G_GUINT64_FORMAT " %s", whole, units[unit]);

  /* Cut, not rounded: a size must not look larger than it is. */
  tenths = (size % divisor) / (divisor / KIB) * 10 / KIB;
  return g_strdup_printf ("%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT " %s", whole, tenths, units[unit]);
}

const char *
ctl_plural (guint64 n)
{
  return n == 1 ? "" : "s";
}

gboolean
ctl_number_parse (const char *text, guint64 maximum, guint64 *ret_number, GError **error)
{
  gboolean hexadecimal = is_hexadecimal (text);
  guint64 number;
  const char *end;
  Digits digits = read_digits (hexadecimal ? text + 2 : text, hexadecimal ? 16 : 10, &number, &end);

  if (digits == DIGITS_NONE || *end != '\0')
    return refuse (error, text, "no number: digits, or 0x and hexadecimal digits");
  if (digits == DIGITS_TOO_BIG || number > maximum)
    {
      g_autofree char *rule = g_strdup_printf ("too big: at most %" G_GUINT64_FORMAT, maximum);

      return refuse (error, text, rule);
    }
  *ret_number = number;
  return TRUE;
}

typedef struct
{
  const char *name;
  guint64 usec;
} TimeUnit;

static const TimeUnit time_units[] = {
  { "", G_USEC_PER_SEC },
  { "us", 1 },
  { "ms", USEC_PER_MSEC },
  { "s", G_USEC_PER_SEC },
  { "m", USEC_PER_MINUTE },
  { "min", USEC_PER_MINUTE },
  { "h", USEC_PER_HOUR },
};

/* ".25" of a unit, in microseconds; what is finer is dropped. */
static const char *
read_fraction (const char *text, guint64 unit, guint64 *ret_usec)
{
  guint64 usec = 0;
  const char *p = text;

  *ret_usec = 0;
  if (*p != '.')
    return text;
  for (p++; g_ascii_isdigit (*p); p++)
    {
      usec += unit * (guint64) g_ascii_digit_value (*p) / 10;
      unit /= 10;
    }
  *ret_usec = usec;
  return p > text + 1 ? p : text;
}

gboolean
ctl_duration_parse (const char *text, guint64 *ret_usec, GError **error)
{
  static const char rule[] = "no time: a number and us, ms, s, m or h (seconds without)";
  guint64 number, fraction;
  const char *point, *name;
  Digits digits = read_digits (text, 10, &number, &point);

  name = *point == '.' ? point + 1 + strspn (point + 1, "0123456789") : point;
  for (gsize i = 0; i < G_N_ELEMENTS (time_units); i++)
    {
      const TimeUnit *unit = &time_units[i];

      if (digits == DIGITS_NONE || !g_str_equal (unit->name, name)
          || read_fraction (point, unit->usec, &fraction) != name)
        continue;
      /* The largest number is kept for "for ever". */
      if (digits == DIGITS_TOO_BIG || !g_uint64_checked_mul (&number, number, unit->usec)
          || !g_uint64_checked_add (&number, number, fraction) || number == G_MAXUINT64)
        return refuse (error, text, "too long a time");
      *ret_usec = number;
      return TRUE;
    }
  return refuse (error, text, rule);
}

char *
ctl_duration_format (guint64 usec)
{
  if (usec < USEC_PER_MSEC)
    return g_strdup_printf ("%" G_GUINT64_FORMAT " us", usec);
  if (usec < G_USEC_PER_SEC)
    return g_strdup_printf ("%" G_GUINT64_FORMAT " ms", usec / USEC_PER_MSEC);
  if (usec % G_USEC_PER_SEC == 0)
    return g_strdup_printf ("%" G_GUINT64_FORMAT " s", usec / G_USEC_PER_SEC);
  return g_strdup_printf ("%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT " s", usec / G_USEC_PER_SEC,
                          usec % G_USEC_PER_SEC / (G_USEC_PER_SEC / 10));
}

static gboolean
parse_hexadecimal_word (const char *text, guint width, char **ret_word, GError **error)
{
  const char *digits = text + 2;
  gsize length = strlen (digits);

  if (length == 0 || strspn (digits, "0123456789abcdefABCDEF") != length)
    return refuse (error, text, "no value: digits, or 0x and hexadecimal digits");
  while (length > 1 && *digits == '0')
    {
      digits++;
      length--;
    }
  if (length > 2 * (gsize) width)
    {
      g_autofree char *rule = g_strdup_printf ("too big for a width of %u", width);

      return refuse (error, text, rule);
    }

  g_autofree char *lower = g_ascii_strdown (digits, -1);

  *ret_word = g_strconcat ("0x", lower, NULL);
  return TRUE;
}

gboolean
ctl_word_parse (const char *text, guint width, char **ret_word, GError **error)
{
  guint64 number, maximum;

  if (is_hexadecimal (text))
    return parse_hexadecimal_word (text, width, ret_word, error);

  maximum = width >= sizeof maximum ? G_MAXUINT64 : (G_GUINT64_CONSTANT (1) << (8 * width)) - 1;
  if (!ctl_number_parse (text, maximum, &number, error))
    return FALSE;
  *ret_word = g_strdup_printf ("0x%" G_GINT64_MODIFIER "x", number);
  return TRUE;
}
