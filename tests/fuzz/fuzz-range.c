/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <glib.h>

#include "base/ivd-error.h"
#include "export/http/ivd-range.h"
#include "fuzz.h"

/*
 * A Range header: the first byte picks the size that there is, the rest is
 * the header. What comes out lies within the size, and means the same when it
 * is asked for by its numbers.
 */

static const guint64 sizes[] = { 0, 1, 2, 4096, 0xffffffff, G_MAXINT64, G_MAXUINT64 - 1, G_MAXUINT64 };

static void
check_ranges (const IvdRanges *ranges, guint64 size)
{
  g_autoptr (GString) header = g_string_new ("bytes=");
  g_autoptr (GError) error = NULL;
  IvdRanges again;

  g_assert_cmpuint (ranges->n, <=, IVD_LIMIT_RANGES);
  for (guint i = 0; i < ranges->n; i++)
    {
      const IvdRange *range = &ranges->ranges[i];

      g_assert_cmpuint (range->length, >, 0);
      g_assert_cmpuint (range->offset, <, size);
      g_assert_cmpuint (range->length, <=, size - range->offset);
      g_string_append_printf (header, "%s%" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT, i > 0 ? "," : "", range->offset,
                              range->offset + range->length - 1);
    }
  if (ranges->n == 0)
    return;
  g_assert_true (ivd_range_parse (header->str, size, &again, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (again.n, ==, ranges->n);
  for (guint i = 0; i < ranges->n; i++)
    {
      g_assert_cmpuint (again.ranges[i].offset, ==, ranges->ranges[i].offset);
      g_assert_cmpuint (again.ranges[i].length, ==, ranges->ranges[i].length);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *header = NULL;
  g_autoptr (GError) error = NULL;
  IvdRanges ranges;
  guint64 there;

  if (size == 0)
    return 0;
  there = sizes[data[0] % G_N_ELEMENTS (sizes)];
  header = g_strndup ((const char *) data + 1, size - 1);
  if (ivd_range_parse (header, there, &ranges, &error))
    {
      g_assert_no_error (error);
      check_ranges (&ranges, there);
      return 0;
    }
  g_assert_true (g_error_matches (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT)
                 || g_error_matches (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  return 0;
}
