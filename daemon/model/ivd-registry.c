/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "model/ivd-registry.h"

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "model/ivd-region-private.h"

struct _IvdRegistry
{
  GObject parent_instance;

  GHashTable *regions; /* name → IvdRegion, those included that come or go */
  IvdSerial *serial;
  IvdEventLog *log;
  IvdDetachedFunc emptied; /* whom to tell when the last region has gone, or NULL */
  gpointer emptied_data;
};

enum
{
  SIGNAL_REGION_ADDED,
  SIGNAL_REGION_REMOVED,
  SIGNAL_REGION_CHANGED,
  SIGNAL_EVENT,
  SIGNAL_COUNT,
};

static guint signals[SIGNAL_COUNT];

G_DEFINE_FINAL_TYPE (IvdRegistry, ivd_registry, G_TYPE_OBJECT)

static void
ivd_registry_finalize (GObject *object)
{
  IvdRegistry *self = IVD_REGISTRY (object);

  g_warn_if_fail (g_hash_table_size (self->regions) == 0);
  g_hash_table_unref (self->regions);
  g_clear_pointer (&self->log, ivd_event_log_free);
  g_clear_pointer (&self->serial, ivd_serial_free);
  G_OBJECT_CLASS (ivd_registry_parent_class)->finalize (object);
}

static void
ivd_registry_class_init (IvdRegistryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = ivd_registry_finalize;

  signals[SIGNAL_REGION_ADDED] = g_signal_new ("region-added", IVD_TYPE_REGISTRY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                               G_TYPE_NONE, 1, IVD_TYPE_REGION);
  signals[SIGNAL_REGION_REMOVED] = g_signal_new ("region-removed", IVD_TYPE_REGISTRY, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                                 NULL, G_TYPE_NONE, 1, IVD_TYPE_REGION);
  signals[SIGNAL_REGION_CHANGED] = g_signal_new ("region-changed", IVD_TYPE_REGISTRY, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                                 NULL, G_TYPE_NONE, 2, IVD_TYPE_REGION, G_TYPE_UINT);
  signals[SIGNAL_EVENT] = g_signal_new ("event", IVD_TYPE_REGISTRY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                        G_TYPE_NONE, 2, G_TYPE_POINTER, IVD_TYPE_REGION);
}

static void
ivd_registry_init (IvdRegistry *self)
{
  self->regions = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_object_unref);
}

IvdRegistry *
ivd_registry_new (IvdSerial *take_serial)
{
  IvdRegistry *self = g_object_new (IVD_TYPE_REGISTRY, NULL);

  self->serial = take_serial;
  self->log = ivd_event_log_new (IVD_LIMIT_EVENTS, ivd_serial_peek (take_serial));
  return self;
}

/* Numbers what happened and tells everybody; nothing for regions that nobody
 * sees. */
static void
emit_event (IvdRegistry *self, IvdRegion *region, IvdEvent *template_)
{
  g_autoptr (IvdEvent) event = NULL;

  if (region != NULL && !region->published)
    return;
  template_->region = region != NULL ? region->name : NULL;
  template_->serial = ivd_serial_next (self->serial);
  template_->monotonic_usec = g_get_monotonic_time ();
  template_->realtime_usec = g_get_real_time ();
  event = ivd_event_new (template_);
  ivd_event_log_append (self->log, event);
  g_signal_emit (self, signals[SIGNAL_EVENT], 0, event, region);
}

static void
emit_changed (IvdRegistry *self, IvdRegion *region, guint changes)
{
  if (region->published && changes != 0)
    g_signal_emit (self, signals[SIGNAL_REGION_CHANGED], 0, region, changes);
}

IvdRegion *
ivd_registry_create (IvdRegistry *registry, const char *name, const char *plugin, GVariant *options, const IvdRegionBackend *backend, gpointer backend_data, GError **error)
{
  IvdRegion *region;

  if (ivd_registry_has (registry, name))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_EXISTS,
                   "there is a region '%s' already: detach it first, or choose another name", name);
      return NULL;
    }
  if (g_hash_table_size (registry->regions) >= IVD_LIMIT_REGIONS)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_LIMIT, "there are %d regions already, the most that can be",
                   IVD_LIMIT_REGIONS);
      return NULL;
    }
  region = ivd_region_new (name, plugin, options, backend, backend_data);
  g_hash_table_insert (registry->regions, region->name, region);
  return region;
}

