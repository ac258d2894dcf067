/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib-object.h>

#include "memory/ivd-mapping.h"
#include "model/ivd-capability.h"
#include "model/ivd-peer.h"
#include "model/ivd-statistics.h"

/*
 * IvdRegion: one named piece of shared memory that the daemon has open, with
 * what is known about it. Readers only: every change goes through the registry
 * (ivd-registry.h). Main thread, but for the mapping and the statistics.
 */

#define IVD_TYPE_REGION (ivd_region_get_type ())
G_DECLARE_FINAL_TYPE (IvdRegion, ivd_region, IVD, REGION, GObject)

typedef enum
{
  IVD_REGION_CONNECTING,
  IVD_REGION_READY,
  IVD_REGION_LOST,
  IVD_REGION_CLOSED,
} IvdRegionState;

/* "connecting" "ready" "lost" "closed" */
const char *ivd_region_state_name (IvdRegionState state);

typedef void (*IvdDetachedFunc) (gpointer data);

/*
 * What a region needs done by whatever opened it: the plugin room's backend,
 * or a test's. Main thread. Functions that the capabilities rule out may be
 * NULL. data lives until free, which is called once, after detach was answered.
 */
typedef struct
{
  /* One vector of one peer. */
  gboolean (*ring) (gpointer data, guint peer, guint vector, GError **error);
  /* A connected socket that speaks the server protocol, the caller's. */
  int (*join) (gpointer data, const IvdCredentials *credentials, GError **error);
  gboolean (*kick) (gpointer data, guint peer, GError **error);
  /* A copy of the own vector's real eventfd, the caller's. */
  int (*open_vector) (gpointer data, guint vector, GError **error);
  /* An eventfd that rings a peer when it is written, the caller's. May be NULL. */
  int (*open_doorbell) (gpointer data, guint peer, guint vector, GError **error);
  /* While paused the backend does not read the vector's eventfd. */
  void (*pause_vector) (gpointer data, guint vector, gboolean paused);
  /* Stops for good; done is called once, perhaps before this returns. keep:
   * nothing that is to outlive the daemon is removed. */
  void (*detach) (gpointer data, gboolean keep, IvdDetachedFunc done, gpointer done_data);
  void (*free) (gpointer data);
} IvdRegionBackend;

const char *ivd_region_get_name (IvdRegion *region);
const char *ivd_region_get_plugin (IvdRegion *region);
/* What it was attached with, defaults filled in: a{sv}. (transfer none) */
GVariant *ivd_region_get_options (IvdRegion *region);
IvdRegionState ivd_region_get_state (IvdRegion *region);
/* Why it is in that state, or, of a ready one, why it can do less than its
 * kind; NULL when there is nothing to say. */
const char *ivd_region_get_reason (IvdRegion *region);
/* Bytes; 0 before there was any memory. */
guint64 ivd_region_get_size (IvdRegion *region);
guint ivd_region_get_capabilities (IvdRegion *region);
/* -1: none */
gint ivd_region_get_own_id (IvdRegion *region);
/* Own vectors. */
guint ivd_region_get_vectors (IvdRegion *region);
/* How many times memory has been attached: 1 for the first. */
guint64 ivd_region_get_generation (IvdRegion *region);
IvdStatistics *ivd_region_get_statistics (IvdRegion *region);
/* Rings received on an own vector, ever. */
guint64 ivd_region_get_vector_count (IvdRegion *region, guint vector);

guint ivd_region_get_peer_count (IvdRegion *region);
/* NULL: not there. */
const IvdPeer *ivd_region_get_peer (IvdRegion *region, guint id);
/* Ordered by id; of const IvdPeer *. Shared: not to be changed; any thread may
 * keep and read it. (transfer full) */
GPtrArray *ivd_region_get_peers (IvdRegion *region);

/* The memory for reading and writing, or the error that says why there is
 * none: region-lost (also while connecting), closed. (transfer full) */
IvdMapping *ivd_region_ref_mapping (IvdRegion *region, GError **error);

/* region-lost or closed, saying why, unless the region is ready: a region that
 * is still connecting has no capabilities to speak of. */
gboolean ivd_region_check_ready (IvdRegion *region, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* not-supported naming the capability and the plugin, when it is missing. */
gboolean ivd_region_check_capability (IvdRegion *region, IvdCapability capability, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Down to the backend; every one checks capability and state first. Ring
 * counts what it sent. peer and vector may be IVD_ALL: everybody but oneself,
 * each of a peer's vectors (one's own count where the peer's is not known).
 * ret_sent: how many eventfds were rung; with IVD_ALL full ones are passed over. */
gboolean ivd_region_ring (IvdRegion *region, guint peer, guint vector, guint *ret_sent, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
int ivd_region_join (IvdRegion *region, const IvdCredentials *credentials, GError **error);
gboolean ivd_region_kick (IvdRegion *region, guint peer, GError **error) G_GNUC_WARN_UNUSED_RESULT;
int ivd_region_open_vector (IvdRegion *region, guint vector, GError **error);
/* One vector of one peer, both by number. Errors: those of ivd_region_ring. */
int ivd_region_open_doorbell (IvdRegion *region, guint peer, guint vector, GError **error);
void ivd_region_pause_vector (IvdRegion *region, guint vector, gboolean paused);
