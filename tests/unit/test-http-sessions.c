/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-limits.h"
#include "export/http/ivd-http-sessions.h"

#define START G_USEC_PER_SEC

static void
count_end (IvdCaller *caller, gpointer data)
{
  g_assert_true (IVD_IS_CALLER (caller));
  ++*(guint *) data;
}

static char *
open_session (IvdHttpSessions *sessions, IvdCaller *caller, gint64 now)
{
  g_autoptr (GError) error = NULL;
  char *cookie = ivd_http_sessions_open (sessions, caller, now, &error);

  g_assert_no_error (error);
  return cookie;
}

static void
test_find (void)
{
  guint ended = 0;
  g_autoptr (IvdHttpSessions) sessions = ivd_http_sessions_new (count_end, &ended);
  g_autoptr (IvdCaller) caller = ivd_caller_new_daemon ();
  g_autofree char *cookie = open_session (sessions, caller, START);
  g_autofree char *other = open_session (sessions, caller, START);

  g_assert_cmpstr (cookie, !=, other);
  g_assert_true (ivd_http_sessions_find (sessions, cookie, START) == caller);
  g_assert_null (ivd_http_sessions_find (sessions, "", START));
  g_assert_null (ivd_http_sessions_find (sessions, "ivc_", START));
  cookie[10] = cookie[10] == 'a' ? 'b' : 'a';
  g_assert_null (ivd_http_sessions_find (sessions, cookie, START));
  g_assert_cmpuint (ended, ==, 0);
  ivd_http_sessions_end_all (sessions);
  g_assert_cmpuint (ended, ==, 2);
}

static void
test_close (void)
{
  guint ended = 0;
  g_autoptr (IvdHttpSessions) sessions = ivd_http_sessions_new (count_end, &ended);
  g_autoptr (IvdCaller) caller = ivd_caller_new_daemon ();
  g_autofree char *cookie = open_session (sessions, caller, START);

  g_assert_true (ivd_http_sessions_close (sessions, cookie, START));
  g_assert_false (ivd_http_sessions_close (sessions, cookie, START));
  g_assert_null (ivd_http_sessions_find (sessions, cookie, START));
  g_assert_cmpuint (ended, ==, 1);
}

static void
test_expiry (void)
{
  guint ended = 0;
  g_autoptr (IvdHttpSessions) sessions = ivd_http_sessions_new (count_end, &ended);
  g_autoptr (IvdCaller) caller = ivd_caller_new_daemon ();
  g_autofree char *cookie = open_session (sessions, caller, START);
  gint64 last = START + IVD_LIMIT_HTTP_SESSION_USEC - 1;

  /* Each use counts anew. */
  g_assert_true (ivd_http_sessions_find (sessions, cookie, last) == caller);
  last += IVD_LIMIT_HTTP_SESSION_USEC;
  g_assert_cmpuint (ivd_http_sessions_count (sessions, last - 1), ==, 1);
  g_assert_null (ivd_http_sessions_find (sessions, cookie, last));
  g_assert_cmpuint (ended, ==, 1);
}

static IvdCaller *
make_identity (guint number)
{
  const IvdCredentials credentials = { .pid = -1, .uid = 1000 + number, .gid = 1000 };

  return ivd_caller_new ("somebody", &credentials, NULL, 0);
}

static void
test_limit (void)
{
  guint ended = 0;
  g_autoptr (IvdHttpSessions) sessions = ivd_http_sessions_new (count_end, &ended);
  g_autoptr (IvdCaller) caller = make_identity (0);
  g_autofree char *first = open_session (sessions, caller, START);
  g_autofree char *second = open_session (sessions, caller, START);

  for (guint i = 2; i < IVD_LIMIT_HTTP_SESSIONS; i++)
    {
      g_autoptr (IvdCaller) other = make_identity (i);

      g_free (open_session (sessions, other, START));
    }
  g_assert_cmpuint (ended, ==, 0);
  g_assert_true (ivd_http_sessions_find (sessions, first, START) == caller);
  /* One past it: whoever was not used for longest goes. */
  g_free (open_session (sessions, caller, START));
  g_assert_cmpuint (ended, ==, 1);
  g_assert_cmpuint (ivd_http_sessions_count (sessions, START), ==, IVD_LIMIT_HTTP_SESSIONS);
  g_assert_null (ivd_http_sessions_find (sessions, second, START));
  g_assert_true (ivd_http_sessions_find (sessions, first, START) == caller);
}

/* Whoever opens many loses their own. */
static void
test_limit_of_one (void)
{
  guint ended = 0;
  g_autoptr (IvdHttpSessions) sessions = ivd_http_sessions_new (count_end, &ended);
  g_autoptr (IvdCaller) victim = make_identity (1);
  g_autoptr (IvdCaller) greedy = make_identity (2);
  g_autofree char *oldest = open_session (sessions, victim, START);
  g_autofree char *first = open_session (sessions, greedy, START);

  for (guint i = 1; i < IVD_LIMIT_HTTP_SESSIONS_PER_IDENTITY; i++)
    g_free (open_session (sessions, greedy, START));
  g_assert_cmpuint (ended, ==, 0);
  g_free (open_session (sessions, greedy, START));
  g_assert_cmpuint (ended, ==, 1);
  g_assert_null (ivd_http_sessions_find (sessions, first, START));
  g_assert_true (ivd_http_sessions_find (sessions, oldest, START) == victim);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/http-sessions/find", test_find);
  g_test_add_func ("/http-sessions/close", test_close);
  g_test_add_func ("/http-sessions/expiry", test_expiry);
  g_test_add_func ("/http-sessions/limit", test_limit);
  g_test_add_func ("/http-sessions/limit-of-one", test_limit_of_one);
  return g_test_run ();
}
