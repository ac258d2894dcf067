/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * IvdHttpBuffers: the memory that pieces of answers live in while they are
 * sent. A few spare ones are kept: one that was just in use is in the
 * processor's cache still, and a new one would have to be asked of the kernel
 * page by page. HTTP thread.
 */

typedef struct _IvdHttpBuffers IvdHttpBuffers;

/* Reference counted, as libsoup lets go of what it sent when it likes. */
typedef struct
{
  IvdHttpBuffers *owner;
  guint references;
  gsize size;
  guint8 bytes[];
} IvdHttpBuffer;

IvdHttpBuffers *ivd_http_buffers_new (void);
/* Those in use stay. */
void ivd_http_buffers_free (IvdHttpBuffers *buffers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpBuffers, ivd_http_buffers_free)

/* Of at least size bytes, at most IVD_LIMIT_HTTP_PIECE_BYTES. */
IvdHttpBuffer *ivd_http_buffers_take (IvdHttpBuffers *buffers, gsize size);
void ivd_http_buffer_unref (IvdHttpBuffer *buffer);
/* TRUE: nobody else holds it. */
gboolean ivd_http_buffer_is_ours (const IvdHttpBuffer *buffer);

/* Its first length bytes; they must not change while somebody has it. */
GBytes *ivd_http_buffer_get_bytes (IvdHttpBuffer *buffer, gsize length);
