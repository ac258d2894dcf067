/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "access/ivd-access.h"
#include "base/ivd-error.h"
#include "base/ivd-limits.h"

#define RUNTIME_DIR "/run/ivshmemd"
#define REGION "web"
#define OTHER_REGION "db"

#define ROOT 0
#define LISTED_USER 41001
#define LISTED_GROUP 41002
#define OTHER_USER 41003
#define OTHER_GROUP 41004
/* Of the daemon, while the test pretends to be one without privileges. */
#define OWN_USER 41005

static IvdCaller *
make_caller (gint64 uid, gint64 gid, guint32 supplementary)
{
  const IvdCredentials credentials = { .pid = 1, .uid = uid, .gid = gid };

  return ivd_caller_new (":1.5", &credentials, &supplementary, 1);
}

static IvdAccess *
make_access (void)
{
  return ivd_access_new (ivd_path_policy_new (RUNTIME_DIR, NULL));
}

/* One rule for REGION with both a user and a group. */
static IvdAccess *
make_access_with (IvdPermission permission)
{
  g_autoptr (IvdAccess) access = make_access ();
  g_autofree char *members = g_strdup_printf ("user:%d, group:%d", LISTED_USER, LISTED_GROUP);
  g_autoptr (GError) error = NULL;

  g_assert_true (ivd_access_allow (access, REGION, permission, members, &error));
  g_assert_no_error (error);
  return g_steal_pointer (&access);
}

static void
assert_allowed (IvdAccess *access, IvdCaller *caller, IvdPermission permission, const char *region)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (ivd_access_check (access, caller, permission, region, &error));
  g_assert_no_error (error);
  g_assert_true (ivd_access_allows (access, caller, permission, region));
}

