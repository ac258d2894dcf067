/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-file.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/ivd-error.h"
#include "platform/ivd-process.h"

typedef struct
{
  char *dir;
  char *file;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autofree char *dir = g_dir_make_tmp ("ivd-file-XXXXXX", NULL);

  /* The temporary directory may itself lie behind a link. */
  f->dir = realpath (dir, NULL);
  g_assert_nonnull (f->dir);
  f->file = g_build_filename (f->dir, "file", NULL);
  g_assert_true (g_file_set_contents (f->file, "abc", 3, NULL));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_autoptr (GDir) dir = g_dir_open (f->dir, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (f->dir, name, NULL);

      g_assert_cmpint (g_remove (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (f->dir), ==, 0);
  free (f->dir);
  g_free (f->file);
}

static void
assert_refused (const char *path, IvdFileFlags flags, gint code, const char *word)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (ivd_file_open (path, flags, 0600, &error), ==, -1);
  g_assert_error (error, IVD_ERROR, code);
  g_assert_nonnull (strstr (error->message, word));
}

static int
open_or_die (const char *path, IvdFileFlags flags, guint mode)
{
  g_autoptr (GError) error = NULL;
  int fd = ivd_file_open (path, flags, mode, &error);

  g_assert_no_error (error);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
  return fd;
}

static void
test_existing (Fixture *f, gconstpointer data)
{
  char buffer[4] = "";
  int fd = open_or_die (f->file, 0, 0);

  g_assert_cmpint (read (fd, buffer, 3), ==, 3);
  g_assert_cmpstr (buffer, ==, "abc");
  g_assert_cmpint (fcntl (fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), ==, O_RDONLY);
  close (fd);
  fd = open_or_die (f->file, IVD_FILE_WRITE, 0);
  g_assert_cmpint (fcntl (fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), ==, O_RDWR);
  close (fd);
}

static void
test_create (Fixture *f, gconstpointer data)
{
  g_autofree char *path = g_build_filename (f->dir, "new", NULL);
  mode_t old = umask (0777);
  struct stat st;
  int fd = open_or_die (path, IVD_FILE_CREATE | IVD_FILE_WRITE, 06664);

  umask (old);
  g_assert_cmpint (fstat (fd, &st), ==, 0);
  g_assert_cmpint (st.st_mode, ==, S_IFREG | 0664);
  close (fd);
  assert_refused (path, IVD_FILE_CREATE | IVD_FILE_WRITE, IVD_ERROR_EXISTS, path);
}

/* None of these may ever be opened, nor wait for another end. */
static void
test_other_kinds (Fixture *f, gconstpointer data)
{
  g_autofree char *fifo = g_build_filename (f->dir, "fifo", NULL);
  g_autofree char *sock = g_build_filename (f->dir, "sock", NULL);
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (mkfifo (fifo, 0600), ==, 0);
  g_strlcpy (address.sun_path, sock, sizeof address.sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  for (guint flags = 0; flags <= IVD_FILE_WRITE; flags++)
    {
      assert_refused (fifo, flags, IVD_ERROR_INVALID_ARGUMENT, "FIFO");
      assert_refused (sock, flags, IVD_ERROR_INVALID_ARGUMENT, "socket");
      assert_refused ("/dev/null", flags, IVD_ERROR_INVALID_ARGUMENT, "device");
      assert_refused (f->dir, flags, IVD_ERROR_INVALID_ARGUMENT, "directory");
    }
  assert_refused (fifo, IVD_FILE_CREATE, IVD_ERROR_EXISTS, "already");
  close (fd);
}

static void
test_links (Fixture *f, gconstpointer data)
{
  g_autofree char *link = g_build_filename (f->dir, "link", NULL);
  g_autofree char *loop = g_build_filename (f->dir, "loop", NULL);
  g_autofree char *dangling = g_build_filename (f->dir, "dangling", NULL);
  g_autofree char *behind = g_build_filename (loop, "file", NULL);
  g_autofree char *absent = g_build_filename (loop, "absent", NULL);

  g_assert_cmpint (symlink ("file", link), ==, 0);
  g_assert_cmpint (symlink (f->dir, loop), ==, 0);
  g_assert_cmpint (symlink ("nowhere", dangling), ==, 0);
  assert_refused (link, 0, IVD_ERROR_DENIED, "symbolic link");
  assert_refused (behind, 0, IVD_ERROR_DENIED, "symbolic link");
  assert_refused (loop, IVD_FILE_DIRECTORY, IVD_ERROR_DENIED, "symbolic link");
  assert_refused (absent, IVD_FILE_CREATE, IVD_ERROR_DENIED, "symbolic link");
  assert_refused (dangling, IVD_FILE_CREATE, IVD_ERROR_EXISTS, "already");
  assert_refused ("/proc/self/exe", 0, IVD_ERROR_DENIED, "symbolic link");
}

static void
test_directory (Fixture *f, gconstpointer data)
{
  int dir = open_or_die (f->dir, IVD_FILE_DIRECTORY, 0);
  int fd = openat (dir, "file", O_RDONLY | O_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  close (fd);
  close (dir);
  assert_refused (f->file, IVD_FILE_DIRECTORY, IVD_ERROR_INVALID_ARGUMENT, "not a directory");
}

static void
test_bad_paths (Fixture *f, gconstpointer data)
{
  g_autofree char *absent = g_build_filename (f->dir, "absent", NULL);
  g_autofree char *below = g_build_filename (f->file, "below", NULL);
  g_autofree char *endless = g_strnfill (5000, 'a');
  g_autofree char *too_long = g_strconcat ("/", endless, NULL);

  assert_refused (absent, 0, IVD_ERROR_NOT_FOUND, absent);
  assert_refused (below, 0, IVD_ERROR_NOT_FOUND, "no such file");
  assert_refused ("relative", 0, IVD_ERROR_INVALID_ARGUMENT, "begins with /");
  assert_refused ("", 0, IVD_ERROR_INVALID_ARGUMENT, "begins with /");
  assert_refused (NULL, 0, IVD_ERROR_INVALID_ARGUMENT, "begins with /");
  assert_refused (too_long, 0, IVD_ERROR_INVALID_ARGUMENT, "too long");
}

/* Somebody holds a lease: the kernel would make us wait for 45 seconds. */
static void
test_lease (Fixture *f, gconstpointer data)
{
  int holder = open (f->file, O_RDWR | O_CLOEXEC);

  g_assert_cmpint (fcntl (holder, F_SETSIG, SIGURG), ==, 0); /* ignored, unlike SIGIO */
  g_assert_cmpint (fcntl (holder, F_SETLEASE, F_WRLCK), ==, 0);
  assert_refused (f->file, IVD_FILE_WRITE, IVD_ERROR_BUSY, "lease");
  close (holder);
  close (open_or_die (f->file, IVD_FILE_WRITE, 0));
}

static void
test_executable (void)
{
  g_autofree char *self = ivd_process_executable (getpid ());

  g_assert_true (g_str_has_suffix (self, "test-file"));
  g_assert_null (ivd_process_executable (0));
  g_assert_null (ivd_process_executable (-1));
  g_assert_null (ivd_process_executable (G_MAXINT64));
}

static void
test_descriptors (void)
{
  struct rlimit saved, limit;
  guint64 free_now;
  int fd;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &saved), ==, 0);
  limit = saved;
  limit.rlim_cur = 100;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  free_now = ivd_process_free_descriptors ();
  g_assert_cmpuint (free_now, >, 0);
  g_assert_cmpuint (free_now, <, 100);
  fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  g_assert_cmpuint (ivd_process_free_descriptors (), ==, free_now - 1);
  close (fd);
  limit.rlim_cur = 1;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  g_assert_cmpuint (ivd_process_free_descriptors (), ==, 0);
  g_assert_cmpuint (ivd_process_raise_descriptor_limit (), ==, saved.rlim_max);
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  g_assert_cmpuint (limit.rlim_cur, ==, saved.rlim_max);
}

#define ADD(name, func) g_test_add ("/ivd/file/" name, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("existing", test_existing);
  ADD ("create", test_create);
  ADD ("other-kinds", test_other_kinds);
  ADD ("links", test_links);
  ADD ("directory", test_directory);
  ADD ("bad-paths", test_bad_paths);
  ADD ("lease", test_lease);
  g_test_add_func ("/ivd/process/executable", test_executable);
  g_test_add_func ("/ivd/process/descriptors", test_descriptors);
  return g_test_run ();
}
