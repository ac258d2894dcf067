/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-range.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"

static gboolean
refuse (const char *header, const char *why, GError **error)
{
  g_autofree char *safe = ivd_text_safe (header);

  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "Range '%s': %s: it takes bytes=FIRST-LAST, bytes=FIRST- or bytes=-LENGTH, several by ','", safe, why);
  return FALSE;
}

/* A position too large for 64 bits is as far as there is: it is beyond every
 * size, too. FALSE: no digit. */
static gboolean
take_position (const char **at, guint64 *ret_position)
{
  const char *start = *at;
  guint64 position = 0;

  for (; g_ascii_isdigit (**at); (*at)++)
    if (!g_uint64_checked_mul (&position, position, 10)
        || !g_uint64_checked_add (&position, position, (guint64) (**at - '0')))
      {
        *at += strspn (*at, "0123456789");
        *ret_position = G_MAXUINT64;
        return TRUE;
      }
  *ret_position = position;
  return *at > start;
}

/* "-LENGTH", after the minus; *ret_range is empty when it cannot be had. */
static gboolean
take_suffix (const char **at, guint64 size, IvdRange *ret_range)
{
  guint64 length;

  if (!take_position (at, &length))
    return FALSE;
  ret_range->length = MIN (length, size);
  ret_range->offset = size - ret_range->length;
  return TRUE;
}

/* "FIRST-" or "FIRST-LAST" */
static gboolean
take_first_last (const char **at, guint64 size, IvdRange *ret_range)
{
  guint64 first, last;

  if (!take_position (at, &first) || **at != '-')
    return FALSE;
  (*at)++;
  if (!take_position (at, &last))
    last = G_MAXUINT64;
  if (last < first)
    return FALSE;
  ret_range->offset = first;
  ret_range->length = first < size ? MIN (last, size - 1) - first + 1 : 0;
  return TRUE;
}

static gboolean
take_range (const char **at, guint64 size, IvdRange *ret_range)
{
  if (**at != '-')
    return take_first_last (at, size, ret_range);
  (*at)++;
  return take_suffix (at, size, ret_range);
}

static void
skip_blanks (const char **at)
{
  *at += strspn (*at, " \t");
}

/* The list after "bytes=". RFC 9110 5.6.1 lets empty elements pass. */
static gboolean
parse_list (const char *header, const char *at, guint64 size, IvdRanges *ranges, guint *ret_asked, GError **error)
{
  guint asked = 0;

  for (;;)
    {
      IvdRange range;

      skip_blanks (&at);
      if (*at != ',' && *at != '\0')
        {
          if (!take_range (&at, size, &range))
            return refuse (header, "not understood", error);
          asked++;
          if (range.length > 0 && asked <= IVD_LIMIT_RANGES)
            ranges->ranges[ranges->n++] = range;
          skip_blanks (&at);
        }
      if (*at == '\0')
        break;
      if (*at++ != ',')
        return refuse (header, "not understood", error);
    }
  if (asked == 0)
    return refuse (header, "there is none in it", error);
  *ret_asked = asked;
  return TRUE;
}

/* tchar of RFC 9110 5.6.2 */
static gboolean
is_token (const char *text, gsize length)
{
  for (gsize i = 0; i < length; i++)
    if (!g_ascii_isalnum (text[i]) && strchr ("!#$%&'*+-.^_`|~", text[i]) == NULL)
      return FALSE;
  return length > 0;
}

gboolean
ivd_range_parse (const char *header, guint64 size, IvdRanges *ret_ranges, GError **error)
{
  IvdRanges ranges = { 0 };
  gsize unit;
  guint asked;

  if (header == NULL)
    {
      ret_ranges->n = 0;
      return TRUE;
    }
  unit = strcspn (header, "=");
  if (header[unit] == '\0' || !is_token (header, unit))
    return refuse (header, "not understood", error);
  if (unit != strlen ("bytes") || g_ascii_strncasecmp (header, "bytes", unit) != 0)
    {
      ret_ranges->n = 0;
      return TRUE;
    }
  if (!parse_list (header, header + unit + 1, size, &ranges, &asked, error))
    return FALSE;
  if (asked > IVD_LIMIT_RANGES)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE, "%u ranges: %d at most in one request", asked,
                   IVD_LIMIT_RANGES);
      return FALSE;
    }
  if (ranges.n == 0)
    {
      g_autofree char *safe = ivd_text_safe (header);

      g_set_error (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE,
                   "Range '%s': nothing of it is within the %" G_GUINT64_FORMAT " bytes that there are", safe, size);
      return FALSE;
    }
  *ret_ranges = ranges;
  return TRUE;
}

char *
ivd_range_content_range (const IvdRange *range, guint64 size)
{
  return g_strdup_printf ("bytes %" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT, range->offset,
                          range->offset + range->length - 1, size);
}

char *
ivd_range_unsatisfied (guint64 size)
{
  return g_strdup_printf ("bytes */%" G_GUINT64_FORMAT, size);
}
