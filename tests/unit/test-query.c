/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include <glib.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "export/http/ivd-query.h"

static IvdQuery *
query_of (const char *text)
{
  g_autoptr (GError) error = NULL;
  IvdQuery *query = ivd_query_new (text, &error);

  g_assert_no_error (error);
  return query;
}

static void
assert_said (GError *take_error, const char *said)
{
  g_autoptr (GError) error = take_error;

  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  if (strstr (error->message, said) == NULL)
    g_error ("said '%s', not '%s'", error->message, said);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

static void
test_take (void)
{
  g_autoptr (IvdQuery) query = query_of ("offset=18446744073709551615&&n=4294967295&force=yes&text=a%20b+c%2B%26%3d"
                                         "&%72egion=x,y&region=z&empty=&");
  guint64 offset = 0, untouched = 7;
  guint64 n = 0;
  gboolean force = FALSE;
  g_autofree char *text = NULL;
  g_autofree char *empty = NULL;
  g_autofree char *absent = NULL;
  g_auto (GStrv) regions = NULL;
  g_autofree char *joined = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (ivd_query_has (query, "offset"));
  g_assert_true (ivd_query_take_uint64 (query, "offset", &offset, &error));
  g_assert_false (ivd_query_has (query, "offset"));
  g_assert_cmpuint (offset, ==, G_MAXUINT64);
  g_assert_true (ivd_query_take_uint64 (query, "offset", &untouched, &error));
  g_assert_cmpuint (untouched, ==, 7);
  g_assert_true (ivd_query_take_uint64 (query, "n", &n, &error));
  g_assert_cmpuint (n, ==, G_MAXUINT32);
  g_assert_true (ivd_query_take_boolean (query, "force", &force, &error));
  g_assert_true (force);
  g_assert_true (ivd_query_take_text (query, "text", &text, &error));
  g_assert_cmpstr (text, ==, "a b c+&=");
  g_assert_true (ivd_query_take_text (query, "empty", &empty, &error));
  g_assert_cmpstr (empty, ==, "");
  g_assert_true (ivd_query_take_text (query, "absent", &absent, &error));
  g_assert_null (absent);
  g_assert_true (ivd_query_take_texts (query, "region", &regions, &error));
  joined = g_strjoinv ("|", regions);
  g_assert_cmpstr (joined, ==, "x|y|z");
  g_assert_true (ivd_query_end (query, &error));
  g_assert_no_error (error);
}

static void
test_nothing (void)
{
  g_autoptr (IvdQuery) none = query_of (NULL);
  g_autoptr (IvdQuery) empty = query_of ("");
  g_autoptr (IvdQuery) ands = query_of ("&&&");
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) texts = NULL;

  g_assert_true (ivd_query_end (none, &error));
  g_assert_true (ivd_query_end (empty, &error));
  g_assert_true (ivd_query_end (ands, &error));
  g_assert_true (ivd_query_take_texts (none, "region", &texts, &error));
  g_assert_null (texts);
  g_assert_no_error (error);
}

