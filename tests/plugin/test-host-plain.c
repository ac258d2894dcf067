/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "ivt-plugin-host.h"

/*
 * The plugin "host-plain" on real files. Names begin with the fact of
 * ivshmem-facts that a test is about. File systems are mounted in a mount
 * namespace of the test's own, so that nothing of them can stay behind.
 */

#define KIB ((gsize) 1024)
#define MIB (1024 * KIB)
#define HUGE_PAGE (2 * MIB)
#define NOBODY 65534
/* Inotify instances that a test is ready to use up. */
#define INSTANCES_MAX 8192

typedef struct
{
  char *dir; /* on tmpfs */
  char *path;
  guint fds_before;
  IvtPluginHost *host;
  IvtRegion *region;
  GError *error;
} Fixture;

static guint
count_fds (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->dir = g_strdup ("/dev/shm/ivt-plain-XXXXXX");
  g_assert_nonnull (g_mkdtemp_full (fixture->dir, 0755));
  fixture->path = g_build_filename (fixture->dir, "file", NULL);
  fixture->host = ivt_plugin_host_new (IVT_HOST_PLAIN, NULL);
  fixture->fds_before = count_fds ();
}

static void
let_go (Fixture *fixture)
{
  if (fixture->region != NULL)
    ivt_region_close (fixture->region, FALSE);
  fixture->region = NULL;
  g_clear_error (&fixture->error);
}

/* Nothing may be left but what the test made itself. */
static void
tear_down (Fixture *fixture, gconstpointer data)
{
  let_go (fixture);
  g_unlink (fixture->path);
  g_assert_cmpuint (count_fds (), ==, fixture->fds_before);
  g_assert_cmpint (g_rmdir (fixture->dir), ==, 0);
  ivt_plugin_host_free (fixture->host);
  g_free (fixture->path);
  g_free (fixture->dir);
}

static void
make_file (const char *path, gsize size)
{
  int fd = open (path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (ftruncate (fd, (off_t) size), ==, 0);
  close (fd);
}

static struct stat
look_at (const char *path)
{
  struct stat info;

  g_assert_cmpint (lstat (path, &info), ==, 0);
  return info;
}

static void
attach_path (Fixture *fixture, const char *path, const char *more)
{
  g_autofree char *options = g_strdup_printf ("path=%s %s", path, more);

  fixture->region = ivt_region_attach (fixture->host, "r", options, &fixture->error);
}

static void
attach (Fixture *fixture, const char *more)
{
  attach_path (fixture, fixture->path, more);
  g_assert_no_error (fixture->error);
  g_assert_nonnull (fixture->region);
}

static void
expect_refusal (Fixture *fixture, const char *path, const char *more, gint code, const char *part)
{
  attach_path (fixture, path, more);
  g_assert_null (fixture->region);
  g_assert_error (fixture->error, IVT_PLUGIN_ERROR, code);
  if (strstr (fixture->error->message, part) == NULL)
    g_error ("\"%s\" is not in \"%s\"", part, fixture->error->message);
  g_clear_error (&fixture->error);
}

static void
wait_for (Fixture *fixture, GSourceFunc condition)
{
  g_assert_true (ivt_plugin_host_wait (fixture->host, condition, fixture));
}

static gboolean
is_lost (gpointer data)
{
  Fixture *fixture = data;

  return fixture->region->lost;
}

static gboolean
is_ready_again (gpointer data)
{
  Fixture *fixture = data;

  return fixture->region->n_ready == 2;
}

/* No job, no timer, nothing to read. */
static gboolean
is_at_rest (gpointer data)
{
  Fixture *fixture = data;

  return fixture->region->n_running == 0 && g_hash_table_size (fixture->region->sources) == 0
         && !g_main_context_pending (NULL);
}

static void
expect_lost (Fixture *fixture, const char *part)
{
  wait_for (fixture, is_lost);
  g_assert_cmpint (fixture->region->lost_status, ==, IVSHMEM_PLUGIN_REGION_LOST);
  if (strstr (fixture->region->message, part) == NULL)
    g_error ("\"%s\" is not in \"%s\"", part, fixture->region->message);
}

static void
expect_empty (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);

  g_assert_cmpstr (g_dir_read_name (dir), ==, NULL);
}

/* --- what exists -------------------------------------------------------- */

static void
test_whole_file (Fixture *fixture, gconstpointer data)
{
  struct stat info;

  make_file (fixture->path, 3 * MIB + 5);
  attach (fixture, "");
  g_assert_cmpstr (fixture->region->reports->str, ==, "ready");
  g_assert_cmpuint (fixture->region->memory.size, ==, 3 * MIB + 5);
  g_assert_cmpuint (fixture->region->memory.offset, ==, 0);
  g_assert_cmpuint (fixture->region->memory.flags, ==, 0);
  g_assert_cmpint (fstat ((int) fixture->region->memory.handle, &info), ==, 0);
  g_assert_cmpuint (info.st_ino, ==, look_at (fixture->path).st_ino);
  g_assert_cmpint (fcntl ((int) fixture->region->memory.handle, F_GETFD), ==, FD_CLOEXEC);
  g_assert_cmpint (fixture->region->description.own_id, ==, -1);
  g_assert_cmpuint (fixture->region->description.own_vectors, ==, 0);
  g_assert_cmphex (fixture->region->description.capabilities, ==,
                   IVSHMEM_PLUGIN_CAP_READ | IVSHMEM_PLUGIN_CAP_WRITE | IVSHMEM_PLUGIN_CAP_ATOMIC
                       | IVSHMEM_PLUGIN_CAP_MEMORY_FD);
  /* The file stays. */
  let_go (fixture);
  g_assert_cmpint (look_at (fixture->path).st_size, ==, 3 * MIB + 5);
}

