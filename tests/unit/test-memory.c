/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "lib/ivt-shared.h"
#include "memory/ivd-memory.h"

#define PAGE 4096
#define MIB (1024 * 1024)
#define GIB ((guint64) 1024 * MIB)
#define CHILD_OPTION "--child-no-space"
#define CHILD_DONE 42
#define CHILD_CANNOT 43

static const guint64 near_the_end[] = {
  PAGE + 1,
  (guint64) G_MAXINT32,
  (guint64) G_MAXUINT32 + 1,
  (guint64) G_MAXINT64,
  (guint64) G_MAXINT64 + 1,
  G_MAXUINT64 - PAGE,
  G_MAXUINT64 - 7,
  G_MAXUINT64,
};

static void
assert_code (GError *error, IvdErrorCode code)
{
  g_assert_error (error, IVD_ERROR, (gint) code);
  g_error_free (error);
}

static void
test_check_range (void)
{
  GError *error = NULL;

  g_assert_true (ivd_memory_check_range (PAGE, 0, PAGE, NULL));
  g_assert_true (ivd_memory_check_range (PAGE, PAGE, 0, NULL));
  g_assert_true (ivd_memory_check_range (0, 0, 0, NULL));
  g_assert_true (ivd_memory_check_range (G_MAXUINT64, 1, G_MAXUINT64 - 1, NULL));
  g_assert_false (ivd_memory_check_range (G_MAXUINT64, 1, G_MAXUINT64, NULL));
  g_assert_false (ivd_memory_check_range (PAGE, PAGE, 1, NULL));
  g_assert_false (ivd_memory_check_range (PAGE, 0, PAGE + 1, NULL));
  g_assert_false (ivd_memory_check_range (PAGE, 4000, 97, &error));
  g_assert_nonnull (strstr (error->message, "4000"));
  g_assert_nonnull (strstr (error->message, "97"));
  g_assert_nonnull (strstr (error->message, "4096"));
  assert_code (error, IVD_ERROR_OUT_OF_RANGE);
}

/* A6.15: whatever offset and length add up to, they are out of range. */
static void
test_overflow (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (PAGE, 0, NULL);
  guint8 byte = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (near_the_end); i++)
    for (gsize j = 0; j < G_N_ELEMENTS (near_the_end); j++)
      {
        guint64 offset = near_the_end[i], length = near_the_end[j];
        GError *error = NULL;

        g_assert_false (ivd_memory_read (mapping, offset, &byte, length, &error));
        assert_code (g_steal_pointer (&error), IVD_ERROR_OUT_OF_RANGE);
        g_assert_false (ivd_memory_write (mapping, offset, &byte, length, &error));
        assert_code (g_steal_pointer (&error), IVD_ERROR_OUT_OF_RANGE);
        g_assert_false (ivd_memory_fill (mapping, offset, length, 1, &error));
        assert_code (g_steal_pointer (&error), IVD_ERROR_OUT_OF_RANGE);
        g_assert_false (ivd_memory_fill (mapping, 8, G_MAXUINT64 - 7 + i, 1, &error));
        assert_code (g_steal_pointer (&error), IVD_ERROR_OUT_OF_RANGE);
      }
}

static void
test_bounds (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (PAGE, 0, NULL);
  guint8 buffer[PAGE + 1] = { 0 };

  for (gsize length = 1; length <= 16; length++)
    {
      GError *error = NULL;

      g_assert_true (ivd_memory_read (mapping, 0, buffer, length, NULL));
      g_assert_true (ivd_memory_read (mapping, PAGE - length, buffer, length, NULL));
      g_assert_true (ivd_memory_write (mapping, PAGE - length, buffer, length, NULL));
      g_assert_false (ivd_memory_read (mapping, PAGE - length + 1, buffer, length, &error));
      assert_code (g_steal_pointer (&error), IVD_ERROR_OUT_OF_RANGE);
      g_assert_false (ivd_memory_write (mapping, PAGE - length + 1, buffer, length, &error));
      assert_code (g_steal_pointer (&error), IVD_ERROR_OUT_OF_RANGE);
      g_assert_false (ivd_memory_fill (mapping, PAGE - length + 1, length, 1, &error));
      assert_code (g_steal_pointer (&error), IVD_ERROR_OUT_OF_RANGE);
    }
  g_assert_true (ivd_memory_read (mapping, 0, buffer, PAGE, NULL));
  g_assert_false (ivd_memory_read (mapping, 0, buffer, PAGE + 1, NULL));
}

