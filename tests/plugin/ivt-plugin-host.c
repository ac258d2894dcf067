/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ivt-plugin-host.h"

#include <gmodule.h>
#include <string.h>

#include "base/ivd-error.h"
#include "ivt-plugin-values.h"
#include "platform/ivd-eventfd.h"
#include "platform/ivd-file.h"
#include "platform/ivd-poller.h"

/* Long enough for a machine that is busy with other things. */
#define WAIT_USEC (60 * G_USEC_PER_SEC)

struct _IvtPluginHost
{
  IvshmemPluginHost table;
  GModule *module;
  const IvshmemPlugin *plugin;
  char *runtime_dir;
  GMainContext *context;
  IvdPoller *poller;
  IvshmemPluginMonitor *monitor; /* NULL: not open */
  guint64 monitor_watch;
  guint news;
};

typedef struct
{
  IvshmemPluginReadyFunc func;
  void *data;
} Watch;

/* Work on another thread, and what comes after. */
typedef struct
{
  IvtRegion *region;
  IvshmemPluginFunc work, done;
  void *data;
  GThread *thread;
} Job;

/* A timer or a post. */
typedef struct
{
  IvtRegion *region;
  guint64 id;
  IvshmemPluginFunc func;
  void *data;
} Call;

G_DEFINE_QUARK (ivt_plugin_error, ivt_plugin_error)

/* --- what the plugin calls --------------------------------------------- */

static void
host_log (IvtRegion *region, int32_t level, const char *message)
{
  g_assert_nonnull (message);
  g_assert_true (g_utf8_validate (message, -1, NULL));
  if (region == NULL)
    return;
  g_mutex_lock (&region->lock);
  g_ptr_array_add (region->log, g_strdup_printf ("%d %s", level, message));
  g_mutex_unlock (&region->lock);
}

static IvshmemPluginStatus
host_fail (IvtRegion *region, IvshmemPluginStatus status, const char *message)
{
  g_assert_cmpint (status, <, 0);
  g_free (region->message);
  region->message = g_strdup (message);
  return status;
}

static void
on_ready (int fd, IvdPollFlags ready, gpointer data)
{
  Watch *watch = data;
  guint32 conditions = 0;

  if ((ready & IVD_POLL_IN) != 0)
    conditions |= IVSHMEM_PLUGIN_READABLE;
  if ((ready & IVD_POLL_OUT) != 0)
    conditions |= IVSHMEM_PLUGIN_WRITABLE;
  if ((ready & IVD_POLL_HUP) != 0)
    conditions |= IVSHMEM_PLUGIN_HANGUP;
  watch->func (watch->data, conditions);
}

static IvdPollFlags
poll_flags (uint32_t conditions)
{
  IvdPollFlags flags = 0;

  if ((conditions & IVSHMEM_PLUGIN_READABLE) != 0)
    flags |= IVD_POLL_IN;
  if ((conditions & IVSHMEM_PLUGIN_WRITABLE) != 0)
    flags |= IVD_POLL_OUT;
  return flags;
}

static IvshmemPluginStatus
host_watch (IvtRegion *region,
            IvshmemPluginHandle handle,
            uint32_t conditions,
            IvshmemPluginReadyFunc func,
            void *data,
            uint64_t *id)
{
  g_autoptr (GError) error = NULL;
  Watch *watch;
  guint64 added;

  if (region->refuse_services & IVT_SERVICE_WATCH)
    return host_fail (region, IVSHMEM_PLUGIN_LIMIT, "no watch for this test");
  watch = g_new0 (Watch, 1);
  watch->func = func;
  watch->data = data;
  added
      = ivd_poller_add (region->host->poller, (int) handle, poll_flags (conditions), on_ready, watch, &error);
  g_assert_no_error (error);
  g_hash_table_insert (region->watches, GSIZE_TO_POINTER (added), watch);
  *id = added;
  return IVSHMEM_PLUGIN_OK;
}

static void
host_rewatch (IvtRegion *region, uint64_t id, uint32_t conditions)
{
  g_assert_true (g_hash_table_contains (region->watches, GSIZE_TO_POINTER (id)));
  ivd_poller_modify (region->host->poller, id, poll_flags (conditions));
}

