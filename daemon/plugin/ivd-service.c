/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* What a plugin may ask of the daemon. */
#include "config.h"

#include "plugin/ivd-backend-private.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "platform/ivd-eventfd.h"
#include "platform/ivd-file.h"
#include "platform/ivd-guard.h"
#include "platform/ivd-log.h"

#define CONDITIONS (IVSHMEM_PLUGIN_READABLE | IVSHMEM_PLUGIN_WRITABLE | IVSHMEM_PLUGIN_HANGUP)
#define OPEN_FLAGS (IVSHMEM_PLUGIN_OPEN_WRITE | IVSHMEM_PLUGIN_OPEN_CREATE | IVSHMEM_PLUGIN_OPEN_DIRECTORY)

/* TRUE if the service can be had at all: by an instance that has not yet
 * detached, on the main thread. */
static gboolean
may_serve (IvdBackend *self, const char *what)
{
  return self != NULL && ivd_backend_check_thread (self, what) && self->phase != IVD_PHASE_DETACHED;
}

static IvshmemPluginStatus
fail_with (IvdBackend *self, const GError *error)
{
  ivd_backend_set_failure (self, error->message);
  return ivd_status_from_error (error);
}

static IvshmemPluginStatus
service_fail (IvdBackend *self, IvshmemPluginStatus status, const char *message)
{
  if (self == NULL || !ivd_backend_check_thread (self, "called fail()"))
    return IVSHMEM_PLUGIN_INTERNAL;
  ivd_backend_set_failure (self, message);
  return status < 0 ? status : IVSHMEM_PLUGIN_INTERNAL;
}

/* --- log --- */

static IvdLogLevel
level_of (int32_t level)
{
  switch (level)
    {
    case IVSHMEM_PLUGIN_LOG_DEBUG:
      return IVD_LOG_DEBUG;
    case IVSHMEM_PLUGIN_LOG_INFO:
      return IVD_LOG_INFO;
    case IVSHMEM_PLUGIN_LOG_NOTICE:
      return IVD_LOG_NOTICE;
    case IVSHMEM_PLUGIN_LOG_WARNING:
      return IVD_LOG_WARNING;
    default:
      return IVD_LOG_ERROR;
    }
}

/* FALSE: too many. ret_dropped: how many there were since the last that was
 * not. */
static gboolean
may_log (IvdBackend *self, guint64 *ret_dropped)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  if (!ivd_rate_take (&self->log_rate, g_get_monotonic_time ()))
    {
      self->log_dropped++;
      return FALSE;
    }
  *ret_dropped = self->log_dropped;
  self->log_dropped = 0;
  return TRUE;
}

static void
service_log (IvdBackend *self, int32_t level, const char *message)
{
  g_autofree char *safe
      = ivd_text_safe_bytes (message != NULL ? message : "", IVD_LIMIT_PLUGIN_MESSAGE_BYTES);
  IvdLogContext context = IVD_LOG_NO_CONTEXT;
  guint64 dropped = 0;

  if (!ivd_log_wants (level_of (level)))
    return;
  if (self != NULL)
    {
      if (!may_log (self, &dropped))
        return;
      context.region = self->name;
      context.plugin = ivd_plugin_get_name (self->plugin);
    }
  if (dropped > 0)
    ivd_log_about (IVD_LOG_WARNING, &context,
                   "%" G_GUINT64_FORMAT " lines of plugin '%s' were too many and left out", dropped,
                   context.plugin);
  ivd_log_about (level_of (level), &context, "%s", safe);
}

/* --- watches --- */

typedef struct
{
  IvdBackend *backend;
  IvshmemPluginReadyFunc func;
  void *data;
} Watch;

static IvdPollFlags
to_poll (uint32_t conditions)
{
  IvdPollFlags flags = 0;

  if (conditions & IVSHMEM_PLUGIN_READABLE)
    flags |= IVD_POLL_IN;
  if (conditions & IVSHMEM_PLUGIN_WRITABLE)
    flags |= IVD_POLL_OUT;
  return flags;
}

static void
on_ready (int fd, IvdPollFlags ready, gpointer data)
{
  const Watch watch = *(Watch *) data;
  uint32_t conditions = 0;
  IvdCall call;

  if (ready & IVD_POLL_IN)
    conditions |= IVSHMEM_PLUGIN_READABLE;
  if (ready & IVD_POLL_OUT)
    conditions |= IVSHMEM_PLUGIN_WRITABLE;
  if (ready & IVD_POLL_HUP)
    conditions |= IVSHMEM_PLUGIN_HANGUP;
  ivd_call_begin (&call, watch.backend, "a watch");
  watch.func (watch.data, conditions);
  ivd_call_end (&call);
}

