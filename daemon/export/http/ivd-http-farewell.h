/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-http-connection.h"

/*
 * The last words to a client that is still sending what will not be taken.
 * libsoup would swallow all of it before it answers (stack.md A1); and closing
 * with unread bytes would reset the connection and lose the answer on its way.
 * So: answer at once, close our half, throw away what still comes for a
 * moment, close.
 */

/* Takes both. head: the whole response, head and body. */
void ivd_http_farewell (GIOStream *take_stream, IvdHttpConnection *take_connection, GBytes *response);
