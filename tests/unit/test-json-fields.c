/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include <glib.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-names.h"
#include "export/http/ivd-json-fields.h"

static IvdJsonFields *
fields_of (const char *text)
{
  g_autoptr (GError) error = NULL;
  IvdJsonFields *fields = ivd_json_fields_parse (text, strlen (text), &error);

  g_assert_no_error (error);
  return fields;
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
  g_autoptr (IvdJsonFields) fields
      = fields_of ("{\"a\":9007199254740992,\"b\":\"18446744073709551615\",\"c\":4294967295,\"d\":true,"
                   "\"g\":\"text\",\"h\":null,\"i\":\"all\",\"j\":7,\"k\":\"YWJj\"}");
  guint64 a = 0, b = 0;
  guint32 c = 0, i = 0, j = 0;
  gboolean d = FALSE;
  g_autofree char *g = NULL;
  g_autoptr (GBytes) k = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (ivd_json_fields_has (fields, "a"));
  g_assert_true (ivd_json_fields_take_uint64 (fields, "a", &a, &error));
  g_assert_false (ivd_json_fields_has (fields, "a"));
  g_assert_cmpuint (a, ==, IVD_LIMIT_JSON_INTEGER);
  g_assert_true (ivd_json_fields_take_uint64 (fields, "b", &b, &error));
  g_assert_cmpuint (b, ==, G_MAXUINT64);
  g_assert_true (ivd_json_fields_take_uint32 (fields, "c", &c, &error));
  g_assert_cmpuint (c, ==, G_MAXUINT32);
  g_assert_true (ivd_json_fields_take_boolean (fields, "d", &d, &error));
  g_assert_true (d);
  g_assert_true (ivd_json_fields_take_text (fields, "g", &g, &error));
  g_assert_cmpstr (g, ==, "text");
  g_assert_false (ivd_json_fields_take_null (fields, "i"));
  g_assert_true (ivd_json_fields_take_null (fields, "h"));
  g_assert_false (ivd_json_fields_take_null (fields, "h"));
  g_assert_true (ivd_json_fields_take_uint32_or_all (fields, "i", &i, &error));
  g_assert_cmpuint (i, ==, IVD_ALL);
  g_assert_true (ivd_json_fields_take_uint32_or_all (fields, "j", &j, &error));
  g_assert_cmpuint (j, ==, 7);
  g_assert_true (ivd_json_fields_take_bytes (fields, "k", &k, &error));
  g_assert_cmpmem (g_bytes_get_data (k, NULL), g_bytes_get_size (k), "abc", 3);
  g_assert_true (ivd_json_fields_end (fields, &error));
  g_assert_no_error (error);
}

static void
test_absent (void)
{
  g_autoptr (IvdJsonFields) fields = fields_of ("{}");
  guint64 number = 7, usec = 7;
  guint32 small = 7;
  gboolean flag = TRUE;
  char *text = NULL;
  GStrv texts = NULL;
  GBytes *bytes = NULL;
  GVariant *options = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (ivd_json_fields_take_uint64 (fields, "x", &number, &error));
  g_assert_true (ivd_json_fields_take_uint32 (fields, "x", &small, &error));
  g_assert_true (ivd_json_fields_take_uint32_or_all (fields, "x", &small, &error));
  g_assert_true (ivd_json_fields_take_boolean (fields, "x", &flag, &error));
  g_assert_true (ivd_json_fields_take_msec (fields, "x", &usec, &error));
  g_assert_true (ivd_json_fields_take_text (fields, "x", &text, &error));
  g_assert_true (ivd_json_fields_take_texts (fields, "x", &texts, &error));
  g_assert_true (ivd_json_fields_take_bytes (fields, "x", &bytes, &error));
  g_assert_true (ivd_json_fields_take_options (fields, "x", &options, &error));
  g_assert_false (ivd_json_fields_take_null (fields, "x"));
  g_assert_no_error (error);
  g_assert_cmpuint (number, ==, 7);
  g_assert_cmpuint (small, ==, 7);
  g_assert_cmpuint (usec, ==, 7);
  g_assert_true (flag);
  g_assert_null (text);
  g_assert_null (texts);
  g_assert_null (bytes);
  g_assert_null (options);
}

