/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <xxhash.h>
#if IVD_WITH_XXHASH_DISPATCH
#include <xxh_x86dispatch.h>
#endif

#include "ivb-bench.h"
#include "memory/ivd-memory.h"
#include "memory/ivd-scan.h"

/*
 * The memory room against what it is made of: copies against memcpy, small
 * operations against the bare instruction. Ours and the peer work on the same
 * pages at the same addresses, so that only the code differs.
 */

#define KIB ((gsize) 1024)
#define MIB (1024 * KIB)
#define LARGEST (64 * MIB)

/* What one round copies, and how many small operations it makes. */
#define ROUND_BYTES (128 * MIB)
#define ROUND_OPERATIONS 2000000
#define MILLION 1e6
#define SMALL_BYTES 64

typedef struct
{
  guint8 *shared;
  guint8 *private;
  IvdMapping *mapping;
  IvdScan *scan;
  gsize size;
} Bench;

/* The compiler must take every access for one that counts. */
#define KEEP() __asm__ volatile("" \
                                :  \
                                :  \
                                : "memory")

static void
check (gboolean done)
{
  if (!done)
    g_error ("an operation of the benchmark failed");
}

/* Seconds of this thread's own processor time: others that want the processor
 * too make it no slower. */
static gdouble
cpu_now (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (gdouble) now.tv_sec + (gdouble) now.tv_nsec / 1e9;
}

static gdouble
rate (gdouble amount, gdouble begun)
{
  return amount / (cpu_now () - begun);
}

static gdouble
read_ours (gpointer data)
{
  Bench *bench = data;
  gdouble begun = cpu_now ();

  for (gsize done = 0; done < ROUND_BYTES; done += bench->size)
    check (ivd_memory_read (bench->mapping, 0, bench->private, bench->size, NULL));
  return rate ((gdouble) ROUND_BYTES / MIB, begun);
}

static gdouble
read_memcpy (gpointer data)
{
  Bench *bench = data;
  gdouble begun = cpu_now ();

  for (gsize done = 0; done < ROUND_BYTES; done += bench->size)
    {
      memcpy (bench->private, bench->shared, bench->size);
      KEEP ();
    }
  return rate ((gdouble) ROUND_BYTES / MIB, begun);
}

static gdouble
write_ours (gpointer data)
{
  Bench *bench = data;
  gdouble begun = cpu_now ();

  for (gsize done = 0; done < ROUND_BYTES; done += bench->size)
    check (ivd_memory_write (bench->mapping, 0, bench->private, bench->size, NULL));
  return rate ((gdouble) ROUND_BYTES / MIB, begun);
}

static gdouble
write_memcpy (gpointer data)
{
  Bench *bench = data;
  gdouble begun = cpu_now ();

  for (gsize done = 0; done < ROUND_BYTES; done += bench->size)
    {
      memcpy (bench->shared, bench->private, bench->size);
      KEEP ();
    }
  return rate ((gdouble) ROUND_BYTES / MIB, begun);
}

static gdouble
scan_ours (gpointer data)
{
  Bench *bench = data;
  gdouble begun = cpu_now ();
  gboolean complete;
  guint64 blocks;

  for (gsize done = 0; done < ROUND_BYTES; done += bench->size)
    check (ivd_scan_run (bench->scan, G_MAXUINT64, NULL, NULL, &blocks, &complete, NULL));
  return rate ((gdouble) ROUND_BYTES / MIB, begun);
}

static gdouble
scan_hash (gpointer data)
{
  Bench *bench = data;
  gdouble begun = cpu_now ();
  volatile guint64 sink;

  for (gsize done = 0; done < ROUND_BYTES; done += IVD_SCAN_BLOCK_BYTES)
    sink = XXH3_64bits (bench->shared + done % bench->size, IVD_SCAN_BLOCK_BYTES);
  (void) sink;
  return rate ((gdouble) ROUND_BYTES / MIB, begun);
}

static gdouble
load_ours (gpointer data)
{
  Bench *bench = data;
  gdouble begun = cpu_now ();
  IvdWord word;

  for (guint i = 0; i < ROUND_OPERATIONS; i++)
    check (ivd_memory_load (bench->mapping, 8, 8, &word, NULL));
  return rate (ROUND_OPERATIONS / MILLION, begun);
}

