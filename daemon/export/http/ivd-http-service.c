/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-service.h"

#include <unistd.h>

#include "model/ivd-publisher.h"
#include "platform/ivd-eventfd.h"

/* Calls that one side takes before it looks after its other business. */
#define BATCH 64

typedef struct
{
  IvdHttpFunc func;
  gpointer data;
} HttpHook;

/* What is to be told of something, by number. */
typedef struct
{
  GHashTable *funcs; /* number → HttpHook */
  guint last;
} Hooks;

/*
 * Calls on their way to one of the threads, which an eventfd of its own wakes:
 * a source attached from another thread would wake it while it still holds the
 * locks that the other needs next.
 */
typedef struct
{
  GMutex lock;
  GQueue calls;    /* of HttpHook */
  gboolean told;   /* the other thread is awake, or about to be */
  gboolean closed; /* run at once what comes */
  GMainContext *target;
  int fd;
  GSource *source;
} Mailbox;

typedef struct
{
  GSource base;
  Mailbox *box;
} MailSource;

struct _IvdHttpService
{
  gatomicrefcount references;
  IvdContext *context;
  GThread *thread;
  GMainLoop *loop;
  Mailbox main, http;
  HttpHook begin, end;

  guint publisher_listener;
  gint listening; /* atomic: somebody on the HTTP thread wants to be told */
  gint notified;  /* atomic: and is about to be */

  /* HTTP thread */
  IvdHttpShared *shared;
  Hooks listeners, stop_funcs;
};

/* --- the two ways across --- */

static gboolean
mailbox_take (Mailbox *box, HttpHook *ret_call)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&box->lock);
  g_autofree HttpHook *call = g_queue_pop_head (&box->calls);

  if (call == NULL)
    box->told = FALSE;
  else
    *ret_call = *call;
  return call != NULL;
}

/* TRUE when there is more, for after others had their turn. */
static gboolean
mailbox_run (Mailbox *box)
{
  HttpHook call;

  for (guint i = 0; i < BATCH; i++)
    {
      if (!mailbox_take (box, &call))
        return FALSE;
      call.func (call.data);
    }
  return TRUE;
}

static gboolean
mailbox_dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  Mailbox *box = ((MailSource *) source)->box;

  (void) ivd_eventfd_take (box->fd);
  if (mailbox_run (box))
    ivd_eventfd_wake (box->fd);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs mail_funcs = { .dispatch = mailbox_dispatch };

static gboolean
mailbox_init (Mailbox *box, GMainContext *target, GError **error)
{
  box->fd = ivd_eventfd_new (error);
  if (box->fd < 0)
    return FALSE;
  g_mutex_init (&box->lock);
  g_queue_init (&box->calls);
  box->target = g_main_context_ref (target);
  box->source = g_source_new (&mail_funcs, sizeof (MailSource));
  ((MailSource *) box->source)->box = box;
  g_source_set_static_name (box->source, "ivd-http-mailbox");
  /* As in IvdPoller: GLib does without waking its own loop for each dispatch. */
  g_source_set_can_recurse (box->source, TRUE);
  g_source_add_unix_fd (box->source, box->fd, G_IO_IN);
  g_source_attach (box->source, target);
  return TRUE;
}

static void
mailbox_clear (Mailbox *box)
{
  if (box->source == NULL)
    return;
  g_source_destroy (box->source);
  g_source_unref (box->source);
  close (box->fd);
  g_mutex_clear (&box->lock);
  g_main_context_unref (box->target);
}

/* TRUE if it was posted; else the other side is closed and the caller is to
 * call it. */
static gboolean
post (Mailbox *box, IvdHttpFunc func, gpointer data)
{
  HttpHook *call = NULL;
  gboolean tell = FALSE;

  g_mutex_lock (&box->lock);
  if (!box->closed)
    {
      call = g_new (HttpHook, 1);
      *call = (HttpHook){ func, data };
      g_queue_push_tail (&box->calls, call);
      tell = !box->told;
      box->told = TRUE;
    }
  g_mutex_unlock (&box->lock);
  if (tell)
    ivd_eventfd_wake (box->fd);
  return call != NULL;
}

static void
mailbox_close (Mailbox *box)
{
  g_mutex_lock (&box->lock);
  box->closed = TRUE;
  g_mutex_unlock (&box->lock);
  while (mailbox_run (box))
    ;
}

void
ivd_http_service_post_main (IvdHttpService *service, IvdHttpFunc func, gpointer data)
{
  if (!post (&service->main, func, data))
    func (data);
}

void
ivd_http_service_post_http (IvdHttpService *service, IvdHttpFunc func, gpointer data)
{
  if (!post (&service->http, func, data))
    func (data);
}

/* --- hooks --- */

static guint
hooks_add (Hooks *hooks, IvdHttpFunc func, gpointer data)
{
  HttpHook *call = g_new (HttpHook, 1);

  *call = (HttpHook){ func, data };
  hooks->last++;
  g_hash_table_insert (hooks->funcs, GUINT_TO_POINTER (hooks->last), call);
  return hooks->last;
}

