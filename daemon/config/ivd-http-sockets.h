/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "config/ivd-config-http.h"
#include "platform/ivd-listen-fds.h"
#include "platform/ivd-listen-socket.h"

/* The name of our sockets among those that the service manager passes. */
#define IVD_HTTP_SOCKET_NAME "http"

/* Where HTTP is served: the sockets that the service manager passed, and what
 * was said to listen on; if there is neither, the default one (which one can do
 * without: that it cannot be had is only logged). Nothing if it is not enabled.
 * Plaintext beyond this machine is refused. (transfer full, of IvdListenSocket *) */
GPtrArray *ivd_http_sockets_open (const IvdConfigHttp *http, IvdListenFds *passed, GError **error);