static gdouble
load_bare (gpointer data)
{
  Bench *bench = data;
  volatile guint64 *word = (volatile guint64 *) (gpointer) (bench->shared + 8);
  gdouble begun = cpu_now ();

  for (guint i = 0; i < ROUND_OPERATIONS; i++)
    (void) *word;
  return rate (ROUND_OPERATIONS / MILLION, begun);
}

static gdouble
add_ours (gpointer data)
{
  Bench *bench = data;
  gdouble begun = cpu_now ();
  IvdWord one = { 1, 0 }, old;
  gboolean done;

  for (guint i = 0; i < ROUND_OPERATIONS; i++)
    check (ivd_memory_atomic (bench->mapping, IVD_ATOMIC_ADD, 8, 8, one, one, &old, &done, NULL));
  return rate (ROUND_OPERATIONS / MILLION, begun);
}

static gdouble
add_bare (gpointer data)
{
  Bench *bench = data;
  guint64 *word = (guint64 *) (gpointer) (bench->shared + 8);
  gdouble begun = cpu_now ();

  for (guint i = 0; i < ROUND_OPERATIONS; i++)
    (void) __atomic_fetch_add (word, 1, __ATOMIC_SEQ_CST);
  return rate (ROUND_OPERATIONS / MILLION, begun);
}

static gdouble
small_read_ours (gpointer data)
{
  Bench *bench = data;
  gdouble begun = cpu_now ();

  for (guint i = 0; i < ROUND_OPERATIONS; i++)
    check (ivd_memory_read (bench->mapping, 128, bench->private, SMALL_BYTES, NULL));
  return rate (ROUND_OPERATIONS / MILLION, begun);
}

static gdouble
small_read_bare (gpointer data)
{
  Bench *bench = data;
  gdouble begun = cpu_now ();

  for (guint i = 0; i < ROUND_OPERATIONS; i++)
    {
      memcpy (bench->private, bench->shared + 128, SMALL_BYTES);
      KEEP ();
    }
  return rate (ROUND_OPERATIONS / MILLION, begun);
}

static void
compare_copies (IvbBench *table, Bench *bench)
{
  static const struct
  {
    gsize size;
    const char *read, *write;
  } rows[] = {
    { 4 * KIB, "read 4 KiB", "write 4 KiB" },
    { 64 * KIB, "read 64 KiB", "write 64 KiB" },
    { MIB, "read 1 MiB", "write 1 MiB" },
    { LARGEST, "read 64 MiB", "write 64 MiB" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      bench->size = rows[i].size;
      ivb_bench_compare (table, rows[i].read, "MiB/s", read_ours, "memcpy", read_memcpy, bench);
      ivb_bench_compare (table, rows[i].write, "MiB/s", write_ours, "memcpy", write_memcpy, bench);
    }
}

int
main (int argc, char **argv)
{
  IvbBench *table = ivb_bench_new ("memory", &argc, &argv);
  Bench bench = { .size = LARGEST };
  int fd;

  if (table == NULL)
    return EXIT_FAILURE;

  fd = memfd_create ("ivb-memory", MFD_CLOEXEC);
  check (fd >= 0 && ftruncate (fd, LARGEST) == 0);
  bench.shared = mmap (NULL, LARGEST, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  bench.private = mmap (NULL, LARGEST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check (bench.shared != MAP_FAILED && bench.private != MAP_FAILED);
  memset (bench.private, 1, LARGEST);
  memset (bench.shared, 2, LARGEST);
  bench.mapping = ivd_mapping_new_for_address (bench.shared, LARGEST, 0);
  bench.scan = ivd_scan_new (bench.mapping, 0, LARGEST, IVD_SCAN_BLOCK_BYTES, NULL);

  compare_copies (table, &bench);
  bench.size = LARGEST;
  ivb_bench_compare (table, "scan 64 MiB, unchanged", "MiB/s", scan_ours, "XXH3 alone", scan_hash, &bench);
  ivb_bench_compare (table, "load 8 bytes", "M/s", load_ours, "bare load", load_bare, &bench);
  ivb_bench_compare (table, "atomic add 8 bytes", "M/s", add_ours, "bare lock xadd", add_bare, &bench);
  ivb_bench_compare (table, "read 64 bytes", "M/s", small_read_ours, "bare memcpy", small_read_bare, &bench);

  ivd_scan_free (bench.scan);
  ivd_mapping_unref (bench.mapping);
  munmap (bench.shared, LARGEST);
  munmap (bench.private, LARGEST);
  close (fd);
  return ivb_bench_end (table);
}
