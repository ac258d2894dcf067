/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <libsoup/soup.h>

#include "export/http/ivd-http-connection.h"

/*
 * A connection between two requests. libsoup 3.2 waits for the next one without
 * anybody who is told of the end: a client that closes now is kept in
 * CLOSE_WAIT for good. So we look first; a connection that has ended is taken
 * from libsoup and given to it as a new one, whose first request it reads: what
 * was pipelined is answered still, and the end is seen as it should be.
 */

/* message: the last one that was answered. Until the next begins. secure: it speaks TLS. */
void ivd_http_idle_begin (IvdHttpConnection *connection, SoupServer *server, SoupServerMessage *message,
                          gboolean secure);
void ivd_http_idle_end (IvdHttpConnection *connection);

/* A source that is ready when the other end has gone, or its half of the
 * connection; callback: GUnixFDSourceFunc. (transfer full) */
GSource *ivd_http_hangup_source_new (IvdHttpConnection *connection);
