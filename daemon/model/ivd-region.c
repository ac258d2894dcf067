/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "model/ivd-region-private.h"

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-names.h"

G_DEFINE_FINAL_TYPE (IvdRegion, ivd_region, G_TYPE_OBJECT)

const char *
ivd_region_state_name (IvdRegionState state)
{
  switch (state)
    {
    case IVD_REGION_CONNECTING:
      return "connecting";
    case IVD_REGION_READY:
      return "ready";
    case IVD_REGION_LOST:
      return "lost";
    case IVD_REGION_CLOSED:
      return "closed";
    default:
      g_return_val_if_reached ("unknown");
    }
}

static gint
compare_ids (gconstpointer a, gconstpointer b, gpointer data)
{
  guint left = GPOINTER_TO_UINT (a), right = GPOINTER_TO_UINT (b);

  return left < right ? -1 : left > right;
}

static void
peer_unref (gpointer data)
{
  ivd_peer_unref (data);
}

static void
ivd_region_finalize (GObject *object)
{
  IvdRegion *self = IVD_REGION (object);

  g_warn_if_fail (self->backend_data == NULL || self->backend->free == NULL);
  g_ref_string_release (self->name);
  g_ref_string_release (self->plugin);
  g_variant_unref (self->options);
  g_clear_pointer (&self->reason, g_ref_string_release);
  g_clear_pointer (&self->mapping, ivd_mapping_unref);
  g_clear_pointer (&self->peer_list, g_ptr_array_unref);
  g_tree_unref (self->peers);
  ivd_statistics_unref (self->statistics);
  G_OBJECT_CLASS (ivd_region_parent_class)->finalize (object);
}

static void
ivd_region_class_init (IvdRegionClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = ivd_region_finalize;
}

static void
ivd_region_init (IvdRegion *self)
{
  self->own_id = -1;
  self->peers = g_tree_new_full (compare_ids, NULL, NULL, peer_unref);
  self->statistics = ivd_statistics_new ();
}

IvdRegion *
ivd_region_new (const char *name, const char *plugin, GVariant *options, const IvdRegionBackend *backend, gpointer backend_data)
{
  IvdRegion *self = g_object_new (IVD_TYPE_REGION, NULL);

  self->name = g_ref_string_new (name);
  self->plugin = g_ref_string_new (plugin);
  self->options = g_variant_ref_sink (options);
  self->backend = backend;
  self->backend_data = backend_data;
  return self;
}

const char *
ivd_region_get_name (IvdRegion *region)
{
  return region->name;
}

const char *
ivd_region_get_plugin (IvdRegion *region)
{
  return region->plugin;
}

GVariant *
ivd_region_get_options (IvdRegion *region)
{
  return region->options;
}

IvdRegionState
ivd_region_get_state (IvdRegion *region)
{
  return region->state;
}

const char *
ivd_region_get_reason (IvdRegion *region)
{
  return region->reason;
}

guint64
ivd_region_get_size (IvdRegion *region)
{
  return region->size;
}

guint
ivd_region_get_capabilities (IvdRegion *region)
{
  return region->capabilities;
}

gint
ivd_region_get_own_id (IvdRegion *region)
{
  return region->own_id;
}

guint
ivd_region_get_vectors (IvdRegion *region)
{
  return region->vectors;
}

guint64
ivd_region_get_generation (IvdRegion *region)
{
  return region->generation;
}

IvdStatistics *
ivd_region_get_statistics (IvdRegion *region)
{
  return region->statistics;
}

guint64
ivd_region_get_vector_count (IvdRegion *region, guint vector)
{
  return vector < region->vectors ? ivd_statistics_get_interrupts (region->statistics, vector) : 0;
}

guint
ivd_region_get_peer_count (IvdRegion *region)
{
  return (guint) g_tree_nnodes (region->peers);
}

const IvdPeer *
ivd_region_get_peer (IvdRegion *region, guint id)
{
  return g_tree_lookup (region->peers, GUINT_TO_POINTER (id));
}

