/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "ivshmem/plugin.h"

/*
 * What the user may say about one server, and what it comes to. The host has
 * checked each value against its row in the table; what rests on two of them,
 * or on this machine, is checked here.
 */

/* QEMU looks at the first 900 descriptors of its usual 1,024 as ours: it holds
 * one per peer and vector, and takes a connect without one for a leave. */
#define DBS_QEMU_DESCRIPTORS 900

typedef struct
{
  char *socket_path;
  gboolean socket_is_default; /* in a directory of the daemon's own */
  char *memory_path;       /* NULL: a memfd */
  guint64 size;            /* a power of two, 4096 or more */
  gboolean huge;           /* a memfd of huge pages ... */
  guint64 huge_page_bytes; /* ... this large; 0: the system's default */
  guint vectors;
  gint64 owner, group; /* -1: the daemon's */
  guint mode;
  char *allow_uids, *allow_gids; /* as given; NULL: not given */
  guint max_peers;
  gint own_id; /* -1: none */
  guint id_offset, id_stride;
  gboolean announce_leaves;
  guint64 stall_usec; /* 0: never */
} DbsOptions;

/* The table for IvshmemPlugin. */
#define DBS_OPTION_COUNT 16
extern const IvshmemPluginOption dbs_option_table[DBS_OPTION_COUNT];

DbsOptions *dbs_options_new (const IvshmemPluginHost *host,
                             IvshmemPluginRegion *region,
                             const char *name,
                             const IvshmemPluginValue *values,
                             guint32 n_values,
                             GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void dbs_options_free (DbsOptions *options);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DbsOptions, dbs_options_free)

/* Warns of what works now and will not with as many peers as are allowed. */
void dbs_options_warn (const DbsOptions *options, const IvshmemPluginHost *host, IvshmemPluginRegion *region);
