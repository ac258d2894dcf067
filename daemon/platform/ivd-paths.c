/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"

#define OUR_NAME "ivshmemd"
#define CONFIG_FILE "ivshmemd.conf"
#define CONFIG_DIRECTORY "regions.d"
#define LOCK_FILE "lock"
#define ROOT_UID 0
#define PRIVATE_MODE 0700
#define PUBLIC_MODE 0755
#define LOCK_MODE 0600
#define OTHERS_MAY_WRITE 0022
#define OTHERS_MAY_ANYTHING 0077

static char *
config_path (gboolean session, const char *name)
{
  const char *base = session ? g_get_user_config_dir () : IVD_SYSCONFDIR;

  return g_build_filename (base, OUR_NAME, name, NULL);
}

char *
ivd_paths_config_file (gboolean session)
{
  return config_path (session, CONFIG_FILE);
}

char *
ivd_paths_config_directory (gboolean session)
{
  return config_path (session, CONFIG_DIRECTORY);
}

/* Returns FALSE, always. */
static gboolean
fail (const char *doing, const char *path, int reason, GError **error)
{
  g_autofree char *safe = ivd_text_safe_bytes (path, IVD_LIMIT_PATH_BYTES);
  IvdErrorCode code = IVD_ERROR_IO;

  if (reason == EACCES || reason == EPERM || reason == EROFS)
    code = IVD_ERROR_DENIED;
  else if (reason == ELOOP || reason == ENOTDIR)
    code = IVD_ERROR_INVALID_ARGUMENT;
  else if (reason == EWOULDBLOCK)
    code = IVD_ERROR_BUSY;
  g_set_error (error, IVD_ERROR, code, "cannot %s %s: %s", doing, safe, g_strerror (reason));
  return FALSE;
}

static gboolean
check_directory (int fd, const char *path, guint forbidden, GError **error)
{
  g_autofree char *safe = ivd_text_safe_bytes (path, IVD_LIMIT_PATH_BYTES);
  struct stat info;

  if (fstat (fd, &info) < 0)
    return fail ("look at", path, errno, error);
  if (info.st_uid != geteuid () && info.st_uid != ROOT_UID)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_DENIED, "the directory %s belongs to user %u: it must be "
                                                       "of user %u",
                   safe, info.st_uid, geteuid ());
      return FALSE;
    }
  if ((info.st_mode & forbidden) != 0)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_DENIED, "the directory %s is open to others (mode %04o): "
                                                       "chmod %s %s",
                   safe, info.st_mode & 07777, forbidden == OTHERS_MAY_WRITE ? "go-w" : "go-rwx", safe);
      return FALSE;
    }
  if (faccessat (fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) < 0)
    return fail ("write into", path, errno, error);
  return TRUE;
}

/* Not through a symbolic link: where others can write, one may be laid for us. */
static gboolean
make_directory (const char *path, guint mode, guint forbidden, GError **error)
{
  gboolean made = mkdir (path, mode) == 0;
  gboolean good;
  int fd;

  if (!made && errno != EEXIST)
    return fail ("make the directory", path, errno, error);
  fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return fail ("use the directory", path, errno, error);
  /* The umask may have taken too much away. */
  if (made && fchmod (fd, mode) < 0)
    good = fail ("change the mode of", path, errno, error);
  else
    good = check_directory (fd, path, forbidden, error);
  close (fd);
  return good;
}

static char *
real_path (const char *path, GError **error)
{
  char *real = realpath (path, NULL);
  g_autofree char *copy = g_strdup (real);

  if (real == NULL)
    fail ("find", path, errno, error);
  free (real);
  return g_steal_pointer (&copy);
}

/* With what leads there. */
static char *
make_tree (const char *path, guint mode, guint forbidden, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (path);

  if (g_mkdir_with_parents (parent, mode) < 0)
    {
      fail ("make the directory", parent, errno, error);
      return NULL;
    }
  if (!make_directory (path, mode, forbidden, error))
    return NULL;
  return real_path (path, error);
}

