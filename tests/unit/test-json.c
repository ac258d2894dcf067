/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <math.h>
#include <string.h>

#include <glib.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "export/http/ivd-json.h"

static char *
text_of (JsonObject *object)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);
  g_autoptr (GString) text = g_string_new (NULL);

  ivd_json_append_node (text, node);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

/* What is taken, and what it is when written again. */
static void
test_good (void)
{
  static const struct
  {
    const char *in;
    const char *out;
  } cases[] = {
    { "{}", "{}" },
    { " \t\r\n{ } \n", "{}" },
    { "{\"a\":1}", "{\"a\":1}" },
    { "{\"a\" : [ ] , \"b\":{}}", "{\"a\":[],\"b\":{}}" },
    { "{\"a\":[1,-1,0,-0,true,false,null,\"\",[],{}]}", "{\"a\":[1,-1,0,0,true,false,null,\"\",[],{}]}" },
    { "{\"\":\"empty key\"}", "{\"\":\"empty key\"}" },
    { "{\"a\":0.5,\"b\":-2.5e3,\"c\":1E2,\"d\":1e-3,\"e\":1e+20}",
      "{\"a\":0.5,\"b\":-2500,\"c\":100,\"d\":0.001,\"e\":1e+20}" },
    { "{\"a\":9007199254740992,\"b\":-9007199254740992}", "{\"a\":9007199254740992,\"b\":-9007199254740992}" },
    { "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u001f\"}", "{\"a\":\"\\\"\\\\/\\b\\f\\n\\r\\tA\\u001f\"}" },
    { "{\"a\":\"\\u00e9\\u20ac\\ud83d\\ude00\\uDBFF\\uDFFF\\ufffe\"}", "{\"a\":\"é€😀\U0010ffff\xef\xbf\xbe\"}" },
    { "{\"a\":\"é😀\"}", "{\"a\":\"é😀\"}" },
    { "{\"a\":\"/* no comment */ // either, 'nor quotes'\"}", "{\"a\":\"/* no comment */ // either, 'nor quotes'\"}" },
    { "{\"a\":\"\x7f\"}", "{\"a\":\"\\u007f\"}" },
    { "{\"\\u0061\":1,\"A\":2}", "{\"a\":1,\"A\":2}" },
    { "{\"a\":{\"x\":1},\"b\":{\"x\":1}}", "{\"a\":{\"x\":1},\"b\":{\"x\":1}}" },
    { "{\"true\":true,\"null\":null,\"var\":1}", "{\"true\":true,\"null\":null,\"var\":1}" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonObject) object = ivd_json_parse (cases[i].in, strlen (cases[i].in), &error);
      g_autofree char *out = NULL;

      g_assert_no_error (error);
      out = text_of (object);
      g_assert_cmpstr (out, ==, cases[i].out);
    }
}

#define BYTES(text) text, sizeof text - 1