static void
test_zero_length (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (PAGE, 0, NULL);
  GError *error = NULL;

  g_assert_true (ivd_memory_read (mapping, PAGE, NULL, 0, NULL));
  g_assert_true (ivd_memory_write (mapping, PAGE, NULL, 0, NULL));
  g_assert_true (ivd_memory_write (mapping, 0, NULL, 0, NULL));
  g_assert_true (ivd_memory_fill (mapping, PAGE, 0, 1, NULL));
  g_assert_false (ivd_memory_read (mapping, PAGE + 1, NULL, 0, &error));
  assert_code (g_steal_pointer (&error), IVD_ERROR_OUT_OF_RANGE);
  g_assert_false (ivd_memory_fill (mapping, PAGE + 1, 0, 1, &error));
  assert_code (g_steal_pointer (&error), IVD_ERROR_OUT_OF_RANGE);
}

/* A3.6: no byte beside the range changes, at any place and length. */
static void
test_fill (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (256, 0, NULL);
  guint8 expected[256], found[256];

  for (gsize offset = 0; offset < 24; offset++)
    for (gsize length = 0; length <= 100; length++)
      {
        g_assert_true (ivd_memory_fill (mapping, 0, 256, 0x11, NULL));
        g_assert_true (ivd_memory_fill (mapping, offset, length, 0xee, NULL));
        memset (expected, 0x11, sizeof expected);
        memset (expected + offset, 0xee, length);
        g_assert_true (ivd_memory_read (mapping, 0, found, 256, NULL));
        g_assert_cmpmem (found, 256, expected, 256);
      }
  g_assert_true (ivd_memory_fill (mapping, 255, 1, 0xff, NULL));
  g_assert_true (ivd_memory_read (mapping, 255, found, 1, NULL));
  g_assert_cmpuint (found[0], ==, 0xff);
}

/* Each width at each offset arrives with its neighbours untouched. */
static void
check_widths (IvdMappingFlags flags)
{
  static const gsize widths[] = { 1, 2, 4, 8, 3, 5, 16, 31, 64, 100 };
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (256, flags, NULL);
  guint8 expected[256], found[256], value[100];

  for (gsize i = 0; i < sizeof value; i++)
    value[i] = (guint8) (0x80 + i);
  for (gsize w = 0; w < G_N_ELEMENTS (widths); w++)
    for (gsize offset = 0; offset <= 256 - widths[w]; offset++)
      {
        g_assert_true (ivd_memory_fill (mapping, 0, 256, 0x11, NULL));
        memset (expected, 0x11, sizeof expected);
        memcpy (expected + offset, value, widths[w]);
        g_assert_true (ivd_memory_write (mapping, offset, value, widths[w], NULL));
        g_assert_true (ivd_memory_read (mapping, 0, found, 256, NULL));
        g_assert_cmpmem (found, 256, expected, 256);
        memset (found, 0, sizeof found);
        g_assert_true (ivd_memory_read (mapping, offset, found, widths[w], NULL));
        g_assert_cmpmem (found, widths[w], value, widths[w]);
        g_assert_cmpuint (found[widths[w]], ==, 0);
      }
}

static void
test_write_widths (void)
{
  check_widths (0);
}

static void
test_device_widths (void)
{
  check_widths (IVD_MAPPING_UNCACHED);
  check_widths (IVD_MAPPING_WRITE_COMBINED);
}