/* What is no good for each kind; the value stands in {"x":VALUE}. */
typedef enum
{
  UINT64,
  UINT32,
  UINT32_OR_ALL,
  BOOLEAN,
  MSEC,
  TEXT,
  TEXTS,
  BASE64,
  OPTIONS,
} Kind;

static gboolean
take_kind (IvdJsonFields *fields, Kind kind, GError **error)
{
  guint64 number;
  guint32 small;
  gboolean flag;
  g_autofree char *text = NULL;
  g_auto (GStrv) texts = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GVariant) options = NULL;

  switch (kind)
    {
    case UINT64:
      return ivd_json_fields_take_uint64 (fields, "x", &number, error);
    case UINT32:
      return ivd_json_fields_take_uint32 (fields, "x", &small, error);
    case UINT32_OR_ALL:
      return ivd_json_fields_take_uint32_or_all (fields, "x", &small, error);
    case BOOLEAN:
      return ivd_json_fields_take_boolean (fields, "x", &flag, error);
    case MSEC:
      return ivd_json_fields_take_msec (fields, "x", &number, error);
    case TEXT:
      return ivd_json_fields_take_text (fields, "x", &text, error);
    case TEXTS:
      return ivd_json_fields_take_texts (fields, "x", &texts, error);
    case BASE64:
      return ivd_json_fields_take_bytes (fields, "x", &bytes, error);
    case OPTIONS:
      return ivd_json_fields_take_options (fields, "x", &options, error);
    default:
      g_assert_not_reached ();
    }
}

