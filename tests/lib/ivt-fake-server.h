/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * A server of the ivshmem protocol that does what a test tells it, right or
 * wrong, message by message and byte by byte. It has no loop and no thread:
 * what it sends waits in the socket until the client reads it.
 *
 * Vectors are eventfds that the server keeps, so that a test can look at what
 * was rung and ring itself.
 */

typedef struct _IvtFakeServer IvtFakeServer;
typedef struct _IvtFakeClient IvtFakeClient;

/* Listens at path; a socket file that is there is replaced. */
IvtFakeServer *ivt_fake_server_new (const char *path, int backlog);
/* Stops to listen and removes the socket file. Clients stay. */
void ivt_fake_server_free (IvtFakeServer *server);

/* TRUE: somebody waits to be accepted. */
gboolean ivt_fake_server_is_called (IvtFakeServer *server);
/* The next client; waits for it, but fails the test if that takes long. */
IvtFakeClient *ivt_fake_server_accept (IvtFakeServer *server);

/* Closes the connection and all vectors. */
void ivt_fake_client_free (IvtFakeClient *client);
/* Closes the connection. */
void ivt_fake_client_hang_up (IvtFakeClient *client);
/* TRUE: the other side has closed it. */
gboolean ivt_fake_client_is_left (IvtFakeClient *client);

/* One message. fd: lent; -1: none. */
void ivt_fake_client_send (IvtFakeClient *client, gint64 value, int fd);
/* Bytes with so many descriptors, all of them lent. */
void ivt_fake_client_send_bytes (IvtFakeClient *client, const void *bytes, gsize n_bytes, const int *fds,
                                 gsize n_fds);

/* A new vector of that peer, kept and sent. Its number. */
guint ivt_fake_client_send_vector (IvtFakeClient *client, guint id);
void ivt_fake_client_send_vectors (IvtFakeClient *client, guint id, guint n);
/* Says that the peer has left, and forgets its vectors. */
void ivt_fake_client_send_leave (IvtFakeClient *client, guint id);
/* Version, own id and a memfd of that size. */
void ivt_fake_client_send_start (IvtFakeClient *client, guint own_id, guint64 size);

/* The server's end of it; stays the server's. */
int ivt_fake_client_vector (IvtFakeClient *client, guint id, guint vector);
/* Takes away how often it was rung. */
guint64 ivt_fake_client_take (IvtFakeClient *client, guint id, guint vector);