void
ivd_registry_publish (IvdRegistry *registry, IvdRegion *region)
{
  IvdEvent event = { .type = IVD_EVENT_REGION_ATTACHED, .text = region->plugin };

  g_return_if_fail (!region->published && !region->removed);
  region->published = TRUE;
  g_signal_emit (registry, signals[SIGNAL_REGION_ADDED], 0, region);
  emit_event (registry, region, &event);
}

/* What waits for a backend that is detaching. */
typedef struct
{
  IvdRegistry *registry;
  IvdRegion *region;
  IvdDetachedFunc done;
  gpointer data;
} Removal;

static void
tell_if_empty (IvdRegistry *self)
{
  IvdDetachedFunc emptied = self->emptied;

  if (emptied == NULL || g_hash_table_size (self->regions) > 0)
    return;
  self->emptied = NULL;
  emptied (self->emptied_data);
}

static void
removal_done (gpointer data)
{
  Removal *removal = data;
  IvdRegion *region = removal->region;
  gpointer backend_data = g_steal_pointer (&region->backend_data);

  if (region->backend->free != NULL)
    region->backend->free (backend_data);
  g_hash_table_remove (removal->registry->regions, region->name);
  if (removal->done != NULL)
    removal->done (removal->data);
  tell_if_empty (removal->registry);
  g_object_unref (region);
  g_object_unref (removal->registry);
  g_free (removal);
}

static void
set_state (IvdRegion *region, IvdRegionState state, const char *reason)
{
  char *copy = reason != NULL ? g_ref_string_new (reason) : NULL;

  region->state = state;
  g_clear_pointer (&region->reason, g_ref_string_release);
  region->reason = copy;
}

void
ivd_registry_remove (IvdRegistry *registry, IvdRegion *region, gboolean keep, IvdDetachedFunc done, gpointer data)
{
  IvdEvent event = { .type = IVD_EVENT_REGION_DETACHED };
  Removal *removal;

  g_return_if_fail (!region->removed);

  removal = g_new0 (Removal, 1);
  removal->registry = g_object_ref (registry);
  removal->region = g_object_ref (region);
  removal->done = done;
  removal->data = data;

  region->removed = TRUE;
  set_state (region, IVD_REGION_CLOSED, NULL);
  if (region->mapping != NULL)
    ivd_mapping_close (region->mapping);
  emit_event (registry, region, &event);
  if (region->published)
    {
      region->published = FALSE;
      g_signal_emit (registry, signals[SIGNAL_REGION_REMOVED], 0, region);
    }
  if (region->backend->detach != NULL)
    region->backend->detach (region->backend_data, keep, removal_done, removal);
  else
    removal_done (removal);
}

void
ivd_registry_remove_all (IvdRegistry *registry, gboolean keep, IvdDetachedFunc done, gpointer data)
{
  g_autoptr (GPtrArray) regions = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (IvdRegistry) alive = g_object_ref (registry);
  GHashTableIter iter;
  gpointer value;

  registry->emptied = done;
  registry->emptied_data = data;
  g_hash_table_iter_init (&iter, registry->regions);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    g_ptr_array_add (regions, g_object_ref (value));
  for (guint i = 0; i < regions->len; i++)
    if (!IVD_REGION (g_ptr_array_index (regions, i))->removed)
      ivd_registry_remove (registry, g_ptr_array_index (regions, i), keep, NULL, NULL);
  tell_if_empty (registry);
}

IvdRegion *
ivd_registry_find (IvdRegistry *registry, const char *name, GError **error)
{
  IvdRegion *region = g_hash_table_lookup (registry->regions, name);
  g_autofree char *safe = NULL;

  if (region != NULL && region->published)
    return region;
  safe = ivd_text_safe (name);
  g_set_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND, "there is no region '%s'", safe);
  return NULL;
}