static void
assert_denied (IvdAccess *access, IvdCaller *caller, IvdPermission permission, const char *region)
{
  g_autofree char *quoted = g_strdup_printf ("'%s' permission", ivd_permission_name (permission));
  g_autoptr (GError) error = NULL;

  g_assert_false (ivd_access_check (access, caller, permission, region, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_DENIED);
  g_assert_nonnull (strstr (error->message, ":1.5"));
  g_assert_nonnull (strstr (error->message, quoted));
  g_assert_nonnull (strstr (error->message, ivd_permission_key (permission)));
  if (region != NULL)
    g_assert_nonnull (strstr (error->message, region));
  else
    g_assert_nonnull (strstr (error->message, "[daemon]"));
  g_assert_false (ivd_access_allows (access, caller, permission, region));
}

/* With granted allowed to somebody, is asked allowed to them? */
static gboolean
is_implied (IvdPermission granted, IvdPermission asked)
{
  return granted == asked || granted == IVD_PERMISSION_ADMIN || asked == IVD_PERMISSION_SEE;
}

static void
test_permission_names (void)
{
  IvdPermission permission;

  for (guint i = 0; i < IVD_PERMISSION_COUNT; i++)
    {
      g_assert_true (ivd_permission_from_name (ivd_permission_name (i), &permission));
      g_assert_cmpint (permission, ==, i);
      g_assert_true (ivd_permission_from_key (ivd_permission_key (i), &permission));
      g_assert_cmpint (permission, ==, i);
      g_assert_nonnull (strstr (IVD_PERMISSION_NAMES, ivd_permission_name (i)));
    }
  g_assert_false (ivd_permission_from_name ("", &permission));
  g_assert_false (ivd_permission_from_name ("Read", &permission));
  g_assert_false (ivd_permission_from_key ("read", &permission));
  g_assert_false (ivd_permission_from_key ("allow-uids", &permission));
}

/* Every permission against everybody who may come. */
static void
test_matrix (gconstpointer data)
{
  IvdPermission granted = GPOINTER_TO_UINT (data);
  g_autoptr (IvdAccess) access = make_access_with (granted);
  g_autoptr (IvdCaller) root = make_caller (ROOT, OTHER_GROUP, OTHER_GROUP);
  g_autoptr (IvdCaller) daemon = ivd_caller_new_daemon ();
  g_autoptr (IvdCaller) user = make_caller (LISTED_USER, OTHER_GROUP, OTHER_GROUP);
  g_autoptr (IvdCaller) primary = make_caller (OTHER_USER, LISTED_GROUP, OTHER_GROUP);
  g_autoptr (IvdCaller) supplementary = make_caller (OTHER_USER, OTHER_GROUP, LISTED_GROUP);
  g_autoptr (IvdCaller) other = make_caller (OTHER_USER, OTHER_GROUP, OTHER_GROUP);
  g_autoptr (IvdCaller) unknown = make_caller (-1, -1, OTHER_GROUP);
  IvdCaller *listed[] = { user, primary, supplementary };

  for (guint asked = 0; asked < IVD_PERMISSION_COUNT; asked++)
    {
      assert_allowed (access, root, asked, REGION);
      assert_allowed (access, root, asked, NULL);
      assert_allowed (access, daemon, asked, REGION);
      assert_denied (access, other, asked, REGION);
      assert_denied (access, other, asked, NULL);
      assert_denied (access, unknown, asked, REGION);
      for (guint i = 0; i < G_N_ELEMENTS (listed); i++)
        {
          if (is_implied (granted, asked))
            assert_allowed (access, listed[i], asked, REGION);
          else
            assert_denied (access, listed[i], asked, REGION);
          assert_denied (access, listed[i], asked, OTHER_REGION);
          assert_denied (access, listed[i], asked, NULL);
        }
    }
}

static void
test_own_user (void)
{
  g_autoptr (IvdAccess) access = make_access ();
  g_autoptr (IvdCaller) same_number = NULL;
  g_autoptr (IvdCaller) own = NULL;

  same_number = make_caller (OWN_USER, OTHER_GROUP, OTHER_GROUP);
  if (geteuid () == ROOT)
    {
      g_assert_no_errno (seteuid (OWN_USER));
      own = make_caller (OWN_USER, OTHER_GROUP, OTHER_GROUP);
      g_assert_no_errno (seteuid (ROOT));
    }
  else
    own = make_caller (geteuid (), OTHER_GROUP, OTHER_GROUP);
  for (guint asked = 0; asked < IVD_PERMISSION_COUNT; asked++)
    {
      assert_allowed (access, own, asked, REGION);
      assert_allowed (access, own, asked, NULL);
      assert_denied (access, same_number, asked, REGION);
    }
}

static void
test_everywhere (void)
{
  g_autoptr (IvdAccess) access = make_access ();
  g_autoptr (IvdCaller) user = make_caller (LISTED_USER, OTHER_GROUP, OTHER_GROUP);
  g_autoptr (GError) error = NULL;

  g_assert_true (ivd_access_allow (access, NULL, IVD_PERMISSION_READ, "user:41001", &error));
  assert_allowed (access, user, IVD_PERMISSION_READ, REGION);
  assert_allowed (access, user, IVD_PERMISSION_READ, OTHER_REGION);
  assert_allowed (access, user, IVD_PERMISSION_READ, NULL);
  assert_allowed (access, user, IVD_PERMISSION_SEE, NULL);
  assert_denied (access, user, IVD_PERMISSION_WRITE, REGION);
}

static void
test_everybody (void)
{
  g_autoptr (IvdAccess) access = make_access ();
  g_autoptr (IvdCaller) other = make_caller (OTHER_USER, OTHER_GROUP, OTHER_GROUP);
  g_autoptr (IvdCaller) unknown = make_caller (-1, -1, OTHER_GROUP);
  g_autoptr (GError) error = NULL;

  g_assert_true (ivd_access_allow (access, REGION, IVD_PERMISSION_RING, " * ", &error));
  assert_allowed (access, other, IVD_PERMISSION_RING, REGION);
  assert_allowed (access, unknown, IVD_PERMISSION_SEE, REGION);
  assert_denied (access, other, IVD_PERMISSION_READ, REGION);
}

/* A second rule for the same permission adds to the first. */
static void
test_names (void)
{
  g_autoptr (IvdAccess) access = make_access ();
  g_autoptr (IvdCaller) other = make_caller (OTHER_USER, OTHER_GROUP, ROOT);
  g_autoptr (GError) error = NULL;

  g_assert_true (ivd_access_allow (access, REGION, IVD_PERMISSION_READ, "user:root", &error));
  assert_denied (access, other, IVD_PERMISSION_READ, REGION);
  g_assert_true (ivd_access_allow (access, REGION, IVD_PERMISSION_READ, "group:root", &error));
  assert_allowed (access, other, IVD_PERMISSION_READ, REGION);
}

static void
test_bad_members (void)
{
  const struct
  {
    const char *text, *expected;
  } bad[] = {
    { "", "empty list" },
    { "root", "'root' names nobody" },
    { "user:root,", "'' names nobody" },
    { ",user:root", "'' names nobody" },
    { "user:", "a user needs a name" },
    { "group:", "a group needs a name" },
    { "user:no-such-user-here", "there is no user 'no-such-user-here'" },
    { "group:no-such-group-here", "there is no group 'no-such-group-here'" },
    { "user:4294967295", "0 to 4294967294" },
    { "group:99999999999999999999", "0 to 4294967294" },
    { "user:-1", "there is no user '-1'" },
    { "everybody:x", "names nobody" },
    { "**", "names nobody" },
    { "USER:root", "names nobody" },
    { "user:ro\x1b[0mot", "\\x1b" },
  };
  g_autoptr (IvdAccess) access = make_access ();
  g_autoptr (IvdCaller) other = make_caller (OTHER_USER, OTHER_GROUP, OTHER_GROUP);

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (ivd_access_allow (access, REGION, IVD_PERMISSION_READ, bad[i].text, &error));
      g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, bad[i].expected));
    }
  assert_denied (access, other, IVD_PERMISSION_READ, REGION);
}

