/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "ivt-plain.h"

/*
 * The plugin "host-plain" on real files. Names begin with the fact of
 * ivshmem-facts that a test is about. File systems are mounted in a mount
 * namespace of the test's own, so that nothing of them can stay behind.
 */

#define HUGE_PAGE (2 * IVT_MIB)
/* More than are needed: others on this machine may take some meanwhile. */
#define HUGE_PAGES 8
#define NOBODY 65534

/* --- what exists -------------------------------------------------------- */

static void
test_whole_file (IvtPlain *fixture, gconstpointer data)
{
  struct stat info;

  ivt_plain_make_file (fixture->path, 3 * IVT_MIB + 5);
  ivt_plain_attach (fixture, "");
  g_assert_cmpstr (fixture->region->reports->str, ==, "ready");
  g_assert_cmpuint (fixture->region->memory.size, ==, 3 * IVT_MIB + 5);
  g_assert_cmpuint (fixture->region->memory.offset, ==, 0);
  g_assert_cmpuint (fixture->region->memory.flags, ==, 0);
  g_assert_cmpint (fstat ((int) fixture->region->memory.handle, &info), ==, 0);
  g_assert_cmpuint (info.st_ino, ==, ivt_plain_look_at (fixture->path).st_ino);
  g_assert_cmpint (fcntl ((int) fixture->region->memory.handle, F_GETFD), ==, FD_CLOEXEC);
  g_assert_cmpint (fixture->region->description.own_id, ==, -1);
  g_assert_cmpuint (fixture->region->description.own_vectors, ==, 0);
  g_assert_cmphex (fixture->region->description.capabilities, ==,
                   IVSHMEM_PLUGIN_CAP_READ | IVSHMEM_PLUGIN_CAP_WRITE | IVSHMEM_PLUGIN_CAP_ATOMIC
                       | IVSHMEM_PLUGIN_CAP_MEMORY_FD);
  /* The file stays. */
  ivt_plain_let_go (fixture);
  g_assert_cmpint (ivt_plain_look_at (fixture->path).st_size, ==, 3 * IVT_MIB + 5);
}

static void
test_size_is_checked (IvtPlain *fixture, gconstpointer data)
{
  ivt_plain_make_file (fixture->path, IVT_MIB);
  ivt_plain_attach (fixture, "size=1M");
  g_assert_cmpuint (fixture->region->memory.size, ==, IVT_MIB);
  ivt_plain_let_go (fixture);
  ivt_plain_expect_refusal (fixture, fixture->path, "size=2M", IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                            "has 1048576 bytes, and size says 2097152: give the size that it has, or none, or grow=true");
  ivt_plain_expect_refusal (fixture, fixture->path, "size=512K", IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                            "has 1048576 bytes, and size says 524288: give the size that it has, or none");
  ivt_plain_expect_refusal (fixture, fixture->path, "size=2M create=true", IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                            "has 1048576 bytes, and size says 2097152");
  g_assert_cmpint (ivt_plain_look_at (fixture->path).st_size, ==, IVT_MIB);
}

static void
test_missing_file (IvtPlain *fixture, gconstpointer data)
{
  g_autofree char *below = g_build_filename (fixture->dir, "none", "file", NULL);

  ivt_plain_expect_refusal (fixture, fixture->path, "", IVSHMEM_PLUGIN_NOT_FOUND, "does not exist (create=true");
  ivt_plain_expect_refusal (fixture, fixture->path, "size=1M reattach=true", IVSHMEM_PLUGIN_NOT_FOUND, "does not exist");
  ivt_plain_expect_refusal (fixture, below, "size=1M create=true", IVSHMEM_PLUGIN_NOT_FOUND, "does not exist");
  ivt_plain_expect_empty (fixture->dir);
}

static void
test_empty_file (IvtPlain *fixture, gconstpointer data)
{
  ivt_plain_make_file (fixture->path, 0);
  ivt_plain_expect_refusal (fixture, fixture->path, "", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "is empty");
  ivt_plain_expect_refusal (fixture, fixture->path, "size=1M create=true", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "has 0 bytes");
}

