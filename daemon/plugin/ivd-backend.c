/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* The life of an instance: attach, what the model asks of it, detach, end. */
#include "config.h"

#include "plugin/ivd-backend-private.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "platform/ivd-eventfd.h"
#include "platform/ivd-log.h"
#include "plugin/ivd-plugin-table.h"

static void settle (gpointer data);
static void finish_detach (IvdBackend *self);

/* --- references --- */

IvdBackend *
ivd_backend_ref (IvdBackend *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

static void
clear_source (GSource **source)
{
  if (*source == NULL)
    return;
  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

/* Posts end when destroy() begins; watches, timers and work have ended. */
static void
backend_free (IvdBackend *self)
{
  ivd_mailbox_forget (self->host->posts, &self->posts);
  if (self->instance != NULL)
    self->ops->destroy (self->instance);
  ivd_mailbox_forget (self->host->posts, &self->posts);
  ivd_mailbox_forget (self->host->chores, &self->chores);
  g_warn_if_fail (self->mapping == NULL && self->jobs == 0 && self->attach == NULL);
  clear_source (&self->detach_timer);
  ivd_vector_reader_free (self->reader);
  g_hash_table_unref (self->peers);
  g_hash_table_unref (self->watches);
  g_hash_table_unref (self->timers);
  g_clear_error (&self->attach_error);
  g_mutex_clear (&self->lock);
  g_free (self->failure);
  g_free (self->loss);
  g_free (self->offence);
  g_free (self->sentence);
  g_free (self->name);
  ivd_options_unref (self->options);
  ivd_plugin_unref (self->plugin);
  self->host->n_backends--;
  ivd_plugin_host_unref (self->host);
  g_free (self);
}

static gboolean
free_on_main_thread (gpointer data)
{
  backend_free (data);
  return G_SOURCE_REMOVE;
}

void
ivd_backend_unref (IvdBackend *self)
{
  g_autoptr (GSource) source = NULL;

  if (!g_atomic_ref_count_dec (&self->references))
    return;
  if (g_thread_self () == self->host->thread && self->depth == 0)
    {
      backend_free (self);
      return;
    }
  source = g_idle_source_new ();
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, free_on_main_thread, self, NULL);
  g_source_attach (source, self->host->context);
}

void
ivd_backend_schedule (IvdBackend *self)
{
  gboolean already;

  g_mutex_lock (&self->lock);
  already = self->settling;
  self->settling = TRUE;
  g_mutex_unlock (&self->lock);
  if (!already)
    (void) !ivd_mailbox_post (self->host->chores, &self->chores, settle, self);
}

/* --- detaching --- */

static gboolean
on_detach_timeout (gpointer data)
{
  IvdBackend *self = data;

  ivd_log (IVD_LOG_WARNING, self->name, "plugin '%s' has not detached within %d s; it is ended without",
           ivd_plugin_get_name (self->plugin), (gint) (IVD_LIMIT_DETACH_USEC / G_USEC_PER_SEC));
  finish_detach (self);
  return G_SOURCE_REMOVE;
}

static void
finish_detach (IvdBackend *self)
{
  IvdDetachedFunc done = g_steal_pointer (&self->done);

  self->phase = IVD_PHASE_DETACHED;
  clear_source (&self->detach_timer);
  ivd_service_stop (self);
  if (done != NULL)
    done (self->done_data);
}

static void
start_detach (IvdBackend *self, gboolean keep)
{
  IvshmemPluginStatus status = IVSHMEM_PLUGIN_OK;
  g_autoptr (GError) error = NULL;
  IvdCall call;

  self->phase = IVD_PHASE_DETACHING;
  ivd_report_drop_memory (self);
  if (self->instance != NULL)
    {
      ivd_call_begin (&call, self, "detach()");
      status = self->ops->detach (self->instance, keep ? 1 : 0);
      ivd_call_end (&call);
    }
  if (status == IVSHMEM_PLUGIN_PENDING && !self->detach_said)
    {
      self->detach_timer = g_timeout_source_new (IVD_LIMIT_DETACH_USEC / 1000);
      g_source_set_callback (self->detach_timer, on_detach_timeout, self, NULL);
      g_source_attach (self->detach_timer, self->host->context);
      return;
    }
  if (status != IVSHMEM_PLUGIN_PENDING && !ivd_call_check (self, "detach()", status, &error))
    ivd_log (IVD_LOG_WARNING, self->name, "%s", error->message);
  finish_detach (self);
}

/* --- what the model asks --- */

static gboolean
check_running (IvdBackend *self, GError **error)
{
  if (self->phase == IVD_PHASE_RUNNING && self->sentence == NULL && self->instance != NULL)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_REGION_LOST, "the region is lost%s%s",
               self->sentence != NULL ? ": " : "", self->sentence != NULL ? self->sentence : "");
  return FALSE;
}

