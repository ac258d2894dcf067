/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/ivd-error.h"
#include "platform/ivd-paths.h"

#define STRANGER 41001

/* Below the temporary directory that main () makes. */
static char *
own_dir (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = g_dir_make_tmp ("own-XXXXXX", &error);
  char real[PATH_MAX];

  g_assert_no_error (error);
  g_assert_nonnull (realpath (path, real));
  return g_strdup (real);
}

static guint
mode_of (const char *path)
{
  struct stat info;

  g_assert_no_errno (g_lstat (path, &info));
  g_assert_true (S_ISDIR (info.st_mode));
  return info.st_mode & 07777;
}

static void
clear_environment (void)
{
  g_unsetenv ("RUNTIME_DIRECTORY");
  g_unsetenv ("STATE_DIRECTORY");
  g_unsetenv ("XDG_RUNTIME_DIR");
}

static void
test_config_places (void)
{
  g_autofree char *file = ivd_paths_config_file (FALSE);
  g_autofree char *directory = ivd_paths_config_directory (FALSE);
  g_autofree char *own_file = ivd_paths_config_file (TRUE);
  g_autofree char *own_directory = ivd_paths_config_directory (TRUE);

  g_assert_cmpstr (file, ==, IVD_SYSCONFDIR "/ivshmemd/ivshmemd.conf");
  g_assert_cmpstr (directory, ==, IVD_SYSCONFDIR "/ivshmemd/regions.d");
  g_assert_true (g_str_has_prefix (own_file, g_get_user_config_dir ()));
  g_assert_true (g_str_has_suffix (own_file, "/ivshmemd/ivshmemd.conf"));
  g_assert_true (g_str_has_prefix (own_directory, g_get_user_config_dir ()));
  g_assert_true (g_str_has_suffix (own_directory, "/ivshmemd/regions.d"));
}

static void
test_session_runtime (void)
{
  g_autofree char *own = own_dir ();
  g_autofree char *expected = g_build_filename (own, "ivshmemd", NULL);
  g_autoptr (GError) error = NULL;

  clear_environment ();
  g_setenv ("XDG_RUNTIME_DIR", own, TRUE);
  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *path = ivd_paths_make_runtime_dir (TRUE, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (path, ==, expected);
      g_assert_cmpuint (mode_of (path), ==, 0700);
    }
}

