/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "access/ivd-caller.h"

/*
 * IvdHttpSessions: browsers that have swapped a one-time login for a cookie.
 * Kept by the hashes of the cookies, for IVD_LIMIT_HTTP_SESSION_USEC after the
 * last use; of too many the one unused longest goes. No timers: what is over is
 * found when somebody asks. HTTP thread. Times are monotonic.
 */

typedef struct _IvdHttpSessions IvdHttpSessions;

/* A session has ended: nothing comes from its caller any more. */
typedef void (*IvdHttpSessionEndFunc) (IvdCaller *caller, gpointer data);

IvdHttpSessions *ivd_http_sessions_new (IvdHttpSessionEndFunc end, gpointer data);
void ivd_http_sessions_free (IvdHttpSessions *sessions);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpSessions, ivd_http_sessions_free)

/* The cookie's value. (transfer full) */
char *ivd_http_sessions_open (IvdHttpSessions *sessions, IvdCaller *caller, gint64 now, GError **error);
/* NULL: there is none of that cookie. Counts as a use. (transfer none) */
IvdCaller *ivd_http_sessions_find (IvdHttpSessions *sessions, const char *cookie, gint64 now);
/* FALSE: there was none. */
gboolean ivd_http_sessions_close (IvdHttpSessions *sessions, const char *cookie, gint64 now);
void ivd_http_sessions_end_all (IvdHttpSessions *sessions);
guint ivd_http_sessions_count (IvdHttpSessions *sessions, gint64 now);