static IvshmemPluginStatus
service_watch (IvdBackend *self, IvshmemPluginHandle handle, uint32_t conditions, IvshmemPluginReadyFunc func,
               void *data, uint64_t *id)
{
  g_autoptr (GError) error = NULL;
  g_autofree Watch *watch = NULL;
  guint64 added;

  if (!may_serve (self, "called watch()"))
    return IVSHMEM_PLUGIN_CLOSED;
  if (func == NULL || id == NULL || handle < 0 || handle > G_MAXINT || (conditions & ~CONDITIONS) != 0)
    return service_fail (self, IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                         "watch() needs a handle, conditions that it knows, a function and room for the id");
  watch = g_new0 (Watch, 1);
  *watch = (Watch){ self, func, data };
  added = ivd_poller_add (self->host->poller, (int) handle, to_poll (conditions), on_ready, watch, &error);
  if (added == 0)
    return fail_with (self, error);
  g_hash_table_insert (self->watches, g_memdup2 (&added, sizeof added), g_steal_pointer (&watch));
  *id = added;
  return IVSHMEM_PLUGIN_OK;
}

static void
service_rewatch (IvdBackend *self, uint64_t id, uint32_t conditions)
{
  if (may_serve (self, "called rewatch()") && g_hash_table_contains (self->watches, &id))
    ivd_poller_modify (self->host->poller, id, to_poll (conditions));
}

static void
service_unwatch (IvdBackend *self, uint64_t id)
{
  if (!may_serve (self, "called unwatch()") || !g_hash_table_contains (self->watches, &id))
    return;
  ivd_poller_remove (self->host->poller, id);
  g_hash_table_remove (self->watches, &id);
}

/* --- timers --- */

typedef struct
{
  IvdBackend *backend;
  IvshmemPluginFunc func;
  void *data;
} Timer;

static void
on_timer (guint64 id, gpointer data)
{
  const Timer timer = *(Timer *) data;
  IvdCall call;

  g_hash_table_remove (timer.backend->timers, &id);
  ivd_call_begin (&call, timer.backend, "a timer");
  timer.func (timer.data);
  ivd_call_end (&call);
}

static IvshmemPluginStatus
service_timer (IvdBackend *self, uint64_t usec, IvshmemPluginFunc func, void *data, uint64_t *id)
{
  gint64 now = g_get_monotonic_time ();
  guint64 added;
  Timer *timer;

  if (!may_serve (self, "called timer()"))
    return IVSHMEM_PLUGIN_CLOSED;
  if (func == NULL || id == NULL)
    return service_fail (self, IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                         "timer() needs a function and room for the id");
  if (g_hash_table_size (self->timers) >= IVD_LIMIT_PLUGIN_TIMERS)
    return service_fail (self, IVSHMEM_PLUGIN_LIMIT, "this region has as many timers as one may have");
  timer = g_new0 (Timer, 1);
  *timer = (Timer){ self, func, data };
  added = ivd_timer_queue_add (self->host->timers,
                               usec < (guint64) (G_MAXINT64 - now) ? now + (gint64) usec : G_MAXINT64,
                               on_timer, timer);
  g_hash_table_insert (self->timers, g_memdup2 (&added, sizeof added), timer);
  *id = added;
  return IVSHMEM_PLUGIN_OK;
}

static void
service_cancel_timer (IvdBackend *self, uint64_t id)
{
  if (!may_serve (self, "called cancel_timer()") || !g_hash_table_contains (self->timers, &id))
    return;
  ivd_timer_queue_remove (self->host->timers, id);
  g_hash_table_remove (self->timers, &id);
}

void
ivd_service_stop (IvdBackend *self)
{
  GHashTableIter iter;
  gpointer key;

  g_hash_table_iter_init (&iter, self->watches);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    ivd_poller_remove (self->host->poller, *(guint64 *) key);
  g_hash_table_remove_all (self->watches);
  g_hash_table_iter_init (&iter, self->timers);
  while (g_hash_table_iter_next (&iter, &key, NULL))
    ivd_timer_queue_remove (self->host->timers, *(guint64 *) key);
  g_hash_table_remove_all (self->timers);
}

/* --- threads --- */

void
ivd_service_deliver (IvdMailboxSender *sender, IvdMailboxFunc func, gpointer data)
{
  IvdBackend *self = (IvdBackend *) (void *) ((char *) sender - offsetof (IvdBackend, posts));
  IvdCall call;

  ivd_call_begin (&call, self, "a post");
  func (data);
  ivd_call_end (&call);
}