static void
test_malformed (void)
{
  static const struct
  {
    const char *text;
    const char *said;
  } cases[] = {
    { "a=%", "two hexadecimal digits" },
    { "a=%4", "two hexadecimal digits" },
    { "a=%4&b=1", "two hexadecimal digits" },
    { "a=%zz", "two hexadecimal digits" },
    { "%=1", "two hexadecimal digits" },
    { "a=%00", "no NUL" },
    { "a%00b=1", "no NUL" },
    { "a=%ff", "no UTF-8" },
    { "a=%c0%80", "no UTF-8" },
    { "a=%ed%a0%80", "no UTF-8" },
    { "%ff=1", "no UTF-8" },
    { "a=b c", "as %XX" },
    { "a=\xc3\xa9", "as %XX" },
    { "a=\x7f", "as %XX" },
    { "a=\n", "as %XX" },
    { "force", "a key without '='" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      GError *error = NULL;

      g_assert_null (ivd_query_new (cases[i].text, &error));
      assert_said (error, cases[i].said);
    }
}

static void
test_hexadecimal (void)
{
  g_autoptr (IvdQuery) query = query_of ("a=0x10&b=0XfFfFfFfFfFfFfFfF&c=010");
  g_autoptr (GError) error = NULL;
  guint64 a = 0, b = 0, c = 0;

  g_assert_true (ivd_query_take_uint64 (query, "a", &a, &error));
  g_assert_true (ivd_query_take_uint64 (query, "b", &b, &error));
  g_assert_true (ivd_query_take_uint64 (query, "c", &c, &error));
  g_assert_cmpuint (a, ==, 16);
  g_assert_cmpuint (b, ==, G_MAXUINT64);
  g_assert_cmpuint (c, ==, 10);
  g_assert_no_error (error);
}

static void
test_refused (void)
{
  static const char *const numbers[] = { "n=", "n=-1", "n=%2b1", "n=+1", "n=1+", "n=0x", "n=0x0x1", "n=0x-1", "n=0x10000000000000000", "n=10x", "n=1.0", "n=1e3", "n=a",
                                         "n=18446744073709551616" };
  g_autoptr (IvdQuery) boolean = query_of ("f=maybe");
  g_autoptr (IvdQuery) twice = query_of ("n=1&n=1");
  g_autoptr (IvdQuery) hole = query_of ("r=a,,b");
  g_autoptr (IvdQuery) nothing = query_of ("r=a&r=");
  g_autoptr (IvdQuery) unknown = query_of ("r=a&of%0afset=1");
  g_autoptr (IvdQuery) no_keys = query_of ("x=1");
  g_auto (GStrv) texts = NULL;
  guint64 number = 7;
  gboolean flag = TRUE;
  GError *error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_autoptr (IvdQuery) query = query_of (numbers[i]);

      g_assert_false (ivd_query_take_uint64 (query, "n", &number, &error));
      assert_said (g_steal_pointer (&error), "query 'n' is '");
    }
  g_assert_cmpuint (number, ==, 7);
  g_assert_false (ivd_query_take_boolean (boolean, "f", &flag, &error));
  assert_said (g_steal_pointer (&error), "query 'f' is 'maybe': it takes true or false");
  g_assert_true (flag);
  g_assert_false (ivd_query_take_uint64 (twice, "n", &number, &error));
  assert_said (g_steal_pointer (&error), "query 'n' comes twice");
  g_assert_false (ivd_query_take_texts (hole, "r", &texts, &error));
  assert_said (g_steal_pointer (&error), "none of them empty");
  g_assert_false (ivd_query_take_texts (nothing, "r", &texts, &error));
  assert_said (g_steal_pointer (&error), "none of them empty");
  g_assert_null (texts);
  g_assert_true (ivd_query_take_texts (unknown, "r", &texts, &error));
  g_assert_true (ivd_query_take_uint64 (unknown, "offset", &number, &error));
  g_assert_false (ivd_query_end (unknown, &error));
  assert_said (g_steal_pointer (&error), "unknown query 'of\\x0afset': known are: r, offset");
  g_assert_false (ivd_query_end (no_keys, &error));
  assert_said (g_steal_pointer (&error), "unknown query 'x': known are: none");
}

static void
test_limits (void)
{
  g_autofree char *text = g_strnfill (IVD_LIMIT_QUERY_BYTES + 1, 'a');
  g_autoptr (GError) error = NULL;
  guint64 number = 0;

  text[1] = '=';
  g_assert_null (ivd_query_new (text, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_TOO_LARGE);
  g_clear_error (&error);
  text[IVD_LIMIT_QUERY_BYTES] = '\0';
  {
    g_autoptr (IvdQuery) query = query_of (text);
    g_autoptr (IvdQuery) past = query_of ("n=18446744073709551616");

    g_assert_true (ivd_query_has (query, "a"));
    g_assert_false (ivd_query_take_uint64 (past, "n", &number, &error));
    g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/query/take", test_take);
  g_test_add_func ("/ivd/query/nothing", test_nothing);
  g_test_add_func ("/ivd/query/malformed", test_malformed);
  g_test_add_func ("/ivd/query/hexadecimal", test_hexadecimal);
  g_test_add_func ("/ivd/query/refused", test_refused);
  g_test_add_func ("/ivd/query/limits", test_limits);
  return g_test_run ();
}
