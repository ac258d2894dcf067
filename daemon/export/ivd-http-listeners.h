/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "config/ivd-config-http.h"
#include "platform/ivd-listen-fds.h"
#include "platform/ivd-listen-socket.h"

/*
 * The sockets on which HTTP is served: those that the service manager passed
 * under the name "http", those that the config or the command line names, else
 * one in the runtime directory.
 */

#define IVD_HTTP_FDS_NAME "http"

/* of IvdListenSocket *; perhaps none, when the place that nobody asked for
 * cannot be had: a daemon on a bus alone still serves. (transfer full) */
GPtrArray *ivd_http_listeners_open (const IvdConfigHttp *config, IvdListenFds *fds, GError **error);

/* "http://127.0.0.1:8086", "unix:/run/ivshmemd/http.sock". (transfer full) */
char *ivd_http_listeners_describe (IvdListenSocket *listener, const IvdConfigHttp *config);