static void
test_bad_options (IvtPlain *fixture, gconstpointer data)
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
    ivt_plain_expect_refusal (fixture, fixture->path, cases[i].options, IVSHMEM_PLUGIN_INVALID_ARGUMENT, cases[i].part);
  ivt_plain_attach_path (fixture, fixture->path, "size=9223372036854775807 create=true");
  g_assert_null (fixture->region);
  g_assert_nonnull (fixture->error);
  g_clear_error (&fixture->error);
  ivt_plain_expect_empty (fixture->dir);
}

static void
test_read_only (IvtPlain *fixture, gconstpointer data)
{
  ivt_plain_make_file (fixture->path, IVT_MIB);
  ivt_plain_attach (fixture, "read-only=true");
  g_assert_cmphex (fixture->region->description.capabilities, ==,
                   IVSHMEM_PLUGIN_CAP_READ | IVSHMEM_PLUGIN_CAP_MEMORY_FD);
  g_assert_cmpuint (fixture->region->memory.flags, ==, IVSHMEM_PLUGIN_MEMORY_READ_ONLY);
  g_assert_cmpint (fcntl ((int) fixture->region->memory.handle, F_GETFL) & O_ACCMODE, ==, O_RDONLY);
}

/* As a user that is not root sees it. */
static void
test_permissions (IvtPlain *fixture, gconstpointer data)
{
  g_autofree char *other = g_build_filename (fixture->dir, "other", NULL);

  if (geteuid () != 0)
    {
      g_test_skip ("needs root to become somebody else");
      return;
    }
  ivt_plain_make_file (fixture->path, IVT_MIB);
  g_assert_cmpint (chmod (fixture->path, 0644), ==, 0);
  g_assert_cmpint (seteuid (NOBODY), ==, 0);
  ivt_plain_expect_refusal (fixture, fixture->path, "", IVSHMEM_PLUGIN_DENIED, "read-only=true needs less");
  ivt_plain_expect_refusal (fixture, other, "create=true size=1M", IVSHMEM_PLUGIN_DENIED, "cannot create");
  g_assert_cmpint (seteuid (0), ==, 0);
  g_assert_cmpint (chown (fixture->dir, NOBODY, NOBODY), ==, 0);
  g_assert_cmpint (seteuid (NOBODY), ==, 0);
  ivt_plain_expect_refusal (fixture, other, "create=true size=1M owner=0", IVSHMEM_PLUGIN_DENIED, "cannot set the owner and group");
  g_assert_cmpint (seteuid (0), ==, 0);
  g_unlink (fixture->path);
  ivt_plain_expect_empty (fixture->dir);
}

static void
test_symbolic_links (IvtPlain *fixture, gconstpointer data)
{
  g_autofree char *link = g_build_filename (fixture->dir, "link", NULL);
  g_autofree char *through = g_build_filename (link, "file", NULL);
  g_autofree char *is_link = g_strdup_printf ("%s is a symbolic link", link);

  ivt_plain_make_file (fixture->path, IVT_MIB);
  g_assert_cmpint (symlink (fixture->path, link), ==, 0);
  ivt_plain_expect_refusal (fixture, link, "", IVSHMEM_PLUGIN_DENIED, is_link);
  ivt_plain_expect_refusal (fixture, link, "create=true size=1M", IVSHMEM_PLUGIN_DENIED, is_link);
  g_unlink (link);
  g_assert_cmpint (symlink (fixture->dir, link), ==, 0);
  ivt_plain_expect_refusal (fixture, through, "", IVSHMEM_PLUGIN_DENIED, is_link);
  g_unlink (link);
  /* One that leads nowhere is not followed to make what it names. */
  g_assert_cmpint (symlink ("nowhere", link), ==, 0);
  ivt_plain_expect_refusal (fixture, link, "create=true size=1M", IVSHMEM_PLUGIN_DENIED, is_link);
  g_unlink (link);
}

static void
test_regular_files_only (IvtPlain *fixture, gconstpointer data)
{
  g_assert_cmpint (mkfifo (fixture->path, 0600), ==, 0);
  ivt_plain_expect_refusal (fixture, fixture->path, "", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "is not a regular file");
  ivt_plain_expect_refusal (fixture, fixture->dir, "", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "is not a regular file");
  ivt_plain_expect_refusal (fixture, "/dev/zero", "", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "is not a regular file");
}