/* What is refused, and a part of what is said. */
static const struct
{
  const char *in;
  gsize length;
  const char *said;
} bad_cases[] = {
  { BYTES (""), "takes a JSON object" },
  { BYTES (" "), "the end, where an object" },
  { BYTES ("null"), "'null', where an object" },
  { BYTES ("[]"), "'[', where an object" },
  { BYTES ("\"a\""), "where an object" },
  { BYTES ("\xef\xbb\xbf{}"), "where an object" },
  { BYTES ("{"), "the end, where a key in double quotes is expected" },
  { BYTES ("}"), "'}', where" },
  { BYTES ("{} x"), "column 4: 'x', where the end, after one object" },
  { BYTES ("{}{}"), "where the end" },
  { BYTES ("{}\0"), "line 1, column 3: a NUL" },
  { BYTES ("{\"a\0b\":1}"), "a NUL" },
  { BYTES ("{\"a\":\"\xff\"}"), "line 1, column 7: the byte 0xff is no UTF-8" },
  { BYTES ("{\"a\":\"\xed\xa0\x80\"}"), "no UTF-8" },
  { BYTES ("{\"a\":\"\xc0\x80\"}"), "no UTF-8" },
  { BYTES ("{\"a\":\"é\xf4\x90\x80\x80\"}"), "line 1, column 8: the byte 0xf4" },
  { BYTES ("{\n\"a\":1,\n  'b':2}"), "line 3, column 3: a single quote" },
  { BYTES ("{\"a\":'b'}"), "a single quote" },
  { BYTES ("{a:1}"), "'a', where a key in double quotes" },
  { BYTES ("{1:1}"), "'1', where a key" },
  { BYTES ("{\"a\"}"), "'}', where ':'" },
  { BYTES ("{\"a\" 1}"), "'1', where ':'" },
  { BYTES ("{\"a\":}"), "'}', where a value" },
  { BYTES ("{\"a\":1,}"), "a comma before '}'" },
  { BYTES ("{\"a\":[1,]}"), "a comma before ']'" },
  { BYTES ("{,}"), "where a key" },
  { BYTES ("{\"a\":[,]}"), "where a value" },
  { BYTES ("{\"a\":[1 2]}"), "'2', where ',' or ']'" },
  { BYTES ("{\"a\":[1}"), "'}', where ',' or ']'" },
  { BYTES ("{\"a\":1]"), "']', where ',' or '}'" },
  { BYTES ("{\"a\":1 \"b\":2}"), "where ',' or '}'" },
  { BYTES ("/* x */{}"), "a comment" },
  { BYTES ("{} // x"), "a comment" },
  { BYTES ("# x\n{}"), "a comment" },
  { BYTES ("{\"a\":/**/1}"), "a comment" },
  { BYTES ("{\"a\":/"), "'/', where a value" },
  { BYTES ("var x = {}"), "'var', where an object" },
  { BYTES ("{\"a\":NaN}"), "'NaN', where a value" },
  { BYTES ("{\"a\":Infinity}"), "'Infinity', where a value" },
  { BYTES ("{\"a\":-Infinity}"), "'Infinity', where a digit" },
  { BYTES ("{\"a\":undefined}"), "where a value" },
  { BYTES ("{\"a\":True}"), "'True', where a value" },
  { BYTES ("{\"a\":NULL}"), "where a value" },
  { BYTES ("{\"a\":tru}"), "where a value" },
  { BYTES ("{\"a\":truex}"), "'truex', where a value" },
  { BYTES ("{\"a\":nul"), "where a value" },
  { BYTES ("{\"a\":+1}"), "'+1', where a value" },
  { BYTES ("{\"a\":.5}"), "'.5', where a value" },
  { BYTES ("{\"a\":5.}"), "where a digit" },
  { BYTES ("{\"a\":1e}"), "where a digit" },
  { BYTES ("{\"a\":1e+}"), "where a digit" },
  { BYTES ("{\"a\":-}"), "where a digit" },
  { BYTES ("{\"a\":- 1}"), "where a digit" },
  { BYTES ("{\"a\":--1}"), "where a digit" },
  { BYTES ("{\"a\":0x10}"), "decimal, without leading zeros" },
  { BYTES ("{\"a\":010}"), "decimal, without leading zeros" },
  { BYTES ("{\"a\":-01}"), "decimal, without leading zeros" },
  { BYTES ("{\"a\":0b1}"), "decimal, without leading zeros" },
  { BYTES ("{\"a\":1_000}"), "where ',' or '}'" },
  { BYTES ("{\"a\":1.2.3}"), "where ',' or '}'" },
  { BYTES ("{\"a\":9007199254740993}"), "write it as a string, \"9007199254740993\"" },
  { BYTES ("{\"a\":-9007199254740993}"), "write it as a string, \"-9007199254740993\"" },
  { BYTES ("{\"a\":18446744073709551616}"), "write it as a string" },
  { BYTES ("{\"a\":123456789012345678901234567890}"), "write it as a string" },
  { BYTES ("{\"a\":1e400}"), "is too large" },
  { BYTES ("{\"a\":-1e400}"), "is too large" },
  { BYTES ("{\"a\":\"b}"), "line 1, column 6: text that is not closed" },
  { BYTES ("{\"a\":\"b\\"), "no such escape" },
  { BYTES ("{\"a\":\"b\\\"}"), "not closed" },
  { BYTES ("{\"a\":\"\\x41\"}"), "column 7: no such escape" },
  { BYTES ("{\"a\":\"\\101\"}"), "no such escape" },
  { BYTES ("{\"a\":\"\\'\"}"), "no such escape" },
  { BYTES ("{\"a\":\"\\U0041\"}"), "no such escape" },
  { BYTES ("{\"a\":\"\\u\"}"), "four hexadecimal digits" },
  { BYTES ("{\"a\":\"\\u12\"}"), "four hexadecimal digits" },
  { BYTES ("{\"a\":\"\\u12g4\"}"), "four hexadecimal digits" },
  { BYTES ("{\"a\":\"\\u12"), "four hexadecimal digits" },
  { BYTES ("{\"a\":\"\\u0000\"}"), "\\u0000" },
  { BYTES ("{\"a\\u0000b\":1}"), "\\u0000" },
  { BYTES ("{\"a\":\"\\ud800\"}"), "half a surrogate pair" },
  { BYTES ("{\"a\":\"\\udc00\"}"), "half a surrogate pair" },
  { BYTES ("{\"a\":\"\\ud800\\u0041\"}"), "half a surrogate pair" },
  { BYTES ("{\"a\":\"\\ud800\\ud800\"}"), "half a surrogate pair" },
  { BYTES ("{\"a\":\"\\ud800x\"}"), "half a surrogate pair" },
  { BYTES ("{\"a\":\"\\ud800\\n\"}"), "half a surrogate pair" },
  { BYTES ("{\"a\":\"\\ud800\\u00"), "four hexadecimal digits" },
  { BYTES ("{\"a\":\"\\ud800"), "half a surrogate pair" },
  { BYTES ("{\"a\":\"\n\"}"), "write it as \\u000a" },
  { BYTES ("{\"a\":\"\x1f\"}"), "write it as \\u001f" },
  { BYTES ("{\"a\":\"\t\"}"), "write it as \\u0009" },
  { BYTES ("{\x0b}"), "'\\x0b', where a key" },
  { BYTES ("{\xc2\xa0}"), "where a key" },
  { BYTES ("{\"a\":1,\"a\":2}"), "column 8: the key 'a' comes twice" },
  { BYTES ("{\"a\":1,\"\\u0061\":2}"), "the key 'a' comes twice" },
  { BYTES ("{\"o\":{\"x\":1,\"x\":1}}"), "the key 'x' comes twice" },
  { BYTES ("{\"o\":[{\"x\":1,\"x\":1}]}"), "the key 'x' comes twice" },
};

