/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * Messages of the ivshmem protocol into a socket, without ever waiting.
 */

/* Most messages of one call. */
#define DBS_WIRE_BATCH 64

typedef struct
{
  gint64 value;
  int fd; /* -1: none */
} DbsMessage;

typedef enum
{
  DBS_WIRE_OK,
  DBS_WIRE_FULL,   /* the socket takes no more until it is writable */
  DBS_WIRE_SCARCE, /* the kernel lacks something for now: later, no telling when */
  DBS_WIRE_BROKEN  /* nobody is there any more */
} DbsWireResult;

/* Sends what it can of n messages, *ret_sent of them. Of the last of these
 * *ret_missing bytes may be owed still: they are the tail of its eight. */
DbsWireResult dbs_wire_send (int socket,
                             const DbsMessage *messages,
                             guint n,
                             guint *ret_sent,
                             guint *ret_missing);

/* The tail of a message. */
DbsWireResult dbs_wire_send_tail (int socket, gint64 value, guint *missing);

/* Tells a client that it is not wanted. */
void dbs_wire_refuse (int socket);

/* What one message takes of a socket's send buffer: measured, since kernels
 * differ. 0 if it cannot be told. */
guint dbs_wire_cost (void);

/* Room for so many messages in socket's send buffer, and no more. */
void dbs_wire_limit (int socket, guint messages, guint cost);

/* How many messages the other side has not taken yet. */
guint dbs_wire_in_flight (int socket, guint cost);