static void
test_any_filesystem (IvtPlain *fixture, gconstpointer data)
{
  g_autofree char *dir = g_dir_make_tmp ("ivt-plain-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "file", NULL);
  struct statfs info;

  g_assert_cmpint (statfs (dir, &info), ==, 0);
  if (info.f_type == 0x01021994)
    g_test_skip ("the temporary directory is on tmpfs: no other file system at hand");
  else
    {
      ivt_plain_expect_refusal (fixture, path, "create=true size=1M", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "any-filesystem=true allows");
      ivt_plain_make_file (path, IVT_MIB);
      ivt_plain_expect_refusal (fixture, path, "", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "any-filesystem=true allows");
      ivt_plain_attach_path (fixture, path, "any-filesystem=true");
      g_assert_no_error (fixture->error);
      ivt_plain_let_go (fixture);
      g_unlink (path);
      ivt_plain_attach_path (fixture, path, "any-filesystem=true create=true size=1M");
      g_assert_no_error (fixture->error);
      ivt_plain_let_go (fixture);
    }
  g_unlink (path);
  g_assert_cmpint (g_rmdir (dir), ==, 0);
}

/* --- making and growing ------------------------------------------------- */

static void
test_create (IvtPlain *fixture, gconstpointer data)
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

      ivt_plain_attach (fixture, options);
      umask (before);
      info = ivt_plain_look_at (fixture->path);
      g_assert_cmpint (info.st_mode, ==, S_IFREG | cases[i].mode);
      g_assert_cmpint (info.st_size, ==, 2 * IVT_MIB);
      /* Every byte has its place, so none can fail later. */
      g_assert_cmpint (info.st_blocks * 512, >=, 2 * IVT_MIB);
      g_assert_cmpuint (info.st_nlink, ==, 1);
      g_assert_cmpuint (fixture->region->memory.size, ==, 2 * IVT_MIB);
      ivt_plain_let_go (fixture);
      g_assert_cmpint (g_unlink (fixture->path), ==, 0);
      ivt_plain_expect_empty (fixture->dir);
    }
}

static void
test_owner_and_group (IvtPlain *fixture, gconstpointer data)
{
  if (geteuid () != 0)
    {
      g_test_skip ("needs root to give a file away");
      return;
    }
  ivt_plain_attach (fixture, "create=true size=1M owner=65534 group=12345 mode=0640");
  g_assert_cmpuint (ivt_plain_look_at (fixture->path).st_uid, ==, NOBODY);
  g_assert_cmpuint (ivt_plain_look_at (fixture->path).st_gid, ==, 12345);
  g_assert_cmpint (ivt_plain_look_at (fixture->path).st_mode & 07777, ==, 0640);
}

/* What is there is taken as it is. */
static void
test_create_finds_it (IvtPlain *fixture, gconstpointer data)
{
  struct stat before;

  ivt_plain_make_file (fixture->path, IVT_MIB);
  before = ivt_plain_look_at (fixture->path);
  ivt_plain_attach (fixture, "create=true size=1M mode=0666");
  g_assert_cmpint (ivt_plain_look_at (fixture->path).st_mode, ==, before.st_mode);
  g_assert_cmpuint (ivt_plain_look_at (fixture->path).st_ino, ==, before.st_ino);
}

/* On a file system of its own, which can be full. */
static gboolean
mount_on (IvtPlain *fixture, const char *type, const char *options)
{
  if (mount ("ivt", fixture->dir, type, 0, options) == 0)
    return TRUE;

  g_test_skip_printf ("cannot mount a %s: %s", type, g_strerror (errno));
  return FALSE;
}