gboolean
ivd_registry_has (IvdRegistry *registry, const char *name)
{
  return g_hash_table_contains (registry->regions, name);
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  const IvdRegion *left = *(IvdRegion *const *) a, *right = *(IvdRegion *const *) b;

  return g_strcmp0 (left->name, right->name);
}

GPtrArray *
ivd_registry_list (IvdRegistry *registry)
{
  GPtrArray *list = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, registry->regions);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (IVD_REGION (value)->published)
      g_ptr_array_add (list, value);
  g_ptr_array_sort (list, compare_names);
  return list;
}

guint
ivd_registry_count (IvdRegistry *registry)
{
  return g_hash_table_size (registry->regions);
}

IvdEventLog *
ivd_registry_get_log (IvdRegistry *registry)
{
  return registry->log;
}

/* Sets the state; if it is another one, the event that says so. */
static guint
change_state (IvdRegistry *self, IvdRegion *region, IvdRegionState state, const char *reason)
{
  IvdEvent event = {
    .type = IVD_EVENT_STATE_CHANGED,
    .text = ivd_region_state_name (state),
    .reason = reason,
  };

  if (region->state == state)
    {
      set_state (region, state, reason);
      return 0;
    }
  set_state (region, state, reason);
  emit_event (self, region, &event);
  return IVD_REGION_CHANGE_STATE;
}

void
ivd_registry_set_option (IvdRegistry *registry, IvdRegion *region, const char *key, GVariant *value)
{
  g_autoptr (GVariant) before = region->options;
  g_auto (GVariantBuilder) options = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  GVariantIter iter;
  const char *other_key;
  GVariant *other;

  g_return_if_fail (!region->published);
  g_variant_iter_init (&iter, before);
  while (g_variant_iter_loop (&iter, "{&sv}", &other_key, &other))
    if (!g_str_equal (other_key, key))
      g_variant_builder_add (&options, "{sv}", other_key, other);
  g_variant_builder_add (&options, "{sv}", key, value);
  region->options = g_variant_ref_sink (g_variant_builder_end (&options));
}

void
ivd_registry_set_memory (IvdRegistry *registry, IvdRegion *region, IvdMapping *mapping, gboolean new_generation)
{
  g_autoptr (IvdMapping) old = g_steal_pointer (&region->mapping);
  guint changes = IVD_REGION_CHANGE_MEMORY;

  g_return_if_fail (!region->removed);
  if (old != NULL)
    ivd_mapping_lose (old, "the region has been attached anew since");
  region->mapping = ivd_mapping_ref (mapping);
  region->size = ivd_mapping_get_size (mapping);
  if (new_generation)
    region->generation++;
  changes |= change_state (registry, region, IVD_REGION_READY, NULL);
  emit_changed (registry, region, changes);
}

void
ivd_registry_set_limited (IvdRegistry *registry, IvdRegion *region, const char *reason)
{
  g_return_if_fail (!region->removed);
  if (region->state != IVD_REGION_READY)
    return;
  set_state (region, IVD_REGION_READY, reason);
  emit_changed (registry, region, IVD_REGION_CHANGE_STATE);
}

void
ivd_registry_set_own (IvdRegistry *registry, IvdRegion *region, gint own_id, guint vectors, guint capabilities)
{
  g_return_if_fail (!region->removed);
  if (region->own_id == own_id && region->vectors == vectors && region->capabilities == capabilities)
    return;
  region->own_id = own_id;
  region->vectors = vectors;
  region->capabilities = capabilities;
  emit_changed (registry, region, IVD_REGION_CHANGE_OWN);
}

/* Every peer leaves: each with its event. */
static guint
forget_peers (IvdRegistry *self, IvdRegion *region)
{
  g_autoptr (GPtrArray) peers = ivd_region_get_peers (region);

  g_tree_remove_all (region->peers);
  g_clear_pointer (&region->peer_list, g_ptr_array_unref);
  ivd_statistics_add (region->statistics, IVD_STAT_PEERS_DISCONNECTED, peers->len);
  for (guint i = 0; i < peers->len; i++)
    {
      const IvdPeer *peer = g_ptr_array_index (peers, i);
      IvdEvent event = { .type = IVD_EVENT_PEER_DISCONNECTED, .peer = peer->id };

      emit_event (self, region, &event);
    }
  return peers->len > 0 ? IVD_REGION_CHANGE_PEERS : 0;
}

