/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include <glib.h>

#include "base/ivd-error.h"
#include "export/http/ivd-range.h"

#define SIZE 4096

/* The ranges as text: "0+16 32+1". */
static char *
parse (const char *header, guint64 size, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  IvdRanges ranges;

  if (!ivd_range_parse (header, size, &ranges, error))
    return NULL;
  for (guint i = 0; i < ranges.n; i++)
    g_string_append_printf (text, "%s%" G_GUINT64_FORMAT "+%" G_GUINT64_FORMAT, i > 0 ? " " : "",
                            ranges.ranges[i].offset, ranges.ranges[i].length);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
test_good (void)
{
  static const struct
  {
    const char *header;
    const char *ranges;
  } cases[] = {
    { NULL, "" },
    { "bytes=0-0", "0+1" },
    { "bytes=0-15", "0+16" },
    { "bytes=16-", "16+4080" },
    { "bytes=-16", "4080+16" },
    { "bytes=4095-4095", "4095+1" },
    { "bytes=4095-", "4095+1" },
    { "Bytes=0-1", "0+2" },
    /* clipped */
    { "bytes=0-4095", "0+4096" },
    { "bytes=0-4096", "0+4096" },
    { "bytes=4000-99999", "4000+96" },
    { "bytes=-4096", "0+4096" },
    { "bytes=-4097", "0+4096" },
    { "bytes=0-18446744073709551615", "0+4096" },
    { "bytes=0-18446744073709551616", "0+4096" },
    { "bytes=0-99999999999999999999999999", "0+4096" },
    { "bytes=-99999999999999999999999999", "0+4096" },
    { "bytes=0000000000000000000000000000000001-02", "1+2" },
    /* several, in their order, overlapping */
    { "bytes=0-1,4-5", "0+2 4+2" },
    { "bytes=4-5, 0-9 ,\t-1", "4+2 0+10 4095+1" },
    { "bytes=,0-1,,2-2,", "0+2 2+1" },
    { "bytes= 0-1", "0+2" },
    /* those that cannot be had are left out */
    { "bytes=0-1,4096-,-0", "0+2" },
    { "bytes=4096-5000,1-1,99999999999999999999-", "1+1" },
    /* other units */
    { "items=0-1", "" },
    { "lines=whatever they=say", "" },
    { "bytess=0-1", "" },
    { "x=", "" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *ranges = parse (cases[i].header, SIZE, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (ranges, ==, cases[i].ranges);
    }
}

static void
test_malformed (void)
{
  static const char *const headers[] = {
    "",
    "=",
    "=0-1",
    "bytes",
    "bytes 0-1",
    "bytes:0-1",
    " bytes=0-1",
    "bytes =0-1",
    "bytes=",
    "bytes=,",
    "bytes= ",
    "bytes=-",
    "bytes=0",
    "bytes=0-1-2",
    "bytes=--1",
    "bytes=1-0",
    "bytes=99999999999999999999-0",
    "bytes=0-1;2-3",
    "bytes=0-1 2-3",
    "bytes=0-1,x",
    "bytes=a-b",
    "bytes=0x0-0x1",
    "bytes=+0-1",
    "bytes=0-+1",
    "bytes=0 -1",
    "bytes=0- 1",
    "bytes=0.5-1",
    "bytes=0-1,1-0",
    "bytes==0-1",
    "bytes=0-1\n",
    "bytes=\xff",
    "b\xc3\xbctes=0-1",
    "bytes=0-1/4096",
    "bytes=*",
  };

  for (guint i = 0; i < G_N_ELEMENTS (headers); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *ranges = parse (headers[i], SIZE, &error);

      if (ranges != NULL)
        g_error ("'%s' gave %s", headers[i], ranges);
      g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
}

static void
assert_out_of_range (const char *header, guint64 size)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *ranges = parse (header, size, &error);

  g_assert_error (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE);
  g_assert_null (ranges);
}

static void
test_unsatisfiable (void)
{
  assert_out_of_range ("bytes=4096-", SIZE);
  assert_out_of_range ("bytes=4096-4097", SIZE);
  assert_out_of_range ("bytes=999999999-", SIZE);
  assert_out_of_range ("bytes=-0", SIZE);
  assert_out_of_range ("bytes=4096-,-0", SIZE);
  assert_out_of_range ("bytes=18446744073709551615-18446744073709551615", SIZE);
  assert_out_of_range ("bytes=99999999999999999999-", SIZE);
  assert_out_of_range ("bytes=0-", 0);
  assert_out_of_range ("bytes=-1", 0);
  assert_out_of_range ("bytes=18446744073709551615-", G_MAXUINT64);
}

static void
test_huge (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *whole = parse ("bytes=0-", G_MAXUINT64, &error);
  g_autofree char *last = parse ("bytes=18446744073709551614-99999999999999999999", G_MAXUINT64, &error);
  g_autofree char *suffix = parse ("bytes=-18446744073709551615", G_MAXUINT64, &error);
  IvdRange range = { G_MAXUINT64 - 1, 1 };
  g_autofree char *text = ivd_range_content_range (&range, G_MAXUINT64);
  g_autofree char *unsatisfied = ivd_range_unsatisfied (SIZE);

  g_assert_no_error (error);
  g_assert_cmpstr (whole, ==, "0+18446744073709551615");
  g_assert_cmpstr (last, ==, "18446744073709551614+1");
  g_assert_cmpstr (suffix, ==, "0+18446744073709551615");
  g_assert_cmpstr (text, ==, "bytes 18446744073709551614-18446744073709551614/18446744073709551615");
  g_assert_cmpstr (unsatisfied, ==, "bytes */4096");
}

static char *
many (guint n, const char *range)
{
  GString *header = g_string_new ("bytes=");

  for (guint i = 0; i < n; i++)
    g_string_append_printf (header, "%s%s", i > 0 ? "," : "", range);
  return g_string_free (header, FALSE);
}

static void
test_limit (void)
{
  g_autofree char *good = many (IVD_LIMIT_RANGES, "0-");
  g_autofree char *bad = many (IVD_LIMIT_RANGES + 1, "0-");
  g_autofree char *bad_and_beyond = many (IVD_LIMIT_RANGES + 1, "9999-");
  g_autofree char *commas = many (10000, "");
  g_autofree char *commas_and_one = g_strconcat (commas, "0-0", NULL);
  IvdRanges ranges;
  g_autoptr (GError) error = NULL;

  g_assert_true (ivd_range_parse (good, SIZE, &ranges, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (ranges.n, ==, IVD_LIMIT_RANGES);
  assert_out_of_range (bad, SIZE);
  assert_out_of_range (bad_and_beyond, SIZE);
  g_assert_false (ivd_range_parse (bad, SIZE, &ranges, &error));
  g_assert_nonnull (strstr (error->message, "16 at most"));
  g_clear_error (&error);
  g_assert_true (ivd_range_parse (commas_and_one, SIZE, &ranges, &error));
  g_assert_cmpuint (ranges.n, ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/range/good", test_good);
  g_test_add_func ("/ivd/range/malformed", test_malformed);
  g_test_add_func ("/ivd/range/unsatisfiable", test_unsatisfiable);
  g_test_add_func ("/ivd/range/huge", test_huge);
  g_test_add_func ("/ivd/range/limit", test_limit);
  return g_test_run ();
}