/* --- callers with a grant --- */

#define P(permission) IVD_PERMISSION_BIT (IVD_PERMISSION_##permission)

/* Each role, and what it may; a second list on purpose. */
static const struct
{
  IvdRole role;
  guint permissions;
} roles[] = {
  { IVD_ROLE_VIEWER, P (SEE) },
  { IVD_ROLE_READER, P (SEE) | P (READ) },
  { IVD_ROLE_OPERATOR, P (SEE) | P (READ) | P (WRITE) | P (RING) },
  { IVD_ROLE_MANAGER, P (SEE) | P (READ) | P (WRITE) | P (RING) | P (ATTACH) | P (HANDOVER) | P (BRIDGE) },
  { IVD_ROLE_ADMIN,
    P (SEE) | P (READ) | P (WRITE) | P (RING) | P (ATTACH) | P (HANDOVER) | P (BRIDGE) | P (ADMIN) },
};

static IvdCaller *
make_granted (IvdRole role, const char *pattern)
{
  return ivd_caller_new_granted ("token ci", ivd_grant_permissions_of_role (role), pattern);
}

static void
assert_granted (IvdAccess *access, IvdCaller *caller, IvdPermission permission, const char *region, gboolean expected)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (ivd_access_allows (access, caller, permission, region), ==, expected);
  g_assert_cmpint (ivd_access_check (access, caller, permission, region, &error), ==, expected);
  if (expected)
    return;
  g_assert_error (error, IVD_ERROR, IVD_ERROR_DENIED);
  g_assert_true (g_str_has_prefix (error->message, "token ci has no '"));
  g_assert_nonnull (strstr (error->message, "its token would need "));
}

static void
test_granted_matrix (void)
{
  g_autoptr (IvdAccess) access = make_access ();
  g_autoptr (GError) error = NULL;

  G_STATIC_ASSERT (G_N_ELEMENTS (roles) == IVD_ROLE_COUNT);
  /* Rules are for users: none of these counts for tokens. */
  for (guint i = 0; i < IVD_PERMISSION_COUNT; i++)
    {
      g_assert_true (ivd_access_allow (access, NULL, i, "*", &error));
      g_assert_true (ivd_access_allow (access, REGION, i, "*", &error));
    }
  for (gsize i = 0; i < G_N_ELEMENTS (roles); i++)
    {
      g_autoptr (IvdCaller) all = make_granted (roles[i].role, "*");
      g_autoptr (IvdCaller) some = make_granted (roles[i].role, "w*");

      for (guint asked = 0; asked < IVD_PERMISSION_COUNT; asked++)
        {
          gboolean expected = (roles[i].permissions & IVD_PERMISSION_BIT (asked)) != 0;

          assert_granted (access, all, asked, REGION, expected);
          assert_granted (access, all, asked, OTHER_REGION, expected);
          assert_granted (access, all, asked, NULL, expected);
          assert_granted (access, some, asked, REGION, expected);
          assert_granted (access, some, asked, OTHER_REGION, FALSE);
          assert_granted (access, some, asked, NULL, FALSE);
        }
      g_assert_false (ivd_caller_is_trusted (all));
    }
}

static void
test_granted_messages (void)
{
  const struct
  {
    IvdRole role;
    const char *pattern;
    IvdPermission permission;
    const char *region, *expected;
  } cases[] = {
    { IVD_ROLE_READER, "*", IVD_PERMISSION_WRITE, REGION,
      "token ci has no 'write' permission for region 'web': its token would need the role operator, manager or admin" },
    { IVD_ROLE_MANAGER, "*", IVD_PERMISSION_ADMIN, REGION,
      "token ci has no 'admin' permission for region 'web': its token would need the role admin" },
    { IVD_ROLE_ADMIN, "w*", IVD_PERMISSION_SEE, OTHER_REGION,
      "token ci has no 'see' permission for region 'db': its token would need a region pattern that is for it "
      "instead of 'w*'" },
    { IVD_ROLE_VIEWER, "w*", IVD_PERMISSION_ATTACH, NULL,
      "token ci has no 'attach' permission for the daemon: its token would need the role manager or admin and a "
      "region pattern that is for all instead of 'w*'" },
  };
  g_autoptr (IvdAccess) access = make_access ();

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (IvdCaller) caller = make_granted (cases[i].role, cases[i].pattern);
      g_autoptr (GError) error = NULL;

      g_assert_false (ivd_access_check (access, caller, cases[i].permission, cases[i].region, &error));
      g_assert_cmpstr (error->message, ==, cases[i].expected);
    }
}