static void
test_size_is_checked (Fixture *fixture, gconstpointer data)
{
  make_file (fixture->path, MIB);
  attach (fixture, "size=1M");
  g_assert_cmpuint (fixture->region->memory.size, ==, MIB);
  let_go (fixture);
  expect_refusal (fixture, fixture->path, "size=2M", IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                  "has 1048576 bytes, and size says 2097152: give the size that it has, or none, or grow=true");
  expect_refusal (fixture, fixture->path, "size=512K", IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                  "has 1048576 bytes, and size says 524288: give the size that it has, or none");
  expect_refusal (fixture, fixture->path, "size=2M create=true", IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                  "has 1048576 bytes, and size says 2097152");
  g_assert_cmpint (look_at (fixture->path).st_size, ==, MIB);
}

static void
test_missing_file (Fixture *fixture, gconstpointer data)
{
  g_autofree char *below = g_build_filename (fixture->dir, "none", "file", NULL);

  expect_refusal (fixture, fixture->path, "", IVSHMEM_PLUGIN_NOT_FOUND, "does not exist (create=true");
  expect_refusal (fixture, fixture->path, "size=1M reattach=true", IVSHMEM_PLUGIN_NOT_FOUND, "does not exist");
  expect_refusal (fixture, below, "size=1M create=true", IVSHMEM_PLUGIN_NOT_FOUND, "does not exist");
  expect_empty (fixture->dir);
}

static void
test_empty_file (Fixture *fixture, gconstpointer data)
{
  make_file (fixture->path, 0);
  expect_refusal (fixture, fixture->path, "", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "is empty");
  expect_refusal (fixture, fixture->path, "size=1M create=true", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "has 0 bytes");
}

