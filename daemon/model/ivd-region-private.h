/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "model/ivd-region.h"

/* For ivd-region.c and ivd-region-view.c, which read, and ivd-registry.c, which
 * alone writes. Texts are reference counted: views share them. */

struct _IvdRegion
{
  GObject parent_instance;

  /* for life */
  char *name;
  char *plugin;
  GVariant *options;
  const IvdRegionBackend *backend;
  gpointer backend_data; /* NULL once freed */

  /* where it stands */
  gboolean published;
  gboolean removed;
  IvdRegionState state;
  char *reason;

  /* memory */
  IvdMapping *mapping;
  guint64 size;
  guint64 generation;

  /* oneself and the others */
  guint capabilities;
  gint own_id;
  guint vectors;
  GTree *peers;         /* id → IvdPeer */
  GPtrArray *peer_list; /* the same as a list; NULL: nobody has asked since they changed */

  IvdStatistics *statistics;
};

IvdRegion *ivd_region_new (const char *name, const char *plugin, GVariant *options, const IvdRegionBackend *backend, gpointer backend_data);

/* What a region in that state, and a view of it, answers: TRUE when ready. */
gboolean ivd_region_state_check (IvdRegionState state, const char *name, const char *reason, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
