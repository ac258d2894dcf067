/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "access/ivd-logins.h"
#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "operation/ivd-request.h"

#define USER 41001
#define GROUP 41002
#define NOW G_USEC_PER_SEC
#define THREADS 4

static IvdCaller *
make_user (gint64 uid)
{
  const guint32 groups[] = { 7, 8 };
  const IvdCredentials credentials = { .pid = 42, .uid = uid, .gid = GROUP, .executable = "/bin/true" };

  return ivd_caller_new (":1.7", &credentials, groups, G_N_ELEMENTS (groups));
}

static char *
create (IvdLogins *logins, IvdCaller *caller, gint64 now)
{
  g_autoptr (GError) error = NULL;
  char *secret = ivd_logins_create (logins, caller, now, &error);

  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (secret, IVD_LOGIN_PREFIX));
  return secret;
}

static void
assert_none (IvdLogins *logins, const char *secret, gint64 now)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (ivd_logins_redeem (logins, secret, "session", now, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_UNAUTHENTICATED);
  /* An empty one is in every text. */
  if (*secret != '\0')
    g_assert_null (strstr (error->message, secret));
}

static void
test_user (void)
{
  g_autoptr (IvdLogins) logins = ivd_logins_new ();
  g_autoptr (IvdCaller) caller = make_user (USER);
  g_autoptr (GError) error = NULL;
  g_autofree char *secret = create (logins, caller, NOW);
  g_autoptr (IvdCaller) session = ivd_logins_redeem (logins, secret, "session 1", NOW, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (ivd_caller_get_label (session), ==, "session 1");
  g_assert_true (ivd_caller_same_identity (session, caller));
  g_assert_true (ivd_caller_in_group (session, 8));
  g_assert_null (ivd_caller_get_grant (session));
  /* Not that process: it may be gone by now. */
  g_assert_cmpint (ivd_caller_get_credentials (session)->pid, ==, -1);
  g_assert_null (ivd_caller_get_credentials (session)->executable);
}

static void
test_outlives_its_maker (void)
{
  g_autoptr (IvdLogins) logins = ivd_logins_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *secret = NULL;
  g_autoptr (IvdCaller) session = NULL;
  IvdCaller *caller = ivd_caller_new_granted ("token ci", IVD_PERMISSION_BIT (IVD_PERMISSION_READ), "web*");

  secret = create (logins, caller, NOW);
  ivd_caller_leave (caller);
  g_assert_finalize_object (caller);
  session = ivd_logins_redeem (logins, secret, "session", NOW, &error);
  g_assert_no_error (error);
  g_assert_false (ivd_caller_has_left (session));
  g_assert_cmpuint (ivd_caller_get_grant (session)->permissions, ==, IVD_PERMISSION_BIT (IVD_PERMISSION_READ));
  g_assert_cmpstr (ivd_caller_get_grant (session)->pattern, ==, "web*");
}

static void
test_once (void)
{
  g_autoptr (IvdLogins) logins = ivd_logins_new ();
  g_autoptr (IvdCaller) caller = make_user (USER);
  g_autofree char *secret = create (logins, caller, NOW);
  g_autofree char *other = create (logins, caller, NOW);
  g_autoptr (IvdCaller) session = ivd_logins_redeem (logins, secret, "session", NOW, NULL);

  g_assert_nonnull (session);
  assert_none (logins, secret, NOW);
  g_assert_cmpuint (ivd_logins_count (logins, NOW), ==, 1);
}

static void
test_wrong (void)
{
  g_autoptr (IvdLogins) logins = ivd_logins_new ();
  g_autoptr (IvdCaller) caller = make_user (USER);
  g_autofree char *secret = create (logins, caller, NOW);
  g_autofree char *wrong = g_strdup (secret);
  g_autofree char *token = g_strdup (secret);
  gsize last = strlen (wrong) - 1;

  wrong[last] = wrong[last] == 'x' ? 'y' : 'x';
  memcpy (token, "ivs_", strlen ("ivs_"));
  assert_none (logins, wrong, NOW);
  assert_none (logins, token, NOW);
  assert_none (logins, "", NOW);
  /* None of that has used it up. */
  g_assert_cmpuint (ivd_logins_count (logins, NOW), ==, 1);
}

static void
test_expiry (void)
{
  g_autoptr (IvdLogins) logins = ivd_logins_new ();
  g_autoptr (IvdCaller) caller = make_user (USER);
  g_autofree char *first = create (logins, caller, NOW);
  g_autofree char *second = create (logins, caller, NOW + 1);
  g_autoptr (IvdCaller) session = NULL;

  g_assert_cmpuint (ivd_logins_count (logins, NOW + IVD_LIMIT_LOGIN_USEC - 1), ==, 2);
  assert_none (logins, first, NOW + IVD_LIMIT_LOGIN_USEC);
  session = ivd_logins_redeem (logins, second, "session", NOW + IVD_LIMIT_LOGIN_USEC, NULL);
  g_assert_nonnull (session);
  g_assert_cmpuint (ivd_logins_count (logins, NOW + IVD_LIMIT_LOGIN_USEC), ==, 0);
}

/* The oldest of all goes. */
static void
test_limit (void)
{
  g_autoptr (IvdLogins) logins = ivd_logins_new ();
  g_autoptr (GPtrArray) secrets = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i <= IVD_LIMIT_LOGINS; i++)
    {
      g_autoptr (IvdCaller) caller = make_user (USER + i);

      g_ptr_array_add (secrets, create (logins, caller, NOW + i));
      g_assert_cmpuint (ivd_logins_count (logins, NOW + i), ==, MIN (i + 1, IVD_LIMIT_LOGINS));
    }
  assert_none (logins, g_ptr_array_index (secrets, 0), NOW);
  for (guint i = 1; i <= IVD_LIMIT_LOGINS; i++)
    {
      g_autoptr (IvdCaller) session = ivd_logins_redeem (logins, g_ptr_array_index (secrets, i), "s", NOW, NULL);

      g_assert_cmpint (ivd_caller_get_credentials (session)->uid, ==, USER + i);
    }
}

