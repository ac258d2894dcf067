/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "model/ivd-snapshot.h"
#include "operation/ivd-context.h"

/*
 * IvdHttpService: the HTTP thread, and the ways across to it and back to the
 * main thread. Atomically reference counted: what is on its way keeps it.
 */

typedef struct _IvdHttpService IvdHttpService;

typedef struct _IvdHttpShared IvdHttpShared;

typedef void (*IvdHttpFunc) (gpointer data);

/* --- main thread --- */

/* limit: there are no descriptors left. */
IvdHttpService *ivd_http_service_new (IvdContext *context, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* begin is called on the new thread before anything else, end as the last. */
void ivd_http_service_start (IvdHttpService *service, IvdHttpFunc begin, IvdHttpFunc end, gpointer data);
/* Ends the thread, and runs whatever was posted to either side: nothing of
 * HTTP touches the context afterwards but through requests in flight. */
void ivd_http_service_stop (IvdHttpService *service);

/* --- any thread --- */

IvdHttpService *ivd_http_service_ref (IvdHttpService *service);
void ivd_http_service_unref (IvdHttpService *service);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpService, ivd_http_service_unref)

/* The model is the main thread's; of the context only what says so may be used
 * on the HTTP thread: access, publisher, logins, pool, metrics and the event log. */
IvdContext *ivd_http_service_get_context (IvdHttpService *service);

/* Each calls func once, later, on the other thread, in the order of the calls;
 * at once when the HTTP thread has ended. */
void ivd_http_service_post_main (IvdHttpService *service, IvdHttpFunc func, gpointer data);
void ivd_http_service_post_http (IvdHttpService *service, IvdHttpFunc func, gpointer data);

/* --- HTTP thread --- */

/* What all routes share: ivd-http-shared.h. */
void ivd_http_service_set_shared (IvdHttpService *service, IvdHttpShared *shared);
IvdHttpShared *ivd_http_service_get_shared (IvdHttpService *service);

/* The model as it was last published. (transfer full) */
IvdSnapshot *ivd_http_service_ref_snapshot (IvdHttpService *service);

/* Told after each publication: there are new events, or a new snapshot. While
 * nobody listens the thread sleeps. */
guint ivd_http_service_add_listener (IvdHttpService *service, IvdHttpFunc func, gpointer data);
void ivd_http_service_remove_listener (IvdHttpService *service, guint id);

/* Told when the thread is about to end: let go of every connection. */
guint ivd_http_service_add_stop_func (IvdHttpService *service, IvdHttpFunc func, gpointer data);
void ivd_http_service_remove_stop_func (IvdHttpService *service, guint id);
