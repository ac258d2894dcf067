/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <libsoup/soup.h>

#include "export/http/ivd-http-connection.h"

/*
 * The last words to a client that is still sending what will not be taken.
 * libsoup would swallow all of it before it answers (stack.md A1); and closing
 * with unread bytes would reset the connection and lose the answer on its way.
 * So: answer at once, close our half, throw away what still comes for a
 * moment, close.
 */

/* A whole response that ends its connection. headers: more of them, or NULL.
 * (transfer full) */
GBytes *ivd_http_farewell_format (guint status, SoupMessageHeaders *headers, GBytes *problem);

/* Takes both; response: head and body. */
void ivd_http_farewell (GIOStream *take_stream, IvdHttpConnection *take_connection, GBytes *response);

/* The same where somebody else reads on, and throws away what comes. */
void ivd_http_farewell_refuse (GOutputStream *output, IvdHttpConnection *connection, guint status,
                               const GError *error);
