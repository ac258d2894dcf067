/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "ivshmem/plugin.h"

/*
 * A host for one plugin, without the daemon: it loads the module as it is
 * installed, serves the whole table on the thread-default main context, and
 * writes down what the plugin reports. It believes the plugin everything; what
 * it does assert is what each side owes the other by the ABI (no report after
 * detach, no destroy while work runs, ids that are known).
 */

#define IVT_PLUGIN_ERROR (ivt_plugin_error_quark ())
GQuark ivt_plugin_error_quark (void); /* the code is the plugin's status */

typedef struct _IvtPluginHost IvtPluginHost;
typedef struct IvshmemPluginRegion IvtRegion;

typedef struct
{
  guint id;
  guint vectors;
  gint64 pid, uid, gid;
  char *executable;
} IvtPeer;

#define IVT_SERVICE_WATCH (1u << 0)
#define IVT_SERVICE_TIMER (1u << 1)
#define IVT_SERVICE_RUN (1u << 2)

/* What was reported of one region; for tests to read. */
struct IvshmemPluginRegion
{
  IvtPluginHost *host;
  const IvshmemPluginOps *ops;
  IvshmemPluginInstance *instance;
  char *name;

  guint n_ready; /* memory_ready */
  gboolean lost;
  IvshmemPluginStatus lost_status;
  char *message; /* of the latest fail() or lost() */
  gboolean detaching, detached;
  IvshmemPluginDescription description;
  IvshmemPluginMemory memory;
  GHashTable *peers; /* guint → IvtPeer */
  guint n_joins, n_leaves;
  GString *reports;          /* all in order: "connecting ready peer(7,2) gone(7) changed lost back" */
  gboolean detach_in_report; /* for tests: answers the next report with a detach */
  GPtrArray *log;            /* of text: "LEVEL MESSAGE" */
  gboolean refuse_memory;    /* for tests: memory_ready fails */
  guint refuse_services;     /* for tests: IVT_SERVICE_* that fail */

  GHashTable *watches; /* guint64 → what to call */
  GMutex lock;         /* of log and sources: any thread may add to them */
  GHashTable *sources; /* guint64 → GSource: timers and posts */
  guint64 last_id;
  guint n_running;
};

/* runtime_dir may be NULL. */
IvtPluginHost *ivt_plugin_host_new (const char *module_path, const char *runtime_dir);
void ivt_plugin_host_free (IvtPluginHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvtPluginHost, ivt_plugin_host_free)

const IvshmemPlugin *ivt_plugin_host_plugin (IvtPluginHost *host);

/* Iterates until condition says TRUE; FALSE when it did not in time. */
gboolean ivt_plugin_host_wait (IvtPluginHost *host, GSourceFunc condition, gpointer data);
/* Iterates until nothing is ready. */
void ivt_plugin_host_drain (IvtPluginHost *host);

/* What probe() lists, each a table of name → value as text. */
GPtrArray *ivt_plugin_host_probe (IvtPluginHost *host);

/* The plugin's monitor: its handle, watched. Fails the test when it has none. */
void ivt_plugin_host_open_monitor (IvtPluginHost *host);
/* How often it has said since then that there may be something new. */
guint ivt_plugin_host_news (IvtPluginHost *host);
void ivt_plugin_host_close_monitor (IvtPluginHost *host);

/* create() alone. options: "key=value key=value". Unknown ones are an error. */
IvtRegion *ivt_region_create (IvtPluginHost *host, const char *name, const char *options, GError **error);
/* The same, and waits until its memory is there or it is lost. */
IvtRegion *ivt_region_attach (IvtPluginHost *host, const char *name, const char *options, GError **error);
/* Detaches, waits until that is done, and destroys. */
void ivt_region_close (IvtRegion *region, gboolean keep);
/* Destroys at once, detached or not. */
void ivt_region_destroy (IvtRegion *region);

/* FALSE: detached is set later. */
gboolean ivt_region_detach (IvtRegion *region, gboolean keep);

gboolean ivt_region_ring (IvtRegion *region, guint peer, guint vector, GError **error);
gboolean ivt_region_kick (IvtRegion *region, guint peer, GError **error);
/* -1 on failure; the descriptor is the caller's. */
int ivt_region_join (IvtRegion *region, gint64 uid, gint64 gid, GError **error);
/* Stays the plugin's. */
int ivt_region_vector (IvtRegion *region, guint vector, GError **error);

const IvtPeer *ivt_region_peer (IvtRegion *region, guint id);
/* TRUE if a line of the log contains text. */
gboolean ivt_region_logged (IvtRegion *region, const char *text);
