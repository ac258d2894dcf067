/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "base/ivd-rate.h"
#include "plugin/ivd-backend.h"
#include "plugin/ivd-mailbox.h"
#include "plugin/ivd-timer-queue.h"
#include "plugin/ivd-vector-reader.h"

/*
 * For the files that together are the wrapper: ivd-backend.c (its life),
 * ivd-call.c (calls into the plugin), ivd-report.c (what the plugin says),
 * ivd-service.c (what the plugin asks for), ivd-plugin-host.c (the table).
 *
 * What a report means for the instance itself (its attach is answered, it is
 * condemned, it has detached) is never done while its code is on the stack: it
 * is noted, and ivd_backend_settle() does it from the main loop.
 */

/* The opaque type of the ABI is ours to complete. */
typedef struct IvshmemPluginRegion IvdBackend;

typedef enum
{
  IVD_PHASE_RUNNING,
  IVD_PHASE_DETACHING, /* detach() was called */
  IVD_PHASE_DETACHED,  /* it has ended; nothing but destroy() is left */
} IvdBackendPhase;

struct _IvdPluginHost
{
  gatomicrefcount references;
  IvshmemPluginHost table;
  char *runtime_dir;

  GThread *thread; /* the main one */
  GMainContext *context;
  IvdRegistry *registry;
  IvdPoller *poller;
  IvdCopyPool *pool;

  IvdTimerQueue *timers;
  IvdMailbox *posts;  /* plugins' calls */
  IvdMailbox *chores; /* our own, from any thread, before anything else */
  guint n_backends;
  guint n_attaching; /* of these: not answered yet */
};

struct IvshmemPluginRegion
{
  gatomicrefcount references;
  IvdPluginHost *host;
  IvdPlugin *plugin;
  const IvshmemPluginOps *ops;
  char *name;
  IvdOptions *options;
  IvshmemPluginInstance *instance; /* NULL: none made */

  /* --- the model's side --- */
  IvdRegion *region;     /* the registry's; NULL once it has let go */
  GTask *attach;         /* not answered yet */
  GSource *attach_timer; /* and what else may end it */
  GSource *attach_cancel;
  GError *attach_error; /* how it will be answered */
  gboolean attach_good; /* or so, unless there is an error */

  /* --- its end --- */
  IvdBackendPhase phase;
  gboolean detach_said; /* detached() was reported */
  GSource *detach_timer;
  IvdDetachedFunc done; /* whom the registry wants told */
  gpointer done_data;
  gboolean done_keep;
  char *sentence; /* what it did wrong: it is condemned */

  /* --- calls --- */
  guint depth;      /* calls into the plugin on the stack */
  gboolean ringing; /* one of them is ring(): no report may come from there */

  /* --- facts --- */
  IvdMapping *mapping; /* NULL: no memory now */
  guint64 size;        /* of the memory that there was last; 0: never any */
  guint memory_flags;  /* IVSHMEM_PLUGIN_MEMORY_ */
  gboolean host_lost;  /* we found the memory gone; the plugin may not know */
  gint own_id;
  guint own_vectors;
  guint capabilities;
  GHashTable *peers; /* id → how many vectors, as the plugin has it */
  IvdVectorReader *reader;
  IvdRate reports;

  /* --- services --- */
  GHashTable *watches; /* id → Watch */
  GHashTable *timers;  /* id → Timer */
  guint jobs;
  IvdMailboxSender posts, chores;

  /* --- any thread --- */
  GMutex lock;
  char *failure;     /* what fail() said */
  char *loss;        /* the memory was found gone */
  char *offence;     /* what was done where no lie could be noted */
  gboolean settling; /* a chore is on its way */
  IvdRate log_rate;
  guint64 log_dropped;
};

/* --- ivd-backend.c --- */

IvdBackend *ivd_backend_ref (IvdBackend *self);
/* Any thread. The last one destroys the instance, on the main thread. */
void ivd_backend_unref (IvdBackend *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdBackend, ivd_backend_unref)

/* Any thread. ivd_backend_settle() will look at what was noted. */
void ivd_backend_schedule (IvdBackend *self);

/* --- ivd-call.c --- */

/* One call into the plugin's code. */
typedef struct
{
  IvdBackend *backend;
  const char *what;
  gint64 begin;
} IvdCall;

void ivd_call_begin (IvdCall *call, IvdBackend *backend, const char *what);
/* The same, but what work on the pool has said of its failure still counts. */
void ivd_call_resume (IvdCall *call, IvdBackend *backend, const char *what);
void ivd_call_end (IvdCall *call);

/* FALSE and the error that the plugin's status and its sentence make. An
 * answer that no call may give condemns it. */
gboolean ivd_call_check (IvdBackend *backend, const char *what, IvshmemPluginStatus status, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

IvdErrorCode ivd_status_to_code (IvshmemPluginStatus status);
IvshmemPluginStatus ivd_status_from_error (const GError *error);

/* Any thread. The sentence for the failure of the call we are in. */
void ivd_backend_set_failure (IvdBackend *self, const char *message);

/* The plugin has lied: noted, and it is not believed any more. */
void ivd_backend_condemn (IvdBackend *self, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* Any thread. As ivd_backend_condemn, a little later. */
void ivd_backend_accuse (IvdBackend *self, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* Running, and believed. */
gboolean ivd_backend_is_trusted (IvdBackend *self);

/* FALSE, and it is condemned, when this is not the main thread. */
gboolean ivd_backend_check_thread (IvdBackend *self, const char *what);

/* --- ivd-map.c --- */

/* Asks where the memory is, and maps it. ret_flags: IVSHMEM_PLUGIN_MEMORY_
 * bits. NULL and an error, also when it was condemned for what it said. */
IvdMapping *ivd_backend_map (IvdBackend *self, guint *ret_flags, GError **error);

/* --- ivd-report.c --- */

void ivd_report_fill_table (IvshmemPluginHost *table);
/* Memory that was found gone, on whatever thread: the region is lost. */
void ivd_report_host_loss (IvdBackend *self, const char *message);
/* The memory is no longer ours to watch. */
void ivd_report_drop_memory (IvdBackend *self);

/* --- ivd-service.c --- */

void ivd_service_fill_table (IvshmemPluginHost *table);
void ivd_service_init (IvdBackend *self);
/* Ends every watch and timer. */
void ivd_service_stop (IvdBackend *self);
/* Makes a post's call. */
void ivd_service_deliver (IvdMailboxSender *sender, IvdMailboxFunc func, gpointer data);

/* --- ivd-probe.c --- */

void ivd_probe_fill_table (IvshmemPluginHost *table);
