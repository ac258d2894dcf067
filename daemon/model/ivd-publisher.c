/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "model/ivd-publisher.h"

typedef struct
{
  guint id; /* 0: removed while listeners are told */
  IvdPublisherFunc func;
  gpointer data;
} Listener;

struct _IvdPublisher
{
  IvdRegistry *registry;
  GMutex lock; /* over current, which other threads read */
  IvdSnapshot *current;
  GHashTable *dirty; /* names of regions that came, changed or went */
  guint source;      /* only while something is pending */
  GArray *listeners; /* of Listener */
  guint last_listener;
  guint telling; /* how deep */
};

static void
swap (IvdPublisher *self, IvdSnapshot *take_snapshot)
{
  IvdSnapshot *before;

  g_mutex_lock (&self->lock);
  before = self->current;
  self->current = take_snapshot;
  g_mutex_unlock (&self->lock);
  ivd_snapshot_unref (before);
}

/* One region in its place: new, in place of its old view, or gone. */
static void
update_region (IvdPublisher *self, GPtrArray *views, const char *name)
{
  IvdRegion *region = ivd_registry_find (self->registry, name, NULL);
  gboolean found;
  guint place = ivd_snapshot_place (views, name, &found);

  if (found)
    {
      if (region == NULL || ivd_region_get_state (region) == IVD_REGION_CLOSED)
        {
          g_ptr_array_remove_index (views, place);
          return;
        }
      ivd_region_view_unref (g_ptr_array_index (views, place));
      g_ptr_array_index (views, place) = ivd_region_view_new (region);
    }
  else if (region != NULL && ivd_region_get_state (region) != IVD_REGION_CLOSED)
    g_ptr_array_insert (views, (gint) place, ivd_region_view_new (region));
}

static GPtrArray *
make_views (IvdPublisher *self)
{
  GPtrArray *before = self->current->regions;
  GPtrArray *views;
  GHashTableIter iter;
  gpointer name;

  if (g_hash_table_size (self->dirty) == 0)
    return g_ptr_array_ref (before);
  views = g_ptr_array_new_full (before->len + 1, (GDestroyNotify) ivd_region_view_unref);
  for (guint i = 0; i < before->len; i++)
    g_ptr_array_add (views, ivd_region_view_ref (g_ptr_array_index (before, i)));
  g_hash_table_iter_init (&iter, self->dirty);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    update_region (self, views, name);
  g_hash_table_remove_all (self->dirty);
  return views;
}

/* A listener that flushes tells everybody of something newer: that is then the
 * end of this round. */
static void
tell (IvdPublisher *self)
{
  g_autoptr (IvdSnapshot) snapshot = ivd_snapshot_ref (self->current);
  guint count = self->listeners->len; /* not those that come meanwhile */

  self->telling++;
  for (guint i = 0; i < count && self->current == snapshot; i++)
    {
      Listener listener = g_array_index (self->listeners, Listener, i);

      if (listener.id != 0)
        listener.func (snapshot, listener.data);
    }
  self->telling--;
  for (guint i = self->listeners->len; self->telling == 0 && i > 0; i--)
    if (g_array_index (self->listeners, Listener, i - 1).id == 0)
      g_array_remove_index (self->listeners, i - 1);
}

void
ivd_publisher_flush (IvdPublisher *publisher)
{
  guint64 serial;

  if (publisher->source == 0)
    return;
  g_clear_handle_id (&publisher->source, g_source_remove);
  serial = ivd_event_log_last (ivd_registry_get_log (publisher->registry));
  swap (publisher, ivd_snapshot_new (serial, make_views (publisher)));
  tell (publisher);
}

static gboolean
on_pending (gpointer data)
{
  ivd_publisher_flush (data);
  return G_SOURCE_REMOVE;
}

static void
note_region (IvdPublisher *self, IvdRegion *region)
{
  const char *name = ivd_region_get_name (region);

  if (!g_hash_table_contains (self->dirty, name))
    g_hash_table_add (self->dirty, g_strdup (name));
}

/* As urgent as the news themselves: busy neighbours must not delay it, and it
 * does not come before all that happens at once with it. */
static void
note_pending (IvdPublisher *self)
{
  if (self->source == 0)
    self->source = g_idle_add_full (G_PRIORITY_DEFAULT, on_pending, self, NULL);
}

static void
on_region (IvdRegistry *registry, IvdRegion *region, gpointer data)
{
  note_region (data, region);
  note_pending (data);
}

static void
on_region_changed (IvdRegistry *registry, IvdRegion *region, guint changes, gpointer data)
{
  on_region (registry, region, data);
}

/* An event comes before the signal that says what has changed; whoever flushes
 * in between must not publish the one without the other. */
static void
on_event (IvdRegistry *registry, const IvdEvent *event, IvdRegion *region, gpointer data)
{
  if (region != NULL && event->type != IVD_EVENT_INTERRUPT && event->type != IVD_EVENT_CHANGED)
    note_region (data, region);
  note_pending (data);
}

IvdPublisher *
ivd_publisher_new (IvdRegistry *registry)
{
  IvdPublisher *self = g_new0 (IvdPublisher, 1);
  g_autoptr (GPtrArray) regions = ivd_registry_list (registry);
  GPtrArray *views = g_ptr_array_new_full (regions->len, (GDestroyNotify) ivd_region_view_unref);

  for (guint i = 0; i < regions->len; i++)
    g_ptr_array_add (views, ivd_region_view_new (g_ptr_array_index (regions, i)));
  g_mutex_init (&self->lock);
  self->registry = g_object_ref (registry);
  self->current = ivd_snapshot_new (ivd_event_log_last (ivd_registry_get_log (registry)), views);
  self->dirty = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->listeners = g_array_new (FALSE, FALSE, sizeof (Listener));
  g_signal_connect (registry, "event", G_CALLBACK (on_event), self);
  g_signal_connect (registry, "region-added", G_CALLBACK (on_region), self);
  g_signal_connect (registry, "region-removed", G_CALLBACK (on_region), self);
  g_signal_connect (registry, "region-changed", G_CALLBACK (on_region_changed), self);
  return self;
}

void
ivd_publisher_free (IvdPublisher *publisher)
{
  if (publisher == NULL)
    return;
  g_clear_handle_id (&publisher->source, g_source_remove);
  g_signal_handlers_disconnect_by_data (publisher->registry, publisher);
  g_object_unref (publisher->registry);
  g_hash_table_unref (publisher->dirty);
  g_array_unref (publisher->listeners);
  ivd_snapshot_unref (publisher->current);
  g_mutex_clear (&publisher->lock);
  g_free (publisher);
}

IvdSnapshot *
ivd_publisher_ref_snapshot (IvdPublisher *publisher)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&publisher->lock);

  return ivd_snapshot_ref (publisher->current);
}

guint
ivd_publisher_add_listener (IvdPublisher *publisher, IvdPublisherFunc func, gpointer data)
{
  Listener listener = { .id = ++publisher->last_listener, .func = func, .data = data };

  g_array_append_val (publisher->listeners, listener);
  return listener.id;
}

void
ivd_publisher_remove_listener (IvdPublisher *publisher, guint listener)
{
  for (guint i = 0; i < publisher->listeners->len; i++)
    {
      if (g_array_index (publisher->listeners, Listener, i).id != listener)
        continue;
      if (publisher->telling > 0)
        g_array_index (publisher->listeners, Listener, i).id = 0;
      else
        g_array_remove_index (publisher->listeners, i);
      return;
    }
}
