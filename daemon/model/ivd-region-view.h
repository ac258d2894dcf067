/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "model/ivd-region.h"

/*
 * IvdRegionView: what was known of a region at one moment. Immutable and
 * reference counted: any thread may keep it as long as it likes, also after
 * the region has gone, and read all of it without a lock. Only the statistics
 * in it live on.
 */

typedef struct
{
  const char *name;
  const char *plugin;
  GVariant *options; /* a{sv}, defaults filled in */
  IvdRegionState state;
  const char *reason;  /* why it is in that state; NULL when there is nothing to say */
  guint64 size;        /* bytes; 0 before there was any memory */
  guint capabilities;  /* IvdCapability bits */
  gint own_id;         /* -1: none */
  guint vectors;       /* own ones */
  guint64 generation;  /* how many times memory has been attached: 1 for the first */
  IvdMapping *mapping; /* NULL before there was any memory; perhaps lost or closed
                        * by now: ivd_region_view_ref_mapping() */
  GPtrArray *peers;    /* of const IvdPeer *, ordered by id; not to be changed */
  guint peer_count;
  IvdStatistics *statistics; /* the region's own, as they are now */
} IvdRegionView;

/* As the region is now. Main thread. (transfer full) */
IvdRegionView *ivd_region_view_new (IvdRegion *region);
IvdRegionView *ivd_region_view_ref (const IvdRegionView *view);
void ivd_region_view_unref (const IvdRegionView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdRegionView, ivd_region_view_unref)

/* Rings received on an own vector, ever, as of now. */
guint64 ivd_region_view_get_vector_count (const IvdRegionView *view, guint vector);
/* NULL: not there. */
const IvdPeer *ivd_region_view_find_peer (const IvdRegionView *view, guint id);

/* The same answers and errors as those of the region's own functions. */
IvdMapping *ivd_region_view_ref_mapping (const IvdRegionView *view, GError **error);
gboolean ivd_region_view_check_ready (const IvdRegionView *view, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean ivd_region_view_check_capability (const IvdRegionView *view, IvdCapability capability, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
