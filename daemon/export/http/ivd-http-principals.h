/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "access/ivd-logins.h"
#include "access/ivd-token.h"
#include "export/http/ivd-http-service.h"

/*
 * IvdHttpPrincipals: who asks over HTTP. One IvdCaller for each user of unix
 * sockets, for each token and for each browser's session: it outlives their
 * connections, so that what they hold (watches) and what is charged to them is
 * theirs and not a connection's. HTTP thread; the callers leave on the main
 * thread.
 */

typedef struct _IvdHttpPrincipals IvdHttpPrincipals;

/* tokens: NULL: none. */
IvdHttpPrincipals *ivd_http_principals_new (IvdHttpService *service, const IvdTokens *tokens);
/* All of them leave. */
void ivd_http_principals_free (IvdHttpPrincipals *principals);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpPrincipals, ivd_http_principals_free)

/* The one that stands for this user now: of too many the one that asked longest
 * ago has left, and is made anew when it comes again. user: the same one, or
 * whoever has the same identity. (transfer none) */
IvdCaller *ivd_http_principals_for_user (IvdHttpPrincipals *principals, IvdCaller *user);
/* The user at the other end of a unix socket, as the kernel says. (transfer none) */
IvdCaller *ivd_http_principals_for_socket (IvdHttpPrincipals *principals, GSocket *socket, GError **error);

/* NULL and unauthenticated: it is no token of ours. (transfer none) */
IvdCaller *ivd_http_principals_for_token (IvdHttpPrincipals *principals, const char *secret, GError **error);

/* NULL and unauthenticated: there is no such session, or no more. (transfer none) */
IvdCaller *ivd_http_principals_for_cookie (IvdHttpPrincipals *principals, const char *cookie, GError **error);

/* A login becomes a session: the cookie's value. (transfer full) */
char *ivd_http_principals_log_in (IvdHttpPrincipals *principals, const char *login, GError **error);
void ivd_http_principals_log_out (IvdHttpPrincipals *principals, const char *cookie);