/* Who makes many pushes out their own, and nobody else's. */
static void
test_limit_of_one (void)
{
  g_autoptr (IvdLogins) logins = ivd_logins_new ();
  g_autoptr (IvdCaller) other = make_user (USER);
  g_autoptr (IvdCaller) eager = make_user (USER + 1);
  g_autofree char *others = create (logins, other, NOW);
  g_autofree char *first = create (logins, eager, NOW);
  g_autofree char *second = create (logins, eager, NOW);
  g_autoptr (IvdCaller) session = NULL;
  g_autoptr (IvdCaller) of_other = NULL;

  for (guint i = 2; i <= IVD_LIMIT_LOGINS_PER_IDENTITY; i++)
    {
      g_autofree char *secret = create (logins, eager, NOW);
    }
  g_assert_cmpuint (ivd_logins_count (logins, NOW), ==, 1 + IVD_LIMIT_LOGINS_PER_IDENTITY);
  assert_none (logins, first, NOW);
  session = ivd_logins_redeem (logins, second, "session", NOW, NULL);
  g_assert_nonnull (session);
  of_other = ivd_logins_redeem (logins, others, "session", NOW, NULL);
  g_assert_nonnull (of_other);
}

/* --- threads: one redeems what the other made, and only one of many gets it --- */

typedef struct
{
  IvdLogins *logins;
  const char *secret;
  gint won;
} Race;