static gboolean
collect_peer (gpointer key, gpointer value, gpointer data)
{
  g_ptr_array_add (data, (gpointer) ivd_peer_ref (value));
  return FALSE;
}

GPtrArray *
ivd_region_get_peers (IvdRegion *region)
{
  if (region->peer_list == NULL)
    {
      region->peer_list = g_ptr_array_new_full (ivd_region_get_peer_count (region), peer_unref);
      g_tree_foreach (region->peers, collect_peer, region->peer_list);
    }
  return g_ptr_array_ref (region->peer_list);
}

gboolean
ivd_region_state_check (IvdRegionState state, const char *name, const char *reason, GError **error)
{
  switch (state)
    {
    case IVD_REGION_READY:
      return TRUE;
    case IVD_REGION_CONNECTING:
      g_set_error (error, IVD_ERROR, IVD_ERROR_REGION_LOST,
                   "region '%s' is still connecting: it has no memory yet", name);
      return FALSE;
    case IVD_REGION_LOST:
      g_set_error (error, IVD_ERROR, IVD_ERROR_REGION_LOST, "region '%s' is lost: %s", name,
                   reason != NULL ? reason : "what stood behind it is gone");
      return FALSE;
    case IVD_REGION_CLOSED:
    default:
      g_set_error (error, IVD_ERROR, IVD_ERROR_CLOSED, "region '%s' is closed: it has been detached", name);
      return FALSE;
    }
}

gboolean
ivd_region_check_ready (IvdRegion *region, GError **error)
{
  return ivd_region_state_check (region->state, region->name, region->reason, error);
}

IvdMapping *
ivd_region_ref_mapping (IvdRegion *region, GError **error)
{
  if (!ivd_region_check_ready (region, error))
    return NULL;
  return ivd_mapping_ref (region->mapping);
}

gboolean
ivd_region_check_capability (IvdRegion *region, IvdCapability capability, GError **error)
{
  return ivd_capability_check (region->capabilities, capability, region->name, region->plugin, region->reason,
                               error);
}

/* Ready, and able to: what every call down to the backend asks first. */
static gboolean
check_usable (IvdRegion *region, IvdCapability capability, GError **error)
{
  return ivd_region_check_ready (region, error) && ivd_region_check_capability (region, capability, error);
}

/* Rings one vector, or all that the peer has: full ones are passed over, and
 * an error only when there was nothing else. */
static gboolean
ring_peer (IvdRegion *region, guint peer, guint vectors, guint vector, guint *sent, GError **error)
{
  guint before = *sent;

  if (vector != IVD_ALL)
    {
      if (!region->backend->ring (region->backend_data, peer, vector, error))
        return FALSE;
      *sent += 1;
      return TRUE;
    }
  for (guint v = 0; v < vectors; v++)
    {
      g_autoptr (GError) local = NULL;

      if (region->backend->ring (region->backend_data, peer, v, &local))
        *sent += 1;
      else if (v + 1 == vectors && *sent == before)
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
    }
  return TRUE;
}

static guint
ring_everybody (IvdRegion *region, guint vector)
{
  g_autoptr (GPtrArray) peers = ivd_region_get_peers (region);
  guint sent = 0;

  for (guint i = 0; i < peers->len; i++)
    {
      const IvdPeer *peer = g_ptr_array_index (peers, i);

      if (vector != IVD_ALL && vector >= peer->vectors)
        continue;
      (void) !ring_peer (region, peer->id, peer->vectors, vector, &sent, NULL);
    }
  return sent;
}

/* Of a peer: a guest knows neither who is there nor what they have. */
#define VECTORS_UNKNOWN G_MAXUINT

