/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "access/ivd-caller.h"
#include "base/ivd-error.h"
#include "base/ivd-limits.h"

#define USER 41001
#define GROUP 41002

static IvdCaller *
make_caller (void)
{
  const guint32 groups[] = { 7, 8 };
  const IvdCredentials credentials = { .pid = 42, .uid = USER, .gid = GROUP, .executable = "/bin/true" };

  return ivd_caller_new (":1.7", &credentials, groups, G_N_ELEMENTS (groups));
}

static void
test_identity (void)
{
  g_autoptr (IvdCaller) caller = make_caller ();
  const IvdCredentials *credentials = ivd_caller_get_credentials (caller);

  g_assert_cmpstr (ivd_caller_get_label (caller), ==, ":1.7");
  g_assert_cmpint (credentials->pid, ==, 42);
  g_assert_cmpint (credentials->uid, ==, USER);
  g_assert_cmpint (credentials->gid, ==, GROUP);
  g_assert_cmpstr (credentials->executable, ==, "/bin/true");
  g_assert_true (ivd_caller_in_group (caller, GROUP));
  g_assert_true (ivd_caller_in_group (caller, 7));
  g_assert_true (ivd_caller_in_group (caller, 8));
  g_assert_false (ivd_caller_in_group (caller, 9));
  g_assert_false (ivd_caller_is_trusted (caller));
}

static void
test_ids_are_never_used_again (void)
{
  guint64 before = 0;

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (IvdCaller) caller = make_caller ();

      g_assert_cmpuint (ivd_caller_get_id (caller), >, before);
      before = ivd_caller_get_id (caller);
    }
}

static void
test_unknown (void)
{
  const IvdCredentials credentials = IVD_CREDENTIALS_UNKNOWN;
  g_autoptr (IvdCaller) caller = ivd_caller_new ("tcp\n1.2.3.4", &credentials, NULL, 0);

  g_assert_cmpstr (ivd_caller_get_label (caller), ==, "tcp\\x0a1.2.3.4");
  g_assert_false (ivd_caller_is_trusted (caller));
  /* What -1 becomes as a gid. */
  g_assert_false (ivd_caller_in_group (caller, G_MAXUINT32));
}

static void
test_trusted (void)
{
  const IvdCredentials root = { .pid = 1, .uid = 0, .gid = 5 };
  g_autoptr (IvdCaller) by_root = ivd_caller_new ("root", &root, NULL, 0);
  g_autoptr (IvdCaller) by_daemon = ivd_caller_new_daemon ();

  g_assert_true (ivd_caller_is_trusted (by_root));
  g_assert_true (ivd_caller_is_trusted (by_daemon));
}