static gboolean
refuse_missing (IvdBackend *self, const char *what, GError **error)
{
  g_set_error (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED, "plugin '%s' cannot %s",
               ivd_plugin_get_name (self->plugin), what);
  return FALSE;
}

static gboolean
backend_ring (gpointer data, guint peer, guint vector, GError **error)
{
  IvdBackend *self = data;
  IvshmemPluginStatus status;
  IvdCall call;

  if (!check_running (self, error))
    return FALSE;
  if (!IVSHMEM_PLUGIN_HAS (IvshmemPluginOps, self->ops, ring))
    return refuse_missing (self, "ring", error);
  ivd_call_begin (&call, self, "ring()");
  self->ringing = TRUE;
  status = self->ops->ring (self->instance, peer, vector);
  self->ringing = FALSE;
  ivd_call_end (&call);
  return ivd_call_check (self, "ring()", status, error);
}

static gboolean
backend_kick (gpointer data, guint peer, GError **error)
{
  IvdBackend *self = data;
  IvshmemPluginStatus status;
  IvdCall call;

  if (!check_running (self, error))
    return FALSE;
  if (!IVSHMEM_PLUGIN_HAS (IvshmemPluginOps, self->ops, kick))
    return refuse_missing (self, "make a peer leave: only a server can", error);
  ivd_call_begin (&call, self, "kick()");
  status = self->ops->kick (self->instance, peer);
  ivd_call_end (&call);
  /* It may take until the peer is told; peer_gone follows. */
  return status == IVSHMEM_PLUGIN_PENDING || ivd_call_check (self, "kick()", status, error);
}

/* TRUE if handle is a connected stream socket of this machine. */
static gboolean
is_stream_socket (IvshmemPluginHandle handle)
{
  struct sockaddr_storage peer;
  socklen_t length = sizeof peer;
  int type = 0;

  if (handle < 0 || handle > G_MAXINT || getpeername ((int) handle, (struct sockaddr *) &peer, &length) < 0)
    return FALSE;
  length = sizeof type;
  return peer.ss_family == AF_UNIX && getsockopt ((int) handle, SOL_SOCKET, SO_TYPE, &type, &length) == 0
         && type == SOCK_STREAM;
}

static int
backend_join (gpointer data, const IvdCredentials *credentials, GError **error)
{
  IvdBackend *self = data;
  const IvshmemPluginCredentials who = {
    .struct_size = sizeof who,
    .pid = credentials->pid,
    .uid = credentials->uid,
    .gid = credentials->gid,
    .executable = credentials->executable,
  };
  IvshmemPluginHandle handle = IVSHMEM_PLUGIN_NO_HANDLE;
  IvshmemPluginStatus status;
  IvdCall call;

  if (!check_running (self, error))
    return -1;
  if (!IVSHMEM_PLUGIN_HAS (IvshmemPluginOps, self->ops, join))
    {
      refuse_missing (self, "be joined", error);
      return -1;
    }
  ivd_call_begin (&call, self, "join()");
  status = self->ops->join (self->instance, &who, &handle);
  ivd_call_end (&call);
  if (!ivd_call_check (self, "join()", status, error))
    return -1;
  if (!is_stream_socket (handle))
    {
      ivd_backend_condemn (self, "answered join() with a handle that is no connected socket");
      check_running (self, error);
      return -1;
    }
  fcntl ((int) handle, F_SETFD, FD_CLOEXEC);
  return (int) handle;
}

