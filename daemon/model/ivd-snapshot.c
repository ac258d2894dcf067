/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "model/ivd-snapshot.h"

#include <string.h>

IvdSnapshot *
ivd_snapshot_new (guint64 serial, GPtrArray *take_regions)
{
  IvdSnapshot *snapshot = g_atomic_rc_box_new0 (IvdSnapshot);

  snapshot->serial = serial;
  snapshot->regions = take_regions;
  return snapshot;
}

IvdSnapshot *
ivd_snapshot_ref (const IvdSnapshot *snapshot)
{
  return g_atomic_rc_box_acquire ((IvdSnapshot *) snapshot);
}

static void
snapshot_clear (gpointer data)
{
  IvdSnapshot *snapshot = data;

  g_ptr_array_unref (snapshot->regions);
}

void
ivd_snapshot_unref (const IvdSnapshot *snapshot)
{
  if (snapshot != NULL)
    g_atomic_rc_box_release_full ((IvdSnapshot *) snapshot, snapshot_clear);
}

guint
ivd_snapshot_place (const GPtrArray *regions, const char *name, gboolean *ret_found)
{
  guint low = 0, high = regions->len;

  while (low < high)
    {
      guint middle = low + (high - low) / 2;
      const IvdRegionView *view = g_ptr_array_index (regions, middle);
      int order = strcmp (view->name, name);

      if (order == 0)
        {
          *ret_found = TRUE;
          return middle;
        }
      if (order < 0)
        low = middle + 1;
      else
        high = middle;
    }
  *ret_found = FALSE;
  return low;
}

const IvdRegionView *
ivd_snapshot_find (const IvdSnapshot *snapshot, const char *name)
{
  gboolean found;
  guint place = ivd_snapshot_place (snapshot->regions, name, &found);

  return found ? g_ptr_array_index (snapshot->regions, place) : NULL;
}
