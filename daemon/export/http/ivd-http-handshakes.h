/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-http-connection.h"
#include "platform/ivd-tls.h"

/*
 * IvdHttpHandshakes: connections until they speak TLS. A step of a handshake is
 * taken when what it waits for has come, so one that stalls costs its memory
 * and nothing else; and as a step costs milliseconds of arithmetic, there is one
 * for each round of the main loop, and clients take turns. HTTP thread.
 */

typedef struct _IvdHttpHandshakes IvdHttpHandshakes;

/* take_stream: TLS is spoken on it. */
typedef void (*IvdHttpShakenFunc) (GIOStream *take_stream, IvdHttpConnection *take_connection, gpointer data);

IvdHttpHandshakes *ivd_http_handshakes_new (IvdTls *tls, IvdHttpShakenFunc func, gpointer data);
/* Those under way are closed. */
void ivd_http_handshakes_free (IvdHttpHandshakes *handshakes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpHandshakes, ivd_http_handshakes_free)

/* Until func is called, or the handshake fails and the connection is closed. */
void ivd_http_handshakes_add (IvdHttpHandshakes *handshakes, IvdHttpConnection *take_connection);
guint ivd_http_handshakes_count (IvdHttpHandshakes *handshakes);
