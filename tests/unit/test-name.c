/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"

static void
test_good (void)
{
  const char *good[] = { "a", "0", "A-b_c.9", "region.with.dots" };
  g_autofree char *longest = g_strnfill (IVD_LIMIT_NAME_BYTES, 'x');
  GError *error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_assert_true (ivd_name_check ("region", good[i], &error));
      g_assert_no_error (error);
    }
  g_assert_true (ivd_name_check ("region", longest, &error));
}

static void
test_bad (void)
{
  g_autofree char *too_long = g_strnfill (IVD_LIMIT_NAME_BYTES + 1, 'x');
  const char *bad[] = { "", "-a", ".a", "_a", "a b", "a/b", "a\n", "\xff\xfe", "\303\244", NULL, too_long };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (ivd_name_check ("region", bad[i], &error));
      g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, "region name"));
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
}

static void
test_safe_text (void)
{
  g_autofree char *safe = ivd_text_safe ("a\nb\x1b[0m\xff");
  g_autofree char *endless = g_strnfill (100000, 'y');
  g_autofree char *cut = ivd_text_safe (endless);

  g_assert_cmpstr (safe, ==, "a\\x0ab\\x1b[0m\357\277\275");
  g_assert_cmpuint (strlen (cut), ==, 128);
}

/* The answers of sd_bus_path_encode(). */
static void
test_path (void)
{
  const struct
  {
    const char *name, *path;
  } cases[] = {
    { "demo", "/p/demo" },
    { "0a", "/p/_30a" },
    { "a0", "/p/a0" },
    { "a.b-c_d", "/p/a_2eb_2dc_5fd" },
    { "", "/p/_" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = ivd_name_to_path ("/p/", cases[i].name);

      g_assert_cmpstr (path, ==, cases[i].path);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/name/good", test_good);
  g_test_add_func ("/ivd/name/bad", test_bad);
  g_test_add_func ("/ivd/name/safe-text", test_safe_text);
  g_test_add_func ("/ivd/name/path", test_path);
  return g_test_run ();
}
