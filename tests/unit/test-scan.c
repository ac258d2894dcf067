/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "lib/ivt-shared.h"
#include "memory/ivd-memory.h"
#include "memory/ivd-scan.h"

#define SIZE (2 * 1024 * 1024)
#define BLOCK IVD_SCAN_BLOCK_BYTES

static void
note_run (guint64 offset, guint64 length, gpointer data)
{
  g_string_append_printf (data, "%" G_GUINT64_FORMAT "+%" G_GUINT64_FORMAT " ", offset, length);
}

/* One run over so many bytes, what it found, and whether the look is over:
 * "offset+length ..." */
static void
assert_piece (IvdScan *scan, guint64 bytes, const char *expected, guint64 blocks, gboolean is_last)
{
  g_autoptr (GString) found = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  guint64 n_blocks = 99;
  gboolean complete = !is_last;

  g_assert_true (ivd_scan_run (scan, bytes, note_run, found, &n_blocks, &complete, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (found->str, ==, expected);
  g_assert_cmpuint (n_blocks, ==, blocks);
  g_assert_cmpint (complete, ==, is_last);
}

static void
assert_finds (IvdScan *scan, const char *expected, guint64 blocks)
{
  assert_piece (scan, G_MAXUINT64, expected, blocks, TRUE);
}

static void
put (IvdMapping *mapping, guint64 offset, guint8 byte)
{
  g_assert_true (ivd_memory_write (mapping, offset, &byte, 1, NULL));
}

static IvdScan *
scan_new (IvdMapping *mapping, guint64 offset, guint64 length, guint block)
{
  g_autoptr (GError) error = NULL;
  IvdScan *scan = ivd_scan_new (mapping, offset, length, block, &error);

  g_assert_no_error (error);
  return scan;
}

static void
check_runs (IvdMappingFlags flags)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, flags, NULL);
  g_autoptr (IvdScan) scan = scan_new (mapping, 0, SIZE, BLOCK);

  put (mapping, 5, 1);
  assert_finds (scan, "", 0);
  assert_finds (scan, "", 0);

  put (mapping, 0, 1);
  assert_finds (scan, "0+4096 ", 1);
  assert_finds (scan, "", 0);
  put (mapping, SIZE - 1, 1);
  put (mapping, 4095, 1);
  put (mapping, 4096, 1);
  put (mapping, 3 * 4096, 1);
  assert_finds (scan, "0+8192 12288+4096 2093056+4096 ", 4);

  /* A run that reaches over slices is one. */
  g_assert_true (ivd_memory_fill (mapping, 4096, SIZE - 8192, 7, NULL));
  assert_finds (scan, "4096+2088960 ", 510);
  put (mapping, 8192, 8);
  put (mapping, 8192, 7);
  assert_finds (scan, "", 0);
}

static void
test_runs (void)
{
  check_runs (0);
}

static void
test_device (void)
{
  check_runs (IVD_MAPPING_WRITE_COMBINED);
}

/* Every byte counts, wherever it is in its block. */
static void
test_every_byte (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (8192, 0, NULL);
  g_autoptr (IvdScan) scan = scan_new (mapping, 0, 8192, 64);

  assert_finds (scan, "", 0);
  for (guint64 offset = 0; offset < 8192; offset += 7)
    {
      g_autofree char *expected = g_strdup_printf ("%" G_GUINT64_FORMAT "+64 ", offset / 64 * 64);

      put (mapping, offset, 1);
      assert_finds (scan, expected, 1);
    }
}

static void
test_clipped (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, NULL);
  g_autoptr (IvdScan) scan = scan_new (mapping, 100, 8192, BLOCK);
  g_autoptr (IvdScan) inner = scan_new (mapping, 130, 1, BLOCK);

  assert_finds (scan, "", 0);
  assert_finds (inner, "", 0);
  put (mapping, 99, 1);
  put (mapping, 8292, 1);
  assert_finds (scan, "", 0);
  put (mapping, 100, 1);
  assert_finds (scan, "100+3996 ", 1);
  put (mapping, 8291, 1);
  assert_finds (scan, "8192+100 ", 1);
  assert_finds (inner, "", 0);
  put (mapping, 130, 1);
  assert_finds (inner, "130+1 ", 1);
}

static void
test_blocks (void)
{
  static const guint good[] = { 64, 128, 4096, 1024 * 1024 };
  static const guint bad[] = { 0, 1, 32, 63, 65, 96, 4095, 2 * 1024 * 1024, G_MAXUINT };
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (IvdScan) scan = scan_new (mapping, 0, SIZE, good[i]);

      assert_finds (scan, "", 0);
      put (mapping, SIZE / 2, (guint8) (i + 1));
      {
        g_autofree char *expected = g_strdup_printf ("%d+%u ", SIZE / 2, good[i]);

        assert_finds (scan, expected, 1);
      }
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (ivd_scan_new (mapping, 0, SIZE, bad[i], &error));
      g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_bounds (void)
{
  static const guint64 beyond[] = { SIZE + 1, G_MAXINT64, G_MAXUINT64 - 4095, G_MAXUINT64 };
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, NULL);
  g_autoptr (IvdScan) empty = scan_new (mapping, SIZE, 0, BLOCK);

  assert_finds (empty, "", 0);
  assert_finds (empty, "", 0);
  for (gsize i = 0; i < G_N_ELEMENTS (beyond); i++)
    {
      GError *error = NULL;

      g_assert_null (ivd_scan_new (mapping, beyond[i], 1, BLOCK, &error));
      g_assert_error (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE);
      g_clear_error (&error);
      g_assert_null (ivd_scan_new (mapping, 1, beyond[i], BLOCK, &error));
      g_assert_error (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE);
      g_clear_error (&error);
    }
}