void
ivd_registry_set_connecting (IvdRegistry *registry, IvdRegion *region)
{
  g_return_if_fail (!region->removed);
  emit_changed (registry, region, change_state (registry, region, IVD_REGION_CONNECTING, NULL));
}

void
ivd_registry_set_lost (IvdRegistry *registry, IvdRegion *region, const char *reason)
{
  guint changes;

  g_return_if_fail (!region->removed);
  if (region->state == IVD_REGION_LOST)
    {
      set_state (region, IVD_REGION_LOST, reason); /* the last word counts */
      return;
    }
  if (region->mapping != NULL)
    ivd_mapping_lose (region->mapping, reason);
  ivd_statistics_add (region->statistics, IVD_STAT_LOSSES, 1);
  changes = forget_peers (registry, region);
  changes |= change_state (registry, region, IVD_REGION_LOST, reason);
  emit_changed (registry, region, changes);
}

void
ivd_registry_peer_connected (IvdRegistry *registry, IvdRegion *region, guint id, guint vectors, const IvdCredentials *credentials)
{
  IvdEvent event = { .type = IVD_EVENT_PEER_CONNECTED, .peer = id, .vectors = vectors };
  const IvdPeer *known = ivd_region_get_peer (region, id);

  g_return_if_fail (!region->removed);
  if (known != NULL && known->vectors == vectors)
    return;
  if (known == NULL)
    ivd_statistics_add (region->statistics, IVD_STAT_PEERS_CONNECTED, 1);
  else if (credentials == NULL)
    credentials = &known->credentials;
  g_tree_replace (region->peers, GUINT_TO_POINTER (id), (gpointer) ivd_peer_new (id, vectors, credentials));
  g_clear_pointer (&region->peer_list, g_ptr_array_unref);
  emit_event (registry, region, &event);
  emit_changed (registry, region, IVD_REGION_CHANGE_PEERS);
}

void
ivd_registry_peer_disconnected (IvdRegistry *registry, IvdRegion *region, guint id)
{
  IvdEvent event = { .type = IVD_EVENT_PEER_DISCONNECTED, .peer = id };

  g_return_if_fail (!region->removed);
  if (!g_tree_remove (region->peers, GUINT_TO_POINTER (id)))
    return;
  g_clear_pointer (&region->peer_list, g_ptr_array_unref);
  ivd_statistics_add (region->statistics, IVD_STAT_PEERS_DISCONNECTED, 1);
  emit_event (registry, region, &event);
  emit_changed (registry, region, IVD_REGION_CHANGE_PEERS);
}

void
ivd_registry_interrupt (IvdRegistry *registry, IvdRegion *region, guint vector, guint64 count)
{
  IvdEvent event = { .type = IVD_EVENT_INTERRUPT, .vector = vector, .count = count };

  g_return_if_fail (!region->removed && vector < region->vectors);
  ivd_statistics_add_interrupts (region->statistics, vector, count);
  emit_event (registry, region, &event);
}

void
ivd_registry_changed (IvdRegistry *registry, IvdRegion *region, guint64 owner, guint watch, guint64 offset, guint64 length)
{
  IvdEvent event
      = { .type = IVD_EVENT_CHANGED, .owner = owner, .watch = watch, .offset = offset, .length = length };

  emit_event (registry, region, &event);
}

void
ivd_registry_candidate (IvdRegistry *registry, gboolean there, const char *plugin, const char *name)
{
  IvdEvent event = {
    .type = there ? IVD_EVENT_CANDIDATE_ADDED : IVD_EVENT_CANDIDATE_REMOVED,
    .plugin = plugin,
    .text = name,
  };

  emit_event (registry, NULL, &event);
}
