/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "operation/ivd-activity.h"

#include "base/ivd-names.h"
#include "platform/ivd-log.h"

#define INTERVAL_USEC G_USEC_PER_SEC

struct _IvdActivity
{
  IvdRegistry *registry;
  IvdCopyPool *pool;
  IvdWatchBudget *budget;
  GHashTable *watches; /* IvdRegion → IvdWatch, NULL while there is no memory; only regions with activity */
};

static void
watch_free (gpointer data)
{
  ivd_watch_free (data);
}

static void
on_look (guint64 bytes, guint64 blocks, gpointer data)
{
  ivd_statistics_add (data, IVD_STAT_CHANGED_BYTES, bytes);
  ivd_statistics_add (data, IVD_STAT_CHANGED_BLOCKS, blocks);
}

/* Looks at the memory that the region has now, if it has any. */
static void
start (IvdActivity *self, IvdRegion *region)
{
  g_autoptr (IvdMapping) mapping = ivd_region_ref_mapping (region, NULL);
  g_autoptr (GError) error = NULL;
  IvdWatch *watch = NULL;

  if (mapping != NULL && ivd_mapping_get_size (mapping) > 0)
    watch = ivd_watch_new (self->budget, self->pool, mapping, 0, ivd_mapping_get_size (mapping), INTERVAL_USEC, NULL,
                           NULL, ivd_region_get_statistics (region), &error);
  if (watch != NULL)
    ivd_watch_set_look_func (watch, on_look);
  if (error != NULL)
    ivd_log (IVD_LOG_WARNING, ivd_region_get_name (region), "its activity cannot be told: %s", error->message);
  g_hash_table_insert (self->watches, region, watch);
}

static void
on_region_added (IvdRegistry *registry, IvdRegion *region, gpointer data)
{
  gboolean wanted = FALSE;

  if (g_variant_lookup (ivd_region_get_options (region), IVD_OPTION_ACTIVITY, "b", &wanted) && wanted)
    start (data, region);
}

static void
on_region_changed (IvdRegistry *registry, IvdRegion *region, guint changes, gpointer data)
{
  IvdActivity *self = data;

  if ((changes & (IVD_REGION_CHANGE_MEMORY | IVD_REGION_CHANGE_STATE)) && g_hash_table_contains (self->watches, region))
    start (self, region);
}

static void
on_region_removed (IvdRegistry *registry, IvdRegion *region, gpointer data)
{
  g_hash_table_remove (((IvdActivity *) data)->watches, region);
}

IvdActivity *
ivd_activity_new (IvdRegistry *registry, IvdCopyPool *pool, IvdWatches *watches)
{
  IvdActivity *self = g_new0 (IvdActivity, 1);

  self->registry = g_object_ref (registry);
  self->pool = pool;
  self->budget = g_rc_box_acquire (ivd_watches_get_budget (watches));
  self->watches = g_hash_table_new_full (NULL, NULL, NULL, watch_free);
  g_signal_connect (registry, "region-added", G_CALLBACK (on_region_added), self);
  g_signal_connect (registry, "region-changed", G_CALLBACK (on_region_changed), self);
  g_signal_connect (registry, "region-removed", G_CALLBACK (on_region_removed), self);
  return self;
}

void
ivd_activity_free (IvdActivity *activity)
{
  if (activity == NULL)
    return;
  g_signal_handlers_disconnect_by_data (activity->registry, activity);
  g_hash_table_unref (activity->watches);
  g_rc_box_release (activity->budget);
  g_object_unref (activity->registry);
  g_free (activity);
}
