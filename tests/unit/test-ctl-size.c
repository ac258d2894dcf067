/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "ctl-error.h"
#include "ctl-size.h"

static void
test_sizes (void)
{
  static const struct
  {
    const char *text;
    guint64 size;
  } rows[] = {
    { "0", 0 },
    { "4096", 4096 },
    { "007", 7 },
    { "0x1000", 4096 },
    { "0XfF", 255 },
    { "1K", 1024 },
    { "1k", 1024 },
    { "64M", 64 * 1024 * 1024 },
    { "2G", G_GUINT64_CONSTANT (2) << 30 },
    { "1T", G_GUINT64_CONSTANT (1) << 40 },
    { "18446744073709551615", G_MAXUINT64 },
    { "0xffffffffffffffff", G_MAXUINT64 },
    { "16777215T", G_GUINT64_CONSTANT (16777215) << 40 },
    { "18014398509481983K", G_GUINT64_CONSTANT (18014398509481983) << 10 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      guint64 size = 1;

      g_assert_true (ctl_size_parse (rows[i].text, &size, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (size, ==, rows[i].size);
    }
}

static void
test_bad_sizes (void)
{
  static const char *const rows[] = {
    "",
    "K",
    "-1",
    "+1",
    " 1",
    "1 ",
    "1 K",
    "1KK",
    "1KiB",
    "1.5M",
    "0x",
    "0x1K",
    "0xg",
    "1Q",
    "1e3",
    "a",
    "\xff",
    /* one past what fits */
    "18446744073709551616",
    "0x10000000000000000",
    "16777216T",
    "18014398509481984K",
    "99999999999999999999999999G",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      guint64 size = 42;

      g_assert_false (ctl_size_parse (rows[i], &size, &error));
      g_assert_error (error, CTL_ERROR, CTL_ERROR_USAGE);
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      g_assert_cmpuint (size, ==, 42);
    }
}

static void
test_size_text (void)
{
  static const struct
  {
    guint64 size;
    const char *text;
  } rows[] = {
    { 0, "0 B" },
    { 1, "1 B" },
    { 1023, "1023 B" },
    { 1024, "1 KiB" },
    { 1536, "1.5 KiB" },
    { 1048575, "1023.9 KiB" },
    { 1048576, "1 MiB" },
    { 4194304, "4 MiB" },
    { G_GUINT64_CONSTANT (5) << 29, "2.5 GiB" },
    { G_MAXUINT64, "15.9 EiB" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *text = ctl_size_format (rows[i].size);

      g_assert_cmpstr (text, ==, rows[i].text);
    }
}

static void
test_plural (void)
{
  g_assert_cmpstr (ctl_plural (0), ==, "s");
  g_assert_cmpstr (ctl_plural (1), ==, "");
  g_assert_cmpstr (ctl_plural (2), ==, "s");
}

static void
test_numbers (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) too_big = NULL;
  guint64 number;

  g_assert_true (ctl_number_parse ("255", 255, &number, &error));
  g_assert_cmpuint (number, ==, 255);
  g_assert_true (ctl_number_parse ("0xff", 255, &number, &error));
  g_assert_no_error (error);
  g_assert_false (ctl_number_parse ("256", 255, &number, &too_big));
  g_assert_error (too_big, CTL_ERROR, CTL_ERROR_USAGE);
  g_assert_nonnull (strstr (too_big->message, "255"));
  g_assert_false (ctl_number_parse ("1K", 4096, &number, &error));
  g_clear_error (&error);
  g_assert_false (ctl_number_parse ("-1", G_MAXUINT64, &number, &error));
}

static void
test_durations (void)
{
  static const struct
  {
    const char *text;
    guint64 usec;
  } rows[] = {
    { "0", 0 },
    { "2", 2000000 },
    { "2s", 2000000 },
    { "1.5s", 1500000 },
    { "1.5", 1500000 },
    { "20ms", 20000 },
    { "0.5ms", 500 },
    { "100us", 100 },
    { "1.9us", 1 },
    { "3m", 180000000 },
    { "3min", 180000000 },
    { "1h", G_GUINT64_CONSTANT (3600000000) },
    { "0.000001s", 1 },
    { "18446744073709s", G_GUINT64_CONSTANT (18446744073709000000) },
  };
  static const char *const bad[] = { "",
                                     "s",
                                     "-1s",
                                     "1 s",
                                     "1x",
                                     "1.s",
                                     ".5s",
                                     "1.5.5s",
                                     "1,5s",
                                     "1d",
                                     "0x10s",
                                     "18446744073709551615us",
                                     "18446744073710s",
                                     "99999999999999999999999s" };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      guint64 usec = 7;

      g_assert_true (ctl_duration_parse (rows[i].text, &usec, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (usec, ==, rows[i].usec);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      guint64 usec = 7;

      g_assert_false (ctl_duration_parse (bad[i], &usec, &error));
      g_assert_error (error, CTL_ERROR, CTL_ERROR_USAGE);
      g_assert_cmpuint (usec, ==, 7);
    }
}

static void
test_duration_text (void)
{
  g_autofree char *usec = ctl_duration_format (999);
  g_autofree char *msec = ctl_duration_format (20000);
  g_autofree char *seconds = ctl_duration_format (2000000);
  g_autofree char *part = ctl_duration_format (1500000);

  g_assert_cmpstr (usec, ==, "999 us");
  g_assert_cmpstr (msec, ==, "20 ms");
  g_assert_cmpstr (seconds, ==, "2 s");
  g_assert_cmpstr (part, ==, "1.5 s");
}

static void
test_words (void)
{
  static const struct
  {
    const char *text;
    guint width;
    const char *word; /* NULL: refused */
  } rows[] = {
    { "0", 1, "0x0" },
    { "255", 1, "0xff" },
    { "256", 1, NULL },
    { "0xFF", 1, "0xff" },
    { "0x100", 1, NULL },
    { "0x00000000000001", 1, "0x1" },
    { "0x0000", 2, "0x0" },
    { "65536", 2, NULL },
    { "0xffffffff", 4, "0xffffffff" },
    { "0x1ffffffff", 4, NULL },
    { "18446744073709551615", 8, "0xffffffffffffffff" },
    { "18446744073709551616", 8, NULL },
    { "18446744073709551616", 16, NULL },
    { "0xffffffffffffffffffffffffffffffff", 16, "0xffffffffffffffffffffffffffffffff" },
    { "0x100000000000000000000000000000000", 16, NULL },
    { "0x", 8, NULL },
    { "0xg", 8, NULL },
    { "-1", 8, NULL },
    { "", 8, NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *word = NULL;
      gboolean good = ctl_word_parse (rows[i].text, rows[i].width, &word, &error);

      g_assert_cmpint (good, ==, rows[i].word != NULL);
      g_assert_cmpstr (word, ==, rows[i].word);
      g_assert_true (good == (error == NULL));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ctl/size/sizes", test_sizes);
  g_test_add_func ("/ctl/size/bad-sizes", test_bad_sizes);
  g_test_add_func ("/ctl/size/size-text", test_size_text);
  g_test_add_func ("/ctl/size/plural", test_plural);
  g_test_add_func ("/ctl/size/numbers", test_numbers);
  g_test_add_func ("/ctl/size/durations", test_durations);
  g_test_add_func ("/ctl/size/duration-text", test_duration_text);
  g_test_add_func ("/ctl/size/words", test_words);
  return g_test_run ();
}
