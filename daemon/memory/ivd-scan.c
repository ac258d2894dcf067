/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "memory/ivd-scan.h"

#include <xxhash.h>
#if IVD_WITH_XXHASH_DISPATCH
#include <xxh_x86dispatch.h>
#endif

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "memory/ivd-bytes.h"
#include "memory/ivd-memory.h"

/*
 * A block that changes while it is read gets a hash of something that never
 * was, which the next run takes for a change: late, but never missed.
 */

#define BLOCK_MIN 64
#define BLOCK_MAX (1024 * 1024)

/* How much is read under one guard, between two looks at the mapping's state. */
#define SLICE_BYTES (256 * 1024)

struct _IvdScan
{
  IvdMapping *mapping;
  guint64 offset, end;
  guint64 first; /* where the first block begins: a multiple of block */
  guint block;
  guint64 n_blocks;
  guint64 *hashes;
  gboolean learned;
  guint64 next; /* block, of the look that is under way */

  guint slice_blocks;
  guint64 *fresh; /* the slice's hashes, before they are compared */
  guint8 *bounce; /* one block of memory that must not be hashed in place */
};

/* The changed blocks found so far and not yet told. */
typedef struct
{
  IvdScanFunc func;
  gpointer data;
  guint64 begin, end; /* blocks; equal: none */
  guint64 total;
} Run;

/* A slice under its guard. */
typedef struct
{
  IvdScan *scan;
  guint64 begin, end; /* bytes */
} Slice;

static gboolean
check_block (guint block, GError **error)
{
  if (block >= BLOCK_MIN && block <= BLOCK_MAX && (block & (block - 1)) == 0)
    return TRUE;

  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "a block of %u bytes is no power of two from %d to %d", block, BLOCK_MIN, BLOCK_MAX);
  return FALSE;
}

static gboolean
check_count (guint64 n_blocks, GError **error)
{
  if (n_blocks <= IVD_LIMIT_SCAN_BLOCKS)
    return TRUE;

  g_set_error (error, IVD_ERROR, IVD_ERROR_LIMIT,
               "%" G_GUINT64_FORMAT " blocks are more than %d; take larger ones, or a shorter range",
               n_blocks, IVD_LIMIT_SCAN_BLOCKS);
  return FALSE;
}

IvdScan *
ivd_scan_new (IvdMapping *mapping, guint64 offset, guint64 length, guint block, GError **error)
{
  const IvdMappingFlags device = IVD_MAPPING_WRITE_COMBINED | IVD_MAPPING_UNCACHED;
  guint64 first, n_blocks;
  IvdScan *scan;

  if (!ivd_memory_check_range (ivd_mapping_get_size (mapping), offset, length, error))
    return NULL;
  if (!check_block (block, error))
    return NULL;
  first = offset - offset % block;
  n_blocks = length == 0 ? 0 : (offset + length - 1 - first) / block + 1;
  if (!check_count (n_blocks, error))
    return NULL;

  scan = g_new0 (IvdScan, 1);
  scan->mapping = ivd_mapping_ref (mapping);
  scan->offset = offset;
  scan->end = offset + length;
  scan->first = first;
  scan->block = block;
  scan->n_blocks = n_blocks;
  scan->hashes = g_new0 (guint64, n_blocks);
  scan->slice_blocks = MAX (SLICE_BYTES / block, 1);
  scan->fresh = g_new0 (guint64, MIN (scan->slice_blocks, n_blocks));
  if ((ivd_mapping_get_flags (mapping) & device) != 0)
    scan->bounce = g_malloc (block);
  return scan;
}

void
ivd_scan_free (IvdScan *scan)
{
  if (scan == NULL)
    return;

  ivd_mapping_unref (scan->mapping);
  g_free (scan->hashes);
  g_free (scan->fresh);
  g_free (scan->bounce);
  g_free (scan);
}

static guint64
block_begin (IvdScan *scan, guint64 index)
{
  return MAX (scan->first + index * scan->block, scan->offset);
}

static guint64
block_end (IvdScan *scan, guint64 index)
{
  return MIN (scan->first + (index + 1) * scan->block, scan->end);
}

static guint64
hash_block (IvdScan *scan, const guint8 *address, gsize length)
{
  if (scan->bounce == NULL)
    return XXH3_64bits (address, length);

  ivd_bytes_load (scan->bounce, address, length, ivd_mapping_get_flags (scan->mapping));
  return XXH3_64bits (scan->bounce, length);
}

static void
hash_slice (guint8 *address, gpointer data)
{
  Slice *slice = data;
  IvdScan *scan = slice->scan;
  guint64 at = slice->begin;

  for (guint i = 0; at < slice->end; i++)
    {
      guint64 next = MIN (at - at % scan->block + scan->block, slice->end);

      scan->fresh[i] = hash_block (scan, address + (at - slice->begin), next - at);
      at = next;
    }
}

static void
tell (IvdScan *scan, Run *run)
{
  guint64 begin, end;

  if (run->begin == run->end)
    return;

  begin = block_begin (scan, run->begin);
  end = block_end (scan, run->end - 1);
  run->total += run->end - run->begin;
  run->begin = run->end;
  run->func (begin, end - begin, run->data);
}

static void
compare (IvdScan *scan, guint64 index, guint64 hash, Run *run)
{
  if (scan->hashes[index] == hash)
    return;

  scan->hashes[index] = hash;
  if (!scan->learned)
    return;
  if (run->end != index)
    {
      tell (scan, run);
      run->begin = index;
    }
  run->end = index + 1;
}

/* FALSE: what was found up to there is learned, and so will not be found again. */
static gboolean
run_slice (IvdScan *scan, Run *run, GError **error)
{
  guint64 index = scan->next;
  guint64 after = MIN (index + scan->slice_blocks, scan->n_blocks);
  Slice slice = { scan, block_begin (scan, index), block_end (scan, after - 1) };

  if (!ivd_mapping_touch (scan->mapping, slice.begin, slice.end - slice.begin, hash_slice, &slice, error))
    return FALSE;
  for (guint64 i = index; i < after; i++)
    compare (scan, i, scan->fresh[i - index], run);
  scan->next = after;
  return TRUE;
}

gboolean
ivd_scan_run (IvdScan *scan, guint64 bytes, IvdScanFunc func, gpointer data, guint64 *ret_blocks,
              gboolean *ret_complete, GError **error)
{
  Run run = { .func = func, .data = data };
  guint64 begin = scan->next;
  gboolean good = ivd_mapping_check (scan->mapping, error);

  while (good && scan->next < scan->n_blocks && (scan->next - begin) * scan->block < bytes)
    good = run_slice (scan, &run, error);
  tell (scan, &run);
  if (!good)
    {
      scan->next = 0;
      return FALSE;
    }
  *ret_blocks = run.total;
  *ret_complete = scan->next == scan->n_blocks;
  if (*ret_complete)
    {
      scan->learned = TRUE;
      scan->next = 0;
    }
  return TRUE;
}