static void
test_limit (void)
{
  const guint64 size = (guint64) IVD_LIMIT_SCAN_BLOCKS * 64 + 1;
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (size, 0, NULL);
  g_autoptr (IvdScan) largest = scan_new (mapping, 0, size - 1, 64);
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (largest);
  g_assert_null (ivd_scan_new (mapping, 0, size, 64, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_LIMIT);
}

static void
assert_run_fails (IvdScan *scan, const char *expected, IvdErrorCode code)
{
  g_autoptr (GString) found = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  guint64 n_blocks = 99;
  gboolean complete;

  g_assert_false (ivd_scan_run (scan, G_MAXUINT64, note_run, found, &n_blocks, &complete, &error));
  g_assert_error (error, IVD_ERROR, (gint) code);
  g_assert_cmpstr (found->str, ==, expected);
  g_assert_cmpuint (n_blocks, ==, 99);
}

/* A look in pieces finds what one in a whole would, and forgets nothing
 * between them. */
static void
test_pieces (void)
{
  int fd = -1;
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, &fd);
  g_autoptr (IvdScan) scan = scan_new (mapping, 0, SIZE, BLOCK);

  assert_piece (scan, SIZE / 2, "", 0, FALSE);
  put (mapping, 0, 1); /* behind it, and not learned yet */
  assert_piece (scan, SIZE / 2, "", 0, TRUE);
  put (mapping, SIZE / 2 - 1, 1);
  put (mapping, SIZE / 2, 1);
  assert_piece (scan, SIZE / 2, "0+4096 1044480+4096 ", 2, FALSE);
  assert_piece (scan, SIZE / 2 - 1, "1048576+4096 ", 1, TRUE);
  /* At least one slice. */
  assert_piece (scan, 1, "", 0, FALSE);
  assert_piece (scan, SIZE, "", 0, TRUE);
  /* After a failure it begins anew. */
  assert_piece (scan, SIZE / 2, "", 0, FALSE);
  g_assert_cmpint (ftruncate (fd, SIZE / 2), ==, 0);
  assert_run_fails (scan, "", IVD_ERROR_REGION_LOST);
  close (fd);
}

static void
test_ends (void)
{
  int fd = -1;
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, &fd);
  g_autoptr (IvdScan) scan = scan_new (mapping, 0, SIZE, BLOCK);

  assert_finds (scan, "", 0);
  put (mapping, 0, 1);
  g_assert_cmpint (ftruncate (fd, SIZE / 2), ==, 0);
  assert_run_fails (scan, "0+4096 ", IVD_ERROR_REGION_LOST);
  assert_run_fails (scan, "", IVD_ERROR_REGION_LOST);
  ivd_mapping_close (mapping);
  assert_run_fails (scan, "", IVD_ERROR_CLOSED);
  close (fd);
}

typedef struct
{
  IvdMapping *mapping;
  gint stop; /* atomic */
} Writer;

static gpointer
write_always (gpointer data)
{
  Writer *writer = data;

  for (guint8 i = 1; g_atomic_int_get (&writer->stop) == 0; i++)
    g_assert_true (ivd_memory_fill (writer->mapping, 8192, 4096, i | 1, NULL));
  return NULL;
}

/* Bytes that change under the scan are found, now or by the next run. */
static void
test_while_written (void)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, NULL);
  g_autoptr (IvdScan) scan = scan_new (mapping, 0, SIZE, BLOCK);
  Writer writer = { mapping, 0 };
  GThread *thread;
  guint64 n_blocks = 0;

  assert_finds (scan, "", 0);
  thread = g_thread_new ("write", write_always, &writer);
  while (n_blocks == 0)
    {
      g_autoptr (GString) found = g_string_new (NULL);
      gboolean complete;

      g_assert_true (ivd_scan_run (scan, G_MAXUINT64, note_run, found, &n_blocks, &complete, NULL));
      g_assert_cmpstr (found->str, ==, n_blocks == 0 ? "" : "8192+4096 ");
    }
  g_atomic_int_set (&writer.stop, 1);
  g_thread_join (thread);
  g_assert_true (ivd_memory_fill (mapping, 8192, 4096, 0, NULL));
  assert_finds (scan, "8192+4096 ", 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/scan/runs", test_runs);
  g_test_add_func ("/ivd/scan/device", test_device);
  g_test_add_func ("/ivd/scan/every-byte", test_every_byte);
  g_test_add_func ("/ivd/scan/clipped", test_clipped);
  g_test_add_func ("/ivd/scan/blocks", test_blocks);
  g_test_add_func ("/ivd/scan/a6-15-bounds", test_bounds);
  g_test_add_func ("/ivd/scan/limit", test_limit);
  g_test_add_func ("/ivd/scan/pieces", test_pieces);
  g_test_add_func ("/ivd/scan/a6-13-ends", test_ends);
  g_test_add_func ("/ivd/scan/while-written", test_while_written);
  return g_test_run ();
}