static void
test_write_arrays (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (8 * MIB, 0, NULL);
  g_autofree guint8 *from = g_malloc (8 * MIB), *to = g_malloc0 (8 * MIB);
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  for (gsize i = 0; i < 8 * MIB; i++)
    from[i] = (guint8) (i * 2654435761u >> 13);
  g_assert_true (ivd_memory_write (mapping, 0, from, 8 * MIB, NULL));
  g_assert_true (ivd_memory_read (mapping, 0, to, 8 * MIB, NULL));
  g_assert_cmpmem (from, 8 * MIB, to, 8 * MIB);
  for (guint i = 0; i < 50; i++)
    {
      gsize offset = (gsize) g_rand_int_range (rand, 0, 8 * MIB);
      gsize length = (gsize) g_rand_int_range (rand, 0, (gint) MIN (8 * MIB - offset, MIB) + 1);

      memset (to, 0, length);
      g_assert_true (ivd_memory_read (mapping, offset, to, length, NULL));
      g_assert_cmpmem (to, length, from + offset, length);
    }
}

/* A3.9: what others wrote is read, signs and all. */
static void
test_read_widths (void)
{
  int fd = -1;
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (PAGE, 0, &fd);
  gint64 negative = -2;
  gdouble number = 0;
  gint32 small = 0;

  g_assert_cmpint (pwrite (fd, &negative, 8, 40), ==, 8);
  g_assert_true (ivd_memory_read (mapping, 40, &small, 4, NULL));
  g_assert_cmpint (small, ==, -2);
  g_assert_cmpint (pwrite (fd, &(gdouble){ -0.5 }, 8, 3), ==, 8);
  g_assert_true (ivd_memory_read (mapping, 3, &number, 8, NULL));
  g_assert_true (number < -0.4 && number > -0.6);
  close (fd);
}

static void
test_read_only (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (PAGE, IVD_MAPPING_READ_ONLY, NULL);
  GError *error = NULL;
  guint8 byte = 1;

  g_assert_true (ivd_memory_read (mapping, 0, &byte, 1, NULL));
  g_assert_cmpuint (byte, ==, 0);
  g_assert_false (ivd_memory_write (mapping, 0, &byte, 1, &error));
  assert_code (g_steal_pointer (&error), IVD_ERROR_NOT_SUPPORTED);
  g_assert_false (ivd_memory_write (mapping, 0, &byte, 0, &error));
  assert_code (g_steal_pointer (&error), IVD_ERROR_NOT_SUPPORTED);
  g_assert_false (ivd_memory_fill (mapping, 0, 1, 1, &error));
  assert_code (g_steal_pointer (&error), IVD_ERROR_NOT_SUPPORTED);
}

static void
test_closed (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (PAGE, 0, NULL);
  GError *error = NULL;
  guint8 byte = 0;

  ivd_mapping_close (mapping);
  g_assert_false (ivd_memory_read (mapping, 0, &byte, 1, &error));
  assert_code (g_steal_pointer (&error), IVD_ERROR_CLOSED);
  g_assert_false (ivd_memory_write (mapping, 0, &byte, 1, &error));
  assert_code (g_steal_pointer (&error), IVD_ERROR_CLOSED);
  g_assert_false (ivd_memory_fill (mapping, 0, 1, 1, &error));
  assert_code (g_steal_pointer (&error), IVD_ERROR_CLOSED);
  g_assert_false (ivd_memory_read (mapping, 0, &byte, 0, &error));
  assert_code (g_steal_pointer (&error), IVD_ERROR_CLOSED);
}

/*
 * A6.13: memory that vanishes.
 */

typedef struct
{
  IvdMapping *mapping;
  guint64 length;
  guint8 *buffer;
  guint kind; /* 0 read, 1 write, 2 fill */
  gint ready; /* atomic */
  IvdErrorCode code;
} Copier;

static gpointer
copy (gpointer data)
{
  Copier *copier = data;
  g_autoptr (GError) error = NULL;
  gboolean done;

  g_atomic_int_set (&copier->ready, 1);
  if (copier->kind == 0)
    done = ivd_memory_read (copier->mapping, 0, copier->buffer, copier->length, &error);
  else if (copier->kind == 1)
    done = ivd_memory_write (copier->mapping, 0, copier->buffer, copier->length, &error);
  else
    done = ivd_memory_fill (copier->mapping, 0, copier->length, 1, &error);
  g_assert_false (done);
  g_assert_cmpuint (error->domain, ==, IVD_ERROR);
  copier->code = (IvdErrorCode) error->code;
  return NULL;
}