/* Named by the operator or the service manager, who may use symbolic links. */
static char *
make_given (const char *path, guint mode, GError **error)
{
  g_autofree char *real = NULL;

  if (!g_path_is_absolute (path))
    {
      g_autofree char *safe = ivd_text_safe (path);

      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                   "'%s' is no absolute path: write it from the root on", safe);
      return NULL;
    }
  if (g_file_test (path, G_FILE_TEST_EXISTS))
    {
      real = real_path (path, error);
      if (real == NULL)
        return NULL;
      path = real;
    }
  return make_tree (path, mode, OTHERS_MAY_WRITE, error);
}

/* The variables of a service manager may name several, separated by colons. */
static char *
dup_first_of_environment (const char *variable)
{
  const char *value = g_getenv (variable);

  if (value == NULL || value[0] == '\0')
    return NULL;
  return g_strndup (value, strcspn (value, ":"));
}

static char *
make_session_runtime_dir (GError **error)
{
  const char *base = g_getenv ("XDG_RUNTIME_DIR");
  g_autofree char *path = NULL;
  g_autofree char *name = NULL;

  if (base != NULL && g_path_is_absolute (base))
    {
      path = g_build_filename (base, OUR_NAME, NULL);
      return make_tree (path, PRIVATE_MODE, OTHERS_MAY_WRITE, error);
    }
  name = g_strdup_printf ("%s-%u", OUR_NAME, geteuid ());
  path = g_build_filename (g_get_tmp_dir (), name, NULL);
  return make_tree (path, PRIVATE_MODE, OTHERS_MAY_ANYTHING, error);
}

char *
ivd_paths_make_runtime_dir (gboolean session, GError **error)
{
  g_autofree char *given = dup_first_of_environment ("RUNTIME_DIRECTORY");

  if (given != NULL)
    return make_given (given, PUBLIC_MODE, error);
  if (session)
    return make_session_runtime_dir (error);
  return make_tree (IVD_RUNSTATEDIR "/" OUR_NAME, PUBLIC_MODE, OTHERS_MAY_WRITE, error);
}

char *
ivd_paths_make_state_dir (gboolean session, const char *given, GError **error)
{
  g_autofree char *by_manager = dup_first_of_environment ("STATE_DIRECTORY");
  g_autofree char *path = NULL;

  if (given != NULL || by_manager != NULL)
    return make_given (given != NULL ? given : by_manager, PRIVATE_MODE, error);
  if (session)
    path = g_build_filename (g_get_user_state_dir (), OUR_NAME, NULL);
  else
    path = g_build_filename (IVD_LOCALSTATEDIR, "lib", OUR_NAME, NULL);
  return make_tree (path, PRIVATE_MODE, OTHERS_MAY_WRITE, error);
}

char *
ivd_paths_make_child (const char *parent, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (parent, name, NULL);

  if (!make_directory (path, PRIVATE_MODE, OTHERS_MAY_WRITE, error))
    return NULL;
  return g_steal_pointer (&path);
}

int
ivd_paths_lock_state (const char *state_dir, GError **error)
{
  g_autofree char *path = g_build_filename (state_dir, LOCK_FILE, NULL);
  int fd = open (path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, LOCK_MODE);
  int reason;

  if (fd < 0)
    {
      fail ("open", path, errno, error);
      return -1;
    }
  if (flock (fd, LOCK_EX | LOCK_NB) == 0)
    return fd;
  reason = errno;
  close (fd);
  if (reason == EWOULDBLOCK)
    g_set_error (error, IVD_ERROR, IVD_ERROR_BUSY,
                 "another ivshmemd keeps its state in %s: give this one a --state-dir of its own", state_dir);
  else
    fail ("lock", path, reason, error);
  return -1;
}

char *
ivd_paths_find_credential (const char *name)
{
  const char *directory = g_getenv ("CREDENTIALS_DIRECTORY");
  g_autofree char *path = NULL;

  if (directory == NULL || !g_path_is_absolute (directory))
    return NULL;
  path = g_build_filename (directory, name, NULL);
  return g_file_test (path, G_FILE_TEST_EXISTS) ? g_steal_pointer (&path) : NULL;
}