static void
test_sees_anything (void)
{
  g_autoptr (IvdAccess) access = make_access ();
  g_autoptr (IvdCaller) user = make_caller (LISTED_USER, OTHER_GROUP, OTHER_GROUP);
  g_autoptr (IvdCaller) other = make_caller (OTHER_USER, OTHER_GROUP, OTHER_GROUP);
  g_autoptr (IvdCaller) root = make_caller (ROOT, OTHER_GROUP, OTHER_GROUP);
  g_autoptr (IvdCaller) viewer = make_granted (IVD_ROLE_VIEWER, "nothing-like-that");
  g_autoptr (IvdCaller) nothing = ivd_caller_new_granted ("token x", 0, "*");
  g_autoptr (GError) error = NULL;

  g_assert_false (ivd_access_sees_anything (access, user));
  g_assert_true (ivd_access_allow (access, REGION, IVD_PERMISSION_WRITE, "user:41001", &error));
  g_assert_true (ivd_access_sees_anything (access, user));
  g_assert_false (ivd_access_sees_anything (access, other));
  g_assert_true (ivd_access_allow (access, NULL, IVD_PERMISSION_SEE, "user:41003", &error));
  g_assert_true (ivd_access_sees_anything (access, other));
  g_assert_true (ivd_access_sees_anything (access, root));
  g_assert_true (ivd_access_sees_anything (access, viewer));
  g_assert_false (ivd_access_sees_anything (access, nothing));
}

static void
assert_path (IvdAccess *access, IvdCaller *caller, const char *path, gint code)
{
  g_autoptr (GError) error = NULL;
  gboolean allowed = ivd_access_check_path (access, caller, path, &error);

  g_test_message ("%s: %s", path, allowed ? "allowed" : error->message);
  g_assert_cmpint (allowed, ==, code < 0);
  if (code >= 0)
    g_assert_error (error, IVD_ERROR, code);
}

/* Nobody can try out names: a region that is not there looks like one that is
 * hidden. */
static void
test_missing_is_covered (void)
{
  g_autoptr (IvdAccess) access = make_access_with (IVD_PERMISSION_READ);
  g_autoptr (IvdCaller) listed = make_caller (LISTED_USER, OTHER_GROUP, OTHER_GROUP);
  g_autoptr (IvdCaller) other = make_caller (OTHER_USER, OTHER_GROUP, OTHER_GROUP);
  g_autoptr (GError) missing = NULL;
  g_autoptr (GError) hidden = NULL;

  missing = g_error_new_literal (IVD_ERROR, IVD_ERROR_NOT_FOUND, "there is no such region");
  ivd_access_cover_missing (access, listed, IVD_PERMISSION_WRITE, REGION, &missing);
  g_assert_error (missing, IVD_ERROR, IVD_ERROR_NOT_FOUND);
  ivd_access_cover_missing (access, other, IVD_PERMISSION_WRITE, REGION, &missing);
  g_assert_error (missing, IVD_ERROR, IVD_ERROR_DENIED);
  g_assert_false (ivd_access_check (access, other, IVD_PERMISSION_WRITE, REGION, &hidden));
  g_assert_cmpstr (missing->message, ==, hidden->message);
}