static void
test_bad (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (bad_cases); i++)
    {
      /* Exactly so long, that a sanitizer sees who reads past the end. */
      g_autofree char *data = g_memdup2 (bad_cases[i].in, bad_cases[i].length);
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonObject) object = ivd_json_parse (data, bad_cases[i].length, &error);

      g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
      g_assert_null (object);
      if (strstr (error->message, bad_cases[i].said) == NULL)
        g_error ("case %u, %s: said '%s', not '%s'", i, bad_cases[i].in, error->message, bad_cases[i].said);
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
}

static gboolean
parses (const char *data, gsize length, gint code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonObject) object = ivd_json_parse (data, length, &error);

  if (object == NULL)
    g_assert_error (error, IVD_ERROR, code);
  return object != NULL;
}

static void
test_limit_bytes (void)
{
  g_autofree char *text = g_malloc (IVD_LIMIT_JSON_BYTES + 1);

  memset (text, ' ', IVD_LIMIT_JSON_BYTES + 1);
  memcpy (text, "{}", 2);
  g_assert_true (parses (text, IVD_LIMIT_JSON_BYTES, 0));
  g_assert_false (parses (text, IVD_LIMIT_JSON_BYTES + 1, IVD_ERROR_TOO_LARGE));
}

static char *
nested (guint depth, const char *open, const char *close)
{
  GString *text = g_string_new ("{\"a\":");

  for (guint i = 1; i < depth; i++)
    g_string_append (text, open);
  for (guint i = 1; i < depth; i++)
    g_string_append (text, close);
  g_string_append_c (text, '}');
  return g_string_free (text, FALSE);
}

static void
test_limit_depth (void)
{
  g_autofree char *good = nested (IVD_LIMIT_JSON_DEPTH, "[", "]");
  g_autofree char *bad = nested (IVD_LIMIT_JSON_DEPTH + 1, "[", "]");
  g_autofree char *bad_object = nested (IVD_LIMIT_JSON_DEPTH + 1, "{\"a\":", "}");
  g_autofree char *deep = g_strnfill (IVD_LIMIT_JSON_BYTES, '[');
  GString *siblings = g_string_new ("{\"a\":[");

  g_assert_true (parses (good, strlen (good), 0));
  g_assert_false (parses (bad, strlen (bad), IVD_ERROR_INVALID_ARGUMENT));
  /* The innermost has no value. */
  g_assert_false (parses (bad_object, strlen (bad_object), IVD_ERROR_INVALID_ARGUMENT));
  memcpy (deep, "{\"a\":", 5);
  g_assert_false (parses (deep, IVD_LIMIT_JSON_BYTES, IVD_ERROR_INVALID_ARGUMENT));

  /* Beside each other is not within each other. */
  for (guint i = 0; i < 4 * IVD_LIMIT_JSON_DEPTH; i++)
    g_string_append (siblings, i > 0 ? ",[{}]" : "[{}]");
  g_string_append (siblings, "]}");
  g_assert_true (parses (siblings->str, siblings->len, 0));
  g_string_free (siblings, TRUE);
}

