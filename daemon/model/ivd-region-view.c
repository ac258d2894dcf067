/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "model/ivd-region-view.h"

#include "model/ivd-region-private.h"

IvdRegionView *
ivd_region_view_new (IvdRegion *region)
{
  IvdRegionView *view = g_atomic_rc_box_new0 (IvdRegionView);

  view->name = g_ref_string_acquire (region->name);
  view->plugin = g_ref_string_acquire (region->plugin);
  view->options = g_variant_ref (region->options);
  view->state = region->state;
  view->reason = region->reason != NULL ? g_ref_string_acquire (region->reason) : NULL;
  view->size = region->size;
  view->capabilities = region->capabilities;
  view->own_id = region->own_id;
  view->vectors = region->vectors;
  view->generation = region->generation;
  view->mapping = region->mapping != NULL ? ivd_mapping_ref (region->mapping) : NULL;
  view->peers = ivd_region_get_peers (region);
  view->peer_count = view->peers->len;
  view->statistics = ivd_statistics_ref (region->statistics);
  return view;
}

IvdRegionView *
ivd_region_view_ref (const IvdRegionView *view)
{
  return g_atomic_rc_box_acquire ((IvdRegionView *) view);
}

static void
view_clear (gpointer data)
{
  IvdRegionView *view = data;

  g_ref_string_release ((char *) view->name);
  g_ref_string_release ((char *) view->plugin);
  g_variant_unref (view->options);
  if (view->reason != NULL)
    g_ref_string_release ((char *) view->reason);
  if (view->mapping != NULL)
    ivd_mapping_unref (view->mapping);
  g_ptr_array_unref (view->peers);
  ivd_statistics_unref (view->statistics);
}

void
ivd_region_view_unref (const IvdRegionView *view)
{
  if (view != NULL)
    g_atomic_rc_box_release_full ((IvdRegionView *) view, view_clear);
}

guint64
ivd_region_view_get_vector_count (const IvdRegionView *view, guint vector)
{
  return vector < view->vectors ? ivd_statistics_get_interrupts (view->statistics, vector) : 0;
}

const IvdPeer *
ivd_region_view_find_peer (const IvdRegionView *view, guint id)
{
  guint low = 0, high = view->peers->len;

  while (low < high)
    {
      guint middle = low + (high - low) / 2;
      const IvdPeer *peer = g_ptr_array_index (view->peers, middle);

      if (peer->id == id)
        return peer;
      if (peer->id < id)
        low = middle + 1;
      else
        high = middle;
    }
  return NULL;
}

gboolean
ivd_region_view_check_ready (const IvdRegionView *view, GError **error)
{
  return ivd_region_state_check (view->state, view->name, view->reason, error);
}

IvdMapping *
ivd_region_view_ref_mapping (const IvdRegionView *view, GError **error)
{
  if (!ivd_region_view_check_ready (view, error))
    return NULL;
  return ivd_mapping_ref (view->mapping);
}

gboolean
ivd_region_view_check_capability (const IvdRegionView *view, IvdCapability capability, GError **error)
{
  return ivd_capability_check (view->capabilities, capability, view->name, view->plugin, view->reason, error);
}
