/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "memory/ivd-mapping.h"

/*
 * Finds what has changed in a range since the last look, by one hash (XXH3)
 * per block: reads the memory once and keeps 8 bytes a block, no second copy.
 * Not for two threads at once.
 */

typedef struct _IvdScan IvdScan;

/* One run of changed blocks, clipped to the range. */
typedef void (*IvdScanFunc) (guint64 offset, guint64 length, gpointer data);

#define IVD_SCAN_BLOCK_BYTES 4096

/* block: 64 to 1 MiB, a power of two; blocks begin at its multiples. Errors:
 * out-of-range, invalid-argument, limit (more than IVD_LIMIT_SCAN_BLOCKS). */
IvdScan *ivd_scan_new (IvdMapping *mapping, guint64 offset, guint64 length, guint block, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void ivd_scan_free (IvdScan *scan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdScan, ivd_scan_free)

/* Looks at the next bytes, or a few more to the end of a slice; a look over all
 * of the range may so be taken in pieces, and begins anew when it was complete
 * or has failed. The first look only learns. func is called within the call, in
 * the order of the offsets; it must not free the scan. ret_blocks: how many
 * blocks have changed. ret_complete: this look is over. Errors: those of
 * ivd_memory_read; what was found up to there has been told then. */
gboolean ivd_scan_run (IvdScan *scan, guint64 bytes, IvdScanFunc func, gpointer data, guint64 *ret_blocks,
                       gboolean *ret_complete, GError **error) G_GNUC_WARN_UNUSED_RESULT;