static void
test_paths (void)
{
  const char *const directories[] = { "/srv/shm", "/mnt/huge", NULL };
  g_autoptr (IvdAccess) access = ivd_access_new (ivd_path_policy_new (RUNTIME_DIR, directories));
  g_autoptr (IvdCaller) root = make_caller (ROOT, ROOT, ROOT);
  g_autoptr (IvdCaller) other = make_caller (OTHER_USER, OTHER_GROUP, OTHER_GROUP);
  g_autoptr (IvdCaller) admin = make_caller (LISTED_USER, OTHER_GROUP, OTHER_GROUP);
  g_autoptr (IvdCaller) granted_all = make_granted (IVD_ROLE_ADMIN, "*");
  g_autoptr (IvdCaller) granted_some = make_granted (IVD_ROLE_ADMIN, "?*");
  g_autoptr (GError) error = NULL;

  /* Admin of one region is not admin of the machine's files. */
  g_assert_true (ivd_access_allow (access, REGION, IVD_PERMISSION_ADMIN, "user:41003", &error));
  g_assert_true (ivd_access_allow (access, NULL, IVD_PERMISSION_ADMIN, "user:41001", &error));
  assert_path (access, other, "/srv/shm/a", -1);
  assert_path (access, other, "/mnt/huge/b/c", -1);
  assert_path (access, other, RUNTIME_DIR "/web.sock", -1);
  assert_path (access, other, "/srv/shm", IVD_ERROR_DENIED);
  assert_path (access, other, "/srv/shmem/a", IVD_ERROR_DENIED);
  assert_path (access, other, "/srv", IVD_ERROR_DENIED);
  assert_path (access, other, "/dev/shm/a", IVD_ERROR_DENIED);
  assert_path (access, other, "/", IVD_ERROR_DENIED);
  assert_path (access, admin, "/dev/shm/a", -1);
  assert_path (access, root, "/dev/shm/a", -1);
  assert_path (access, granted_all, "/dev/shm/a", -1);
  assert_path (access, granted_some, "/dev/shm/a", IVD_ERROR_DENIED);
  assert_path (access, granted_some, "/srv/shm/a", -1);
  assert_path (access, root, "/srv/shm/../a", IVD_ERROR_INVALID_ARGUMENT);
  assert_path (access, other, "/srv/shm/../../etc/shadow", IVD_ERROR_INVALID_ARGUMENT);
}

static void
test_default_paths (void)
{
  g_autoptr (IvdAccess) access = make_access ();
  g_autoptr (IvdCaller) other = make_caller (OTHER_USER, OTHER_GROUP, OTHER_GROUP);

  assert_path (access, other, "/dev/shm/a", -1);
  assert_path (access, other, RUNTIME_DIR "/a", -1);
  assert_path (access, other, "/tmp/a", IVD_ERROR_DENIED);
}

static void
test_whole_tree (void)
{
  const char *const directories[] = { "/", NULL };
  g_autoptr (IvdPathPolicy) policy = ivd_path_policy_new (RUNTIME_DIR, directories);

  g_assert_true (ivd_path_policy_allows (policy, "/a"));
  g_assert_true (ivd_path_policy_allows (policy, "/a/b"));
  g_assert_false (ivd_path_policy_allows (policy, "/"));
}

static void
test_path_check (void)
{
  g_autofree char *tail = g_strnfill (IVD_LIMIT_PATH_BYTES - 1, 'x');
  g_autofree char *longest = g_strconcat ("/", tail, NULL);
  g_autofree char *too_long = g_strconcat ("/x", tail, NULL);
  const char *good[] = { "/", "/a", "/a/b.c/..d/...", longest };
  const char *bad[] = { "", "a", "a/b", "./a", "//", "//a", "/a//b", "/a/", "/.", "/..", "/a/.",
                        "/a/../b", "/\xff",
                        too_long };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_true (ivd_path_check (good[i], &error));
      g_assert_no_error (error);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (ivd_path_check (bad[i], &error));
      g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/access/permission-names", test_permission_names);
  for (guint i = 0; i < IVD_PERMISSION_COUNT; i++)
    {
      g_autofree char *path = g_strdup_printf ("/ivd/access/matrix/%s", ivd_permission_name (i));

      g_test_add_data_func (path, GUINT_TO_POINTER (i), test_matrix);
    }
  g_test_add_func ("/ivd/access/own-user", test_own_user);
  g_test_add_func ("/ivd/access/everywhere", test_everywhere);
  g_test_add_func ("/ivd/access/everybody", test_everybody);
  g_test_add_func ("/ivd/access/names", test_names);
  g_test_add_func ("/ivd/access/bad-members", test_bad_members);
  g_test_add_func ("/ivd/access/granted-matrix", test_granted_matrix);
  g_test_add_func ("/ivd/access/granted-messages", test_granted_messages);
  g_test_add_func ("/ivd/access/sees-anything", test_sees_anything);
  g_test_add_func ("/ivd/access/missing-is-covered", test_missing_is_covered);
  g_test_add_func ("/ivd/access/paths", test_paths);
  g_test_add_func ("/ivd/access/default-paths", test_default_paths);
  g_test_add_func ("/ivd/access/whole-tree", test_whole_tree);
  g_test_add_func ("/ivd/access/path-check", test_path_check);
  return g_test_run ();
}
