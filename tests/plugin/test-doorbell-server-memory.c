/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

/*
 * The memory that the server makes, and what it will not make.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "ivt-server.h"

#define MIB (1024 * 1024)
#define HUGE_PAGE (2 * MIB)
#define HUGE_PAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/"

static void
assert_fails (const char *options, IvshmemPluginStatus status, const char *because)
{
  g_autoptr (IvtServer) server = ivt_server_new_empty ();
  g_autoptr (GError) error = NULL;

  g_assert_false (ivt_server_attach (server, options, &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, status);
  if (strstr (error->message, because) == NULL)
    g_error ("'%s' does not say '%s'", error->message, because);
  /* The directory is empty, as its removal shows. */
}

/* As a client finds it: mapped, written by one and read by the other. */
static void
assert_usable (IvtServer *server, guint64 size)
{
  IvtWireClient *client = ivt_server_join (server);
  struct stat file;
  volatile guint8 *bytes;
  guint8 byte = 0;

  g_assert_cmpuint (server->region->memory.size, ==, size);
  g_assert_cmpuint (server->region->memory.offset, ==, 0);
  g_assert_cmpint (fstat (client->memory_fd, &file), ==, 0);
  g_assert_cmpuint (file.st_size, ==, size);
  bytes = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, client->memory_fd, 0);
  g_assert_true (bytes != MAP_FAILED);
  bytes[size - 1] = 0x5a;
  /* hugetlbfs can be read, but not written, by a call. */
  g_assert_cmpint (pread ((int) server->region->memory.handle, &byte, 1, (off_t) size - 1), ==, 1);
  g_assert_cmphex (byte, ==, 0x5a);
  munmap ((void *) bytes, size);
}

static void
test_memfd (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("");
  int fd = (int) server->region->memory.handle;
  struct stat file;
  int seals;

  assert_usable (server, 4 * MIB);
  g_assert_cmpint (fstat (fd, &file), ==, 0);
  g_assert_cmphex (file.st_mode & 0777, ==, 0600);
  seals = fcntl (fd, F_GET_SEALS);
  g_assert_cmphex (seals & (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), ==,
                   F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  /* With these QEMU could not map it. */
  g_assert_cmphex (seals & F_SEAL_WRITE, ==, 0);
  g_assert_cmphex (seals & F_SEAL_FUTURE_WRITE, ==, 0);
  g_assert_cmpint (ftruncate (fd, 0), ==, -1);
  g_assert_cmpint (ftruncate (fd, 8 * MIB), ==, -1);
}

static void
test_sizes (void)
{
  const struct
  {
    const char *option;
    guint64 size;
  } good[] = { { "size=4096", 4096 }, { "size=8K", 8192 }, { "size=1M", MIB }, { "size=1G", 1024 * MIB } };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (IvtServer) server = ivt_server_new (good[i].option);

      assert_usable (server, good[i].size);
    }
  assert_fails ("size=3M", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "power of two");
  assert_fails ("size=4097", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "power of two");
  assert_fails ("size=2048", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "size");
  assert_fails ("size=0", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "size");
}