static void
service_post (IvdBackend *self, IvshmemPluginFunc func, void *data)
{
  if (self != NULL && func != NULL && !ivd_mailbox_post (self->host->posts, &self->posts, func, data))
    ivd_backend_accuse (self, "posted more than it may have on its way");
}

typedef struct
{
  IvdBackend *backend;
  IvshmemPluginFunc work, done;
  void *data;
} Job;

static void
job_work (gpointer data)
{
  Job *job = data;

  job->work (job->data);
}

static void
job_done (gpointer data)
{
  g_autofree Job *job = data;
  IvdCall call;

  ivd_call_resume (&call, job->backend, "what follows its work");
  if (job->done != NULL)
    job->done (job->data);
  job->backend->jobs--;
  ivd_call_end (&call);
  ivd_backend_unref (job->backend);
}

static IvshmemPluginStatus
service_run (IvdBackend *self, IvshmemPluginFunc work, IvshmemPluginFunc done, void *data)
{
  Job *job;

  if (!may_serve (self, "called run()"))
    return IVSHMEM_PLUGIN_CLOSED;
  if (work == NULL)
    return service_fail (self, IVSHMEM_PLUGIN_INVALID_ARGUMENT, "run() needs a function");
  if (self->jobs >= IVD_LIMIT_PLUGIN_JOBS)
    return service_fail (self, IVSHMEM_PLUGIN_LIMIT, "this region has as much work under way as it may have");
  job = g_new0 (Job, 1);
  *job = (Job){ ivd_backend_ref (self), work, done, data };
  self->jobs++;
  ivd_copy_pool_run (self->host->pool, job_work, job_done, job);
  return IVSHMEM_PLUGIN_OK;
}

/* --- descriptors --- */

static IvshmemPluginStatus
service_open_path (IvdBackend *self, const char *path, uint32_t flags, uint32_t mode,
                   IvshmemPluginHandle *handle)
{
  g_autoptr (GError) error = NULL;
  IvdFileFlags how = 0;
  int fd;

  if (self == NULL || path == NULL || handle == NULL || (flags & ~OPEN_FLAGS) != 0)
    return IVSHMEM_PLUGIN_INVALID_ARGUMENT;
  if (flags & IVSHMEM_PLUGIN_OPEN_WRITE)
    how |= IVD_FILE_WRITE;
  if (flags & IVSHMEM_PLUGIN_OPEN_CREATE)
    how |= IVD_FILE_CREATE;
  if (flags & IVSHMEM_PLUGIN_OPEN_DIRECTORY)
    how |= IVD_FILE_DIRECTORY;
  fd = ivd_file_open (path, how, mode, &error);
  if (fd < 0)
    return fail_with (self, error);
  *handle = fd;
  return IVSHMEM_PLUGIN_OK;
}

static IvshmemPluginStatus
service_signal (IvdBackend *self, IvshmemPluginHandle eventfd)
{
  g_autoptr (GError) error = NULL;

  if (self == NULL || !ivd_backend_check_thread (self, "called signal()"))
    return IVSHMEM_PLUGIN_CLOSED;
  if (eventfd < 0 || eventfd > G_MAXINT)
    return service_fail (self, IVSHMEM_PLUGIN_INVALID_ARGUMENT, "signal() needs an eventfd");
  return ivd_eventfd_add ((int) eventfd, 1, &error) ? IVSHMEM_PLUGIN_OK : fail_with (self, error);
}

static IvshmemPluginStatus
service_guarded (IvdBackend *self, const volatile void *address, uint64_t length, IvshmemPluginFunc func,
                 void *data)
{
  IvdGuardFault fault;

  if (self == NULL || address == NULL || length == 0 || length > G_MAXSIZE || func == NULL)
    return IVSHMEM_PLUGIN_INVALID_ARGUMENT;
  if (ivd_guard_run (address, (gsize) length, func, data, &fault))
    return IVSHMEM_PLUGIN_OK;
  ivd_backend_set_failure (self, fault.hardware ? "the memory there is broken (a machine check)"
                                                : "what was mapped there is gone");
  return fault.hardware ? IVSHMEM_PLUGIN_IO : IVSHMEM_PLUGIN_REGION_LOST;
}

void
ivd_service_init (IvdBackend *self)
{
  self->watches = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
  self->timers = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
}

void
ivd_service_fill_table (IvshmemPluginHost *table)
{
  table->log = service_log;
  table->fail = service_fail;
  table->watch = service_watch;
  table->rewatch = service_rewatch;
  table->unwatch = service_unwatch;
  table->timer = service_timer;
  table->cancel_timer = service_cancel_timer;
  table->post = service_post;
  table->run = service_run;
  table->open_path = service_open_path;
  table->signal = service_signal;
  table->guarded = service_guarded;
}
