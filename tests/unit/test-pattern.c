/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-pattern.h"

/* An unlucky pattern must not take longer than this; it takes microseconds. */
#define PATIENCE_USEC G_USEC_PER_SEC

static void
test_matches (void)
{
  const struct
  {
    const char *pattern, *name;
    gboolean matches;
  } cases[] = {
    { "*", "web", TRUE },
    { "*", "", TRUE },
    { "**", "web", TRUE },
    { "web", "web", TRUE },
    { "web", "web2", FALSE },
    { "web", "we", FALSE },
    { "web*", "web", TRUE },
    { "web*", "web-2", TRUE },
    { "web*", "the-web", FALSE },
    { "*web", "the-web", TRUE },
    { "*web", "webweb", TRUE },
    { "*web", "web2", FALSE },
    { "w?b", "web", TRUE },
    { "w?b", "wb", FALSE },
    { "w?b", "weeb", FALSE },
    { "?", "", FALSE },
    { "?*", "x", TRUE },
    { "*?", "", FALSE },
    { "a*b*c", "a-b-c", TRUE },
    { "a*b*c", "abbbc", TRUE },
    { "a*b*c", "acb", FALSE },
    { "*ab", "aab", TRUE },
    { "*a?b*", "xxaybz", TRUE },
    { "WEB", "web", FALSE },
    { "w.b", "web", FALSE },
    { "[w]eb", "web", FALSE },
    { "", "", TRUE },
    { "", "x", FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_test_message ("%s against %s", cases[i].pattern, cases[i].name);
      g_assert_cmpint (ivd_pattern_matches (cases[i].pattern, cases[i].name), ==, cases[i].matches);
    }
}

/* "*a*a*…*ab" against "aaa…a": what kills a matcher that tries everything. */
static void
test_unlucky (void)
{
  g_autoptr (GString) pattern = g_string_new (NULL);
  g_autofree char *name = g_strnfill (IVD_LIMIT_NAME_BYTES, 'a');
  gint64 start;

  while (pattern->len < IVD_LIMIT_NAME_BYTES - 2)
    g_string_append (pattern, "*a");
  g_string_append_c (pattern, 'b');
  start = g_get_monotonic_time ();
  g_assert_false (ivd_pattern_matches (pattern->str, name));
  g_assert_cmpint (g_get_monotonic_time () - start, <, PATIENCE_USEC);
}

static void
test_check (void)
{
  g_autofree char *longest = g_strnfill (IVD_LIMIT_NAME_BYTES, '?');
  g_autofree char *too_long = g_strnfill (IVD_LIMIT_NAME_BYTES + 1, '?');
  const char *good[] = { "*", "?", "web", "Web_1.x-*", "-", longest };
  const char *bad[] = { "", " ", "a b", "[a]", "a,b", "web\n", "w\xc3\xa4", "\x1b[0m", too_long };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_true (ivd_pattern_check (good[i], &error));
      g_assert_no_error (error);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (ivd_pattern_check (bad[i], &error));
      g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
      g_assert_null (strpbrk (error->message, "\n\x1b"));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/pattern/matches", test_matches);
  g_test_add_func ("/ivd/pattern/unlucky", test_unlucky);
  g_test_add_func ("/ivd/pattern/check", test_check);
  return g_test_run ();
}