static void
test_bad_options (Fixture *fixture, gconstpointer data)
{
  const struct
  {
    const char *options, *part;
  } cases[] = {
    { "create=true", "create=true needs size" },
    { "grow=true", "grow=true needs size" },
    { "create=true size=1M read-only=true", "read-only=true goes neither" },
    { "grow=true size=1M read-only=true", "read-only=true goes neither" },
    { "mode=0600", "need create=true" },
    { "owner=0", "need create=true" },
    { "group=0", "need create=true" },
    { "create=true size=1M mode=4755", "bits beyond 0777" },
    { "create=true size=5000", "not a multiple of the page size, 4096" },
    { "size=0", "size" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    expect_refusal (fixture, fixture->path, cases[i].options, IVSHMEM_PLUGIN_INVALID_ARGUMENT, cases[i].part);
  attach_path (fixture, fixture->path, "size=9223372036854775807 create=true");
  g_assert_null (fixture->region);
  g_assert_nonnull (fixture->error);
  g_clear_error (&fixture->error);
  expect_empty (fixture->dir);
}

static void
test_read_only (Fixture *fixture, gconstpointer data)
{
  make_file (fixture->path, MIB);
  attach (fixture, "read-only=true");
  g_assert_cmphex (fixture->region->description.capabilities, ==,
                   IVSHMEM_PLUGIN_CAP_READ | IVSHMEM_PLUGIN_CAP_MEMORY_FD);
  g_assert_cmpuint (fixture->region->memory.flags, ==, IVSHMEM_PLUGIN_MEMORY_READ_ONLY);
  g_assert_cmpint (fcntl ((int) fixture->region->memory.handle, F_GETFL) & O_ACCMODE, ==, O_RDONLY);
}

/* As a user that is not root sees it. */
static void
test_permissions (Fixture *fixture, gconstpointer data)
{
  g_autofree char *other = g_build_filename (fixture->dir, "other", NULL);

  if (geteuid () != 0)
    {
      g_test_skip ("needs root to become somebody else");
      return;
    }
  make_file (fixture->path, MIB);
  g_assert_cmpint (chmod (fixture->path, 0644), ==, 0);
  g_assert_cmpint (seteuid (NOBODY), ==, 0);
  expect_refusal (fixture, fixture->path, "", IVSHMEM_PLUGIN_DENIED, "read-only=true needs less");
  expect_refusal (fixture, other, "create=true size=1M", IVSHMEM_PLUGIN_DENIED, "cannot create");
  g_assert_cmpint (seteuid (0), ==, 0);
  g_assert_cmpint (chown (fixture->dir, NOBODY, NOBODY), ==, 0);
  g_assert_cmpint (seteuid (NOBODY), ==, 0);
  expect_refusal (fixture, other, "create=true size=1M owner=0", IVSHMEM_PLUGIN_DENIED, "cannot set the owner and group");
  g_assert_cmpint (seteuid (0), ==, 0);
  g_unlink (fixture->path);
  expect_empty (fixture->dir);
}

static void
test_symbolic_links (Fixture *fixture, gconstpointer data)
{
  g_autofree char *link = g_build_filename (fixture->dir, "link", NULL);
  g_autofree char *through = g_build_filename (link, "file", NULL);
  g_autofree char *is_link = g_strdup_printf ("%s is a symbolic link", link);

  make_file (fixture->path, MIB);
  g_assert_cmpint (symlink (fixture->path, link), ==, 0);
  expect_refusal (fixture, link, "", IVSHMEM_PLUGIN_DENIED, is_link);
  expect_refusal (fixture, link, "create=true size=1M", IVSHMEM_PLUGIN_DENIED, is_link);
  g_unlink (link);
  g_assert_cmpint (symlink (fixture->dir, link), ==, 0);
  expect_refusal (fixture, through, "", IVSHMEM_PLUGIN_DENIED, is_link);
  g_unlink (link);
  /* One that leads nowhere is not followed to make what it names. */
  g_assert_cmpint (symlink ("nowhere", link), ==, 0);
  expect_refusal (fixture, link, "create=true size=1M", IVSHMEM_PLUGIN_DENIED, is_link);
  g_unlink (link);
}

static void
test_regular_files_only (Fixture *fixture, gconstpointer data)
{
  g_assert_cmpint (mkfifo (fixture->path, 0600), ==, 0);
  expect_refusal (fixture, fixture->path, "", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "is not a regular file");
  expect_refusal (fixture, fixture->dir, "", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "is not a regular file");
  expect_refusal (fixture, "/dev/zero", "", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "is not a regular file");
}

static void
test_any_filesystem (Fixture *fixture, gconstpointer data)
{
  g_autofree char *dir = g_dir_make_tmp ("ivt-plain-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "file", NULL);
  struct statfs info;

  g_assert_cmpint (statfs (dir, &info), ==, 0);
  if (info.f_type == 0x01021994)
    g_test_skip ("the temporary directory is on tmpfs: no other file system at hand");
  else
    {
      expect_refusal (fixture, path, "create=true size=1M", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "any-filesystem=true allows");
      make_file (path, MIB);
      expect_refusal (fixture, path, "", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "any-filesystem=true allows");
      attach_path (fixture, path, "any-filesystem=true");
      g_assert_no_error (fixture->error);
      let_go (fixture);
      g_unlink (path);
      attach_path (fixture, path, "any-filesystem=true create=true size=1M");
      g_assert_no_error (fixture->error);
      let_go (fixture);
    }
  g_unlink (path);
  g_assert_cmpint (g_rmdir (dir), ==, 0);
}

/* --- making and growing ------------------------------------------------- */

static void
test_create (Fixture *fixture, gconstpointer data)
{
  const struct
  {
    mode_t mask;
    const char *options;
    mode_t mode;
  } cases[] = {
    { 0, "", 0660 },
    { 0777, "", 0660 },
    { 0777, "mode=0777", 0777 },
    { 0, "mode=0", 0 },
    { 022, "mode=0606", 0606 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *options = g_strdup_printf ("create=true size=2M %s", cases[i].options);
      mode_t before = umask (cases[i].mask);
      struct stat info;

      attach (fixture, options);
      umask (before);
      info = look_at (fixture->path);
      g_assert_cmpint (info.st_mode, ==, S_IFREG | cases[i].mode);
      g_assert_cmpint (info.st_size, ==, 2 * MIB);
      /* Every byte has its place, so none can fail later. */
      g_assert_cmpint (info.st_blocks * 512, >=, 2 * MIB);
      g_assert_cmpuint (info.st_nlink, ==, 1);
      g_assert_cmpuint (fixture->region->memory.size, ==, 2 * MIB);
      let_go (fixture);
      g_assert_cmpint (g_unlink (fixture->path), ==, 0);
      expect_empty (fixture->dir);
    }
}

static void
test_owner_and_group (Fixture *fixture, gconstpointer data)
{
  if (geteuid () != 0)
    {
      g_test_skip ("needs root to give a file away");
      return;
    }
  attach (fixture, "create=true size=1M owner=65534 group=12345 mode=0640");
  g_assert_cmpuint (look_at (fixture->path).st_uid, ==, NOBODY);
  g_assert_cmpuint (look_at (fixture->path).st_gid, ==, 12345);
  g_assert_cmpint (look_at (fixture->path).st_mode & 07777, ==, 0640);
}

/* What is there is taken as it is. */
static void
test_create_finds_it (Fixture *fixture, gconstpointer data)
{
  struct stat before;

  make_file (fixture->path, MIB);
  before = look_at (fixture->path);
  attach (fixture, "create=true size=1M mode=0666");
  g_assert_cmpint (look_at (fixture->path).st_mode, ==, before.st_mode);
  g_assert_cmpuint (look_at (fixture->path).st_ino, ==, before.st_ino);
}

/* On a file system of its own, which can be full. */
static gboolean
mount_on (Fixture *fixture, const char *type, const char *options)
{
  if (mount ("ivt", fixture->dir, type, 0, options) == 0)
    return TRUE;

  g_test_skip_printf ("cannot mount a %s: %s", type, g_strerror (errno));
  return FALSE;
}

static void
test_no_space (Fixture *fixture, gconstpointer data)
{
  if (!mount_on (fixture, "tmpfs", "size=1m"))
    return;

  expect_refusal (fixture, fixture->path, "create=true size=2M", IVSHMEM_PLUGIN_NO_SPACE, "no room for 2097152 bytes");
  expect_empty (fixture->dir);
  make_file (fixture->path, 8 * KIB);
  expect_refusal (fixture, fixture->path, "grow=true size=2M", IVSHMEM_PLUGIN_NO_SPACE, "no room for 2088960 bytes");
  g_assert_cmpint (look_at (fixture->path).st_size, ==, 8 * KIB);
  g_assert_cmpint (look_at (fixture->path).st_blocks, ==, 0);
  g_unlink (fixture->path);
  attach (fixture, "create=true size=1M");
  let_go (fixture);
  g_assert_cmpint (umount2 (fixture->dir, MNT_DETACH), ==, 0);
}

static void
test_grow (Fixture *fixture, gconstpointer data)
{
  g_autofree char *contents = NULL;
  gsize length;

  g_assert_true (g_file_set_contents (fixture->path, "hello", 5, NULL));
  attach (fixture, "grow=true size=1M");
  g_assert_cmpuint (fixture->region->memory.size, ==, MIB);
  let_go (fixture);
  g_assert_true (g_file_get_contents (fixture->path, &contents, &length, NULL));
  g_assert_cmpuint (length, ==, MIB);
  g_assert_cmpstr (contents, ==, "hello");
  g_assert_cmpint (look_at (fixture->path).st_blocks * 512, >=, MIB);

  attach (fixture, "grow=true size=1M");
  let_go (fixture);
  expect_refusal (fixture, fixture->path, "grow=true size=512K", IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                  "more than size=524288, and grow only makes a file longer: give size=1048576, or no size");
  expect_refusal (fixture, fixture->path, "grow=true size=1048577", IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                  "not a multiple of the page size");
  g_assert_cmpint (look_at (fixture->path).st_size, ==, MIB);
}

static void
test_refused_memory_is_undone (Fixture *fixture, gconstpointer data)
{
  g_autofree char *options = g_strdup_printf ("path=%s create=true size=1M", fixture->path);

  for (guint existing = 0; existing < 2; existing++)
    {
      if (existing == 1)
        make_file (fixture->path, MIB);
      fixture->region = ivt_region_create (fixture->host, "r", options, &fixture->error);
      g_assert_no_error (fixture->error);
      fixture->region->refuse_memory = TRUE;
      wait_for (fixture, is_lost);
      let_go (fixture);
      g_assert_cmpint (g_access (fixture->path, F_OK), ==, existing == 1 ? 0 : -1);
    }
}

static void
test_detach_while_creating (Fixture *fixture, gconstpointer data)
{
  g_autofree char *options = g_strdup_printf ("path=%s create=true size=16M", fixture->path);

  fixture->region = ivt_region_create (fixture->host, "r", options, &fixture->error);
  g_assert_no_error (fixture->error);
  g_assert_true (ivt_region_detach (fixture->region, FALSE));
  let_go (fixture);
  expect_empty (fixture->dir);
}

/* The unnamed file that is being made. */
static gboolean
is_being_made (gpointer data)
{
  Fixture *fixture = data;
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  g_autofree char *start = g_strconcat (fixture->dir, "/#", NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *link = g_build_filename ("/proc/self/fd", name, NULL);
      g_autofree char *target = g_file_read_link (link, NULL);

      if (target != NULL && g_str_has_prefix (target, start))
        return TRUE;
    }
  return FALSE;
}

static gboolean
is_told (gpointer data)
{
  Fixture *fixture = data;

  return fixture->region->n_ready > 0 || fixture->region->lost;
}

/* Somebody else is quicker: there is one file, and it is the other's. */
static void
test_create_race (Fixture *fixture, gconstpointer data)
{
  g_autofree char *options = g_strdup_printf ("path=%s create=true size=512M", fixture->path);
  g_autofree char *other = g_build_filename (fixture->dir, "other", NULL);
  guint64 inode;

  make_file (other, 512 * MIB);
  inode = look_at (other).st_ino;
  fixture->region = ivt_region_create (fixture->host, "r", options, &fixture->error);
  g_assert_no_error (fixture->error);
  wait_for (fixture, is_being_made);
  g_assert_cmpint (g_rename (other, fixture->path), ==, 0);
  wait_for (fixture, is_told);
  g_assert_cmpstr (fixture->region->reports->str, ==, "ready");
  g_assert_cmpuint (look_at (fixture->path).st_ino, ==, inode);
}

static void
test_keep (Fixture *fixture, gconstpointer data)
{
  /* the daemon stops: nothing is removed */
  attach (fixture, "create=true size=1M keep=false");
  ivt_region_close (g_steal_pointer (&fixture->region), TRUE);
  g_assert_cmpint (look_at (fixture->path).st_size, ==, MIB);

  attach (fixture, "keep=false");
  g_assert_false (ivt_region_detach (fixture->region, FALSE));
  let_go (fixture);
  expect_empty (fixture->dir);

  /* what is not ours any more stays */
  attach (fixture, "create=true size=1M keep=false");
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  make_file (fixture->path, MIB);
  let_go (fixture);
  g_assert_cmpint (look_at (fixture->path).st_size, ==, MIB);
}

static void
test_ramfs (Fixture *fixture, gconstpointer data)
{
  if (!mount_on (fixture, "ramfs", NULL))
    return;

  attach (fixture, "create=true size=1M");
  g_assert_cmpint (look_at (fixture->path).st_size, ==, MIB);
  let_go (fixture);
  attach (fixture, "grow=true size=2M");
  g_assert_cmpint (look_at (fixture->path).st_size, ==, 2 * MIB);
  let_go (fixture);
  g_assert_cmpint (umount2 (fixture->dir, MNT_DETACH), ==, 0);
}

/* FALSE: could not be set. */
static gboolean
set_huge_pages (guint64 n)
{
  g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT, n);
  int fd = open ("/proc/sys/vm/nr_hugepages", O_WRONLY | O_CLOEXEC);
  gboolean written = fd >= 0 && write (fd, text, strlen (text)) == (gssize) strlen (text);

  if (fd >= 0)
    close (fd);
  return written;
}

static guint64
get_huge_pages (void)
{
  g_autofree char *text = NULL;

  return g_file_get_contents ("/proc/sys/vm/nr_hugepages", &text, NULL, NULL) ? g_ascii_strtoull (text, NULL, 10) : 0;
}

static void
check_hugetlbfs (Fixture *fixture)
{
  GPtrArray *candidates;
  gboolean listed = FALSE;

  expect_refusal (fixture, fixture->path, "create=true size=1M", IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                  "not a multiple of the page size, 2097152");
  attach (fixture, "create=true size=2M");
  g_assert_cmpint (look_at (fixture->path).st_size, ==, HUGE_PAGE);
  g_assert_cmpint (look_at (fixture->path).st_blocks * 512, ==, HUGE_PAGE);

  candidates = ivt_plugin_host_probe (fixture->host);
  for (guint i = 0; i < candidates->len; i++)
    listed = listed
             || g_strcmp0 (g_hash_table_lookup (g_ptr_array_index (candidates, i), "path"), fixture->path) == 0;
  g_assert_true (listed);
  g_ptr_array_unref (candidates);
  let_go (fixture);

  /* A hole would be a SIGBUS when it is touched. */
  g_assert_cmpint (truncate (fixture->path, 0), ==, 0);
  g_assert_cmpint (truncate (fixture->path, HUGE_PAGE), ==, 0);
  g_assert_cmpint (look_at (fixture->path).st_blocks, ==, 0);
  attach (fixture, "");
  g_assert_cmpint (look_at (fixture->path).st_blocks * 512, ==, HUGE_PAGE);
  let_go (fixture);
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  expect_refusal (fixture, fixture->path, "create=true size=1G", IVSHMEM_PLUGIN_NO_SPACE, "no room for 1073741824 bytes");
  expect_empty (fixture->dir);
}

static void
test_hugetlbfs (Fixture *fixture, gconstpointer data)
{
  guint64 before = get_huge_pages ();

  if (!mount_on (fixture, "hugetlbfs", "pagesize=2M"))
    return;
  if (set_huge_pages (before + 2) && get_huge_pages () == before + 2)
    check_hugetlbfs (fixture);
  else
    g_test_skip ("no huge pages could be had");
  (void) set_huge_pages (before);
  g_assert_cmpint (umount2 (fixture->dir, MNT_DETACH), ==, 0);
}

/* --- memfds ------------------------------------------------------------- */

static void
test_memfd (Fixture *fixture, gconstpointer data)
{
  int memfd = memfd_create ("region", MFD_CLOEXEC);
  g_autofree char *paths[] = {
    g_strdup_printf ("/proc/%d/fd/%d", getpid (), memfd),
    g_strdup_printf ("/proc/self/fd/%d", memfd),
    g_strdup_printf ("/dev/fd/%d", memfd),
  };
  struct stat expected, info;

  g_assert_cmpint (ftruncate (memfd, MIB), ==, 0);
  g_assert_cmpint (fstat (memfd, &expected), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      attach_path (fixture, paths[i], i == 0 ? "size=1M" : "");
      g_assert_no_error (fixture->error);
      g_assert_cmpuint (fixture->region->memory.size, ==, MIB);
      g_assert_cmpint (fstat ((int) fixture->region->memory.handle, &info), ==, 0);
      g_assert_cmpuint (info.st_ino, ==, expected.st_ino);
      g_assert_cmpint ((int) fixture->region->memory.handle, !=, memfd);
      let_go (fixture);
    }
  for (gsize i = 1; i < G_N_ELEMENTS (paths); i++)
    g_free (g_steal_pointer (&paths[i]));

  attach_path (fixture, paths[0], "");
  g_assert_cmpint (ftruncate (memfd, 4096), ==, 0);
  expect_lost (fixture, "was truncated from 1048576 to 4096 bytes");
  let_go (fixture);
  attach_path (fixture, paths[0], "grow=true size=1M");
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (fixture->region->memory.size, ==, MIB);
  close (memfd);
}

static void
test_memfd_refusals (Fixture *fixture, gconstpointer data)
{
  int memfd = memfd_create ("region", MFD_CLOEXEC | MFD_ALLOW_SEALING), named, fds[2];
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", memfd);
  g_autofree char *of_pipe = NULL, *of_named = NULL, *more = NULL;

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  make_file (fixture->path, MIB);
  named = open (fixture->path, O_RDWR | O_CLOEXEC);
  of_pipe = g_strdup_printf ("/proc/self/fd/%d", fds[0]);
  of_named = g_strdup_printf ("/proc/self/fd/%d", named);
  more = g_strdup_printf ("%s/x", path);

  expect_refusal (fixture, path, "", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "is empty");
  g_assert_cmpint (ftruncate (memfd, MIB), ==, 0);
  expect_refusal (fixture, path, "size=2M", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "has 1048576 bytes");
  expect_refusal (fixture, path, "reattach=true", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "a memfd has no name");
  expect_refusal (fixture, path, "keep=false", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "a memfd has no name");
  expect_refusal (fixture, path, "create=true size=1M", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "a memfd has no name");
  expect_refusal (fixture, of_pipe, "", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "is not a memfd");
  expect_refusal (fixture, of_named, "", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "is a file that has a name");
  expect_refusal (fixture, "/proc/self/fd/999999", "", IVSHMEM_PLUGIN_NOT_FOUND, "cannot open");
  expect_refusal (fixture, "/proc/2147483647/fd/0", "", IVSHMEM_PLUGIN_NOT_FOUND, "there is no such process");
  /* What only looks like one is a path like any other. */
  expect_refusal (fixture, more, "", IVSHMEM_PLUGIN_DENIED, "is a symbolic link");
  expect_refusal (fixture, "/proc/99999999999/fd/0", "", IVSHMEM_PLUGIN_NOT_FOUND, "does not exist");

  g_assert_cmpint (fcntl (memfd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), ==, 0);
  expect_refusal (fixture, path, "", IVSHMEM_PLUGIN_DENIED, "is sealed against writing");
  attach_path (fixture, path, "read-only=true");
  g_assert_no_error (fixture->error);
  close (memfd);
  close (named);
  close (fds[0]);
  close (fds[1]);
}

/* --- losing it ---------------------------------------------------------- */

static void
test_truncation (Fixture *fixture, gconstpointer data)
{
  make_file (fixture->path, MIB);
  attach (fixture, "");
  g_assert_cmpint (truncate (fixture->path, MIB - 1), ==, 0);
  expect_lost (fixture, "was truncated from 1048576 to 1048575 bytes");
  g_assert_cmpstr (fixture->region->reports->str, ==, "ready lost");
  wait_for (fixture, is_at_rest);
  /* Without reattach it stays lost. */
  g_assert_cmpint (truncate (fixture->path, MIB), ==, 0);
  ivt_plugin_host_drain (fixture->host);
  g_assert_true (is_at_rest (fixture));
  g_assert_cmpuint (g_hash_table_size (fixture->region->watches), ==, 0);
}

static void
test_deletion (Fixture *fixture, gconstpointer data)
{
  make_file (fixture->path, MIB);
  attach (fixture, "");
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  expect_lost (fixture, "was deleted or moved away");
}

static void
test_moved_away (Fixture *fixture, gconstpointer data)
{
  g_autofree char *other = g_build_filename (fixture->dir, "other", NULL);

  make_file (fixture->path, MIB);
  attach (fixture, "");
  g_assert_cmpint (g_rename (fixture->path, other), ==, 0);
  expect_lost (fixture, "was deleted or moved away");
  g_unlink (other);
}

static void
test_replaced (Fixture *fixture, gconstpointer data)
{
  g_autofree char *other = g_build_filename (fixture->dir, "other", NULL);
  g_autofree char *kept = g_build_filename (fixture->dir, "kept", NULL);

  make_file (fixture->path, MIB);
  make_file (other, MIB);
  g_assert_cmpint (link (fixture->path, kept), ==, 0);
  attach (fixture, "");
  g_assert_cmpint (g_rename (other, fixture->path), ==, 0);
  expect_lost (fixture, "was replaced by another file");
  g_unlink (kept);
}

/* What happens to a file without it being lost. */
static void
test_harmless_changes (Fixture *fixture, gconstpointer data)
{
  g_autofree char *other = g_build_filename (fixture->dir, "other", NULL);
  int fd;

  make_file (fixture->path, MIB);
  attach (fixture, "");
  wait_for (fixture, is_at_rest);

  g_assert_cmpint (truncate (fixture->path, 2 * MIB), ==, 0);
  g_assert_cmpint (link (fixture->path, other), ==, 0);
  g_assert_cmpint (g_unlink (other), ==, 0);
  g_assert_cmpint (chmod (fixture->path, 0640), ==, 0);
  fd = open (fixture->path, O_RDWR | O_CLOEXEC);
  g_assert_cmpint (write (fd, "x", 1), ==, 1);
  close (fd);
  make_file (other, 5);
  g_unlink (other);
  wait_for (fixture, is_at_rest);
  g_assert_cmpint (truncate (fixture->path, MIB), ==, 0);
  wait_for (fixture, is_at_rest);
  g_assert_cmpstr (fixture->region->reports->str, ==, "ready");
}

/* Somebody who writes all the time costs a look now and then. */
static void
test_write_storm (Fixture *fixture, gconstpointer data)
{
  int fd;
  guint wakes = 0;

  make_file (fixture->path, MIB);
  attach (fixture, "");
  fd = open (fixture->path, O_RDWR | O_CLOEXEC);
  for (guint i = 0; i < 20000; i++)
    {
      g_assert_cmpint (pwrite (fd, "xy", 1 + i % 2, i % MIB), >=, 1);
      if (g_main_context_pending (NULL))
        {
          wakes++;
          g_main_context_iteration (NULL, FALSE);
        }
    }
  close (fd);
  g_assert_cmpuint (wakes, <, 10000);
  g_assert_cmpint (truncate (fixture->path, 0), ==, 0);
  expect_lost (fixture, "was truncated from 1048576 to 0 bytes");
}

static void
test_idle (Fixture *fixture, gconstpointer data)
{
  make_file (fixture->path, MIB);
  attach (fixture, "reattach=true");
  wait_for (fixture, is_at_rest);
}

static void
test_inotify_limit (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GArray) instances = g_array_new (FALSE, FALSE, sizeof (int));
  int fd;

  make_file (fixture->path, MIB);
  while (instances->len < INSTANCES_MAX && (fd = inotify_init1 (IN_CLOEXEC)) >= 0)
    g_array_append_val (instances, fd);
  if (instances->len < INSTANCES_MAX)
    expect_refusal (fixture, fixture->path, "", IVSHMEM_PLUGIN_LIMIT, "fs.inotify.max_user_instances");
  else
    g_test_skip ("more inotify instances than this test will use up");
  for (guint i = 0; i < instances->len; i++)
    close (g_array_index (instances, int, i));
}

/* --- attaching again ---------------------------------------------------- */

static void
test_recreated (Fixture *fixture, gconstpointer data)
{
  guint64 first;
  int fd;

  make_file (fixture->path, MIB);
  first = look_at (fixture->path).st_ino;
  attach (fixture, "size=1M reattach=true");
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  expect_lost (fixture, "was deleted or moved away");
  wait_for (fixture, is_at_rest);

  /* As a program does it: first there is an empty file. */
  fd = open (fixture->path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  wait_for (fixture, is_at_rest);
  g_assert_cmpint (ftruncate (fd, 4096), ==, 0);
  wait_for (fixture, is_at_rest);
  g_assert_cmpuint (fixture->region->n_ready, ==, 1);
  g_assert_cmpint (ftruncate (fd, MIB), ==, 0);
  wait_for (fixture, is_ready_again);
  g_assert_cmpstr (fixture->region->reports->str, ==, "ready lost ready");
  g_assert_cmpuint (look_at (fixture->path).st_ino, !=, first);
  close (fd);

  /* And it is watched like the first. */
  wait_for (fixture, is_at_rest);
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  expect_lost (fixture, "was deleted");
}

static gboolean
has_size_of_last_write (gpointer data)
{
  Fixture *fixture = data;

  return fixture->region->n_ready == 2 && fixture->region->memory.size == 64 * KIB;
}

/* Of unknown size: it is taken when its writer has come to an end. */
static void
test_recreated_without_size (Fixture *fixture, gconstpointer data)
{
  g_autofree char *block = g_malloc0 (KIB);
  int fd;

  make_file (fixture->path, MIB);
  attach (fixture, "reattach=true");
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  expect_lost (fixture, "was deleted");
  fd = open (fixture->path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  for (guint i = 0; i < 64; i++)
    {
      g_assert_cmpint (write (fd, block, KIB), ==, KIB);
      ivt_plugin_host_drain (fixture->host);
    }
  close (fd);
  wait_for (fixture, has_size_of_last_write);
}

static void
test_truncated_and_grown (Fixture *fixture, gconstpointer data)
{
  make_file (fixture->path, MIB);
  attach (fixture, "size=1M reattach=true");
  g_assert_cmpint (truncate (fixture->path, 0), ==, 0);
  expect_lost (fixture, "was truncated");
  wait_for (fixture, is_at_rest);
  g_assert_cmpint (truncate (fixture->path, MIB), ==, 0);
  wait_for (fixture, is_ready_again);
}

static void
test_replaced_again (Fixture *fixture, gconstpointer data)
{
  g_autofree char *other = g_build_filename (fixture->dir, "other", NULL);

  make_file (fixture->path, MIB);
  make_file (other, MIB);
  attach (fixture, "size=1M reattach=true");
  g_assert_cmpint (g_rename (other, fixture->path), ==, 0);
  wait_for (fixture, is_ready_again);
  g_assert_cmpstr (fixture->region->reports->str, ==, "ready lost ready");
}

static void
test_directory_recreated (Fixture *fixture, gconstpointer data)
{
  g_autofree char *outer = g_build_filename (fixture->dir, "outer", NULL);
  g_autofree char *inner = g_build_filename (outer, "inner", NULL);
  g_autofree char *path = g_build_filename (inner, "file", NULL);

  for (guint round = 0; round < 2; round++)
    {
      g_assert_cmpint (g_mkdir_with_parents (inner, 0700), ==, 0);
      make_file (path, MIB);
      if (round == 0)
        attach_path (fixture, path, "size=1M reattach=true");
      else
        wait_for (fixture, is_ready_again);
      g_assert_no_error (fixture->error);
      g_assert_cmpint (g_unlink (path), ==, 0);
      g_assert_cmpint (g_rmdir (inner), ==, 0);
      g_assert_cmpint (g_rmdir (outer), ==, 0);
      expect_lost (fixture, "was deleted");
      wait_for (fixture, is_at_rest);
    }
}

/* Neither made nor grown anew, and no link is followed. */
static void
test_reattach_takes_it_as_it_is (Fixture *fixture, gconstpointer data)
{
  g_autofree char *other = g_build_filename (fixture->dir, "other", NULL);

  attach (fixture, "create=true grow=true size=1M reattach=true");
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  expect_lost (fixture, "was deleted");
  wait_for (fixture, is_at_rest);
  expect_empty (fixture->dir);
  make_file (fixture->path, 4096);
  wait_for (fixture, is_at_rest);
  g_assert_cmpint (look_at (fixture->path).st_size, ==, 4096);
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  make_file (other, MIB);
  g_assert_cmpint (symlink (other, fixture->path), ==, 0);
  wait_for (fixture, is_at_rest);
  g_assert_cmpuint (fixture->region->n_ready, ==, 1);
  g_assert_cmpint (g_rename (other, fixture->path), ==, 0);
  wait_for (fixture, is_ready_again);
}

static gboolean
is_given_up (gpointer data)
{
  Fixture *fixture = data;

  return ivt_region_logged (fixture->region, "will not be attached again");
}

/* What ends the waiting is told. */
static void
test_reattach_gives_up (Fixture *fixture, gconstpointer data)
{
  const guint lacking[] = { IVT_SERVICE_RUN, IVT_SERVICE_WATCH };

  for (gsize i = 0; i < G_N_ELEMENTS (lacking); i++)
    {
      make_file (fixture->path, MIB);
      attach (fixture, "reattach=true");
      wait_for (fixture, is_at_rest);
      fixture->region->refuse_services = lacking[i];
      g_assert_cmpint (g_unlink (fixture->path), ==, 0);
      wait_for (fixture, is_given_up);
      let_go (fixture);
    }
}

static gboolean
is_not_mapped (gpointer data)
{
  Fixture *fixture = data;

  return ivt_region_logged (fixture->region, "cannot map the file");
}

static void
test_reattach_is_refused (Fixture *fixture, gconstpointer data)
{
  make_file (fixture->path, MIB);
  attach (fixture, "size=1M reattach=true");
  fixture->region->refuse_memory = TRUE;
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  make_file (fixture->path, MIB);
  wait_for (fixture, is_not_mapped);
  fixture->region->refuse_memory = FALSE;
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  make_file (fixture->path, MIB);
  wait_for (fixture, is_ready_again);
}

/* Without a timer or a thread it looks at once. */
static void
test_services_are_refused (Fixture *fixture, gconstpointer data)
{
  for (guint lacking = 0; lacking < 2; lacking++)
    {
      make_file (fixture->path, MIB);
      attach (fixture, "keep=false");
      wait_for (fixture, is_at_rest);
      fixture->region->refuse_services = lacking == 0 ? IVT_SERVICE_TIMER : IVT_SERVICE_RUN;
      g_assert_cmpint (truncate (fixture->path, 0), ==, 0);
      expect_lost (fixture, "was truncated");
      let_go (fixture);
      expect_empty (fixture->dir);
    }
}

static void
test_detach_while_lost (Fixture *fixture, gconstpointer data)
{
  make_file (fixture->path, MIB);
  attach (fixture, "reattach=true keep=false");
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  expect_lost (fixture, "was deleted");
  make_file (fixture->path, MIB);
  let_go (fixture);
  g_assert_cmpint (look_at (fixture->path).st_size, ==, MIB);
}

static void
test_detach_in_report (Fixture *fixture, gconstpointer data)
{
  g_autofree char *options = g_strdup_printf ("path=%s reattach=true", fixture->path);

  make_file (fixture->path, MIB);
  fixture->region = ivt_region_create (fixture->host, "r", options, &fixture->error);
  g_assert_no_error (fixture->error);
  fixture->region->detach_in_report = TRUE;
  while (!fixture->region->detached)
    g_main_context_iteration (NULL, TRUE);
  let_go (fixture);

  attach (fixture, "reattach=true");
  fixture->region->detach_in_report = TRUE;
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  while (!fixture->region->detached)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpstr (fixture->region->reports->str, ==, "ready lost");
}

/* --- candidates --------------------------------------------------------- */

static GHashTable *
find_candidate (GPtrArray *candidates, const char *path)
{
  for (guint i = 0; i < candidates->len; i++)
    {
      GHashTable *candidate = g_ptr_array_index (candidates, i);

      if (g_str_equal (g_hash_table_lookup (candidate, "path"), path))
        return candidate;
    }
  return NULL;
}

static void
test_candidates (Fixture *fixture, gconstpointer data)
{
  g_autofree char *odd = g_build_filename (fixture->dir, "od\\d \303\244", NULL);
  g_autofree char *unsayable = g_build_filename (fixture->dir, "\377", NULL);
  g_autofree char *name = g_strdup_printf ("%s/file", fixture->dir + strlen ("/dev/shm/"));
  g_autofree char *mapper = g_strdup_printf ("%d test-host-plain", getpid ());
  g_autoptr (GPtrArray) candidates = NULL;
  GHashTable *candidate;
  void *mapping;
  int fd;

  make_file (fixture->path, MIB);
  make_file (odd, 5000);
  make_file (unsayable, MIB);
  fd = open (fixture->path, O_RDWR | O_CLOEXEC);
  mapping = mmap (NULL, MIB, PROT_READ, MAP_SHARED, fd, 0);
  g_assert_true (mapping != MAP_FAILED);

  candidates = ivt_plugin_host_probe (fixture->host);
  candidate = find_candidate (candidates, fixture->path);
  g_assert_nonnull (candidate);
  g_assert_cmpstr (g_hash_table_lookup (candidate, "name"), ==, name);
  g_assert_cmpstr (g_hash_table_lookup (candidate, "size"), ==, "1048576");
  g_assert_cmpstr (g_hash_table_lookup (candidate, "mode"), ==, "0600");
  g_assert_cmpint (g_ascii_strtoll (g_hash_table_lookup (candidate, "uid"), NULL, 10), ==, geteuid ());
  g_assert_cmpint (g_ascii_strtoll (g_hash_table_lookup (candidate, "gid"), NULL, 10), ==, look_at (fixture->path).st_gid);
  g_assert_cmpstr (g_hash_table_lookup (candidate, "power-of-two"), ==, "1");
  g_assert_cmpstr (g_hash_table_lookup (candidate, "mapped-by"), ==, mapper);

  candidate = find_candidate (candidates, odd);
  g_assert_nonnull (candidate);
  g_assert_cmpstr (g_hash_table_lookup (candidate, "power-of-two"), ==, "0");
  g_assert_cmpstr (g_hash_table_lookup (candidate, "mapped-by"), ==, "");
  g_assert_null (find_candidate (candidates, unsayable));

  munmap (mapping, MIB);
  close (fd);
  g_unlink (odd);
  g_unlink (unsayable);
}

static void
test_candidates_are_bounded (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) candidates = NULL;

  for (guint i = 0; i < 1100; i++)
    {
      g_autofree char *path = g_strdup_printf ("%s-%u", fixture->path, i);

      make_file (path, 1);
    }
  candidates = ivt_plugin_host_probe (fixture->host);
  for (guint i = 0; i < 1100; i++)
    {
      g_autofree char *path = g_strdup_printf ("%s-%u", fixture->path, i);

      g_unlink (path);
    }
  g_assert_cmpuint (candidates->len, ==, 1024);
}

int
main (int argc, char **argv)
{
  const struct
  {
    const char *path;
    void (*func) (Fixture *fixture, gconstpointer data);
  } tests[] = {
    { "a1-1-whole-file", test_whole_file },
    { "a1-1-size-is-checked", test_size_is_checked },
    { "a1-1-missing-file", test_missing_file },
    { "a1-1-empty-file", test_empty_file },
    { "bad-options", test_bad_options },
    { "read-only", test_read_only },
    { "e1-permissions", test_permissions },
    { "a6-13-symbolic-links", test_symbolic_links },
    { "a6-13-regular-files-only", test_regular_files_only },
    { "any-filesystem", test_any_filesystem },
    { "a6-13-create-with-exact-mode", test_create },
    { "e1-owner-and-group", test_owner_and_group },
    { "create-finds-it", test_create_finds_it },
    { "no-space-leaves-nothing", test_no_space },
    { "a6-13-grow-only-when-told", test_grow },
    { "refused-memory-is-undone", test_refused_memory_is_undone },
    { "detach-while-creating", test_detach_while_creating },
    { "create-race", test_create_race },
    { "keep", test_keep },
    { "ramfs", test_ramfs },
    { "hugetlbfs", test_hugetlbfs },
    { "memfd", test_memfd },
    { "memfd-refusals", test_memfd_refusals },
    { "a6-13-truncation", test_truncation },
    { "a6-13-deletion", test_deletion },
    { "a6-13-moved-away", test_moved_away },
    { "a6-13-replaced", test_replaced },
    { "harmless-changes", test_harmless_changes },
    { "write-storm", test_write_storm },
    { "idle", test_idle },
    { "inotify-limit", test_inotify_limit },
    { "e5-recreated", test_recreated },
    { "e5-recreated-without-size", test_recreated_without_size },
    { "e5-truncated-and-grown", test_truncated_and_grown },
    { "e5-replaced", test_replaced_again },
    { "e5-directory-recreated", test_directory_recreated },
    { "e5-reattach-takes-it-as-it-is", test_reattach_takes_it_as_it_is },
    { "reattach-gives-up", test_reattach_gives_up },
    { "reattach-is-refused", test_reattach_is_refused },
    { "services-are-refused", test_services_are_refused },
    { "detach-while-lost", test_detach_while_lost },
    { "detach-in-report", test_detach_in_report },
    { "candidates", test_candidates },
    { "candidates-are-bounded", test_candidates_are_bounded },
  };

  /* Before there is a second thread; without the right to do so, what needs
   * a mount is skipped. */
  if (unshare (CLONE_NEWNS) == 0)
    g_assert_cmpint (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), ==, 0);
  g_test_init (&argc, &argv, NULL);
  /* What GLib opens once is open before anybody counts. */
  g_main_context_iteration (NULL, FALSE);
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strconcat ("/host-plain/", tests[i].path, NULL);

      g_test_add (path, Fixture, NULL, set_up, tests[i].func, tear_down);
    }
  return g_test_run ();
}