static void
test_limit_members (void)
{
  g_autoptr (GString) text = g_string_new ("{");

  for (guint i = 0; i < IVD_LIMIT_JSON_MEMBERS; i++)
    g_string_append_printf (text, "%s\"%u\":%u", i > 0 ? "," : "", i, i);
  g_string_append_c (text, '}');
  g_assert_true (parses (text->str, text->len, 0));
  g_string_truncate (text, text->len - 1);
  g_string_append (text, ",\"more\":1}");
  g_assert_false (parses (text->str, text->len, IVD_ERROR_INVALID_ARGUMENT));
}

static void
test_limit_number (void)
{
  g_autoptr (GString) text = g_string_new ("{\"a\":0.");
  gsize start = strlen ("{\"a\":");

  while (text->len - start < IVD_LIMIT_JSON_NUMBER_BYTES)
    g_string_append_c (text, '1');
  g_string_append_c (text, '}');
  g_assert_true (parses (text->str, text->len, 0));
  g_string_truncate (text, text->len - 1);
  g_string_append (text, "1}");
  g_assert_false (parses (text->str, text->len, IVD_ERROR_INVALID_ARGUMENT));
}

/* What json-glib itself would write wrongly. */
static void
test_write (void)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (GBytes) bytes = NULL;
  gsize length;
  g_autofree char *text = NULL;

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "k\"\n");
  json_builder_add_string_value (builder, "\x1f\x7f\x01 a\xff/b\\");
  json_builder_set_member_name (builder, "big");
  json_builder_add_int_value (builder, G_MAXINT64);
  json_builder_set_member_name (builder, "small");
  json_builder_add_int_value (builder, G_MININT64);
  json_builder_set_member_name (builder, "double");
  json_builder_add_double_value (builder, 1e20);
  json_builder_set_member_name (builder, "null");
  json_builder_add_null_value (builder);
  json_builder_set_member_name (builder, "none");
  json_builder_add_string_value (builder, "");
  json_builder_end_object (builder);
  bytes = ivd_json_builder_to_bytes (builder);
  text = g_strndup (g_bytes_get_data (bytes, &length), g_bytes_get_size (bytes));
  g_assert_cmpuint (strlen (text), ==, length);
  g_assert_cmpstr (text, ==,
                   "{\"k\\\"\\n\":\"\\u001f\\u007f\\u0001 a\xef\xbf\xbd/b\\\\\",\"big\":\"9223372036854775807\","
                   "\"small\":\"-9223372036854775808\",\"double\":1e+20,\"null\":null,\"none\":\"\"}\n");
}

static void
assert_uint64 (guint64 value, const char *expected)
{
  g_autoptr (GString) json = g_string_new (NULL);

  ivd_json_append_uint64 (json, value);
  g_assert_cmpstr (json->str, ==, expected);
}

static void
assert_int64 (gint64 value, const char *expected)
{
  g_autoptr (GString) json = g_string_new (NULL);

  ivd_json_append_int64 (json, value);
  g_assert_cmpstr (json->str, ==, expected);
}

static void
test_write_numbers (void)
{
  g_autoptr (GString) json = g_string_new (NULL);

  assert_uint64 (0, "0");
  assert_uint64 (10, "10");
  assert_uint64 (IVD_LIMIT_JSON_INTEGER, "9007199254740992");
  assert_uint64 (IVD_LIMIT_JSON_INTEGER + 1, "\"9007199254740993\"");
  assert_uint64 (G_MAXUINT64, "\"18446744073709551615\"");
  assert_int64 (-1, "-1");
  assert_int64 (-(gint64) IVD_LIMIT_JSON_INTEGER, "-9007199254740992");
  assert_int64 (-(gint64) IVD_LIMIT_JSON_INTEGER - 1, "\"-9007199254740993\"");
  ivd_json_append_double (json, 0.1);
  g_string_append_c (json, ' ');
  ivd_json_append_double (json, (double) INFINITY);
  g_string_append_c (json, ' ');
  ivd_json_append_double (json, -0.0);
  g_string_append_c (json, ' ');
  ivd_json_append_double (json, -1e16);
  g_string_append_c (json, ' ');
  ivd_json_append_double (json, 1e17);
  g_string_append_c (json, ' ');
  ivd_json_append_text (json, NULL);
  g_assert_cmpstr (json->str, ==, "0.10000000000000001 null 0 -10000000000000000.0 1e+17 null");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/json/good", test_good);
  g_test_add_func ("/ivd/json/bad", test_bad);
  g_test_add_func ("/ivd/json/limit-bytes", test_limit_bytes);
  g_test_add_func ("/ivd/json/limit-depth", test_limit_depth);
  g_test_add_func ("/ivd/json/limit-members", test_limit_members);
  g_test_add_func ("/ivd/json/limit-number", test_limit_number);
  g_test_add_func ("/ivd/json/write", test_write);
  g_test_add_func ("/ivd/json/write-numbers", test_write_numbers);
  return g_test_run ();
}