/* How many vectors a peer has; FALSE and an error if there is no such peer. */
static gboolean
find_peer_vectors (IvdRegion *region, guint peer, guint *ret_vectors, GError **error)
{
  const IvdPeer *known = ivd_region_get_peer (region, peer);

  if (known != NULL)
    *ret_vectors = known->vectors;
  else if (region->own_id >= 0 && peer == (guint) region->own_id && (region->capabilities & IVD_CAP_RECEIVE))
    *ret_vectors = region->vectors;
  else if (!(region->capabilities & IVD_CAP_PEERS) && peer <= IVD_LIMIT_PEER_ID)
    *ret_vectors = VECTORS_UNKNOWN;
  else
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND, "region '%s' has no peer %u", region->name, peer);
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_peer_vector (IvdRegion *region, guint peer, guint vectors, guint vector, GError **error)
{
  if (vector < vectors)
    return TRUE;
  if (vectors == 0)
    g_set_error (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE, "vector %u: peer %u of region '%s' has no vectors",
                 vector, peer, region->name);
  else
    g_set_error (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE,
                 "vector %u: peer %u of region '%s' has the vectors 0 to %u", vector, peer, region->name,
                 vectors - 1);
  return FALSE;
}

static gboolean
ring_one_peer (IvdRegion *region, guint peer, guint vector, guint *sent, GError **error)
{
  guint vectors;

  if (!find_peer_vectors (region, peer, &vectors, error)
      || (vector != IVD_ALL && !check_peer_vector (region, peer, vectors, vector, error)))
    return FALSE;
  if (vector == IVD_ALL && vectors == VECTORS_UNKNOWN)
    {
      /* Whoever shares a server has as many, as a rule. */
      vectors = region->vectors;
      if (vectors == 0)
        {
          g_set_error (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
                       "region '%s' does not know how many vectors peer %u has: name one instead of all",
                       region->name, peer);
          return FALSE;
        }
    }
  return ring_peer (region, peer, vectors, vector, sent, error);
}

gboolean
ivd_region_ring (IvdRegion *region, guint peer, guint vector, guint *ret_sent, GError **error)
{
  guint sent = 0;

  if (!check_usable (region, IVD_CAP_RING, error))
    return FALSE;
  if (peer != IVD_ALL)
    {
      if (!ring_one_peer (region, peer, vector, &sent, error))
        return FALSE;
    }
  else
    {
      if (!ivd_region_check_capability (region, IVD_CAP_PEERS, error))
        return FALSE;
      sent = ring_everybody (region, vector);
    }
  ivd_statistics_add (region->statistics, IVD_STAT_INTERRUPTS_SENT, sent);
  *ret_sent = sent;
  return TRUE;
}

int
ivd_region_join (IvdRegion *region, const IvdCredentials *credentials, GError **error)
{
  if (!check_usable (region, IVD_CAP_JOIN, error))
    return -1;
  return region->backend->join (region->backend_data, credentials, error);
}

gboolean
ivd_region_kick (IvdRegion *region, guint peer, GError **error)
{
  if (!check_usable (region, IVD_CAP_PEERS, error))
    return FALSE;
  if (ivd_region_get_peer (region, peer) == NULL)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND, "region '%s' has no peer %u to kick", region->name, peer);
      return FALSE;
    }
  if (region->backend->kick == NULL)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
                   "region '%s' cannot kick: only a server can (plugin %s)", region->name, region->plugin);
      return FALSE;
    }
  return region->backend->kick (region->backend_data, peer, error);
}

int
ivd_region_open_vector (IvdRegion *region, guint vector, GError **error)
{
  if (!check_usable (region, IVD_CAP_VECTOR_FD, error))
    return -1;
  return region->backend->open_vector (region->backend_data, vector, error);
}

int
ivd_region_open_doorbell (IvdRegion *region, guint peer, guint vector, GError **error)
{
  guint vectors;

  if (!check_usable (region, IVD_CAP_RING, error) || !find_peer_vectors (region, peer, &vectors, error)
      || !check_peer_vector (region, peer, vectors, vector, error))
    return -1;
  if (region->backend->open_doorbell == NULL)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
                   "region '%s' rings, but has no descriptor that does (plugin %s): use Ring", region->name,
                   region->plugin);
      return -1;
    }
  return region->backend->open_doorbell (region->backend_data, peer, vector, error);
}

void
ivd_region_pause_vector (IvdRegion *region, guint vector, gboolean paused)
{
  if (region->backend_data != NULL && region->backend->pause_vector != NULL)
    region->backend->pause_vector (region->backend_data, vector, paused);
}
