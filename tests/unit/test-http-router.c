/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "base/ivd-error.h"
#include "export/http/ivd-http-parameters.h"
#include "export/http/ivd-http-router.h"

static void
assert_route (const char *method, const char *path, const char *pattern, const char *first, const char *second)
{
  char *arguments[IVD_HTTP_MAX_ARGUMENTS];
  g_autofree char *allow = NULL;
  const IvdHttpRoute *route = ivd_http_router_find (method, path, arguments, &allow);

  g_assert_cmpstr (route != NULL ? route->path : NULL, ==, pattern);
  g_assert_cmpstr (arguments[0], ==, first);
  g_assert_cmpstr (arguments[1], ==, second);
  g_assert_null (allow);
  for (guint i = 0; i < IVD_HTTP_MAX_ARGUMENTS; i++)
    g_free (arguments[i]);
}

static void
test_paths (void)
{
  assert_route ("GET", "/healthz", "/healthz", NULL, NULL);
  assert_route ("HEAD", "/v1/regions", "/v1/regions", NULL, NULL);
  assert_route ("GET", "/v1/regions/a.b-c", "/v1/regions/{}", "a.b-c", NULL);
  assert_route ("DELETE", "/v1/regions/r/peers/7", "/v1/regions/{}/peers/{}", "r", "7");
  assert_route ("GET", "/v1/regions/%61%C3%A4", "/v1/regions/{}", "aä", NULL);
}

static void
test_no_paths (void)
{
  static const char *const paths[] = {
    "",
    "/v1",
    "/v1/",
    "/v1/regions/",
    "/v1/regions//peers",
    "/healthz/",
    "/v1/regions/a/b/c",
    "/V1/regions",
    "/v1/regions/%00",
    "/v1/regions/%2f",
    "/v1/regions/a%2Fpeers",
    "/v1/regions/%ff",
    "/v1/regions/%",
    "/v1/regions/%4",
    "/v1/regions/%zz",
  };

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_test_message ("%s", paths[i]);
      assert_route ("GET", paths[i], NULL, NULL, NULL);
    }
}

static void
test_allow (void)
{
  char *arguments[IVD_HTTP_MAX_ARGUMENTS];
  g_autofree char *allow = NULL;

  g_assert_null (ivd_http_router_find ("PATCH", "/v1/regions/r", arguments, &allow));
  g_assert_cmpstr (allow, ==, "GET, HEAD, DELETE");
}

/* What the table of operations has is what a row asks for, and can be had. */
static void
test_operations (void)
{
  guint n_routes;
  const IvdHttpRoute *routes = ivd_http_routes (&n_routes);

  for (guint i = 0; i < n_routes; i++)
    {
      const IvdOperation *operation;

      g_assert_nonnull (routes[i].run);
      if (routes[i].operation == NULL)
        continue;
      operation = ivd_operation_find (routes[i].daemon_scope ? IVD_SCOPE_DAEMON : IVD_SCOPE_REGION, routes[i].operation);
      g_test_message ("%s %s", routes[i].method, routes[i].path);
      g_assert_nonnull (operation);
      g_assert_true (ivd_http_parameters_possible (operation));
    }
}

static GVariant *
parse (const char *method, IvdScope scope, const char *json, GError **error)
{
  g_autoptr (IvdJsonFields) fields = ivd_json_fields_parse (json, strlen (json), error);

  g_assert_nonnull (fields);
  return ivd_http_parameters_from_json (ivd_operation_find (scope, method), fields, error);
}

static void
assert_parsed (const char *method, IvdScope scope, const char *json, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) parameters = parse (method, scope, json, &error);
  g_autofree char *text = NULL;

  g_assert_no_error (error);
  text = g_variant_print (parameters, TRUE);
  g_assert_cmpstr (text, ==, expected);
}

static void
assert_refused (const char *method, const char *json, const char *word)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) parameters = parse (method, IVD_SCOPE_REGION, json, &error);

  g_assert_null (parameters);
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, word));
}

static void
test_parameters (void)
{
  assert_parsed ("Fill", IVD_SCOPE_REGION, "{\"offset\":1,\"length\":\"18446744073709551615\",\"value\":255}",
                 "(uint64 1, uint64 18446744073709551615, byte 0xff)");
  assert_parsed ("Ring", IVD_SCOPE_REGION, "{\"peer\":\"all\",\"vector\":2}", "(uint32 4294967295, uint32 2)");
  assert_parsed ("Atomic", IVD_SCOPE_REGION, "{\"op\":\"add\",\"offset\":0,\"width\":4,\"value\":\"0x1\"}",
                 "('add', uint64 0, uint32 4, '0x1', '')");
  assert_parsed ("Wait", IVD_SCOPE_REGION,
                 "{\"op\":\"equals\",\"offset\":0,\"width\":4,\"value\":\"0x1\",\"timeout_ms\":1.5,\"set\":\"0x2\"}",
                 "(uint64 0, uint32 4, 'equals', '0x1', uint64 1500, {'set': <'0x2'>})");
  assert_parsed ("Wait", IVD_SCOPE_REGION,
                 "{\"op\":\"equals\",\"offset\":0,\"width\":4,\"value\":\"0x1\",\"timeout_ms\":null}",
                 "(uint64 0, uint32 4, 'equals', '0x1', uint64 18446744073709551615, @a{sv} {})");
  assert_parsed ("Watch", IVD_SCOPE_REGION, "{\"offset\":0,\"length\":8}", "(uint64 0, uint64 8, uint64 100000)");
  assert_parsed ("Watch", IVD_SCOPE_REGION, "{\"offset\":0,\"length\":8,\"min_interval_usec\":2000}",
                 "(uint64 0, uint64 8, uint64 2000)");
  assert_parsed ("Write", IVD_SCOPE_REGION, "{\"offset\":0,\"data\":\"AQI=\"}", "(uint64 0, [byte 0x01, 0x02])");
  assert_parsed ("Attach", IVD_SCOPE_DAEMON, "{\"name\":\"n\",\"plugin\":\"p\"}", "('p', 'n', @a{sv} {})");
  assert_parsed ("Detach", IVD_SCOPE_DAEMON, "{\"name\":\"n\",\"force\":true}", "('n', {'force': <true>})");
}

static void
test_bad_parameters (void)
{
  assert_refused ("Fill", "{\"offset\":1,\"length\":2}", "value");
  assert_refused ("Fill", "{\"offset\":1,\"length\":2,\"value\":256}", "256");
  assert_refused ("Fill", "{\"offset\":-1,\"length\":2,\"value\":2}", "offset");
  assert_refused ("Fill", "{\"offset\":1,\"length\":2,\"value\":2,\"vvalue\":1}", "vvalue");
  assert_refused ("Ring", "{\"peer\":\"some\",\"vector\":0}", "peer");
  assert_refused ("Wait", "{\"op\":\"equals\",\"offset\":0,\"width\":4,\"value\":1}", "value");
  assert_refused ("Watch", "{\"offset\":0,\"length\":8,\"min_interval_ms\":1,\"min_interval_usec\":1000}", "min_interval");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http-router/paths", test_paths);
  g_test_add_func ("/http-router/no-paths", test_no_paths);
  g_test_add_func ("/http-router/allow", test_allow);
  g_test_add_func ("/http-router/operations", test_operations);
  g_test_add_func ("/http-router/parameters", test_parameters);
  g_test_add_func ("/http-router/bad-parameters", test_bad_parameters);
  return g_test_run ();
}