static void
host_unwatch (IvtRegion *region, uint64_t id)
{
  ivd_poller_remove (region->host->poller, id);
  g_assert_true (g_hash_table_remove (region->watches, GSIZE_TO_POINTER (id)));
}

static gboolean
on_call (gpointer data)
{
  Call *call = data;
  IvtRegion *region = call->region;

  g_mutex_lock (&region->lock);
  g_hash_table_remove (region->sources, GSIZE_TO_POINTER (call->id));
  g_mutex_unlock (&region->lock);
  call->func (call->data);
  return G_SOURCE_REMOVE;
}

/* Any thread. */
static guint64
call_later (IvtRegion *region, GSource *source, IvshmemPluginFunc func, void *data)
{
  Call *call = g_new0 (Call, 1);
  guint64 id;

  g_mutex_lock (&region->lock);
  id = ++region->last_id;
  call->region = region;
  call->id = id;
  call->func = func;
  call->data = data;
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, on_call, call, g_free);
  g_hash_table_insert (region->sources, GSIZE_TO_POINTER (call->id), source);
  g_source_attach (source, region->host->context);
  g_mutex_unlock (&region->lock);
  return id;
}

static IvshmemPluginStatus
host_timer (IvtRegion *region, uint64_t usec, IvshmemPluginFunc func, void *data, uint64_t *id)
{
  GSource *source;

  if (region->refuse_services & IVT_SERVICE_TIMER)
    return host_fail (region, IVSHMEM_PLUGIN_LIMIT, "no timer for this test");
  source = g_timeout_source_new ((guint) ((usec + 999) / 1000));
  *id = call_later (region, source, func, data);
  return IVSHMEM_PLUGIN_OK;
}

static void
host_cancel_timer (IvtRegion *region, uint64_t id)
{
  GSource *source;

  g_mutex_lock (&region->lock);
  source = g_hash_table_lookup (region->sources, GSIZE_TO_POINTER (id));
  g_assert_nonnull (source);
  g_source_destroy (source);
  g_hash_table_remove (region->sources, GSIZE_TO_POINTER (id));
  g_mutex_unlock (&region->lock);
}

static void
host_post (IvtRegion *region, IvshmemPluginFunc func, void *data)
{
  (void) call_later (region, g_idle_source_new (), func, data);
}

static gboolean
on_job_done (gpointer data)
{
  Job *job = data;

  g_thread_join (job->thread);
  job->region->n_running--;
  job->done (job->data);
  g_free (job);
  return G_SOURCE_REMOVE;
}

static gpointer
run_job (gpointer data)
{
  Job *job = data;
  g_autoptr (GSource) source = g_idle_source_new ();

  job->work (job->data);
  g_source_set_callback (source, on_job_done, job, NULL);
  g_source_attach (source, job->region->host->context);
  return NULL;
}

static IvshmemPluginStatus
host_run (IvtRegion *region, IvshmemPluginFunc work, IvshmemPluginFunc done, void *data)
{
  Job *job;

  if (region->refuse_services & IVT_SERVICE_RUN)
    return host_fail (region, IVSHMEM_PLUGIN_LIMIT, "no thread for this test");
  job = g_new0 (Job, 1);
  region->n_running++;
  job->region = region;
  job->work = work;
  job->done = done;
  job->data = data;
  job->thread = g_thread_new ("job", run_job, job);
  return IVSHMEM_PLUGIN_OK;
}

static const struct
{
  IvdErrorCode code;
  IvshmemPluginStatus status;
} statuses[] = {
  { IVD_ERROR_NOT_FOUND, IVSHMEM_PLUGIN_NOT_FOUND },
  { IVD_ERROR_EXISTS, IVSHMEM_PLUGIN_EXISTS },
  { IVD_ERROR_DENIED, IVSHMEM_PLUGIN_DENIED },
  { IVD_ERROR_BUSY, IVSHMEM_PLUGIN_BUSY },
  { IVD_ERROR_INVALID_ARGUMENT, IVSHMEM_PLUGIN_INVALID_ARGUMENT },
  { IVD_ERROR_NO_SPACE, IVSHMEM_PLUGIN_NO_SPACE },
  { IVD_ERROR_LIMIT, IVSHMEM_PLUGIN_LIMIT },
};

