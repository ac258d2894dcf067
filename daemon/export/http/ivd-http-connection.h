/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "access/ivd-caller.h"
#include "export/metrics/ivd-http-counters.h"

/*
 * IvdHttpConnection: one accepted connection, from accept to close, whoever
 * reads and writes it. IvdHttpConnections: all of them, and the deadlines by
 * which each must have got on. libsoup 3.2 has no time-outs at all: a
 * connection whose time is over is shut down, and libsoup sees it end. HTTP
 * thread.
 */

typedef struct _IvdHttpConnection IvdHttpConnection;
typedef struct _IvdHttpConnections IvdHttpConnections;

/* What a connection is doing, and so how long it may take. */
typedef enum
{
  IVD_HTTP_HANDSHAKE, /* of TLS, all of it */
  IVD_HTTP_IDLE,      /* between requests */
  IVD_HTTP_HEADERS,   /* a request has begun, or the first is awaited */
  IVD_HTTP_BODY,      /* its body is coming; each piece counts anew */
  IVD_HTTP_WORKING,   /* it is being worked on, for as long as that takes */
  IVD_HTTP_WRITING,   /* the answer is going out; each piece counts anew */
  IVD_HTTP_LEAVING,   /* said farewell; what still comes is thrown away */
} IvdHttpActivity;

#define IVD_HTTP_ACTIVITY_COUNT (IVD_HTTP_LEAVING + 1)

/* counters: outlive them. */
IvdHttpConnections *ivd_http_connections_new (IvdHttpCounters *counters);
void ivd_http_connections_free (IvdHttpConnections *connections);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpConnections, ivd_http_connections_free)
guint ivd_http_connections_count (IvdHttpConnections *connections);
/* Shuts all of them down. */
void ivd_http_connections_shutdown (IvdHttpConnections *connections);

/* Makes room by ending the one that idles longest, of the same client where that
 * has too many; NULL when all are busy and there are IVD_LIMIT_HTTP_CONNECTIONS,
 * or IVD_LIMIT_HTTP_CONNECTIONS_PER_CLIENT of one. Begins in IVD_HTTP_HEADERS. (transfer full) */
IvdHttpConnection *ivd_http_connection_new (IvdHttpConnections *connections, GSocket *socket);
IvdHttpConnection *ivd_http_connection_ref (IvdHttpConnection *connection);
void ivd_http_connection_unref (IvdHttpConnection *connection);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpConnection, ivd_http_connection_unref)

/* Begins an activity, or begins its time anew. */
void ivd_http_connection_set_activity (IvdHttpConnection *connection, IvdHttpActivity activity);
void ivd_http_connection_shutdown (IvdHttpConnection *connection);
/* Whose it is: a user of this machine, or an address. */
const char *ivd_http_connection_get_client (IvdHttpConnection *connection);
GSocket *ivd_http_connection_get_socket (IvdHttpConnection *connection);
gboolean ivd_http_connection_is_unix (IvdHttpConnection *connection);

/* Whether TLS is spoken: libsoup cannot tell through our streams. */
void ivd_http_connection_set_secure (IvdHttpConnection *connection);
gboolean ivd_http_connection_is_secure (IvdHttpConnection *connection);

/* The stream that looks at what comes in (ivd-http-intake.h); NULL: none. It
 * takes itself out before it ends. */
void ivd_http_connection_set_intake (IvdHttpConnection *connection, gpointer intake);
gpointer ivd_http_connection_get_intake (IvdHttpConnection *connection);

/* The principal of a unix socket's peer, once looked up. */
void ivd_http_connection_set_caller (IvdHttpConnection *connection, IvdCaller *caller);
IvdCaller *ivd_http_connection_get_caller (IvdHttpConnection *connection);

/* Who has shown this Authorization header here before: to hash a token again
 * for each request costs more than a small answer. One is remembered. */
void ivd_http_connection_set_bearer (IvdHttpConnection *connection, const char *authorization, IvdCaller *caller);
/* NULL: nobody, or it was another one. */
IvdCaller *ivd_http_connection_find_bearer (IvdHttpConnection *connection, const char *authorization);

/* What ivd-http-idle.c keeps while it is between requests; NULL: it is not. */
void ivd_http_connection_set_idle (IvdHttpConnection *connection, gpointer idle, GDestroyNotify free_func);
gpointer ivd_http_connection_get_idle (IvdHttpConnection *connection);

/* libsoup hands its messages' remote address back: it leads to the connection.
 * (transfer full), with a reference to the connection. */
GSocketAddress *ivd_http_connection_make_address (IvdHttpConnection *connection);
IvdHttpConnection *ivd_http_connection_from_address (GSocketAddress *address);
