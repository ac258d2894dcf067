/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib-object.h>

#include "model/ivd-event-log.h"
#include "model/ivd-region.h"
#include "model/ivd-serial.h"

/*
 * IvdRegistry: all regions, and the only one that changes them. It numbers
 * every change as an event and tells the observers. Main thread.
 *
 * Signals (observers must not change the model from within):
 *   region-added (IvdRegion *)            it can be seen from now on
 *   region-removed (IvdRegion *)          it cannot any more
 *   region-changed (IvdRegion *, guint)   IvdRegionChange bits
 *   event (const IvdEvent *, IvdRegion *) the region may be NULL
 */

#define IVD_TYPE_REGISTRY (ivd_registry_get_type ())
G_DECLARE_FINAL_TYPE (IvdRegistry, ivd_registry, IVD, REGISTRY, GObject)

typedef enum
{
  IVD_REGION_CHANGE_STATE = 1 << 0,
  IVD_REGION_CHANGE_MEMORY = 1 << 1, /* size, generation */
  IVD_REGION_CHANGE_OWN = 1 << 2,    /* own id, vectors, capabilities */
  IVD_REGION_CHANGE_PEERS = 1 << 3,
} IvdRegionChange;

/* serial: (transfer full) */
IvdRegistry *ivd_registry_new (IvdSerial *take_serial);

/* A region that is being attached: its name is taken, nobody sees it yet.
 * Errors: exists, limit. options: a{sv}, (transfer none). The registry owns
 * the region; on an error backend is not freed. */
IvdRegion *ivd_registry_create (IvdRegistry *registry, const char *name, const char *plugin, GVariant *options,
                                const IvdRegionBackend *backend, gpointer backend_data, GError **error);
/* From now on it is seen: region-added, event region-attached. */
void ivd_registry_publish (IvdRegistry *registry, IvdRegion *region);
/* The region becomes closed and leaves; its memory is closed to everybody, its
 * backend detached and then freed. done may be NULL; it is called when the
 * backend has answered. The name is free again only then. Once per region. */
void ivd_registry_remove (IvdRegistry *registry, IvdRegion *region, gboolean keep, IvdDetachedFunc done, gpointer data);

/* Removes every region, those included that are being attached. done is called
 * when the last has gone, those included that were going already; perhaps
 * before this returns. */
void ivd_registry_remove_all (IvdRegistry *registry, gboolean keep, IvdDetachedFunc done, gpointer data);

/* By name, among those that are seen; NULL or not-found. (transfer none) */
IvdRegion *ivd_registry_find (IvdRegistry *registry, const char *name, GError **error);
/* TRUE if the name is taken, seen or not. */
gboolean ivd_registry_has (IvdRegistry *registry, const char *name);
/* Ordered by name, those that are seen. (transfer container) */
GPtrArray *ivd_registry_list (IvdRegistry *registry);
/* The names taken, those included that are coming or going. */
guint ivd_registry_count (IvdRegistry *registry);

IvdEventLog *ivd_registry_get_log (IvdRegistry *registry);

/* --- facts, from the backend --- */

/* What an option came to that was not given. Before the region is seen only.
 * value: (transfer floating) */
void ivd_registry_set_option (IvdRegistry *registry, IvdRegion *region, const char *key, GVariant *value);

/* The memory is there and the region ready. A new generation, or the same
 * memory again. The old mapping, if any, is lost to its users. */
void ivd_registry_set_memory (IvdRegistry *registry, IvdRegion *region, IvdMapping *mapping, gboolean new_generation);
void ivd_registry_set_own (IvdRegistry *registry, IvdRegion *region, gint own_id, guint vectors, guint capabilities);
/* A ready region can do less than its kind: why. Its next state forgets it. */
void ivd_registry_set_limited (IvdRegistry *registry, IvdRegion *region, const char *reason);
void ivd_registry_set_connecting (IvdRegistry *registry, IvdRegion *region);
/* The memory is lost to its users and every peer is forgotten. */
void ivd_registry_set_lost (IvdRegistry *registry, IvdRegion *region, const char *reason);
/* A peer is there, or has more vectors than before. credentials may be NULL. */
void ivd_registry_peer_connected (IvdRegistry *registry, IvdRegion *region, guint id, guint vectors,
                                  const IvdCredentials *credentials);
void ivd_registry_peer_disconnected (IvdRegistry *registry, IvdRegion *region, guint id);
void ivd_registry_interrupt (IvdRegistry *registry, IvdRegion *region, guint vector, guint64 count);
/* What a plugin could attach is there, or not any more. */
void ivd_registry_candidate (IvdRegistry *registry, gboolean there, const char *plugin, const char *name);
/* A watch has found a change. owner: the id of the caller whose watch it is. */
void ivd_registry_changed (IvdRegistry *registry, IvdRegion *region, guint64 owner, guint watch, guint64 offset,
                           guint64 length);