static gpointer
copy_until_it_ends (gpointer data)
{
  Copier *copier = data;
  guint8 buffer[PAGE];

  g_atomic_int_set (&copier->ready, 1);
  for (;;)
    {
      g_autoptr (GError) error = NULL;

      if (!ivd_memory_read (copier->mapping, PAGE, buffer, PAGE, &error))
        {
          copier->code = (IvdErrorCode) error->code;
          return NULL;
        }
    }
}

static void
wait_ready (Copier *copier)
{
  while (g_atomic_int_get (&copier->ready) == 0)
    g_thread_yield ();
}

static void
test_truncated_on_every_thread (void)
{
  int fd = -1;
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (2 * PAGE, 0, &fd);
  Copier copiers[6];
  GThread *threads[G_N_ELEMENTS (copiers)];

  for (gsize i = 0; i < G_N_ELEMENTS (copiers); i++)
    {
      copiers[i] = (Copier){ .mapping = mapping };
      threads[i] = g_thread_new ("copy", copy_until_it_ends, &copiers[i]);
      wait_ready (&copiers[i]);
    }
  g_assert_cmpint (ftruncate (fd, PAGE), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (copiers); i++)
    {
      g_thread_join (threads[i]);
      g_assert_cmpint (copiers[i].code, ==, IVD_ERROR_REGION_LOST);
    }
  close (fd);
}

/* The file is cut once 64 MiB of the gigabyte have been touched. */
static void
test_truncated_in_mid_copy (gconstpointer data)
{
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  Copier copier = { .length = GIB, .kind = GPOINTER_TO_UINT (data) };
  int fd = -1;
  GThread *thread;

  copier.mapping = ivt_shared_mapping (GIB, 0, &fd);
  copier.buffer = mmap (NULL, GIB, PROT_READ | PROT_WRITE, flags, -1, 0);
  g_assert_true (copier.buffer != MAP_FAILED);

  thread = g_thread_new ("copy", copy, &copier);
  ivt_wait_for_bytes (fd, 64 * MIB);
  g_assert_cmpint (ftruncate (fd, 0), ==, 0);
  g_thread_join (thread);
  g_assert_cmpint (copier.code, ==, IVD_ERROR_REGION_LOST);

  munmap (copier.buffer, GIB);
  ivd_mapping_unref (copier.mapping);
  close (fd);
}

/* A3.4, A3.22: closing does not wait for the copy, and the copy ends soon. */
static void
test_closed_in_mid_copy (void)
{
  Copier copier = { .length = GIB, .kind = 2 };
  int fd = -1;
  GThread *thread;

  copier.mapping = ivt_shared_mapping (GIB, 0, &fd);
  thread = g_thread_new ("copy", copy, &copier);
  ivt_wait_for_bytes (fd, 8 * MIB);
  ivd_mapping_close (copier.mapping);
  g_thread_join (thread);
  g_assert_cmpint (copier.code, ==, IVD_ERROR_CLOSED);
  ivd_mapping_unref (copier.mapping);
  close (fd);
}

/*
 * no-space: a small file system of its own, in a process with its own mounts.
 */

