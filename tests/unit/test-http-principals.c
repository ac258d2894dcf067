/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-limits.h"
#include "export/http/ivd-http-principals.h"
#include "export/http/ivd-http-shared.h"

/* The users of unix sockets: one principal each, until there are too many. */

#define FIRST_UID 100000

typedef struct
{
  IvdContext context;
  IvdHttpShared shared;
  IvdHttpService *service;
  IvdHttpPrincipals *principals;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->service = ivd_http_service_new (&fixture->context, &error);
  g_assert_no_error (error);
  ivd_http_service_set_shared (fixture->service, &fixture->shared);
  fixture->principals = ivd_http_principals_new (fixture->service, NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  ivd_http_principals_free (fixture->principals);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  ivd_http_service_unref (fixture->service);
}

static IvdCaller *
make_user (guint number)
{
  const IvdCredentials credentials = { .pid = -1, .uid = FIRST_UID + number, .gid = 1 };

  return ivd_caller_new ("a user", &credentials, NULL, 0);
}

static IvdCaller *
find (Fixture *fixture, guint number)
{
  g_autoptr (IvdCaller) user = make_user (number);

  return ivd_http_principals_for_user (fixture->principals, user);
}

static gboolean
has_left (IvdCaller *caller)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  return ivd_caller_has_left (caller);
}

static void
test_one_each (Fixture *fixture, gconstpointer data)
{
  IvdCaller *first = find (fixture, 0);

  g_assert_true (find (fixture, 1) != first);
  g_assert_true (find (fixture, 0) == first);
  g_assert_true (ivd_http_principals_for_user (fixture->principals, first) == first);
}

static void
test_limit (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdCaller) first = g_object_ref (find (fixture, 0));
  g_autoptr (IvdCaller) second = g_object_ref (find (fixture, 1));
  IvdCaller *again;

  for (guint i = 2; i < IVD_LIMIT_HTTP_USERS; i++)
    (void) find (fixture, i);
  g_assert_false (has_left (first));
  g_assert_false (has_left (second));
  /* By what its connection remembers: it asks, and so is not the oldest now. */
  g_assert_true (ivd_http_principals_for_user (fixture->principals, first) == first);
  (void) find (fixture, IVD_LIMIT_HTTP_USERS);
  g_assert_false (has_left (first));
  g_assert_true (has_left (second));
  /* Its connections are open still. */
  again = ivd_http_principals_for_user (fixture->principals, second);
  g_assert_true (again != second);
  g_assert_true (ivd_caller_same_identity (again, second));
  g_assert_false (has_left (again));
  g_assert_true (ivd_http_principals_for_user (fixture->principals, second) == again);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/ivd/http-principals/one-each", Fixture, NULL, set_up, test_one_each, tear_down);
  g_test_add ("/ivd/http-principals/limit", Fixture, NULL, set_up, test_limit, tear_down);
  return g_test_run ();
}