static void
test_no_space (IvtPlain *fixture, gconstpointer data)
{
  if (!mount_on (fixture, "tmpfs", "size=1m"))
    return;

  ivt_plain_expect_refusal (fixture, fixture->path, "create=true size=2M", IVSHMEM_PLUGIN_NO_SPACE, "no room for 2097152 bytes");
  ivt_plain_expect_empty (fixture->dir);
  ivt_plain_make_file (fixture->path, 8 * IVT_KIB);
  ivt_plain_expect_refusal (fixture, fixture->path, "grow=true size=2M", IVSHMEM_PLUGIN_NO_SPACE, "no room for 2088960 bytes");
  g_assert_cmpint (ivt_plain_look_at (fixture->path).st_size, ==, 8 * IVT_KIB);
  g_assert_cmpint (ivt_plain_look_at (fixture->path).st_blocks, ==, 0);
  g_unlink (fixture->path);
  ivt_plain_attach (fixture, "create=true size=1M");
  ivt_plain_let_go (fixture);
  g_assert_cmpint (umount2 (fixture->dir, MNT_DETACH), ==, 0);
}

static void
test_grow (IvtPlain *fixture, gconstpointer data)
{
  g_autofree char *contents = NULL;
  gsize length;

  g_assert_true (g_file_set_contents (fixture->path, "hello", 5, NULL));
  ivt_plain_attach (fixture, "grow=true size=1M");
  g_assert_cmpuint (fixture->region->memory.size, ==, IVT_MIB);
  ivt_plain_let_go (fixture);
  g_assert_true (g_file_get_contents (fixture->path, &contents, &length, NULL));
  g_assert_cmpuint (length, ==, IVT_MIB);
  g_assert_cmpstr (contents, ==, "hello");
  g_assert_cmpint (ivt_plain_look_at (fixture->path).st_blocks * 512, >=, IVT_MIB);

  ivt_plain_attach (fixture, "grow=true size=1M");
  ivt_plain_let_go (fixture);
  ivt_plain_expect_refusal (fixture, fixture->path, "grow=true size=512K", IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                            "more than size=524288, and grow only makes a file longer: give size=1048576, or no size");
  ivt_plain_expect_refusal (fixture, fixture->path, "grow=true size=1048577", IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                            "not a multiple of the page size");
  g_assert_cmpint (ivt_plain_look_at (fixture->path).st_size, ==, IVT_MIB);
}

static void
test_refused_memory_is_undone (IvtPlain *fixture, gconstpointer data)
{
  g_autofree char *options = g_strdup_printf ("path=%s create=true size=1M", fixture->path);

  for (guint existing = 0; existing < 2; existing++)
    {
      if (existing == 1)
        ivt_plain_make_file (fixture->path, IVT_MIB);
      fixture->region = ivt_region_create (fixture->host, "r", options, &fixture->error);
      g_assert_no_error (fixture->error);
      fixture->region->refuse_memory = TRUE;
      ivt_plain_wait_for (fixture, ivt_plain_is_lost);
      ivt_plain_let_go (fixture);
      g_assert_cmpint (g_access (fixture->path, F_OK), ==, existing == 1 ? 0 : -1);
    }
}

static void
test_detach_while_creating (IvtPlain *fixture, gconstpointer data)
{
  g_autofree char *options = g_strdup_printf ("path=%s create=true size=16M", fixture->path);

  fixture->region = ivt_region_create (fixture->host, "r", options, &fixture->error);
  g_assert_no_error (fixture->error);
  g_assert_true (ivt_region_detach (fixture->region, FALSE));
  ivt_plain_let_go (fixture);
  ivt_plain_expect_empty (fixture->dir);
}

/* The unnamed file that is being made. */
static gboolean
is_being_made (gpointer data)
{
  IvtPlain *fixture = data;
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
  IvtPlain *fixture = data;

  return fixture->region->n_ready > 0 || fixture->region->lost;
}

/* Somebody else is quicker: there is one file, and it is the other's. */
static void
test_create_race (IvtPlain *fixture, gconstpointer data)
{
  g_autofree char *options = g_strdup_printf ("path=%s create=true size=512M", fixture->path);
  g_autofree char *other = g_build_filename (fixture->dir, "other", NULL);
  guint64 inode;

  ivt_plain_make_file (other, 512 * IVT_MIB);
  inode = ivt_plain_look_at (other).st_ino;
  fixture->region = ivt_region_create (fixture->host, "r", options, &fixture->error);
  g_assert_no_error (fixture->error);
  ivt_plain_wait_for (fixture, is_being_made);
  g_assert_cmpint (g_rename (other, fixture->path), ==, 0);
  ivt_plain_wait_for (fixture, is_told);
  g_assert_cmpstr (fixture->region->reports->str, ==, "ready");
  g_assert_cmpuint (ivt_plain_look_at (fixture->path).st_ino, ==, inode);
}