/* One that is told may remove itself and others, or add some. */
static void
hooks_tell (Hooks *hooks)
{
  g_autoptr (GList) keys = g_hash_table_get_keys (hooks->funcs);

  for (GList *l = keys; l != NULL; l = l->next)
    {
      const HttpHook *call = g_hash_table_lookup (hooks->funcs, l->data);

      if (call != NULL)
        call->func (call->data);
    }
}

guint
ivd_http_service_add_listener (IvdHttpService *service, IvdHttpFunc func, gpointer data)
{
  g_atomic_int_set (&service->listening, 1);
  return hooks_add (&service->listeners, func, data);
}

void
ivd_http_service_remove_listener (IvdHttpService *service, guint id)
{
  g_hash_table_remove (service->listeners.funcs, GUINT_TO_POINTER (id));
  if (g_hash_table_size (service->listeners.funcs) == 0)
    g_atomic_int_set (&service->listening, 0);
}

guint
ivd_http_service_add_stop_func (IvdHttpService *service, IvdHttpFunc func, gpointer data)
{
  return hooks_add (&service->stop_funcs, func, data);
}

void
ivd_http_service_remove_stop_func (IvdHttpService *service, guint id)
{
  g_hash_table_remove (service->stop_funcs.funcs, GUINT_TO_POINTER (id));
}

static void
tell_listeners (gpointer data)
{
  IvdHttpService *self = data;

  g_atomic_int_set (&self->notified, 0);
  hooks_tell (&self->listeners);
  ivd_http_service_unref (self);
}

/* Main thread. However much is published while the other thread is busy, it is
 * woken once. */
static void
on_published (const IvdSnapshot *snapshot, gpointer data)
{
  IvdHttpService *self = data;

  if (g_atomic_int_get (&self->listening) && g_atomic_int_compare_and_exchange (&self->notified, 0, 1))
    ivd_http_service_post_http (self, tell_listeners, ivd_http_service_ref (self));
}

/* --- the thread --- */

static gpointer
run_thread (gpointer data)
{
  IvdHttpService *self = data;

  g_main_context_push_thread_default (self->http.target);
  self->begin.func (self->begin.data);
  g_main_loop_run (self->loop);
  hooks_tell (&self->stop_funcs);
  self->end.func (self->end.data);
  mailbox_close (&self->http);
  /* What libsoup and others still have to say to themselves. */
  while (g_main_context_iteration (self->http.target, FALSE))
    ;
  g_main_context_pop_thread_default (self->http.target);
  return NULL;
}

IvdHttpService *
ivd_http_service_new (IvdContext *context, GError **error)
{
  g_autoptr (IvdHttpService) self = g_new0 (IvdHttpService, 1);
  g_autoptr (GMainContext) own = g_main_context_new ();

  g_atomic_ref_count_init (&self->references);
  self->context = context;
  self->listeners.funcs = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->stop_funcs.funcs = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  self->loop = g_main_loop_new (own, FALSE);
  if (!mailbox_init (&self->main, g_main_context_default (), error) || !mailbox_init (&self->http, own, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
ivd_http_service_start (IvdHttpService *service, IvdHttpFunc begin, IvdHttpFunc end, gpointer data)
{
  service->begin = (HttpHook){ begin, data };
  service->end = (HttpHook){ end, data };
  service->publisher_listener = ivd_publisher_add_listener (service->context->publisher, on_published, service);
  service->thread = g_thread_new ("http", run_thread, service);
}

static void
quit (gpointer data)
{
  g_main_loop_quit (((IvdHttpService *) data)->loop);
}

void
ivd_http_service_stop (IvdHttpService *service)
{
  ivd_publisher_remove_listener (service->context->publisher, service->publisher_listener);
  ivd_http_service_post_http (service, quit, service);
  g_thread_join (service->thread);
  mailbox_close (&service->main);
}

IvdHttpService *
ivd_http_service_ref (IvdHttpService *service)
{
  g_atomic_ref_count_inc (&service->references);
  return service;
}

void
ivd_http_service_unref (IvdHttpService *service)
{
  if (service == NULL || !g_atomic_ref_count_dec (&service->references))
    return;
  g_main_loop_unref (service->loop);
  mailbox_clear (&service->main);
  mailbox_clear (&service->http);
  g_hash_table_unref (service->listeners.funcs);
  g_hash_table_unref (service->stop_funcs.funcs);
  g_free (service);
}

IvdContext *
ivd_http_service_get_context (IvdHttpService *service)
{
  return service->context;
}

void
ivd_http_service_set_shared (IvdHttpService *service, IvdHttpShared *shared)
{
  service->shared = shared;
}

IvdHttpShared *
ivd_http_service_get_shared (IvdHttpService *service)
{
  return service->shared;
}

IvdSnapshot *
ivd_http_service_ref_snapshot (IvdHttpService *service)
{
  return ivd_publisher_ref_snapshot (service->context->publisher);
}
