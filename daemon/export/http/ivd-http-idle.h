/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <libsoup/soup.h>

#include "export/http/ivd-http-connection.h"

/*
 * A connection between two requests. libsoup 3.2 waits for the next one without
 * anybody who is told of the end: a client that closes now would be kept for
 * good, and what libsoup has of it is not whole any more. So the end is held
 * back from libsoup (ivd-http-input.h); the connection is taken from it and
 * given to it as a new one, whose first request it reads: what was pipelined is
 * answered still, and the end is seen as it should be.
 */

/* message: the last one that was answered. Until the next begins. */
void ivd_http_idle_begin (IvdHttpConnection *connection, SoupServer *server, SoupServerMessage *message);
void ivd_http_idle_end (IvdHttpConnection *connection);
/* The other side has ended. FALSE: it is not idle, libsoup may see it. TRUE:
 * that is done in a moment, out of libsoup's hands, which waits meanwhile. */
gboolean ivd_http_idle_hang_up (IvdHttpConnection *connection);

/* A source that is ready when the other end has gone, or its half of the
 * connection; callback: GUnixFDSourceFunc. (transfer full) */
GSource *ivd_http_hangup_source_new (IvdHttpConnection *connection);
