/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "lib/ivt-shared.h"
#include "memory/ivd-memory.h"

#define PAGE 4096
#define HUGE_PAGE (2 * 1024 * 1024)
#define MAP_NAME "ivt-shared"

static void
test_size (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (3 * PAGE, IVD_MAPPING_READ_ONLY, NULL);

  g_assert_cmpuint (ivd_mapping_get_size (mapping), ==, 3 * PAGE);
  g_assert_cmpuint (ivd_mapping_get_flags (mapping), ==, IVD_MAPPING_READ_ONLY);
  ivd_mapping_close (mapping);
  g_assert_cmpuint (ivd_mapping_get_size (mapping), ==, 3 * PAGE);
}

static void
test_valid (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (PAGE, 0, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (ivd_mapping_check (mapping, &error));
  ivd_mapping_close (mapping);
  g_assert_false (ivd_mapping_check (mapping, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_CLOSED);
}

/* Who holds a reference keeps the pages, whoever closes. */
static void
test_users_hold_the_pages (void)
{
  IvdMapping *mapping = ivt_shared_mapping (PAGE, 0, NULL);
  IvdMapping *user = ivd_mapping_ref (mapping);

  ivd_mapping_close (mapping);
  ivd_mapping_unref (mapping);
  g_assert_true (ivt_is_mapped (MAP_NAME));
  ivd_mapping_unref (user);
  g_assert_false (ivt_is_mapped (MAP_NAME));
}

/* A device must not be held up by who still has its mapping: what they may
 * still touch is nobody's, and the descriptor is of nothing. */
static void
test_device_is_let_go (gconstpointer closed)
{
  const gint code = closed != NULL ? IVD_ERROR_CLOSED : IVD_ERROR_REGION_LOST;
  int fd = -1;
  g_autoptr (IvdMapping) device = ivt_shared_mapping (PAGE, IVD_MAPPING_UNCACHED, &fd);
  volatile guint8 *byte = GSIZE_TO_POINTER (ivd_mapping_place (device, 5));
  g_autoptr (GError) error = NULL;
  char there = 'x';

  g_assert_true (ivd_memory_write (device, 5, "!", 1, NULL));
  if (closed != NULL)
    ivd_mapping_close (device);
  else
    ivd_mapping_lose (device, "it is gone");
  g_assert_false (ivt_is_mapped (MAP_NAME));
  *byte = '?';
  g_assert_cmpint (pread (fd, &there, 1, 5), ==, 1);
  g_assert_cmpint (there, ==, '!');
  g_assert_false (ivd_memory_read (device, 5, &there, 1, &error));
  g_assert_error (error, IVD_ERROR, code);
  close (fd);
}

static void
test_lost_file_stays_with_its_users (void)
{
  g_autoptr (IvdMapping) file = ivt_shared_mapping (PAGE, 0, NULL);

  ivd_mapping_lose (file, "it is gone");
  g_assert_true (ivt_is_mapped (MAP_NAME));
}

static void
lose_it (guint8 *address, gpointer data)
{
  address[0] = 1;
  ivd_mapping_lose (data, "it went meanwhile");
}

static void
test_device_lost_in_between (void)
{
  g_autoptr (IvdMapping) device = ivt_shared_mapping (PAGE, IVD_MAPPING_WRITE_COMBINED, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_false (ivd_mapping_touch (device, 0, 1, lose_it, device, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_REGION_LOST);
}

/* No sync is needed: two mappings of one file are the same bytes. */
static void
test_coherent (void)
{
  int fd = -1;
  g_autoptr (IvdMapping) one = ivt_shared_mapping (PAGE, 0, &fd);
  g_autoptr (IvdMapping) other = ivd_mapping_new (fd, 0, PAGE, IVD_MAPPING_READ_ONLY, NULL);
  char text[6] = "";

  g_assert_true (ivd_memory_write (one, 100, "hello", 6, NULL));
  g_assert_true (ivd_memory_read (other, 100, text, 6, NULL));
  g_assert_cmpstr (text, ==, "hello");
  g_assert_cmpint (pread (fd, text, 5, 101), ==, 5);
  g_assert_cmpmem (text, 4, "ello", 4);
  close (fd);
}

static void
test_offset (void)
{
  int fd = ivt_shared_fd (3 * PAGE);
  g_autoptr (IvdMapping) mapping = ivd_mapping_new (fd, PAGE, PAGE + 100, 0, NULL);
  g_autoptr (GError) error = NULL;
  guint64 offset = 0;
  char byte;
  int copy;

  g_assert_true (ivd_memory_write (mapping, PAGE + 99, "x", 1, NULL));
  g_assert_false (ivd_memory_write (mapping, PAGE + 100, "x", 1, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE);
  g_assert_cmpint (pread (fd, &byte, 1, 2 * PAGE + 99), ==, 1);
  g_assert_cmpint (byte, ==, 'x');

  copy = ivd_mapping_open (mapping, FALSE, &offset, NULL);
  g_assert_cmpint (copy, >=, 0);
  g_assert_cmpuint (offset, ==, PAGE);
  close (copy);
  close (fd);
}

static void
assert_new_fails (int fd, guint64 offset, guint64 size, IvdMappingFlags flags, IvdErrorCode code)
{
  g_autoptr (GError) error = NULL;
  guint before = ivt_count_fds ();

  g_assert_null (ivd_mapping_new (fd, offset, size, flags, &error));
  g_assert_error (error, IVD_ERROR, (gint) code);
  g_assert_cmpuint (ivt_count_fds (), ==, before);
  g_assert_false (ivt_is_mapped (MAP_NAME));
}

static void
test_new_refuses (void)
{
  int fd = ivt_shared_fd (2 * PAGE), ends[2];

  assert_new_fails (fd, 0, 0, 0, IVD_ERROR_INVALID_ARGUMENT);
  assert_new_fails (fd, 1, PAGE, 0, IVD_ERROR_INVALID_ARGUMENT);
  assert_new_fails (fd, 0, 2 * PAGE + 1, 0, IVD_ERROR_OUT_OF_RANGE);
  assert_new_fails (fd, 2 * PAGE, 1, 0, IVD_ERROR_OUT_OF_RANGE);
  assert_new_fails (fd, PAGE, G_MAXUINT64, 0, IVD_ERROR_OUT_OF_RANGE);
  assert_new_fails (fd, PAGE, G_MAXUINT64 - PAGE + 1, 0, IVD_ERROR_OUT_OF_RANGE);
  assert_new_fails (fd, G_MAXUINT64 - PAGE + 1, PAGE, 0, IVD_ERROR_OUT_OF_RANGE);
  assert_new_fails (fd, (guint64) 1 << 63, PAGE, 0, IVD_ERROR_OUT_OF_RANGE);
  assert_new_fails (-1, 0, PAGE, 0, IVD_ERROR_INVALID_ARGUMENT);
  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  assert_new_fails (ends[0], 0, PAGE, IVD_MAPPING_READ_ONLY, IVD_ERROR_INVALID_ARGUMENT);
  close (ends[0]);
  close (ends[1]);
  close (fd);
}

static void
test_new_denied (void)
{
  int fd = ivt_shared_fd (PAGE), read_only;
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", fd);
  IvdMapping *mapping;

  read_only = open (path, O_RDONLY | O_CLOEXEC);
  assert_new_fails (read_only, 0, PAGE, 0, IVD_ERROR_DENIED);
  mapping = ivd_mapping_new (read_only, 0, PAGE, IVD_MAPPING_READ_ONLY, NULL);
  g_assert_nonnull (mapping);
  ivd_mapping_unref (mapping);

  g_assert_cmpint (fcntl (fd, F_ADD_SEALS, F_SEAL_WRITE), ==, 0);
  assert_new_fails (fd, 0, PAGE, 0, IVD_ERROR_DENIED);
  close (read_only);
  close (fd);
}

/* A6.3: a constructor that fails closes nothing that it did not open. */
static void
test_failing_new_keeps_stdin (void)
{
  struct stat before, after;

  g_assert_cmpint (fstat (0, &before), ==, 0);
  for (guint i = 0; i < 10; i++)
    assert_new_fails (-1, 0, PAGE, 0, IVD_ERROR_INVALID_ARGUMENT);
  g_assert_cmpint (fstat (0, &after), ==, 0);
  g_assert_cmpuint (before.st_ino, ==, after.st_ino);
}

/* A6.2: what was mapped is unmapped, and no descriptor stays. */
static void
test_nothing_stays (void)
{
  guint before = ivt_count_fds ();

  for (guint i = 0; i < 50; i++)
    {
      IvdMapping *mapping = ivt_shared_mapping (PAGE, 0, NULL);

      g_assert_true (ivt_is_mapped (MAP_NAME));
      ivd_mapping_unref (mapping);
      g_assert_false (ivt_is_mapped (MAP_NAME));
    }
  g_assert_cmpuint (ivt_count_fds (), ==, before);
}

static void
test_open_writable (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (PAGE, 0, NULL);
  guint64 offset = G_MAXUINT64;
  int fd = ivd_mapping_open (mapping, FALSE, &offset, NULL);
  char byte = 'w';

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpuint (offset, ==, 0);
  g_assert_cmpint (fcntl (fd, F_GETFD), ==, FD_CLOEXEC);
  g_assert_cmpint (pwrite (fd, &byte, 1, 5), ==, 1);
  g_assert_true (ivd_memory_read (mapping, 5, &byte, 1, NULL));
  g_assert_cmpint (byte, ==, 'w');
  close (fd);
}

static void
test_open_read_only (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (PAGE, 0, NULL);
  guint64 offset = G_MAXUINT64;
  int fd = ivd_mapping_open (mapping, TRUE, &offset, NULL);
  char byte = 'x';

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpuint (offset, ==, 0);
  g_assert_cmpint (fcntl (fd, F_GETFD), ==, FD_CLOEXEC);
  g_assert_cmpint (fcntl (fd, F_GETFL) & O_ACCMODE, ==, O_RDONLY);
  g_assert_cmpint (pwrite (fd, &byte, 1, 0), ==, -1);
  g_assert_cmpint (ftruncate (fd, 0), ==, -1);
  g_assert_true (mmap (NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
  g_assert_true (ivd_memory_write (mapping, 9, &byte, 1, NULL));
  g_assert_cmpint (pread (fd, &byte, 1, 9), ==, 1);
  g_assert_cmpint (byte, ==, 'x');
  close (fd);
}

static void
assert_open_fails (IvdMapping *mapping, gboolean read_only, IvdErrorCode code)
{
  g_autoptr (GError) error = NULL;
  guint64 offset = 17;

  g_assert_cmpint (ivd_mapping_open (mapping, read_only, &offset, &error), ==, -1);
  g_assert_error (error, IVD_ERROR, (gint) code);
  g_assert_cmpuint (offset, ==, 17);
}

static void
test_open_refuses (void)
{
  g_autoptr (IvdMapping) read_only = ivt_shared_mapping (PAGE, IVD_MAPPING_READ_ONLY, NULL);
  g_autoptr (IvdMapping) closed = ivt_shared_mapping (PAGE, 0, NULL);
  g_autoptr (IvdMapping) lost = ivt_shared_mapping (PAGE, 0, NULL);
  guint8 bytes[64] = { 0 };
  g_autoptr (IvdMapping) foreign = ivd_mapping_new_for_address (bytes, sizeof bytes, 0);

  assert_open_fails (read_only, FALSE, IVD_ERROR_NOT_SUPPORTED);
  assert_open_fails (foreign, TRUE, IVD_ERROR_NOT_SUPPORTED);
  assert_open_fails (foreign, FALSE, IVD_ERROR_NOT_SUPPORTED);
  ivd_mapping_close (closed);
  assert_open_fails (closed, TRUE, IVD_ERROR_CLOSED);
  ivd_mapping_lose (lost, "gone");
  assert_open_fails (lost, FALSE, IVD_ERROR_REGION_LOST);
}

static void
count_call (gpointer data)
{
  guint *calls = data;

  (*calls)++;
}

static void
test_address (void)
{
  guint8 bytes[64] = { 0 };
  guint freed = 0;
  IvdMapping *mapping = ivd_mapping_new_for_address (bytes, sizeof bytes, 0);

  ivd_mapping_set_free_func (mapping, count_call, &freed);

  g_assert_true (ivd_memory_write (mapping, 63, "z", 1, NULL));
  g_assert_cmpint (bytes[63], ==, 'z');
  ivd_mapping_ref (mapping);
  ivd_mapping_close (mapping);
  ivd_mapping_unref (mapping);
  g_assert_cmpuint (freed, ==, 0);
  ivd_mapping_unref (mapping);
  g_assert_cmpuint (freed, ==, 1);
}

static void
assert_check_fails (IvdMapping *mapping, IvdErrorCode code, const char *text)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (ivd_mapping_check (mapping, &error));
  g_assert_error (error, IVD_ERROR, (gint) code);
  g_assert_nonnull (strstr (error->message, text));
}

static void
test_closing_wins (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (PAGE, 0, NULL);
  g_autoptr (IvdMapping) other = ivt_shared_mapping (PAGE, 0, NULL);

  ivd_mapping_lose (mapping, "the server has gone");
  ivd_mapping_lose (mapping, "twice");
  assert_check_fails (mapping, IVD_ERROR_REGION_LOST, "the server has gone");
  ivd_mapping_close (mapping);
  assert_check_fails (mapping, IVD_ERROR_CLOSED, "closed");

  ivd_mapping_close (other);
  ivd_mapping_close (other);
  ivd_mapping_lose (other, "too late");
  assert_check_fails (other, IVD_ERROR_CLOSED, "closed");
}

static void
test_end_func (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (PAGE, 0, NULL);
  guint kept = 0, removed = 0;
  gpointer keep = ivd_mapping_add_end_func (mapping, count_call, &kept);
  gpointer drop = ivd_mapping_add_end_func (mapping, count_call, &removed);

  ivd_mapping_remove_end_func (mapping, drop);
  ivd_mapping_lose (mapping, "gone");
  ivd_mapping_close (mapping);
  g_assert_cmpuint (kept, ==, 1);
  g_assert_cmpuint (removed, ==, 0);
  ivd_mapping_remove_end_func (mapping, keep);

  g_assert_null (ivd_mapping_add_end_func (mapping, count_call, &kept));
  ivd_mapping_remove_end_func (mapping, NULL);
}

typedef struct
{
  guint calls;
  gboolean was_lost;
  gboolean closes;
} Lost;

static gpointer
close_it (gpointer data)
{
  ivd_mapping_close (data);
  return NULL;
}

static void
on_lost (IvdMapping *mapping, const char *message, gpointer data)
{
  Lost *lost = data;

  lost->calls++;
  lost->was_lost = !ivd_mapping_check (mapping, NULL);
  g_assert_nonnull (strstr (message, "truncated"));
  if (lost->closes)
    g_thread_join (g_thread_new ("close", close_it, mapping));
}

static void
test_truncation_is_told_once (void)
{
  int fd = -1;
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (2 * PAGE, 0, &fd);
  Lost lost = { 0 };
  guint8 byte;

  ivd_mapping_set_lost_func (mapping, on_lost, &lost);
  g_assert_cmpint (ftruncate (fd, PAGE), ==, 0);
  g_assert_true (ivd_memory_read (mapping, 0, &byte, 1, NULL));
  g_assert_cmpuint (lost.calls, ==, 0);
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (ivd_memory_read (mapping, PAGE, &byte, 1, &error));
      g_assert_error (error, IVD_ERROR, IVD_ERROR_REGION_LOST);
    }
  g_assert_cmpuint (lost.calls, ==, 1);
  g_assert_true (lost.was_lost);
  assert_check_fails (mapping, IVD_ERROR_REGION_LOST, "4096");

  /* There is no way back, not even when the file is. */
  g_assert_cmpint (ftruncate (fd, 2 * PAGE), ==, 0);
  g_assert_false (ivd_memory_read (mapping, 0, &byte, 1, NULL));
  close (fd);
}

static void
test_lost_func_unset (void)
{
  int fd = -1;
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (PAGE, 0, &fd);
  Lost lost = { 0 };
  guint8 byte;

  ivd_mapping_set_lost_func (mapping, on_lost, &lost);
  ivd_mapping_set_lost_func (mapping, NULL, NULL);
  g_assert_cmpint (ftruncate (fd, 0), ==, 0);
  g_assert_false (ivd_memory_read (mapping, 0, &byte, 1, NULL));
  g_assert_cmpuint (lost.calls, ==, 0);
  close (fd);
}

/* A6.10: a callback may wait for a thread that closes. */
static void
test_close_from_callback (void)
{
  int fd = -1;
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (PAGE, 0, &fd);
  g_autoptr (GError) error = NULL;
  Lost lost = { .closes = TRUE };
  guint8 byte;

  ivd_mapping_set_lost_func (mapping, on_lost, &lost);
  g_assert_cmpint (ftruncate (fd, 0), ==, 0);
  g_assert_false (ivd_memory_read (mapping, 0, &byte, 1, &error));
  g_assert_cmpuint (lost.calls, ==, 1);
  assert_check_fails (mapping, IVD_ERROR_CLOSED, "closed");
  close (fd);
}

static gboolean
write_sysctl (const char *path, const char *text)
{
  int fd = open (path, O_WRONLY | O_CLOEXEC);
  gboolean done = fd >= 0 && write (fd, text, strlen (text)) == (gssize) strlen (text);

  if (fd >= 0)
    close (fd);
  return done;
}

static void
test_huge_pages (void)
{
  static const char sysctl[] = "/proc/sys/vm/nr_overcommit_hugepages";
  g_autofree char *before = NULL;
  g_autoptr (GError) error = NULL;
  IvdMapping *mapping;
  int fd;

  if (!g_file_get_contents (sysctl, &before, NULL, NULL) || !write_sysctl (sysctl, "8"))
    {
      g_test_skip ("huge pages cannot be had: needs root, and a kernel with hugetlbfs");
      return;
    }
  fd = memfd_create ("ivt-huge", MFD_CLOEXEC | MFD_HUGETLB);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (ftruncate (fd, 2 * HUGE_PAGE), ==, 0);

  mapping = ivd_mapping_new (fd, 0, HUGE_PAGE + 1, 0, &error);
  g_assert_no_error (error);
  g_assert_true (ivd_memory_fill (mapping, 0, HUGE_PAGE + 1, 7, &error));
  g_assert_no_error (error);
  g_assert_true (ivt_is_mapped ("ivt-huge"));
  ivd_mapping_unref (mapping);
  g_assert_false (ivt_is_mapped ("ivt-huge"));

  /* Truncated, and none left: both are as with small pages. */
  mapping = ivd_mapping_new (fd, 0, 2 * HUGE_PAGE, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpint (ftruncate (fd, HUGE_PAGE), ==, 0);
  g_assert_false (ivd_memory_fill (mapping, HUGE_PAGE - 8, 16, 7, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_REGION_LOST);
  ivd_mapping_unref (mapping);
  close (fd);
  g_assert_true (write_sysctl (sysctl, before));
}

static void
test_no_huge_pages (void)
{
  g_autoptr (GError) error = NULL;
  int fd = memfd_create ("ivt-huge", MFD_CLOEXEC | MFD_HUGETLB);
  guint64 size = (guint64) 1 << 46;

  if (fd < 0)
    {
      g_test_skip ("the kernel has no huge pages");
      return;
    }
  g_assert_cmpint (ftruncate (fd, (off_t) size), ==, 0);
  g_assert_null (ivd_mapping_new (fd, 0, size, 0, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NO_SPACE);
  close (fd);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/mapping/a3-1-size", test_size);
  g_test_add_func ("/ivd/mapping/a3-2-valid", test_valid);
  g_test_add_func ("/ivd/mapping/a3-4-users-hold-the-pages", test_users_hold_the_pages);
  g_test_add_data_func ("/ivd/mapping/lost-device-is-let-go", NULL, test_device_is_let_go);
  g_test_add_data_func ("/ivd/mapping/closed-device-is-let-go", "closed", test_device_is_let_go);
  g_test_add_func ("/ivd/mapping/lost-file-stays-with-its-users", test_lost_file_stays_with_its_users);
  g_test_add_func ("/ivd/mapping/device-lost-in-between", test_device_lost_in_between);
  g_test_add_func ("/ivd/mapping/a3-5-coherent-without-sync", test_coherent);
  g_test_add_func ("/ivd/mapping/offset", test_offset);
  g_test_add_func ("/ivd/mapping/new-refuses", test_new_refuses);
  g_test_add_func ("/ivd/mapping/new-denied", test_new_denied);
  g_test_add_func ("/ivd/mapping/a6-2-nothing-stays", test_nothing_stays);
  g_test_add_func ("/ivd/mapping/a6-3-failing-new-keeps-stdin", test_failing_new_keeps_stdin);
  g_test_add_func ("/ivd/mapping/open-writable", test_open_writable);
  g_test_add_func ("/ivd/mapping/open-read-only", test_open_read_only);
  g_test_add_func ("/ivd/mapping/open-refuses", test_open_refuses);
  g_test_add_func ("/ivd/mapping/address", test_address);
  g_test_add_func ("/ivd/mapping/closing-wins", test_closing_wins);
  g_test_add_func ("/ivd/mapping/end-func", test_end_func);
  g_test_add_func ("/ivd/mapping/a6-13-truncation-is-told-once", test_truncation_is_told_once);
  g_test_add_func ("/ivd/mapping/lost-func-unset", test_lost_func_unset);
  g_test_add_func ("/ivd/mapping/a6-10-close-from-callback", test_close_from_callback);
  g_test_add_func ("/ivd/mapping/huge-pages", test_huge_pages);
  g_test_add_func ("/ivd/mapping/no-huge-pages", test_no_huge_pages);
  return g_test_run ();
}