static void
test_keep (IvtPlain *fixture, gconstpointer data)
{
  /* the daemon stops: nothing is removed */
  ivt_plain_attach (fixture, "create=true size=1M keep=false");
  ivt_region_close (g_steal_pointer (&fixture->region), TRUE);
  g_assert_cmpint (ivt_plain_look_at (fixture->path).st_size, ==, IVT_MIB);

  ivt_plain_attach (fixture, "keep=false");
  g_assert_false (ivt_region_detach (fixture->region, FALSE));
  ivt_plain_let_go (fixture);
  ivt_plain_expect_empty (fixture->dir);

  /* what is not ours any more stays */
  ivt_plain_attach (fixture, "create=true size=1M keep=false");
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  ivt_plain_make_file (fixture->path, IVT_MIB);
  ivt_plain_let_go (fixture);
  g_assert_cmpint (ivt_plain_look_at (fixture->path).st_size, ==, IVT_MIB);
}

static void
test_ramfs (IvtPlain *fixture, gconstpointer data)
{
  if (!mount_on (fixture, "ramfs", NULL))
    return;

  ivt_plain_attach (fixture, "create=true size=1M");
  g_assert_cmpint (ivt_plain_look_at (fixture->path).st_size, ==, IVT_MIB);
  ivt_plain_let_go (fixture);
  ivt_plain_attach (fixture, "grow=true size=2M");
  g_assert_cmpint (ivt_plain_look_at (fixture->path).st_size, ==, 2 * IVT_MIB);
  ivt_plain_let_go (fixture);
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
check_hugetlbfs (IvtPlain *fixture)
{
  GPtrArray *candidates;
  gboolean listed = FALSE;

  ivt_plain_expect_refusal (fixture, fixture->path, "create=true size=1M", IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                            "not a multiple of the page size, 2097152");
  ivt_plain_attach (fixture, "create=true size=2M");
  g_assert_cmpint (ivt_plain_look_at (fixture->path).st_size, ==, HUGE_PAGE);
  g_assert_cmpint (ivt_plain_look_at (fixture->path).st_blocks * 512, ==, HUGE_PAGE);

  candidates = ivt_plugin_host_probe (fixture->host);
  for (guint i = 0; i < candidates->len; i++)
    listed = listed
             || g_strcmp0 (g_hash_table_lookup (g_ptr_array_index (candidates, i), "path"), fixture->path) == 0;
  g_assert_true (listed);
  g_ptr_array_unref (candidates);
  ivt_plain_let_go (fixture);

  /* A hole would be a SIGBUS when it is touched. */
  g_assert_cmpint (truncate (fixture->path, 0), ==, 0);
  g_assert_cmpint (truncate (fixture->path, HUGE_PAGE), ==, 0);
  g_assert_cmpint (ivt_plain_look_at (fixture->path).st_blocks, ==, 0);
  ivt_plain_attach (fixture, "");
  g_assert_cmpint (ivt_plain_look_at (fixture->path).st_blocks * 512, ==, HUGE_PAGE);
  ivt_plain_let_go (fixture);
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  ivt_plain_expect_refusal (fixture, fixture->path, "create=true size=1G", IVSHMEM_PLUGIN_NO_SPACE, "no room for 1073741824 bytes");
  ivt_plain_expect_empty (fixture->dir);
}

static void
test_hugetlbfs (IvtPlain *fixture, gconstpointer data)
{
  guint64 before = get_huge_pages (), added = 0;

  if (!mount_on (fixture, "hugetlbfs", "pagesize=2M"))
    return;
  if (set_huge_pages (before + HUGE_PAGES))
    added = MAX (get_huge_pages (), before) - before;
  if (added == HUGE_PAGES)
    check_hugetlbfs (fixture);
  else
    g_test_skip ("no huge pages could be had");
  /* As many fewer, since others may do the same at the same time. */
  if (added > 0)
    (void) set_huge_pages (MAX (get_huge_pages (), added) - added);
  g_assert_cmpint (umount2 (fixture->dir, MNT_DETACH), ==, 0);
}

/* --- memfds ------------------------------------------------------------- */

static void
test_memfd (IvtPlain *fixture, gconstpointer data)
{
  int memfd = memfd_create ("region", MFD_CLOEXEC);
  g_autofree char *paths[] = {
    g_strdup_printf ("/proc/%d/fd/%d", getpid (), memfd),
    g_strdup_printf ("/proc/self/fd/%d", memfd),
    g_strdup_printf ("/dev/fd/%d", memfd),
  };
  struct stat expected, info;

  g_assert_cmpint (ftruncate (memfd, IVT_MIB), ==, 0);
  g_assert_cmpint (fstat (memfd, &expected), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      ivt_plain_attach_path (fixture, paths[i], i == 0 ? "size=1M" : "");
      g_assert_no_error (fixture->error);
      g_assert_cmpuint (fixture->region->memory.size, ==, IVT_MIB);
      g_assert_cmpint (fstat ((int) fixture->region->memory.handle, &info), ==, 0);
      g_assert_cmpuint (info.st_ino, ==, expected.st_ino);
      g_assert_cmpint ((int) fixture->region->memory.handle, !=, memfd);
      ivt_plain_let_go (fixture);
    }
  for (gsize i = 1; i < G_N_ELEMENTS (paths); i++)
    g_free (g_steal_pointer (&paths[i]));

  ivt_plain_attach_path (fixture, paths[0], "");
  g_assert_cmpint (ftruncate (memfd, 4096), ==, 0);
  ivt_plain_expect_lost (fixture, "was truncated from 1048576 to 4096 bytes");
  ivt_plain_let_go (fixture);
  ivt_plain_attach_path (fixture, paths[0], "grow=true size=1M");
  g_assert_no_error (fixture->error);
  g_assert_cmpuint (fixture->region->memory.size, ==, IVT_MIB);
  close (memfd);
}

static void
test_memfd_refusals (IvtPlain *fixture, gconstpointer data)
{
  int memfd = memfd_create ("region", MFD_CLOEXEC | MFD_ALLOW_SEALING), named, fds[2];
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", memfd);
  g_autofree char *of_pipe = NULL, *of_named = NULL, *more = NULL;

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  ivt_plain_make_file (fixture->path, IVT_MIB);
  named = open (fixture->path, O_RDWR | O_CLOEXEC);
  of_pipe = g_strdup_printf ("/proc/self/fd/%d", fds[0]);
  of_named = g_strdup_printf ("/proc/self/fd/%d", named);
  more = g_strdup_printf ("%s/x", path);

  ivt_plain_expect_refusal (fixture, path, "", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "is empty");
  g_assert_cmpint (ftruncate (memfd, IVT_MIB), ==, 0);
  ivt_plain_expect_refusal (fixture, path, "size=2M", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "has 1048576 bytes");
  ivt_plain_expect_refusal (fixture, path, "reattach=true", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "a memfd has no name");
  ivt_plain_expect_refusal (fixture, path, "keep=false", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "a memfd has no name");
  ivt_plain_expect_refusal (fixture, path, "create=true size=1M", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "a memfd has no name");
  ivt_plain_expect_refusal (fixture, of_pipe, "", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "is not a memfd");
  ivt_plain_expect_refusal (fixture, of_named, "", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "is a file that has a name");
  ivt_plain_expect_refusal (fixture, "/proc/self/fd/999999", "", IVSHMEM_PLUGIN_NOT_FOUND, "cannot open");
  ivt_plain_expect_refusal (fixture, "/proc/2147483647/fd/0", "", IVSHMEM_PLUGIN_NOT_FOUND, "there is no such process");
  /* What only looks like one is a path like any other. */
  ivt_plain_expect_refusal (fixture, more, "", IVSHMEM_PLUGIN_DENIED, "is a symbolic link");
  ivt_plain_expect_refusal (fixture, "/proc/99999999999/fd/0", "", IVSHMEM_PLUGIN_NOT_FOUND, "does not exist");

  g_assert_cmpint (fcntl (memfd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), ==, 0);
  ivt_plain_expect_refusal (fixture, path, "", IVSHMEM_PLUGIN_DENIED, "is sealed against writing");
  ivt_plain_attach_path (fixture, path, "read-only=true");
  g_assert_no_error (fixture->error);
  close (memfd);
  close (named);
  close (fds[0]);
  close (fds[1]);
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
test_candidates (IvtPlain *fixture, gconstpointer data)
{
  g_autofree char *odd = g_build_filename (fixture->dir, "od\\d \303\244", NULL);
  g_autofree char *unsayable = g_build_filename (fixture->dir, "\377", NULL);
  g_autofree char *name = g_strdup_printf ("%s/file", fixture->dir + strlen ("/dev/shm/"));
  g_autofree char *mapper = g_strdup_printf ("%d test-host-plain", getpid ());
  g_autoptr (GPtrArray) candidates = NULL;
  GHashTable *candidate;
  void *mapping;
  int fd;

  ivt_plain_make_file (fixture->path, IVT_MIB);
  ivt_plain_make_file (odd, 5000);
  ivt_plain_make_file (unsayable, IVT_MIB);
  fd = open (fixture->path, O_RDWR | O_CLOEXEC);
  mapping = mmap (NULL, IVT_MIB, PROT_READ, MAP_SHARED, fd, 0);
  g_assert_true (mapping != MAP_FAILED);

  candidates = ivt_plugin_host_probe (fixture->host);
  candidate = find_candidate (candidates, fixture->path);
  g_assert_nonnull (candidate);
  g_assert_cmpstr (g_hash_table_lookup (candidate, "name"), ==, name);
  g_assert_cmpstr (g_hash_table_lookup (candidate, "size"), ==, "1048576");
  g_assert_cmpstr (g_hash_table_lookup (candidate, "mode"), ==, "0600");
  g_assert_cmpint (g_ascii_strtoll (g_hash_table_lookup (candidate, "uid"), NULL, 10), ==, geteuid ());
  g_assert_cmpint (g_ascii_strtoll (g_hash_table_lookup (candidate, "gid"), NULL, 10), ==, ivt_plain_look_at (fixture->path).st_gid);
  g_assert_cmpstr (g_hash_table_lookup (candidate, "power-of-two"), ==, "1");
  g_assert_cmpstr (g_hash_table_lookup (candidate, "mapped-by"), ==, mapper);

  candidate = find_candidate (candidates, odd);
  g_assert_nonnull (candidate);
  g_assert_cmpstr (g_hash_table_lookup (candidate, "power-of-two"), ==, "0");
  g_assert_cmpstr (g_hash_table_lookup (candidate, "mapped-by"), ==, "");
  g_assert_null (find_candidate (candidates, unsayable));

  munmap (mapping, IVT_MIB);
  close (fd);
  g_unlink (odd);
  g_unlink (unsayable);
}

static void
test_candidates_are_bounded (IvtPlain *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) candidates = NULL;

  /* Where nobody else has to look through them. */
  if (!mount_on (fixture, "tmpfs", NULL))
    return;

  for (guint i = 0; i < 1100; i++)
    {
      g_autofree char *path = g_strdup_printf ("%s-%u", fixture->path, i);

      ivt_plain_make_file (path, 1);
    }
  candidates = ivt_plugin_host_probe (fixture->host);
  g_assert_cmpint (umount2 (fixture->dir, MNT_DETACH), ==, 0);
  g_assert_cmpuint (candidates->len, ==, 1024);
}

int
main (int argc, char **argv)
{
  const struct
  {
    const char *path;
    void (*func) (IvtPlain *fixture, gconstpointer data);
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

      g_test_add (path, IvtPlain, NULL, ivt_plain_set_up, tests[i].func, ivt_plain_tear_down);
    }
  return g_test_run ();
}
