/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/*
 * IvdListenSocket: a socket that others can connect to: close-on-exec and never
 * waiting. A unix socket that we made is removed when it ends. Made and freed
 * on the main thread; its GSocket may be used on another one meanwhile.
 */

typedef struct _IvdListenSocket IvdListenSocket;

/* Takes the place of a socket file on which nobody listens. mode: never more,
 * not even for a moment. gid: -1 leaves it ours. Errors: busy (somebody
 * listens), exists (no socket), denied, not-found, io. (transfer full) */
IvdListenSocket *ivd_listen_socket_new_unix (const char *path, guint mode, gint64 gid, GError **error);

/* An IPv6 address takes IPv6 alone. Port 0: any that is free. (transfer full) */
IvdListenSocket *ivd_listen_socket_new_tcp (GInetSocketAddress *address, GError **error);

/* One that somebody else made, such as the service manager; it must listen for
 * streams, unix or TCP. fd is closed in any case. (transfer full) */
IvdListenSocket *ivd_listen_socket_new_for_fd (int take_fd, GError **error);

void ivd_listen_socket_free (IvdListenSocket *listener);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdListenSocket, ivd_listen_socket_free)

/* (transfer none) */
GSocket *ivd_listen_socket_get_socket (IvdListenSocket *listener);
gboolean ivd_listen_socket_is_unix (const IvdListenSocket *listener);
/* Nobody on another machine can reach it. */
gboolean ivd_listen_socket_is_loopback (const IvdListenSocket *listener);
/* Where it is: "unix:/run/ivshmemd/http.sock", "127.0.0.1:8086". */
const char *ivd_listen_socket_get_address (const IvdListenSocket *listener);
/* As people write it: "unix:/run/ivshmemd/http.sock", "http://127.0.0.1:8086".
 * tls: it is spoken there, should it be TCP. (transfer full) */
char *ivd_listen_socket_dup_url (const IvdListenSocket *listener, gboolean tls);