static int
backend_open_vector (gpointer data, guint vector, GError **error)
{
  IvdBackend *self = data;

  return check_running (self, error) ? ivd_vector_reader_dup (self->reader, vector, error) : -1;
}

/* The plugin's answer, copied for somebody else. */
static int
copy_eventfd (IvdBackend *self, const char *what, IvshmemPluginHandle handle, GError **error)
{
  int copy;

  if (handle < 0 || handle > G_MAXINT || !ivd_eventfd_check ((int) handle, NULL))
    {
      ivd_backend_condemn (self, "answered %s with a handle that is no eventfd", what);
      check_running (self, error);
      return -1;
    }
  copy = fcntl ((int) handle, F_DUPFD_CLOEXEC, 3);
  if (copy < 0)
    g_set_error (error, IVD_ERROR, IVD_ERROR_LIMIT, "out of file descriptors: raise LimitNOFILE");
  return copy;
}

static int
backend_open_doorbell (gpointer data, guint peer, guint vector, GError **error)
{
  IvdBackend *self = data;
  IvshmemPluginHandle handle = IVSHMEM_PLUGIN_NO_HANDLE;
  IvshmemPluginStatus status;
  IvdCall call;

  if (!check_running (self, error))
    return -1;
  if (!IVSHMEM_PLUGIN_HAS (IvshmemPluginOps, self->ops, doorbell_handle))
    {
      refuse_missing (self, "give a descriptor that rings: use Ring", error);
      return -1;
    }
  ivd_call_begin (&call, self, "doorbell_handle()");
  status = self->ops->doorbell_handle (self->instance, peer, vector, &handle);
  ivd_call_end (&call);
  if (!ivd_call_check (self, "doorbell_handle()", status, error))
    return -1;
  return copy_eventfd (self, "doorbell_handle()", handle, error);
}

static void
backend_pause_vector (gpointer data, guint vector, gboolean paused)
{
  IvdBackend *self = data;

  ivd_vector_reader_pause (self->reader, vector, paused);
}

/* It is about to be answered. */
static GTask *
take_attach (IvdBackend *self)
{
  self->host->n_attaching--;
  clear_source (&self->attach_timer);
  clear_source (&self->attach_cancel);
  return g_steal_pointer (&self->attach);
}

/* The region is taken away while it is being attached: the daemon stops. */
static void
abandon_attach (IvdBackend *self)
{
  g_autoptr (GTask) task = take_attach (self);

  g_task_return_new_error (task, IVD_ERROR, IVD_ERROR_CLOSED, "attaching was called off");
}

static void
backend_detach (gpointer data, gboolean keep, IvdDetachedFunc done, gpointer done_data)
{
  IvdBackend *self = data;

  if (self->attach != NULL)
    abandon_attach (self);
  self->done = done;
  self->done_data = done_data;
  self->done_keep = keep;
  if (self->depth > 0)
    ivd_backend_schedule (self);
  else if (self->phase == IVD_PHASE_RUNNING)
    start_detach (self, keep);
  else if (self->phase == IVD_PHASE_DETACHED)
    finish_detach (self);
}

static void
backend_release (gpointer data)
{
  IvdBackend *self = data;

  self->region = NULL;
  ivd_backend_unref (self);
}

