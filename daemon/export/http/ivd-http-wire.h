/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-http-connection.h"
#include "platform/ivd-poller.h"

/*
 * IvdHttpWire: a connection that was taken out of HTTP's hands, as two flows
 * of bytes that never block: plain or TLS, TCP or unix. Thousands of them share
 * one poller, so that those on which nothing happens cost nothing. HTTP thread.
 */

typedef struct _IvdHttpWire IvdHttpWire;

/* What has happened on it; several at a time. */
typedef enum
{
  IVD_HTTP_WIRE_READABLE = 1 << 0, /* read until there is nothing */
  IVD_HTTP_WIRE_DRAINED = 1 << 1,  /* the kernel has taken all that was given */
  IVD_HTTP_WIRE_GONE = 1 << 2,     /* hung up, or failed: of no more use once it has been read */
} IvdHttpWireEvents;

/* May free the wire. Only called from the poller. */
typedef void (*IvdHttpWireFunc) (IvdHttpWireEvents events, gpointer data);

/* Reads from the start. error: it cannot be watched; both are freed then. */
IvdHttpWire *ivd_http_wire_new (IvdPoller *poller, GIOStream *take_stream, IvdHttpConnection *take_connection,
                                IvdHttpWireFunc func, gpointer data, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* What the kernel has not taken yet is lost. */
void ivd_http_wire_free (IvdHttpWire *wire);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpWire, ivd_http_wire_free)

/* How many bytes; 0: nothing for now, and the poller will tell; -1: gone. Who
 * does not read until 0 must come back without being told. */
gssize ivd_http_wire_read (IvdHttpWire *wire, guint8 *buffer, gsize size);
/* While FALSE what the client sends waits, and its kernel slows it down. */
void ivd_http_wire_set_reading (IvdHttpWire *wire, gboolean reading);

/* After all that was given before. FALSE: gone. */
gboolean ivd_http_wire_write (IvdHttpWire *wire, GBytes *bytes) G_GNUC_WARN_UNUSED_RESULT;
/* Nothing more will be written: when all is taken, the client is told so. */
void ivd_http_wire_finish (IvdHttpWire *wire);
/* Bytes that the kernel has not taken yet. */
gsize ivd_http_wire_get_pending (IvdHttpWire *wire);
/* When it last took some, or, if nothing was pending then, was given some;
 * monotonic. */
gint64 ivd_http_wire_get_progress (IvdHttpWire *wire);
