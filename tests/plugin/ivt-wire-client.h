/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * A client of the ivshmem protocol that takes every message to pieces. It
 * fails the test at once when the server does what ivshmem-facts B4 says that
 * QEMU dies of: memory without a descriptor, vectors before memory, own
 * vectors before the peers', a leave of somebody unknown, the same id twice,
 * a message that is none.
 */

typedef struct
{
  gint64 value;
  gboolean has_fd;
} IvtWireMessage;

typedef struct
{
  int fd;         /* -1: closed by us */
  gboolean ended; /* the server has closed */
  gboolean reset; /* ... and not in the ordinary way */
  gboolean refused;
  gboolean discard; /* for tests: close every eventfd at once, and only count */
  GArray *messages; /* of IvtWireMessage: all, in order */
  gint version;     /* -1: not told yet */
  gint own_id;
  int memory_fd;
  GHashTable *peers;   /* guint → GArray of int: eventfds, in order; oneself among them */
  GHashTable *leavers; /* guint: ids that left */
  guint n_leaves;
  guint max_vectors;   /* for tests: a peer has no more; 0: any number */
  gboolean own_began; /* own vectors have begun */
  gboolean paused;    /* for tests: ivt_server_settle leaves it alone */
} IvtWireClient;

/* Connects; the greeting is not waited for. NULL when nobody listens. */
IvtWireClient *ivt_wire_client_new (const char *path);
IvtWireClient *ivt_wire_client_new_for_fd (int take_fd);
void ivt_wire_client_free (IvtWireClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvtWireClient, ivt_wire_client_free)

/* Takes up to max messages that are there; how many there were. */
guint ivt_wire_client_read (IvtWireClient *client, guint max);

/* How many vectors of a peer it knows; 0: does not know it. */
guint ivt_wire_client_vectors (const IvtWireClient *client, guint id);
/* Of peers besides itself. */
guint ivt_wire_client_n_peers (const IvtWireClient *client);
/* An eventfd of a peer, which must be known; stays the client's. */
int ivt_wire_client_eventfd (const IvtWireClient *client, guint id, guint vector);

/* Rings as QEMU does: writes to the eventfd. */
void ivt_wire_client_ring (const IvtWireClient *client, guint id, guint vector);
/* Takes the count of an own vector; 0: was not rung. */
guint64 ivt_wire_client_take (const IvtWireClient *client, guint vector);

/* Closes the socket alone, as a program that dies does. */
void ivt_wire_client_hang_up (IvtWireClient *client);
