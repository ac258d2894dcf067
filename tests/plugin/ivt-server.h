/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ivt-plugin-host.h"
#include "ivt-wire-client.h"

/*
 * One region of the doorbell-server plugin under a test host, in a directory
 * of its own, and the clients that joined it. Server and clients share a
 * thread, so nothing happens but in ivt_server_settle and the like.
 */

typedef struct
{
  IvtPluginHost *host;
  IvtRegion *region; /* NULL: closed */
  char *directory;
  char *socket;
  guint vectors;
  GPtrArray *clients; /* of IvtWireClient, owned */
} IvtServer;

/* Options but socket, which is SOCKET in the directory. */
IvtServer *ivt_server_new (const char *options);
void ivt_server_free (IvtServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvtServer, ivt_server_free)

/* A host and a directory, but no region yet. */
IvtServer *ivt_server_new_empty (void);
/* FALSE and the error; "DIR" in options stands for the directory. */
gboolean ivt_server_attach (IvtServer *server, const char *options, GError **error);
/* Detaches and destroys the region. */
void ivt_server_close (IvtServer *server, gboolean keep);

/* Connects without waiting. */
IvtWireClient *ivt_server_connect (IvtServer *server);
/* Connects and waits until everybody who is not paused knows everybody. */
IvtWireClient *ivt_server_join (IvtServer *server);
/* Hangs up and waits until everybody who is not paused knows. */
void ivt_server_leave (IvtServer *server, IvtWireClient *client);

/* Everybody who is not paused reads until it knows exactly those who are
 * there, with all their vectors. */
void ivt_server_settle (IvtServer *server);
/* Waits until the server has that many peers. */
void ivt_server_wait_peers (IvtServer *server, guint n);
/* Reads until the server closes the connection. */
void ivt_server_wait_ended (IvtServer *server, IvtWireClient *client);

/* How many messages lie unread in the client's socket. */
guint ivt_wire_client_unread (const IvtWireClient *client);