static void
test_wrong (void)
{
  static const struct
  {
    Kind kind;
    const char *value;
    const char *said;
  } cases[] = {
    { UINT64, "-1", "field 'x' is -1: it takes a whole number" },
    { UINT64, "1.5", "field 'x' is 1.5: it takes" },
    { UINT64, "1.0", "field 'x' is 1: it takes" },
    { UINT64, "1e3", "it takes a whole number" },
    { UINT64, "true", "field 'x' is true" },
    { UINT64, "null", "field 'x' is null" },
    { UINT64, "[1]", "field 'x' is [1]" },
    { UINT64, "{}", "field 'x' is {}" },
    { UINT64, "\"\"", "field 'x' is \"\"" },
    { UINT64, "\"-1\"", "it takes" },
    { UINT64, "\"+1\"", "it takes" },
    { UINT64, "\" 1\"", "it takes" },
    { UINT64, "\"1 \"", "it takes" },
    { UINT64, "\"0x1\"", "it takes" },
    { UINT64, "\"1.0\"", "it takes" },
    { UINT64, "\"18446744073709551616\"", "it takes" },
    { UINT32, "4294967296", "0 to 4294967295" },
    { UINT32, "\"4294967296\"", "0 to 4294967295" },
    { UINT32, "-1", "0 to 4294967295" },
    { UINT32, "\"all\"", "0 to 4294967295" },
    { UINT32_OR_ALL, "4294967295", "or \"all\"" },
    { UINT32_OR_ALL, "\"4294967295\"", "or \"all\"" },
    { UINT32_OR_ALL, "\"ALL\"", "or \"all\"" },
    { UINT32_OR_ALL, "[\"all\"]", "or \"all\"" },
    { BOOLEAN, "1", "true or false" },
    { BOOLEAN, "\"true\"", "true or false" },
    { BOOLEAN, "null", "true or false" },
    { MSEC, "-0.001", "milliseconds" },
    { MSEC, "-1", "milliseconds" },
    { MSEC, "9007199254741", "milliseconds" },
    { MSEC, "1e300", "milliseconds" },
    { MSEC, "null", "milliseconds" },
    { TEXT, "1", "it takes text" },
    { TEXT, "[\"a\"]", "it takes text" },
    { TEXT, "null", "it takes text" },
    { TEXTS, "[1]", "an array of text" },
    { TEXTS, "[[\"a\"]]", "an array of text" },
    { TEXTS, "{}", "an array of text" },
    { TEXTS, "null", "an array of text" },
    { BASE64, "1", "base64" },
    { BASE64, "\"YQ\"", "base64" },
    { BASE64, "\"YQ=\"", "base64" },
    { BASE64, "\"Y===\"", "base64" },
    { BASE64, "\"====\"", "base64" },
    { BASE64, "\"YQ==YQ==\"", "base64" },
    { BASE64, "\"YW\\nJj\"", "base64" },
    { BASE64, "\"YW-_\"", "base64" },
    { OPTIONS, "[]", "it takes an object" },
    { OPTIONS, "\"a=b\"", "it takes an object" },
    { OPTIONS, "null", "it takes an object" },
    { OPTIONS, "{\"size\":null}", "field 'size' is null" },
    { OPTIONS, "{\"size\":1.5}", "field 'size' is 1.5" },
    { OPTIONS, "{\"size\":{}}", "field 'size' is {}" },
    { OPTIONS, "{\"size\":[1.5]}", "field 'size' is [1.5]" },
    { OPTIONS, "{\"size\":[[1]]}", "field 'size' is [[1]]" },
    { OPTIONS, "{\"size\":[null]}", "field 'size' is [null]" },
    { OPTIONS, "{\"si\\nze\":null}", "field 'si\\x0aze' is null" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = g_strdup_printf ("{\"x\":%s}", cases[i].value);
      g_autoptr (IvdJsonFields) fields = fields_of (text);
      GError *error = NULL;

      g_test_message ("%s", text);
      g_assert_false (take_kind (fields, cases[i].kind, &error));
      assert_said (error, cases[i].said);
    }
}

static guint64
msec (const char *value)
{
  g_autofree char *text = g_strdup_printf ("{\"x\":%s}", value);
  g_autoptr (IvdJsonFields) fields = fields_of (text);
  g_autoptr (GError) error = NULL;
  guint64 usec = 7;

  g_assert_true (ivd_json_fields_take_msec (fields, "x", &usec, &error));
  g_assert_no_error (error);
  return usec;
}

static void
test_msec (void)
{
  g_assert_cmpuint (msec ("0"), ==, 0);
  g_assert_cmpuint (msec ("-0.0"), ==, 0);
  g_assert_cmpuint (msec ("1"), ==, 1000);
  g_assert_cmpuint (msec ("0.0004"), ==, 0);
  g_assert_cmpuint (msec ("0.0006"), ==, 1);
  g_assert_cmpuint (msec ("1.25"), ==, 1250);
  g_assert_cmpuint (msec ("0.1"), ==, 100);
  g_assert_cmpuint (msec ("9007199254740.992"), ==, IVD_LIMIT_JSON_INTEGER);
}

static void
test_texts (void)
{
  g_autoptr (IvdJsonFields) fields = fields_of ("{\"one\":\"a\",\"two\":[\"a\",\"b\"],\"none\":[]}");
  g_auto (GStrv) one = NULL;
  g_auto (GStrv) two = NULL;
  g_auto (GStrv) none = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (ivd_json_fields_take_texts (fields, "one", &one, &error));
  g_assert_true (ivd_json_fields_take_texts (fields, "two", &two, &error));
  g_assert_true (ivd_json_fields_take_texts (fields, "none", &none, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (one), ==, 1);
  g_assert_cmpstr (one[0], ==, "a");
  g_assert_cmpuint (g_strv_length (two), ==, 2);
  g_assert_cmpstr (two[1], ==, "b");
  g_assert_nonnull (none);
  g_assert_null (none[0]);
}

static void
test_options (void)
{
  g_autoptr (IvdJsonFields) fields
      = fields_of ("{\"options\":{\"path\":\"/dev/shm/x\",\"read-only\":false,\"size\":4194304,\"nice\":-5,"
                   "\"allow-uids\":[\"root\",1000],\"none\":[],\"big\":\"18446744073709551615\"},\"empty\":{}}");
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GVariant) empty = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *printed = NULL;

  g_assert_true (ivd_json_fields_take_options (fields, "options", &options, &error));
  g_assert_true (ivd_json_fields_take_options (fields, "empty", &empty, &error));
  g_assert_no_error (error);
  printed = g_variant_print (options, TRUE);
  g_assert_cmpstr (printed, ==,
                   "{'path': <'/dev/shm/x'>, 'read-only': <false>, 'size': <uint64 4194304>, 'nice': <int64 -5>, "
                   "'allow-uids': <['root', '1000']>, 'none': <@as []>, 'big': <'18446744073709551615'>}");
  g_assert_true (g_variant_is_of_type (empty, G_VARIANT_TYPE_VARDICT));
  g_assert_cmpuint (g_variant_n_children (empty), ==, 0);
}

static void
test_require (void)
{
  static const char *const keys[] = { "offset", "length", NULL };
  g_autoptr (IvdJsonFields) good = fields_of ("{\"length\":null,\"offset\":1}");
  g_autoptr (IvdJsonFields) bad = fields_of ("{\"offset\":1,\"lngth\":2}");
  GError *error = NULL;

  g_assert_true (ivd_json_fields_require (good, keys, &error));
  g_assert_no_error (error);
  g_assert_false (ivd_json_fields_require (bad, keys, &error));
  assert_said (error, "field 'length' is missing: needed are offset, length");
}

static void
test_unknown (void)
{
  g_autoptr (IvdJsonFields) fields = fields_of ("{\"offset\":1,\"leng\\u0007th\":2}");
  g_autoptr (IvdJsonFields) none = fields_of ("{\"a\":1}");
  guint64 number;
  GError *error = NULL;

  g_assert_true (ivd_json_fields_take_uint64 (fields, "offset", &number, &error));
  g_assert_true (ivd_json_fields_take_uint64 (fields, "length", &number, &error));
  g_assert_false (ivd_json_fields_end (fields, &error));
  assert_said (g_steal_pointer (&error), "unknown field 'leng\\x07th': known are: offset, length");
  g_assert_false (ivd_json_fields_end (none, &error));
  assert_said (g_steal_pointer (&error), "unknown field 'a': known are: none");
}

static void
test_rename (void)
{
  g_autoptr (IvdJsonFields) fields = fields_of ("{\"a\":1,\"b\":2}");
  g_autoptr (GError) error = NULL;
  guint64 value = 0;

  ivd_json_fields_rename (fields, "a", "c");
  ivd_json_fields_rename (fields, "x", "b");
  g_assert_false (ivd_json_fields_has (fields, "a"));
  g_assert_true (ivd_json_fields_take_uint64 (fields, "c", &value, &error));
  g_assert_cmpuint (value, ==, 1);
  g_assert_true (ivd_json_fields_take_uint64 (fields, "b", &value, &error));
  g_assert_cmpuint (value, ==, 2);
  g_assert_true (ivd_json_fields_end (fields, &error));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/json-fields/take", test_take);
  g_test_add_func ("/ivd/json-fields/rename", test_rename);
  g_test_add_func ("/ivd/json-fields/absent", test_absent);
  g_test_add_func ("/ivd/json-fields/wrong", test_wrong);
  g_test_add_func ("/ivd/json-fields/msec", test_msec);
  g_test_add_func ("/ivd/json-fields/texts", test_texts);
  g_test_add_func ("/ivd/json-fields/options", test_options);
  g_test_add_func ("/ivd/json-fields/require", test_require);
  g_test_add_func ("/ivd/json-fields/unknown", test_unknown);
  return g_test_run ();
}