static const IvdRegionBackend backend_operations = {
  .ring = backend_ring,
  .join = backend_join,
  .kick = backend_kick,
  .open_vector = backend_open_vector,
  .open_doorbell = backend_open_doorbell,
  .pause_vector = backend_pause_vector,
  .detach = backend_detach,
  .free = backend_release,
};

static void
on_vector (guint vector, guint64 count, gpointer data)
{
  IvdBackend *self = data;

  if (ivd_backend_is_trusted (self) && self->mapping != NULL)
    ivd_registry_interrupt (self->host->registry, self->region, vector, count);
}

/* --- settling --- */

static void
answer_attach (IvdBackend *self)
{
  g_autoptr (GTask) task = take_attach (self);
  g_autoptr (GError) error = g_steal_pointer (&self->attach_error);

  if (error == NULL)
    {
      ivd_registry_publish (self->host->registry, self->region);
      g_task_return_pointer (task, g_object_ref (self->region), g_object_unref);
      return;
    }
  ivd_registry_remove (self->host->registry, self->region, FALSE, NULL, NULL);
  g_task_return_error (task, g_steal_pointer (&error));
}

static void
punish (IvdBackend *self)
{
  ivd_log (IVD_LOG_ERROR, self->name, "%s", self->sentence);
  if (self->attach != NULL)
    {
      g_clear_error (&self->attach_error);
      self->attach_error = g_error_new_literal (IVD_ERROR, IVD_ERROR_INTERNAL, self->sentence);
      answer_attach (self);
      return;
    }
  ivd_registry_set_lost (self->host->registry, self->region, self->sentence);
  start_detach (self, FALSE);
}

static void
take_notes (IvdBackend *self, char **ret_offence, char **ret_loss)
{
  g_mutex_lock (&self->lock);
  self->settling = FALSE;
  *ret_offence = g_steal_pointer (&self->offence);
  *ret_loss = g_steal_pointer (&self->loss);
  g_mutex_unlock (&self->lock);
}

/* Does what was noted. Called from the main loop alone, so that no code of the
 * plugin, nor of an observer of the model, is on the stack. */
static void
settle (gpointer data)
{
  g_autoptr (IvdBackend) self = ivd_backend_ref (data);
  g_autofree char *offence = NULL;
  g_autofree char *loss = NULL;

  take_notes (self, &offence, &loss);
  if (offence != NULL)
    ivd_backend_condemn (self, "%s", offence);
  if ((self->phase == IVD_PHASE_DETACHING && self->detach_said) || self->phase == IVD_PHASE_DETACHED)
    finish_detach (self);
  else if (self->phase == IVD_PHASE_RUNNING && self->done != NULL)
    start_detach (self, self->done_keep);
  if (self->phase != IVD_PHASE_RUNNING)
    return;
  if (self->sentence != NULL)
    {
      punish (self);
      return;
    }
  if (loss != NULL && self->mapping != NULL)
    ivd_report_host_loss (self, loss);
  if (self->attach != NULL && (self->attach_error != NULL || self->attach_good))
    answer_attach (self);
}

/* --- attaching --- */

static gboolean
on_attach_timeout (gpointer data)
{
  IvdBackend *self = data;

  if (self->attach_error == NULL)
    self->attach_error
        = g_error_new (IVD_ERROR, IVD_ERROR_TIMEOUT, "plugin '%s' has not opened the region within %d s",
                       ivd_plugin_get_name (self->plugin), (gint) (IVD_LIMIT_ATTACH_USEC / G_USEC_PER_SEC));
  ivd_backend_schedule (self);
  return G_SOURCE_REMOVE;
}

static gboolean
on_attach_cancelled (GCancellable *cancellable, gpointer data)
{
  IvdBackend *self = data;

  if (self->attach_error == NULL)
    self->attach_error = g_error_new_literal (IVD_ERROR, IVD_ERROR_CLOSED, "attaching was called off");
  ivd_backend_schedule (self);
  return G_SOURCE_REMOVE;
}