/* More than there is: an error, and the machine lives. */
static void
test_too_large (void)
{
  g_autoptr (IvtServer) server = ivt_server_new_empty ();
  g_autoptr (GError) error = NULL;

  g_assert_false (ivt_server_attach (server, "size=64T", &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_NO_SPACE);
  g_assert_nonnull (strstr (error->message, "70368744177664"));
  g_assert_false (g_file_test (server->socket, G_FILE_TEST_EXISTS));
}

static void
test_other_options (void)
{
  assert_fails ("vectors=0", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "vectors");
  assert_fails ("vectors=2049", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "vectors");
  assert_fails ("own-id=65536", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "65536");
  assert_fails ("own-id=-1", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "-1");
  assert_fails ("own-id=some", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "some");
  assert_fails ("id-offset=65536", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "id-offset");
  assert_fails ("id-stride=0", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "id-stride");
  assert_fails ("max-peers=0", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "max-peers");
  assert_fails ("max-peers=65537", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "max-peers");
  assert_fails ("hugepages=4M", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "4M");
  assert_fails ("hugepages=2M path=DIR/m", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "path");
  assert_fails ("size=1M hugepages=2M", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "huge page");
}

/* --- a file with a name ------------------------------------------------ */

static mode_t
mode_of (const char *path)
{
  GStatBuf file;

  g_assert_cmpint (g_lstat (path, &file), ==, 0);
  return file.st_mode;
}

static void
test_file (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("path=DIR/m size=1M");
  g_autofree char *path = g_build_filename (server->directory, "m", NULL);
  GStatBuf file;

  assert_usable (server, MIB);
  g_assert_cmphex (mode_of (path), ==, S_IFREG | 0660);
  /* Every block is there. */
  g_assert_cmpint (g_stat (path, &file), ==, 0);
  g_assert_cmpuint (file.st_blocks * 512, >=, MIB);
  ivt_server_close (server, FALSE);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

static void
test_file_outlives_the_daemon (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("path=DIR/m size=1M");
  g_autofree char *path = g_build_filename (server->directory, "m", NULL);
  g_autoptr (GError) error = NULL;
  char text[6] = "";

  g_assert_cmpint (pwrite ((int) server->region->memory.handle, "hello", 5, 1000), ==, 5);
  ivt_server_close (server, TRUE);
  g_assert_true (g_file_test (path, G_FILE_TEST_IS_REGULAR));

  g_assert_true (ivt_server_attach (server, "path=DIR/m size=1M", &error));
  g_assert_cmpint (pread ((int) server->region->memory.handle, text, 5, 1000), ==, 5);
  g_assert_cmpstr (text, ==, "hello");
  ivt_server_close (server, TRUE);

  /* Another size is a mistake, and nothing is touched. */
  g_assert_false (ivt_server_attach (server, "path=DIR/m size=2M", &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_EXISTS);
  g_assert_nonnull (strstr (error->message, "1048576"));
  g_clear_error (&error);
  g_assert_true (ivt_server_attach (server, "path=DIR/m size=1M", &error));
  ivt_server_close (server, FALSE);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

/* The list is stricter than permissions can be. */
static void
test_file_behind_a_list (void)
{
  g_autofree char *options = g_strdup_printf ("path=DIR/m mode=0666 allow-uids=%u", getuid ());
  g_autoptr (IvtServer) server = ivt_server_new (options);
  g_autofree char *path = g_build_filename (server->directory, "m", NULL);

  g_assert_cmphex (mode_of (path), ==, S_IFREG | 0600);
  g_assert_cmphex (mode_of (server->socket), ==, S_IFSOCK | 0666);
}

static void
test_file_has_owner (void)
{
  g_autoptr (IvtServer) server = NULL;
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  GStatBuf file;

  if (getuid () != 0)
    {
      g_test_skip ("only root may give a file away");
      return;
    }
  server = ivt_server_new ("path=DIR/m size=1M mode=0755 owner=12345 group=23456");
  path = g_build_filename (server->directory, "m", NULL);
  g_assert_cmpint (g_lstat (path, &file), ==, 0);
  g_assert_cmpuint (file.st_uid, ==, 12345);
  g_assert_cmpuint (file.st_gid, ==, 23456);
  g_assert_cmphex (file.st_mode & 0777, ==, 0644);

  /* It is found again, but not by a server that gives it to nobody. */
  ivt_server_close (server, TRUE);
  g_assert_false (ivt_server_attach (server, "path=DIR/m size=1M", &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_DENIED);
  g_clear_error (&error);
  g_assert_true (ivt_server_attach (server, "path=DIR/m size=1M owner=12345", &error));
}

static void
test_file_of_another_server (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("path=DIR/m");
  g_autofree char *options = g_strdup_printf ("path=%s/m", server->directory);
  g_autofree char *path = g_build_filename (server->directory, "m", NULL);
  g_autoptr (GError) error = NULL;
  IvtWireClient *client;

  g_assert_null (ivt_region_attach (server->host, "second", options, &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_BUSY);
  g_clear_error (&error);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));

  /* A client that lives on holds the memory, but not the place. */
  client = ivt_server_join (server);
  ivt_server_close (server, TRUE);
  g_assert_cmpint (client->memory_fd, >=, 0);
  g_assert_true (ivt_server_attach (server, "path=DIR/m", &error));
}

static void
test_bad_files (void)
{
  g_autoptr (IvtServer) server = ivt_server_new_empty ();
  g_autofree char *path = g_build_filename (server->directory, "m", NULL);
  g_autofree char *other = g_build_filename (server->directory, "n", NULL);
  g_autofree char *contents = g_malloc0 (4096);
  g_autoptr (GError) error = NULL;

  assert_fails ("path=DIR/missing/m", IVSHMEM_PLUGIN_NOT_FOUND, "missing");
  assert_fails ("path=/", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "/");

  g_assert_true (g_file_set_contents (other, contents, 4096, &error));
  g_assert_cmpint (symlink (other, path), ==, 0);
  g_assert_false (ivt_server_attach (server, "path=DIR/m size=4096", &error));
  g_clear_error (&error);
  g_assert_cmpint (g_unlink (path), ==, 0);

  g_assert_cmpint (link (other, path), ==, 0);
  g_assert_false (ivt_server_attach (server, "path=DIR/m size=4096", &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_DENIED);
  g_clear_error (&error);
  g_assert_cmpint (g_unlink (path), ==, 0);

  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  g_assert_false (ivt_server_attach (server, "path=DIR/m size=4096", &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_INVALID_ARGUMENT);
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (g_unlink (other), ==, 0);
}

/* A file system that is too small says so at the start. */
static void
test_no_space (void)
{
  g_autoptr (IvtServer) server = ivt_server_new_empty ();
  g_autoptr (GError) error = NULL;

  g_assert_false (
      ivt_server_attach (server, "socket=DIR/r.sock path=/dev/shm/ivt-server-too-large size=16T", &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_NO_SPACE);
  g_assert_false (g_file_test ("/dev/shm/ivt-server-too-large", G_FILE_TEST_EXISTS));
}

/* --- huge pages -------------------------------------------------------- */

static guint64
read_number (const char *path)
{
  g_autofree char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return 0;
  return g_ascii_strtoull (text, NULL, 10);
}

/* Not g_file_set_contents, which would make another file. */
static void
write_number (const char *path, guint64 number)
{
  g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT, number);
  int fd = open (path, O_WRONLY | O_CLOEXEC);

  if (fd < 0)
    return;
  if (write (fd, text, strlen (text)) < 0)
    g_test_message ("%s: %s", path, g_strerror (errno));
  close (fd);
}

static void
test_huge_pages (void)
{
  g_autoptr (IvtServer) server = NULL;
  g_autoptr (GError) error = NULL;
  guint64 before = read_number (HUGE_PAGES "nr_hugepages");
  guint64 wanted = before + 4 - read_number (HUGE_PAGES "free_hugepages");

  write_number (HUGE_PAGES "nr_hugepages", MAX (wanted, before));
  if (read_number (HUGE_PAGES "free_hugepages") < 2)
    {
      g_test_skip ("no huge pages of 2 MiB, and none can be had");
      write_number (HUGE_PAGES "nr_hugepages", before);
      return;
    }
  server = ivt_server_new ("hugepages=2M size=4M");
  assert_usable (server, 4 * MIB);
  g_assert_cmphex (fcntl ((int) server->region->memory.handle, F_GET_SEALS) & F_SEAL_SHRINK, ==,
                   F_SEAL_SHRINK);
  g_ptr_array_set_size (server->clients, 0);
  ivt_server_close (server, FALSE);
  write_number (HUGE_PAGES "nr_hugepages", before);
}

static void
test_no_huge_pages (void)
{
  g_autoptr (IvtServer) server = ivt_server_new_empty ();
  g_autoptr (GError) error = NULL;

  /* More than can be free. */
  g_assert_false (ivt_server_attach (server, "hugepages=2M size=1T", &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_NO_SPACE);
}

#define ADD(path, test) g_test_add_func ("/doorbell-server/memory/" path, test)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("memfd", test_memfd);
  ADD ("sizes", test_sizes);
  ADD ("too-large", test_too_large);
  ADD ("other-options", test_other_options);
  ADD ("file", test_file);
  ADD ("file-outlives-the-daemon", test_file_outlives_the_daemon);
  ADD ("file-behind-a-list", test_file_behind_a_list);
  ADD ("file-has-owner", test_file_has_owner);
  ADD ("file-of-another-server", test_file_of_another_server);
  ADD ("bad-files", test_bad_files);
  ADD ("no-space", test_no_space);
  ADD ("huge-pages", test_huge_pages);
  ADD ("no-huge-pages", test_no_huge_pages);
  return g_test_run ();
}