static gpointer
run_race (gpointer data)
{
  Race *race = data;
  g_autoptr (IvdCaller) session = ivd_logins_redeem (race->logins, race->secret, "session", NOW, NULL);

  if (session != NULL)
    g_atomic_int_inc (&race->won);
  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (IvdLogins) logins = ivd_logins_new ();

  for (guint round = 0; round < 100; round++)
    {
      g_autoptr (IvdCaller) caller = make_user (USER);
      g_autofree char *secret = create (logins, caller, NOW);
      Race race = { .logins = logins, .secret = secret };
      GThread *threads[THREADS];

      for (guint i = 0; i < THREADS; i++)
        threads[i] = g_thread_new ("race", run_race, &race);
      for (guint i = 0; i < THREADS; i++)
        g_thread_join (threads[i]);
      g_assert_cmpint (race.won, ==, 1);
    }
}

/* --- the operation --- */

typedef struct
{
  GVariant *result;
  GError *error;
} Answer;

static void
on_answer (GVariant *result, int take_fd, const GError *error, gpointer data)
{
  Answer *answer = data;

  answer->result = result != NULL ? g_variant_ref (result) : NULL;
  answer->error = error != NULL ? g_error_copy (error) : NULL;
}

static void
ask (IvdContext *context, IvdCaller *caller, Answer *ret_answer)
{
  ivd_request_start (context, ivd_operation_find (IVD_SCOPE_DAEMON, "CreateLogin"), caller, NULL,
                     g_variant_new ("()"), NULL, on_answer, ret_answer);
}

static void
assert_made (IvdContext *context, IvdCaller *caller)
{
  Answer answer = { 0 };
  g_autoptr (IvdCaller) session = NULL;
  const char *secret;
  guint64 lifetime;

  ask (context, caller, &answer);
  g_assert_no_error (answer.error);
  g_variant_get (answer.result, "(&st)", &secret, &lifetime);
  g_assert_cmpuint (lifetime, ==, IVD_LIMIT_LOGIN_USEC);
  session = ivd_logins_redeem (context->logins, secret, "session", g_get_monotonic_time (), NULL);
  g_assert_nonnull (session);
  g_assert_true (ivd_caller_same_identity (session, caller));
  g_variant_unref (answer.result);
}

static void
assert_refused (IvdContext *context, IvdCaller *caller, gint code)
{
  Answer answer = { 0 };

  ask (context, caller, &answer);
  g_assert_error (answer.error, IVD_ERROR, code);
  g_error_free (answer.error);
}

static void
test_operation (void)
{
  g_autoptr (IvdAccess) access = ivd_access_new (ivd_path_policy_new ("/run/ivt", NULL));
  g_autoptr (IvdLogins) logins = ivd_logins_new ();
  IvdContext context = { .access = access, .logins = logins };
  g_autoptr (IvdCaller) somebody = make_user (USER);
  g_autoptr (IvdCaller) of_region = make_user (USER + 1);
  g_autoptr (IvdCaller) own = ivd_caller_new_daemon ();
  g_autoptr (IvdCaller) granted = ivd_caller_new_granted ("token ci", IVD_PERMISSION_BIT (IVD_PERMISSION_SEE), "w");

  g_assert_true (ivd_access_allow (access, "web", IVD_PERMISSION_RING, "user:41002", NULL));
  assert_made (&context, own);
  assert_made (&context, of_region);
  assert_made (&context, granted);
  assert_refused (&context, somebody, IVD_ERROR_DENIED);
  context.logins = NULL;
  assert_refused (&context, own, IVD_ERROR_NOT_SUPPORTED);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/logins/user", test_user);
  g_test_add_func ("/ivd/logins/outlives-its-maker", test_outlives_its_maker);
  g_test_add_func ("/ivd/logins/once", test_once);
  g_test_add_func ("/ivd/logins/wrong", test_wrong);
  g_test_add_func ("/ivd/logins/expiry", test_expiry);
  g_test_add_func ("/ivd/logins/limit", test_limit);
  g_test_add_func ("/ivd/logins/limit-of-one", test_limit_of_one);
  g_test_add_func ("/ivd/logins/threads", test_threads);
  g_test_add_func ("/ivd/logins/operation", test_operation);
  return g_test_run ();
}