static void
test_same_identity (void)
{
  const guint32 groups[] = { 7, 8 }, other_groups[] = { 7, 9 };
  const IvdCredentials user = { .pid = 1, .uid = USER, .gid = GROUP };
  const IvdCredentials other_user = { .pid = 1, .uid = USER + 1, .gid = GROUP };
  const IvdCredentials other_group = { .pid = 1, .uid = USER, .gid = GROUP + 1 };
  g_autoptr (IvdCaller) caller = make_caller ();
  g_autoptr (IvdCaller) again = ivd_caller_dup_identity (caller, "again");
  IvdCaller *others[] = {
    ivd_caller_new ("x", &other_user, groups, 2),
    ivd_caller_new ("x", &other_group, groups, 2),
    ivd_caller_new ("x", &user, other_groups, 2),
    ivd_caller_new ("x", &user, groups, 1),
    ivd_caller_new ("x", &user, NULL, 0),
    ivd_caller_new_granted ("x", 1, "*"),
    ivd_caller_new_granted ("x", 3, "*"),
    ivd_caller_new_granted ("x", 1, "a"),
  };

  g_assert_true (ivd_caller_same_identity (caller, again));
  g_assert_cmpstr (ivd_caller_get_label (again), ==, "again");
  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    {
      g_autoptr (IvdCaller) twin = ivd_caller_dup_identity (others[i], "twin");

      g_assert_false (ivd_caller_same_identity (caller, others[i]));
      g_assert_false (ivd_caller_same_identity (others[i], caller));
      for (gsize j = 0; j < G_N_ELEMENTS (others); j++)
        g_assert_cmpint (ivd_caller_same_identity (twin, others[j]), ==, i == j);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    g_object_unref (others[i]);
}

static void
test_granted (void)
{
  g_autoptr (IvdCaller) caller = ivd_caller_new_granted ("token\nci", 5, "web*");
  g_autoptr (IvdCaller) user = make_caller ();

  g_assert_cmpstr (ivd_caller_get_label (caller), ==, "token\\x0aci");
  g_assert_cmpuint (ivd_caller_get_grant (caller)->permissions, ==, 5);
  g_assert_cmpstr (ivd_caller_get_grant (caller)->pattern, ==, "web*");
  g_assert_cmpint (ivd_caller_get_credentials (caller)->uid, ==, -1);
  g_assert_false (ivd_caller_is_trusted (caller));
  g_assert_null (ivd_caller_get_grant (user));
}

static void
test_too_many_groups (void)
{
  gsize n = IVD_LIMIT_CALLER_GROUPS + 1;
  g_autofree guint32 *groups = g_new0 (guint32, n);
  const IvdCredentials credentials = { .pid = 1, .uid = USER, .gid = GROUP };
  g_autoptr (IvdCaller) caller = NULL;

  groups[IVD_LIMIT_CALLER_GROUPS - 1] = 11;
  groups[IVD_LIMIT_CALLER_GROUPS] = 12;
  caller = ivd_caller_new ("x", &credentials, groups, n);
  g_assert_true (ivd_caller_in_group (caller, 11));
  g_assert_false (ivd_caller_in_group (caller, 12));
}

static void
count (IvdCaller *caller, guint *times)
{
  g_assert_true (ivd_caller_has_left (caller));
  (*times)++;
}

static void
test_gone (void)
{
  g_autoptr (IvdCaller) caller = make_caller ();
  g_autoptr (GError) error = NULL;
  guint times = 0;

  g_signal_connect (caller, "gone", G_CALLBACK (count), &times);
  g_assert_true (ivd_caller_charge (caller, IVD_CHARGE_WAITS, &error));
  g_assert_false (ivd_caller_has_left (caller));
  ivd_caller_leave (caller);
  ivd_caller_leave (caller);
  g_assert_cmpuint (times, ==, 1);
  g_assert_false (ivd_caller_charge (caller, IVD_CHARGE_WAITS, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_CLOSED);
  ivd_caller_release (caller, IVD_CHARGE_WAITS);
  g_assert_cmpuint (ivd_caller_get_charged (caller, IVD_CHARGE_WAITS), ==, 0);
}

typedef struct
{
  IvdCharge charge;
  guint limit;
  const char *name;
} Quota;

static const Quota quotas[] = {
  { IVD_CHARGE_WAITS, IVD_LIMIT_WAITS_PER_CALLER, "waits" },
  { IVD_CHARGE_WATCHES, IVD_LIMIT_WATCHES_PER_CALLER, "watches" },
  { IVD_CHARGE_FEEDS, IVD_LIMIT_FEEDS_PER_CALLER, "vector handles" },
  { IVD_CHARGE_SUBSCRIPTIONS, IVD_LIMIT_SUBSCRIPTIONS_PER_CALLER, "subscriptions" },
  { IVD_CHARGE_REQUESTS, IVD_LIMIT_REQUESTS_PER_CALLER, "requests in flight" },
};

/* At the limit, and one past it; the others are not touched. */
static void
test_quota (gconstpointer data)
{
  const Quota *quota = data;
  g_autoptr (IvdCaller) caller = make_caller ();
  g_autoptr (GError) error = NULL;
  g_autofree char *expected = g_strdup_printf ("has %u %s", quota->limit, quota->name);

  for (guint i = 0; i < quota->limit; i++)
    g_assert_true (ivd_caller_charge (caller, quota->charge, &error));
  g_assert_false (ivd_caller_charge (caller, quota->charge, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_LIMIT);
  g_assert_nonnull (strstr (error->message, expected));
  g_clear_error (&error);
  g_assert_cmpuint (ivd_caller_get_charged (caller, quota->charge), ==, quota->limit);
  ivd_caller_release (caller, quota->charge);
  g_assert_true (ivd_caller_charge (caller, quota->charge, &error));
  for (guint i = 0; i < IVD_CHARGE_COUNT; i++)
    {
      if (i != quota->charge)
        g_assert_cmpuint (ivd_caller_get_charged (caller, i), ==, 0);
    }
  for (guint i = 0; i < quota->limit; i++)
    ivd_caller_release (caller, quota->charge);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/caller/identity", test_identity);
  g_test_add_func ("/ivd/caller/ids-are-never-used-again", test_ids_are_never_used_again);
  g_test_add_func ("/ivd/caller/unknown", test_unknown);
  g_test_add_func ("/ivd/caller/trusted", test_trusted);
  g_test_add_func ("/ivd/caller/same-identity", test_same_identity);
  g_test_add_func ("/ivd/caller/granted", test_granted);
  g_test_add_func ("/ivd/caller/too-many-groups", test_too_many_groups);
  g_test_add_func ("/ivd/caller/gone", test_gone);
  G_STATIC_ASSERT (G_N_ELEMENTS (quotas) == IVD_CHARGE_COUNT);
  for (gsize i = 0; i < G_N_ELEMENTS (quotas); i++)
    {
      g_autofree char *name = g_strdelimit (g_strdup (quotas[i].name), " ", '-');
      g_autofree char *path = g_strconcat ("/ivd/caller/quota/", name, NULL);

      g_test_add_data_func (path, &quotas[i], test_quota);
    }
  return g_test_run ();
}