static IvshmemPluginStatus
status_of_error (const GError *error)
{
  IvdErrorCode code = ivd_error_code (error);

  for (gsize i = 0; i < G_N_ELEMENTS (statuses); i++)
    if (statuses[i].code == code)
      return statuses[i].status;
  return IVSHMEM_PLUGIN_IO;
}

static IvshmemPluginStatus
host_open_path (IvtRegion *region,
                const char *path,
                uint32_t flags,
                uint32_t mode,
                IvshmemPluginHandle *handle)
{
  g_autoptr (GError) error = NULL;
  IvdFileFlags file_flags = 0;
  int fd;

  if ((flags & IVSHMEM_PLUGIN_OPEN_WRITE) != 0)
    file_flags |= IVD_FILE_WRITE;
  if ((flags & IVSHMEM_PLUGIN_OPEN_CREATE) != 0)
    file_flags |= IVD_FILE_CREATE;
  if ((flags & IVSHMEM_PLUGIN_OPEN_DIRECTORY) != 0)
    file_flags |= IVD_FILE_DIRECTORY;
  fd = ivd_file_open (path, file_flags, mode, &error);
  if (fd < 0)
    return status_of_error (error);
  *handle = fd;
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
host_signal (IvtRegion *region, IvshmemPluginHandle eventfd)
{
  g_autoptr (GError) error = NULL;

  return ivd_eventfd_add ((int) eventfd, 1, &error) ? IVSHMEM_PLUGIN_OK : status_of_error (error);
}

/* --- what it reports --------------------------------------------------- */

static void G_GNUC_PRINTF (2, 3)
    note_report (IvtRegion *region, const char *format, ...)
{
  va_list arguments;

  g_assert_false (region->detaching);
  if (region->reports->len > 0)
    g_string_append_c (region->reports, ' ');
  va_start (arguments, format);
  g_string_append_vprintf (region->reports, format, arguments);
  va_end (arguments);
}

/* Last in each report: afterwards the plugin may say nothing more. */
static void
answer_report (IvtRegion *region)
{
  if (!region->detach_in_report)
    return;
  region->detach_in_report = FALSE;
  (void) ivt_region_detach (region, FALSE);
}

static void
read_description (IvtRegion *region)
{
  region->description = (IvshmemPluginDescription){ .struct_size = sizeof region->description };
  g_assert_cmpint (region->ops->describe (region->instance, &region->description), ==, IVSHMEM_PLUGIN_OK);
}

static IvshmemPluginStatus
host_memory_ready (IvtRegion *region)
{
  note_report (region, "ready");
  read_description (region);
  region->memory = (IvshmemPluginMemory){ .struct_size = sizeof region->memory };
  g_assert_cmpint (region->ops->memory (region->instance, &region->memory), ==, IVSHMEM_PLUGIN_OK);
  if (region->refuse_memory)
    return IVSHMEM_PLUGIN_IO;
  region->n_ready++;
  region->lost = FALSE;
  answer_report (region);
  return IVSHMEM_PLUGIN_OK;
}

static void
host_connecting (IvtRegion *region)
{
  note_report (region, "connecting");
  answer_report (region);
}

static void
host_changed (IvtRegion *region)
{
  note_report (region, "changed");
  read_description (region);
  answer_report (region);
}

static void
free_peer (gpointer data)
{
  IvtPeer *peer = data;

  g_free (peer->executable);
  g_free (peer);
}

static void
host_peer (IvtRegion *region, uint32_t id, uint32_t vectors, const IvshmemPluginCredentials *credentials)
{
  IvtPeer *peer = g_new0 (IvtPeer, 1);

  note_report (region, "peer(%u,%u)", id, vectors);
  g_assert_cmpuint (id, <=, 65535);
  peer->id = id;
  peer->vectors = vectors;
  peer->pid = credentials != NULL ? credentials->pid : -1;
  peer->uid = credentials != NULL ? credentials->uid : -1;
  peer->gid = credentials != NULL ? credentials->gid : -1;
  peer->executable = credentials != NULL ? g_strdup (credentials->executable) : NULL;
  if (g_hash_table_replace (region->peers, GUINT_TO_POINTER (id), peer))
    region->n_joins++;
  answer_report (region);
}

static void
host_peer_gone (IvtRegion *region, uint32_t id)
{
  note_report (region, "gone(%u)", id);
  g_assert_true (g_hash_table_remove (region->peers, GUINT_TO_POINTER (id)));
  region->n_leaves++;
  answer_report (region);
}

static void
host_interrupt (IvtRegion *region, uint32_t vector, uint64_t count)
{
  g_assert_false (region->detaching);
}

static void
host_lost (IvtRegion *region, IvshmemPluginStatus status, const char *message)
{
  note_report (region, "lost");
  g_assert_cmpint (status, <, 0);
  (void) host_fail (region, status, message);
  region->lost = TRUE;
  region->lost_status = status;
  g_hash_table_remove_all (region->peers);
  answer_report (region);
}

static void
host_back (IvtRegion *region)
{
  note_report (region, "back");
  region->lost = FALSE;
}

static void
host_detached (IvtRegion *region)
{
  g_assert_true (region->detaching);
  g_assert_false (region->detached);
  region->detached = TRUE;
}

static void
host_candidate (IvshmemPluginProbe *probe, const IvshmemPluginField *fields, uint32_t n_fields)
{
  GPtrArray *candidates = (GPtrArray *) probe;
  GHashTable *candidate = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  g_assert_cmpuint (n_fields, >, 0);
  g_assert_cmpstr (fields[0].name, ==, "name");
  for (guint i = 0; i < n_fields; i++)
    {
      g_assert_cmpuint (fields[i].struct_size, ==, sizeof fields[i]);
      g_assert_true (fields[i].type != IVSHMEM_PLUGIN_FIELD_TEXT || g_utf8_validate (fields[i].text, -1, NULL));
      g_hash_table_insert (candidate, g_strdup (fields[i].name),
                           fields[i].type == IVSHMEM_PLUGIN_FIELD_TEXT
                               ? g_strdup (fields[i].text)
                               : g_strdup_printf ("%" G_GUINT64_FORMAT, fields[i].number));
    }
  g_ptr_array_add (candidates, candidate);
}

static const IvshmemPluginHost host_table = {
  .struct_size = sizeof (IvshmemPluginHost),
  .abi_minor = IVSHMEM_PLUGIN_ABI_MINOR,
  .log = host_log,
  .fail = host_fail,
  .watch = host_watch,
  .rewatch = host_rewatch,
  .unwatch = host_unwatch,
  .timer = host_timer,
  .cancel_timer = host_cancel_timer,
  .post = host_post,
  .run = host_run,
  .open_path = host_open_path,
  .signal = host_signal,
  .memory_ready = host_memory_ready,
  .connecting = host_connecting,
  .changed = host_changed,
  .peer = host_peer,
  .peer_gone = host_peer_gone,
  .interrupt = host_interrupt,
  .lost = host_lost,
  .back = host_back,
  .detached = host_detached,
  .candidate = host_candidate,
};

/* --- the host ---------------------------------------------------------- */

IvtPluginHost *
ivt_plugin_host_new (const char *module_path, const char *runtime_dir)
{
  IvtPluginHost *host = g_new0 (IvtPluginHost, 1);
  g_autoptr (GError) error = NULL;
  gpointer symbol = NULL;

  host->module = g_module_open (module_path, G_MODULE_BIND_LOCAL | G_MODULE_BIND_LAZY);
  if (host->module == NULL || !g_module_symbol (host->module, "ivshmem_plugin_v1", &symbol))
    g_error ("%s", g_module_error ());
  /* Leak checkers want to name what it allocated. */
  g_module_make_resident (host->module);
  host->plugin = symbol;
  host->runtime_dir = g_strdup (runtime_dir);
  host->context = g_main_context_ref_thread_default ();
  host->poller = ivd_poller_new (host->context, &error);
  g_assert_no_error (error);
  host->table = host_table;
  host->table.runtime_dir = host->runtime_dir;
  return host;
}

void
ivt_plugin_host_free (IvtPluginHost *host)
{
  if (host == NULL)
    return;
  ivd_poller_free (host->poller);
  g_main_context_unref (host->context);
  g_module_close (host->module);
  g_free (host->runtime_dir);
  g_free (host);
}

const IvshmemPlugin *
ivt_plugin_host_plugin (IvtPluginHost *host)
{
  return host->plugin;
}

GPtrArray *
ivt_plugin_host_probe (IvtPluginHost *host)
{
  GPtrArray *candidates = g_ptr_array_new_with_free_func ((GDestroyNotify) g_hash_table_unref);

  g_assert_cmpint (host->plugin->ops->probe (&host->table, (IvshmemPluginProbe *) candidates), ==, IVSHMEM_PLUGIN_OK);
  return candidates;
}

static void
on_news (int fd, IvdPollFlags ready, gpointer data)
{
  IvtPluginHost *host = data;

  if (host->plugin->ops->monitor_take (host->monitor) != 0)
    host->news++;
}

void
ivt_plugin_host_open_monitor (IvtPluginHost *host)
{
  const IvshmemPluginOps *ops = host->plugin->ops;
  IvshmemPluginHandle handle = IVSHMEM_PLUGIN_NO_HANDLE;
  g_autoptr (GError) error = NULL;

  g_assert_true (IVSHMEM_PLUGIN_HAS (IvshmemPluginOps, ops, monitor_open));
  g_assert_null (host->monitor);
  g_assert_cmpint (ops->monitor_open (&host->table, &host->monitor, &handle), ==, IVSHMEM_PLUGIN_OK);
  g_assert_nonnull (host->monitor);
  host->news = 0;
  host->monitor_watch = ivd_poller_add (host->poller, (int) handle, IVD_POLL_IN, on_news, host, &error);
  g_assert_no_error (error);
}

guint
ivt_plugin_host_news (IvtPluginHost *host)
{
  return host->news;
}

void
ivt_plugin_host_close_monitor (IvtPluginHost *host)
{
  ivd_poller_remove (host->poller, host->monitor_watch);
  host->plugin->ops->monitor_close (host->monitor);
  host->monitor = NULL;
}

static gboolean
on_tick (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

gboolean
ivt_plugin_host_wait (IvtPluginHost *host, GSourceFunc condition, gpointer data)
{
  gint64 deadline = g_get_monotonic_time () + WAIT_USEC;
  g_autoptr (GSource) tick = NULL;
  gboolean met;

  /* What a condition looks at need not wake the context. */
  tick = g_timeout_source_new (1);
  g_source_set_callback (tick, on_tick, NULL, NULL);
  g_source_attach (tick, host->context);
  while (!(met = condition (data)) && g_get_monotonic_time () < deadline)
    g_main_context_iteration (host->context, TRUE);
  g_source_destroy (tick);
  return met;
}

void
ivt_plugin_host_drain (IvtPluginHost *host)
{
  while (g_main_context_iteration (host->context, FALSE))
    ;
}

/* --- regions ----------------------------------------------------------- */

static gboolean
set_error (IvtRegion *region, IvshmemPluginStatus status, GError **error)
{
  if (status >= 0)
    return TRUE;
  g_assert_nonnull (region->message);
  g_set_error_literal (error, IVT_PLUGIN_ERROR, status, region->message);
  return FALSE;
}

static void
free_region (IvtRegion *region)
{
  g_assert_cmpuint (region->n_running, ==, 0);
  g_assert_cmpuint (g_hash_table_size (region->watches), ==, 0);
  g_hash_table_unref (region->watches);
  g_hash_table_unref (region->sources);
  g_hash_table_unref (region->peers);
  g_ptr_array_unref (region->log);
  g_string_free (region->reports, TRUE);
  g_mutex_clear (&region->lock);
  g_free (region->message);
  g_free (region->name);
  g_free (region);
}

IvtRegion *
ivt_region_create (IvtPluginHost *host, const char *name, const char *options, GError **error)
{
  g_autoptr (IvtPluginValues) values = ivt_plugin_values_new (host->plugin, options, error);
  IvtRegion *region;
  IvshmemPluginStatus status;

  if (values == NULL)
    return NULL;
  region = g_new0 (IvtRegion, 1);
  region->host = host;
  region->ops = host->plugin->ops;
  region->name = g_strdup (name);
  region->peers = g_hash_table_new_full (NULL, NULL, NULL, free_peer);
  region->log = g_ptr_array_new_with_free_func (g_free);
  region->reports = g_string_new (NULL);
  region->watches = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  region->sources = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_source_unref);
  g_mutex_init (&region->lock);

  status
      = region->ops->create (&host->table, region, name, values->values, values->n_values, &region->instance);
  if (set_error (region, status, error))
    return region;
  g_assert_null (region->instance);
  free_region (region);
  return NULL;
}

static gboolean
is_answered (gpointer data)
{
  IvtRegion *region = data;

  return region->n_ready > 0 || region->lost;
}

IvtRegion *
ivt_region_attach (IvtPluginHost *host, const char *name, const char *options, GError **error)
{
  IvtRegion *region = ivt_region_create (host, name, options, error);

  if (region == NULL)
    return NULL;
  g_assert_true (ivt_plugin_host_wait (host, is_answered, region));
  if (!region->lost)
    return region;
  (void) set_error (region, region->lost_status, error);
  ivt_region_close (region, FALSE);
  return NULL;
}

gboolean
ivt_region_detach (IvtRegion *region, gboolean keep)
{
  IvshmemPluginStatus status;

  g_assert_false (region->detaching);
  region->detaching = TRUE;
  status = region->ops->detach (region->instance, keep ? 1 : 0);
  g_assert_cmpint (status, >=, 0);
  if (status == IVSHMEM_PLUGIN_OK)
    region->detached = TRUE;
  return region->detached;
}

static gboolean
is_detached (gpointer data)
{
  IvtRegion *region = data;

  return region->detached;
}

static gboolean
is_at_rest (gpointer data)
{
  IvtRegion *region = data;

  return region->n_running == 0;
}

void
ivt_region_destroy (IvtRegion *region)
{
  GHashTableIter iter;
  gpointer source;

  g_assert_true (ivt_plugin_host_wait (region->host, is_at_rest, region));
  region->detaching = TRUE;
  region->ops->destroy (region->instance);
  g_hash_table_iter_init (&iter, region->sources);
  while (g_hash_table_iter_next (&iter, NULL, &source))
    g_source_destroy (source);
  free_region (region);
}

void
ivt_region_close (IvtRegion *region, gboolean keep)
{
  if (!region->detaching)
    (void) ivt_region_detach (region, keep);
  g_assert_true (ivt_plugin_host_wait (region->host, is_detached, region));
  ivt_region_destroy (region);
}

gboolean
ivt_region_ring (IvtRegion *region, guint peer, guint vector, GError **error)
{
  return set_error (region, region->ops->ring (region->instance, peer, vector), error);
}

gboolean
ivt_region_kick (IvtRegion *region, guint peer, GError **error)
{
  return set_error (region, region->ops->kick (region->instance, peer), error);
}

int
ivt_region_join (IvtRegion *region, gint64 uid, gint64 gid, GError **error)
{
  const IvshmemPluginCredentials credentials = {
    .struct_size = sizeof credentials,
    .pid = -1,
    .uid = uid,
    .gid = gid,
    .executable = "/test/joined",
  };
  IvshmemPluginHandle handle = IVSHMEM_PLUGIN_NO_HANDLE;

  if (!set_error (region, region->ops->join (region->instance, &credentials, &handle), error))
    return -1;
  return (int) handle;
}

int
ivt_region_vector (IvtRegion *region, guint vector, GError **error)
{
  IvshmemPluginHandle handle = IVSHMEM_PLUGIN_NO_HANDLE;

  if (!set_error (region, region->ops->vector_handle (region->instance, vector, &handle), error))
    return -1;
  return (int) handle;
}

const IvtPeer *
ivt_region_peer (IvtRegion *region, guint id)
{
  return g_hash_table_lookup (region->peers, GUINT_TO_POINTER (id));
}

gboolean
ivt_region_logged (IvtRegion *region, const char *text)
{
  gboolean found = FALSE;

  g_mutex_lock (&region->lock);
  for (guint i = 0; i < region->log->len && !found; i++)
    found = strstr (g_ptr_array_index (region->log, i), text) != NULL;
  g_mutex_unlock (&region->lock);
  return found;
}