static gboolean
mount_small (const char *path)
{
  int flags = CLONE_NEWNS | (geteuid () == 0 ? 0 : CLONE_NEWUSER);

  if (unshare (flags) != 0 || mount ("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
    return FALSE;
  return mount ("ivt", path, "tmpfs", 0, "size=64k") == 0;
}

static void
check_no_space (const char *path)
{
  g_autofree char *file = g_build_filename (path, "region", NULL);
  int fd = open (file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  g_autoptr (IvdMapping) mapping = NULL;
  GError *error = NULL;
  guint64 offset;
  IvdWord word;

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (ftruncate (fd, MIB + 100), ==, 0);
  mapping = ivd_mapping_new (fd, 0, MIB + 100, 0, NULL);
  g_assert_nonnull (mapping);

  g_assert_false (ivd_memory_fill (mapping, 0, MIB, 1, &error));
  g_assert_nonnull (strstr (error->message, "no room"));
  assert_code (g_steal_pointer (&error), IVD_ERROR_NO_SPACE);
  /* Also in the last page, beyond the file's last byte or not. */
  g_assert_false (ivd_memory_load (mapping, MIB + 92, 8, &word, &error));
  assert_code (g_steal_pointer (&error), IVD_ERROR_NO_SPACE);

  /* The region has stayed: what is there can be used, and the rest when there
   * is room again. */
  g_assert_true (ivd_mapping_check (mapping, NULL));
  g_assert_true (ivd_memory_fill (mapping, 0, PAGE, 2, NULL));
  g_assert_cmpint (fallocate (fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 64 * 1024), ==, 0);
  offset = MIB;
  g_assert_true (ivd_memory_write (mapping, offset, "again", 5, NULL));
  close (fd);
}

static int
child_main (const char *path)
{
  if (!mount_small (path))
    return CHILD_CANNOT;
  check_no_space (path);
  return CHILD_DONE;
}

static void
test_no_space (void)
{
  g_autofree char *path = g_dir_make_tmp ("ivt-XXXXXX", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) process = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error, "/proc/self/exe",
                                                      CHILD_OPTION, path, NULL);

  g_assert_no_error (error);
  g_assert_true (g_subprocess_wait (process, NULL, NULL));
  g_assert_cmpint (g_rmdir (path), ==, 0);
  g_assert_true (g_subprocess_get_if_exited (process));
  if (g_subprocess_get_exit_status (process) == CHILD_CANNOT)
    {
      g_test_skip ("a small file system cannot be mounted: needs root or user namespaces");
      return;
    }
  g_assert_cmpint (g_subprocess_get_exit_status (process), ==, CHILD_DONE);
}

int
main (int argc, char **argv)
{
  if (argc == 3 && g_str_equal (argv[1], CHILD_OPTION))
    return child_main (argv[2]);

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/memory/a3-2-check-range", test_check_range);
  g_test_add_func ("/ivd/memory/a3-3-read-only", test_read_only);
  g_test_add_func ("/ivd/memory/a3-6-fill", test_fill);
  g_test_add_func ("/ivd/memory/a3-7-write-widths", test_write_widths);
  g_test_add_func ("/ivd/memory/a3-8-write-arrays", test_write_arrays);
  g_test_add_func ("/ivd/memory/a3-9-read-widths", test_read_widths);
  g_test_add_func ("/ivd/memory/a3-10-zero-length", test_zero_length);
  g_test_add_func ("/ivd/memory/a3-21-bounds", test_bounds);
  g_test_add_func ("/ivd/memory/a3-22-closed", test_closed);
  g_test_add_func ("/ivd/memory/a3-22-closed-in-mid-copy", test_closed_in_mid_copy);
  g_test_add_func ("/ivd/memory/a6-13-truncated-on-every-thread", test_truncated_on_every_thread);
  g_test_add_data_func ("/ivd/memory/a6-13-truncated-in-mid-read", GUINT_TO_POINTER (0),
                        test_truncated_in_mid_copy);
  g_test_add_data_func ("/ivd/memory/a6-13-truncated-in-mid-write", GUINT_TO_POINTER (1),
                        test_truncated_in_mid_copy);
  g_test_add_data_func ("/ivd/memory/a6-13-truncated-in-mid-fill", GUINT_TO_POINTER (2),
                        test_truncated_in_mid_copy);
  g_test_add_func ("/ivd/memory/a6-15-offset-overflow", test_overflow);
  g_test_add_func ("/ivd/memory/device-widths", test_device_widths);
  g_test_add_func ("/ivd/memory/no-space", test_no_space);
  return g_test_run ();
}
