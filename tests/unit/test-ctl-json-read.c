/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "base/ivd-error.h"
#include "ctl-json-read.h"

#define REGION                                                                                     \
  "{\"name\":\"demo\",\"plugin\":\"host-plain\",\"state\":\"ready\",\"reason\":null,"              \
  "\"size\":\"18446744073709551615\",\"capabilities\":[\"read\",\"write\"],\"own_id\":null,"       \
  "\"vectors\":4,\"generation\":1,\"peer_count\":2,\"statistics\":{\"read_bytes\":7},"             \
  "\"options\":{\"path\":\"/dev/shm/x\",\"create\":true,\"size\":4096},\"permissions\":[\"see\"]," \
  "\"later\":1}"

static JsonNode *
read_good (const char *text)
{
  g_autoptr (GError) error = NULL;
  JsonNode *root = ctl_json_read (text, strlen (text), &error);

  g_assert_no_error (error);
  return root;
}

static void
test_refused (void)
{
  static const char *const texts[] = { "", "[]", "1", "null", "{", "{\"a\":}", "\xff", "{\"a\":\"\xff\"}" };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (ctl_json_read (texts[i], strlen (texts[i]), &error));
      g_assert_error (error, IVD_ERROR, IVD_ERROR_IO);
    }
}

static char *
nest (guint depth)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < depth; i++)
    g_string_append (text, "{\"a\":");
  g_string_append (text, "\"}]{[\\\"\"");
  for (guint i = 0; i < depth; i++)
    g_string_append_c (text, '}');
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
test_depth (void)
{
  static const guint depths[] = { CTL_JSON_DEPTH_MAX + 1, 100000 };
  g_autofree char *deepest = nest (CTL_JSON_DEPTH_MAX);
  g_autoptr (JsonNode) root = read_good (deepest);

  g_assert_nonnull (root);
  for (gsize i = 0; i < G_N_ELEMENTS (depths); i++)
    {
      g_autofree char *text = nest (depths[i]);
      g_autoptr (GError) error = NULL;

      g_assert_null (ctl_json_read (text, strlen (text), &error));
      g_assert_error (error, IVD_ERROR, IVD_ERROR_IO);
      g_assert_nonnull (strstr (error->message, "nested"));
    }
}

static void
test_members (void)
{
  static const struct
  {
    const char *json, *type, *expected; /* NULL: it cannot be one */
  } cases[] = {
    { "\"x\"", "s", "'x'" },
    { "null", "s", "''" },
    { "1", "s", NULL },
    { "true", "b", "true" },
    { "1", "b", NULL },
    { "255", "y", "byte 0xff" },
    { "256", "y", NULL },
    { "4294967295", "u", "uint32 4294967295" },
    { "4294967296", "u", NULL },
    { "-1", "u", NULL },
    { "1.5", "u", NULL },
    { "\"18446744073709551615\"", "t", "uint64 18446744073709551615" },
    { "\"18446744073709551616\"", "t", NULL },
    { "\"\"", "t", NULL },
    { "null", "t", NULL },
    { "null", "i", "-1" },
    { "65535", "i", "65535" },
    { "[\"a\",\"b\"]", "as", "['a', 'b']" },
    { "[1]", "as", NULL },
    { "{\"a\":1}", "a{st}", "{'a': uint64 1}" },
    { "{\"a\":\"x\"}", "a{st}", NULL },
    { "{\"a\":1,\"b\":null,\"c\":-1,\"d\":true,\"e\":\"x\"}", "a{sv}",
      "{'a': <uint64 1>, 'c': <int64 -1>, 'd': <true>, 'e': <'x'>}" },
    { "[{\"o\":[{\"n\":\"x\"}],\"c\":[\"y\"],\"e\":[]}]", "aa{sv}",
      "[{'o': <[{'n': <'x'>}]>, 'c': <['y']>, 'e': <@as []>}]" },
    { "[1]", "aa{sv}", NULL },
    { "{}", "aa{sv}", NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = g_strdup_printf ("{\"m\":%s}", cases[i].json);
      g_autoptr (JsonNode) root = read_good (text);
      GVariant *value = ctl_json_read_member (json_node_get_object (root), "m", cases[i].type);
      g_autoptr (GVariant) held = value != NULL ? g_variant_ref_sink (value) : NULL;
      g_autofree char *found = held != NULL ? g_variant_print (held, TRUE) : NULL;

      g_test_message ("%s as %s", cases[i].json, cases[i].type);
      g_assert_cmpstr (found, ==, cases[i].expected);
    }
}

static void
test_region (void)
{
  g_autoptr (JsonNode) root = read_good (REGION);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) region = ctl_json_read_region (json_node_get_object (root), &error);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  text = g_variant_print (region, TRUE);
  g_assert_cmpstr (text, ==,
                   "{'Name': <'demo'>, 'Plugin': <'host-plain'>, 'State': <'ready'>, 'Reason': <''>, "
                   "'Size': <uint64 18446744073709551615>, 'Capabilities': <['read', 'write']>, 'OwnId': <-1>, "
                   "'Vectors': <uint32 4>, 'Generation': <uint64 1>, 'PeerCount': <uint32 2>, "
                   "'Statistics': <{'read_bytes': uint64 7}>, "
                   "'Options': <{'path': <'/dev/shm/x'>, 'create': <true>, 'size': <uint64 4096>}>}");
}

static void
test_regions_refused (void)
{
  static const char *const texts[] = {
    "{}",
    "{\"regions\":{}}",
    "{\"regions\":[1]}",
    "{\"regions\":[{}]}",
    "{\"regions\":[{\"name\":\"a\"}]}",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (JsonNode) root = read_good (texts[i]);
      g_autoptr (GError) error = NULL;

      g_assert_null (ctl_json_read_regions (json_node_get_object (root), &error));
      g_assert_error (error, IVD_ERROR, IVD_ERROR_IO);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ctl/json-read/refused", test_refused);
  g_test_add_func ("/ctl/json-read/depth", test_depth);
  g_test_add_func ("/ctl/json-read/members", test_members);
  g_test_add_func ("/ctl/json-read/region", test_region);
  g_test_add_func ("/ctl/json-read/regions-refused", test_regions_refused);
  return g_test_run ();
}