static void
watch_attach (IvdBackend *self, GCancellable *cancellable)
{
  self->attach_timer = g_timeout_source_new (IVD_LIMIT_ATTACH_USEC / 1000);
  g_source_set_callback (self->attach_timer, on_attach_timeout, self, NULL);
  g_source_attach (self->attach_timer, self->host->context);
  if (cancellable == NULL)
    return;
  self->attach_cancel = g_cancellable_source_new (cancellable);
  g_source_set_callback (self->attach_cancel, G_SOURCE_FUNC (on_attach_cancelled), self, NULL);
  g_source_attach (self->attach_cancel, self->host->context);
}

static IvdBackend *
backend_new (IvdPluginHost *host, IvdPlugin *plugin, const char *name, IvdOptions *options)
{
  IvdBackend *self = g_new0 (IvdBackend, 1);
  gint64 now = g_get_monotonic_time ();

  g_atomic_ref_count_init (&self->references);
  g_mutex_init (&self->lock);
  self->host = ivd_plugin_host_ref (host);
  self->host->n_backends++;
  self->plugin = ivd_plugin_ref (plugin);
  self->ops = ivd_plugin_get_table (plugin)->ops;
  self->name = g_strdup (name);
  self->options = ivd_options_ref (options);
  self->own_id = -1;
  self->peers = g_hash_table_new (NULL, NULL);
  self->reader = ivd_vector_reader_new (host->context, host->poller, on_vector, self);
  ivd_service_init (self);
  ivd_rate_init (&self->reports, IVD_LIMIT_REPORTS_PER_SECOND, IVD_LIMIT_REPORTS_PER_SECOND, now);
  ivd_rate_init (&self->log_rate, IVD_LIMIT_PLUGIN_LOG_LINES_PER_SECOND, IVD_LIMIT_PLUGIN_LOG_BURST, now);
  return self;
}

/* What goes wrong in here is noted, like everything, and settled later. */
static void
call_create (IvdBackend *self)
{
  guint n_values;
  const IvshmemPluginValue *values = ivd_options_get_values (self->options, &n_values);
  g_autoptr (GError) error = NULL;
  IvshmemPluginStatus status;
  IvdCall call;

  ivd_call_begin (&call, self, "create()");
  status = self->ops->create (&self->host->table, self, self->name, values, n_values, &self->instance);
  ivd_call_end (&call);
  if (status != IVSHMEM_PLUGIN_PENDING && !ivd_call_check (self, "create()", status, &error))
    {
      if (status < 0)
        self->instance = NULL; /* it has none, whatever it wrote there */
      if (self->attach_error == NULL)
        self->attach_error = g_steal_pointer (&error);
      ivd_backend_schedule (self);
    }
  else if (self->instance == NULL)
    ivd_backend_condemn (self, "created an instance and did not say which");
}

void
ivd_backend_attach (IvdPluginHost *host, IvdPlugin *plugin, const char *name, IvdOptions *options,
                    GCancellable *cancellable, GAsyncReadyCallback callback, gpointer data)
{
  /* The task does not look at the cancellable: whether it came too late is
   * for settle() to say. */
  g_autoptr (GTask) task = g_task_new (NULL, NULL, callback, data);
  IvdBackend *self;
  GError *error = NULL;

  g_task_set_source_tag (task, ivd_backend_attach);
  self = backend_new (host, plugin, name, options);
  self->region = ivd_registry_create (host->registry, name, ivd_plugin_get_name (plugin),
                                      ivd_options_get_variant (options), &backend_operations, self, &error);
  if (self->region == NULL)
    {
      self->phase = IVD_PHASE_DETACHED;
      ivd_backend_unref (self);
      g_task_return_error (task, error);
      return;
    }
  self->attach = g_steal_pointer (&task);
  host->n_attaching++;
  watch_attach (self, cancellable);
  call_create (self);
}

IvdRegion *
ivd_backend_attach_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