static void
test_service_directories (void)
{
  g_autofree char *own = own_dir ();
  g_autofree char *runtime = g_build_filename (own, "run", NULL);
  g_autofree char *state = g_build_filename (own, "state", NULL);
  g_autofree char *several = g_strconcat (runtime, ":/nonexistent", NULL);
  g_autofree char *runtime_dir = NULL;
  g_autofree char *state_dir = NULL;
  g_autoptr (GError) error = NULL;

  clear_environment ();
  g_setenv ("RUNTIME_DIRECTORY", several, TRUE);
  g_setenv ("STATE_DIRECTORY", state, TRUE);
  runtime_dir = ivd_paths_make_runtime_dir (FALSE, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (runtime_dir, ==, runtime);
  /* Guests' users must find the sockets there, whatever the umask. */
  g_assert_cmpuint (mode_of (runtime_dir), ==, 0755);
  state_dir = ivd_paths_make_state_dir (FALSE, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (state_dir, ==, state);
  g_assert_cmpuint (mode_of (state_dir), ==, 0700);
}

static void
test_session_state (void)
{
  g_autofree char *state_dir = NULL;
  g_autoptr (GError) error = NULL;

  clear_environment ();
  state_dir = ivd_paths_make_state_dir (TRUE, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_str_has_suffix (state_dir, "/ivshmemd"));
  g_assert_cmpuint (mode_of (state_dir), ==, 0700);
}

static void
test_given_state (void)
{
  g_autofree char *own = own_dir ();
  g_autofree char *given = g_build_filename (own, "deep", "er", NULL);
  g_autofree char *link = g_build_filename (own, "link", NULL);
  g_autofree char *direct = NULL;
  g_autofree char *through = NULL;
  g_autoptr (GError) error = NULL;

  clear_environment ();
  g_setenv ("STATE_DIRECTORY", "/nonexistent/not/this", TRUE);
  direct = ivd_paths_make_state_dir (FALSE, given, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (direct, ==, given);
  /* The operator's own link is fine, and what comes back has none. */
  g_assert_no_errno (symlink (given, link));
  through = ivd_paths_make_state_dir (FALSE, link, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (through, ==, given);
  g_assert_null (ivd_paths_make_state_dir (FALSE, "state", &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
}

static void
assert_runtime_refused (gint code, const char *expected)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (ivd_paths_make_runtime_dir (TRUE, &error));
  g_test_message ("%s", error->message);
  g_assert_error (error, IVD_ERROR, code);
  g_assert_nonnull (strstr (error->message, expected));
}

static void
test_not_ours (void)
{
  g_autofree char *own = own_dir ();
  g_autofree char *path = g_build_filename (own, "ivshmemd", NULL);
  g_autofree char *elsewhere = g_build_filename (own, "elsewhere", NULL);

  clear_environment ();
  g_setenv ("XDG_RUNTIME_DIR", own, TRUE);
  g_assert_no_errno (g_mkdir (elsewhere, 0700));
  g_assert_no_errno (symlink (elsewhere, path));
  assert_runtime_refused (IVD_ERROR_INVALID_ARGUMENT, path);
  g_assert_no_errno (g_unlink (path));
  g_assert_true (g_file_set_contents (path, "", 0, NULL));
  assert_runtime_refused (IVD_ERROR_INVALID_ARGUMENT, path);
  g_assert_no_errno (g_unlink (path));
  g_assert_no_errno (g_mkdir (path, 0700));
  g_assert_no_errno (g_chmod (path, 0770));
  assert_runtime_refused (IVD_ERROR_DENIED, "chmod go-w");
  g_assert_no_errno (g_chmod (path, 0700));
  if (geteuid () != 0)
    {
      g_test_incomplete ("only root can give a directory to somebody else");
      return;
    }
  g_assert_no_errno (chown (path, STRANGER, STRANGER));
  assert_runtime_refused (IVD_ERROR_DENIED, "belongs to user 41001");
}

/* Below a temporary directory anybody may have been there first. */
static void
test_temporary (void)
{
  g_autofree char *name = g_strdup_printf ("ivshmemd-%u", geteuid ());
  g_autofree char *expected = g_build_filename (g_get_tmp_dir (), name, NULL);
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;

  clear_environment ();
  path = ivd_paths_make_runtime_dir (TRUE, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (path, ==, expected);
  g_assert_cmpuint (mode_of (path), ==, 0700);
  g_assert_no_errno (g_chmod (path, 0750));
  assert_runtime_refused (IVD_ERROR_DENIED, "chmod go-rwx");
  g_assert_no_errno (g_rmdir (path));
}

static void
test_child (void)
{
  g_autofree char *own = own_dir ();
  g_autofree char *expected = g_build_filename (own, "regions.d", NULL);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *path = ivd_paths_make_child (own, "regions.d", &error);

      g_assert_no_error (error);
      g_assert_cmpstr (path, ==, expected);
      g_assert_cmpuint (mode_of (path), ==, 0700);
    }
  g_assert_null (ivd_paths_make_child ("/nonexistent", "regions.d", &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_IO);
}

static void
test_lock (void)
{
  g_autofree char *own = own_dir ();
  g_autoptr (GError) error = NULL;
  int first = ivd_paths_lock_state (own, &error);
  int again;

  g_assert_no_error (error);
  g_assert_cmpint (first, >=, 0);
  g_assert_cmpint (fcntl (first, F_GETFD), ==, FD_CLOEXEC);
  g_assert_cmpint (ivd_paths_lock_state (own, &error), ==, -1);
  g_assert_error (error, IVD_ERROR, IVD_ERROR_BUSY);
  g_assert_nonnull (strstr (error->message, own));
  g_clear_error (&error);
  close (first);
  again = ivd_paths_lock_state (own, &error);
  g_assert_no_error (error);
  g_assert_cmpint (again, >=, 0);
  close (again);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = NULL;
  const char *name;

  if (!g_file_test (path, G_FILE_TEST_IS_SYMLINK))
    dir = g_dir_open (path, 0, NULL);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  g_remove (path);
}

int
main (int argc, char **argv)
{
  g_autofree char *home = g_dir_make_tmp ("ivd-paths-XXXXXX", NULL);
  int result;

  g_setenv ("HOME", home, TRUE);
  g_setenv ("TMPDIR", home, TRUE);
  g_setenv ("XDG_CONFIG_HOME", home, TRUE);
  g_setenv ("XDG_STATE_HOME", home, TRUE);
  umask (0077);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/paths/config-places", test_config_places);
  g_test_add_func ("/ivd/paths/session-runtime", test_session_runtime);
  g_test_add_func ("/ivd/paths/service-directories", test_service_directories);
  g_test_add_func ("/ivd/paths/session-state", test_session_state);
  g_test_add_func ("/ivd/paths/given-state", test_given_state);
  g_test_add_func ("/ivd/paths/not-ours", test_not_ours);
  g_test_add_func ("/ivd/paths/temporary", test_temporary);
  g_test_add_func ("/ivd/paths/child", test_child);
  g_test_add_func ("/ivd/paths/lock", test_lock);
  result = g_test_run ();
  remove_tree (home);
  return result;
}
