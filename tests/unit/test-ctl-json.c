/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <locale.h>

#include "ctl-json.h"

static void
assert_line (CtlJson *json, const char *expected)
{
  g_autofree char *line = ctl_json_to_line (json);
  g_autofree char *whole = g_strconcat (expected, "\n", NULL);

  g_assert_cmpstr (line, ==, whole);
}

static void
assert_string (const char *text, const char *expected)
{
  g_autoptr (CtlJson) json = ctl_json_new ();

  ctl_json_string (json, NULL, text);
  assert_line (json, expected);
}

static void
test_strings (void)
{
  assert_string ("", "\"\"");
  assert_string ("plain", "\"plain\"");
  assert_string ("a\"b\\c/", "\"a\\\"b\\\\c/\"");
  assert_string ("\n\t\r\x01\x1f\x7f", "\"\\n\\t\\u000d\\u0001\\u001f\\u007f\"");
  assert_string ("h\303\244\342\202\254\360\237\230\200", "\"h\303\244\342\202\254\360\237\230\200\"");
  assert_string (NULL, "null");
}

/* What is no UTF-8 becomes U+FFFD. */
static void
test_bad_utf8 (void)
{
  assert_string ("a\xff"
                 "b",
                 "\"a\357\277\275b\"");
  assert_string ("\xc3", "\"\357\277\275\"");
  assert_string ("\xed\xa0\x80", "\"\357\277\275\357\277\275\357\277\275\"");
  assert_string ("\xc0\x80", "\"\357\277\275\357\277\275\"");
}

static void
assert_uint (guint64 value, const char *expected)
{
  g_autoptr (CtlJson) json = ctl_json_new ();

  ctl_json_uint (json, NULL, value);
  assert_line (json, expected);
}

static void
assert_int (gint64 value, const char *expected)
{
  g_autoptr (CtlJson) json = ctl_json_new ();

  ctl_json_int (json, NULL, value);
  assert_line (json, expected);
}

/* 2^53 is the last whole number that every reader of JSON gets right. */
static void
test_numbers (void)
{
  assert_uint (0, "0");
  assert_uint (CTL_JSON_NUMBER_MAX - 1, "9007199254740991");
  assert_uint (CTL_JSON_NUMBER_MAX, "9007199254740992");
  assert_uint (CTL_JSON_NUMBER_MAX + 1, "\"9007199254740993\"");
  assert_uint (G_MAXUINT64, "\"18446744073709551615\"");
  assert_int (-1, "-1");
  assert_int (-(gint64) CTL_JSON_NUMBER_MAX, "-9007199254740992");
  assert_int (-(gint64) CTL_JSON_NUMBER_MAX - 1, "\"-9007199254740993\"");
  assert_int (G_MININT64, "\"-9223372036854775808\"");
  assert_int (G_MAXINT64, "\"9223372036854775807\"");
}

static void
test_nesting (void)
{
  g_autoptr (CtlJson) json = ctl_json_new ();

  ctl_json_begin_object (json, NULL);
  ctl_json_begin_array (json, "empty");
  ctl_json_end_array (json);
  ctl_json_begin_array (json, "list");
  ctl_json_uint (json, NULL, 1);
  ctl_json_begin_object (json, NULL);
  ctl_json_boolean (json, "yes", TRUE);
  ctl_json_boolean (json, "no", FALSE);
  ctl_json_null (json, "nothing");
  ctl_json_end_object (json);
  ctl_json_begin_object (json, NULL);
  ctl_json_end_object (json);
  ctl_json_end_array (json);
  ctl_json_decimal (json, "rate \"x\"", 1.25, 1);
  ctl_json_end_object (json);
  assert_line (
      json,
      "{\"empty\":[],\"list\":[1,{\"yes\":true,\"no\":false,\"nothing\":null},{}],\"rate \\\"x\\\"\":1.2}");
}

/* A locale with a decimal comma must not show. */
static void
test_locale (void)
{
  g_autoptr (CtlJson) json = ctl_json_new ();

  if (setlocale (LC_NUMERIC, "de_DE.UTF-8") == NULL)
    g_test_message ("no de_DE.UTF-8 here: tried with the C locale only");
  ctl_json_decimal (json, NULL, 0.5, 2);
  setlocale (LC_NUMERIC, "C");
  assert_line (json, "0.50");
}

static void
assert_variant (const char *text, gboolean snake, const char *expected)
{
  g_autoptr (CtlJson) json = ctl_json_new ();
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed (text));

  ctl_json_variant (json, NULL, value, snake);
  assert_line (json, expected);
}

static void
test_variants (void)
{
  assert_variant ("true", TRUE, "true");
  assert_variant ("byte 255", TRUE, "255");
  assert_variant ("int16 -3", TRUE, "-3");
  assert_variant ("uint16 3", TRUE, "3");
  assert_variant ("-7", TRUE, "-7");
  assert_variant ("uint32 7", TRUE, "7");
  assert_variant ("int64 -9007199254740993", TRUE, "\"-9007199254740993\"");
  assert_variant ("uint64 9007199254740993", TRUE, "\"9007199254740993\"");
  assert_variant ("0.5", TRUE, "0.500000");
  assert_variant ("objectpath '/a'", TRUE, "\"/a\"");
  assert_variant ("signature 'as'", TRUE, "\"as\"");
  assert_variant ("handle 3", TRUE, "null");
  assert_variant ("['a', 'b']", TRUE, "[\"a\",\"b\"]");
  assert_variant ("@as []", TRUE, "[]");
  assert_variant ("(1, 'x')", TRUE, "[1,\"x\"]");
  assert_variant ("[byte 0x00, 0xff]", TRUE, "\"00ff\"");
  assert_variant ("<<'inner'>>", TRUE, "\"inner\"");
  assert_variant ("{'PeerCount': <uint32 1>, 'max-peers': <'2'>}", TRUE,
                  "{\"peer_count\":1,\"max_peers\":\"2\"}");
  assert_variant ("{'max-peers': <'2'>}", FALSE, "{\"max-peers\":\"2\"}");
  assert_variant ("[{'id': <uint32 1>}]", TRUE, "[{\"id\":1}]");
  assert_variant ("{1: 'x'}", TRUE, "{\"1\":\"x\"}");
}

static void
test_snake_case (void)
{
  static const char *const rows[][2] = {
    { "Name", "name" },
    { "PeerCount", "peer_count" },
    { "OwnId", "own_id" },
    { "max-peers", "max_peers" },
    { "read_bytes", "read_bytes" },
    { "ID", "id" },
    { "Max-Peers", "max_peers" },
    { "", "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *snake = ctl_json_snake_case (rows[i][0]);

      g_assert_cmpstr (snake, ==, rows[i][1]);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ctl/json/strings", test_strings);
  g_test_add_func ("/ctl/json/bad-utf8", test_bad_utf8);
  g_test_add_func ("/ctl/json/numbers", test_numbers);
  g_test_add_func ("/ctl/json/nesting", test_nesting);
  g_test_add_func ("/ctl/json/locale", test_locale);
  g_test_add_func ("/ctl/json/variants", test_variants);
  g_test_add_func ("/ctl/json/snake-case", test_snake_case);
  return g_test_run ();
}
