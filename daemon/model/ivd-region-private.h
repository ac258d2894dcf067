/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "model/ivd-region.h"

/* For ivd-region.c, which reads, and ivd-registry.c, which alone writes. */

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
  guint64 *vector_counts; /* vectors of them */
  GTree *peers;           /* id → IvdPeer */

  IvdStatistics statistics;
};

IvdRegion *ivd_region_new (const char *name, const char *plugin, GVariant *options, const IvdRegionBackend *backend, gpointer backend_data);
