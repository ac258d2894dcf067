/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <glib.h>

#include "export/http/ivd-json-variant.h"
#include "export/http/ivd-json.h"

static void
assert_json (const char *variant, const char *expected, void (*add) (JsonBuilder *, GVariant *))
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = g_variant_parse (NULL, variant, NULL, NULL, &error);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autoptr (GString) text = g_string_new (NULL);

  g_assert_no_error (error);
  /* A root must be an object or an array. */
  json_builder_begin_array (builder);
  add (builder, value);
  json_builder_end_array (builder);
  root = json_builder_get_root (builder);
  ivd_json_append_node (text, root);
  g_assert_cmpstr (text->str, ==, expected);
}

static void
test_types (void)
{
  static const struct
  {
    const char *variant;
    const char *json;
  } cases[] = {
    { "true", "[true]" },
    { "byte 0xff", "[255]" },
    { "int16 -32768", "[-32768]" },
    { "uint16 65535", "[65535]" },
    { "int32 -2147483648", "[-2147483648]" },
    { "uint32 4294967295", "[4294967295]" },
    { "int64 9007199254740992", "[9007199254740992]" },
    { "int64 9007199254740993", "[\"9007199254740993\"]" },
    { "int64 -9007199254740992", "[-9007199254740992]" },
    { "int64 -9007199254740993", "[\"-9007199254740993\"]" },
    { "uint64 9007199254740992", "[9007199254740992]" },
    { "uint64 9007199254740993", "[\"9007199254740993\"]" },
    { "uint64 18446744073709551615", "[\"18446744073709551615\"]" },
    { "1.5", "[1.5]" },
    { "1e20", "[1e+20]" },
    { "'text \"quoted\"\\n'", "[\"text \\\"quoted\\\"\\n\"]" },
    { "objectpath '/a/b'", "[\"/a/b\"]" },
    { "signature 'as'", "[\"as\"]" },
    { "@as []", "[[]]" },
    { "['a', 'b']", "[[\"a\",\"b\"]]" },
    { "<<uint32 5>>", "[5]" },
    { "@a{sv} {}", "[{}]" },
    { "[{'PeerCount': <uint32 1>, 'read-only': <true>}, {'x': <@as []>}]",
      "[[{\"peer_count\":1,\"read_only\":true},{\"x\":[]}]]" },
    { "@a{st} {'bytes-read': 9007199254740993}", "[{\"bytes_read\":\"9007199254740993\"}]" },
    { "{uint32 7: 'seven'}", "[{\"7\":\"seven\"}]" },
    { "{'outer': <{'InnerKey': <1>}>}", "[{\"outer\":{\"inner_key\":1}}]" },
    { "('a', 1, [2, 3])", "[[\"a\",1,[2,3]]]" },
    { "@ay [0x00, 0xff]", "[\"AP8=\"]" },
    { "@ay []", "[\"\"]" },
    { "@mu nothing", "[null]" },
    { "@mu 5", "[5]" },
    { "handle 3", "[null]" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_json (cases[i].variant, cases[i].json, ivd_json_add_variant);
}

static void
test_options (void)
{
  assert_json ("{'min-interval': <'10ms'>, 'Odd': <true>}", "[{\"min-interval\":\"10ms\",\"Odd\":true}]",
               ivd_json_add_options);
}

static void
test_not_finite (void)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (GVariant) values = g_variant_ref_sink (g_variant_new ("(dd)", G_MAXDOUBLE * 2, -G_MAXDOUBLE * 2));
  g_autoptr (JsonNode) root = NULL;
  g_autoptr (GString) text = g_string_new (NULL);

  ivd_json_add_variant (builder, values);
  root = json_builder_get_root (builder);
  ivd_json_append_node (text, root);
  g_assert_cmpstr (text->str, ==, "[null,null]");
}

static void
assert_key (const char *name, const char *expected)
{
  g_autofree char *key = ivd_json_key (name);

  g_assert_cmpstr (key, ==, expected);
}

static void
test_key (void)
{
  assert_key ("", "");
  assert_key ("name", "name");
  assert_key ("Name", "name");
  assert_key ("PeerCount", "peer_count");
  assert_key ("OwnId", "own_id");
  assert_key ("min-interval", "min_interval");
  assert_key ("already_so", "already_so");
  assert_key ("TLSPort", "tls_port");
  assert_key ("UseTLS", "use_tls");
  assert_key ("Min-Interval", "min_interval");
  assert_key ("Atomic16", "atomic16");
  assert_key ("X2Y", "x2_y");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/json-variant/types", test_types);
  g_test_add_func ("/ivd/json-variant/options", test_options);
  g_test_add_func ("/ivd/json-variant/not-finite", test_not_finite);
  g_test_add_func ("/ivd/json-variant/key", test_key);
  return g_test_run ();
}
