/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "model/ivd-region-view.h"

/*
 * IvdSnapshot: all regions that could be seen at one moment, for threads other
 * than the main one. Immutable and reference counted; the views in it are
 * shared with the snapshots before and after.
 */

typedef struct
{
  guint64 serial;     /* of the newest event whose consequences are in it */
  GPtrArray *regions; /* of const IvdRegionView *, ordered by name; not to be changed */
} IvdSnapshot;

/* take_regions: of const IvdRegionView *, ordered by name, with
 * ivd_region_view_unref() as its free function; shared with others that do not
 * change it either. (transfer full) */
IvdSnapshot *ivd_snapshot_new (guint64 serial, GPtrArray *take_regions);
IvdSnapshot *ivd_snapshot_ref (const IvdSnapshot *snapshot);
void ivd_snapshot_unref (const IvdSnapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdSnapshot, ivd_snapshot_unref)

/* NULL: there is no such region. It stays with the snapshot. */
const IvdRegionView *ivd_snapshot_find (const IvdSnapshot *snapshot, const char *name);

/* Where the view of that name is, or would have to be. */
guint ivd_snapshot_place (const GPtrArray *regions, const char *name, gboolean *ret_found);
