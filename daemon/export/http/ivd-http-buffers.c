/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-buffers.h"

#include "base/ivd-limits.h"

/* Up to here malloc is as good. */
#define SMALL_BYTES ((gsize) 16 * 1024)

struct _IvdHttpBuffers
{
  guint references; /* ours, and one for each buffer in use */
  guint n_spare;
  IvdHttpBuffer *spare[IVD_LIMIT_HTTP_SPARE_BUFFERS];
};

IvdHttpBuffers *
ivd_http_buffers_new (void)
{
  IvdHttpBuffers *self = g_new0 (IvdHttpBuffers, 1);

  self->references = 1;
  return self;
}

static void
drop (IvdHttpBuffers *self)
{
  if (--self->references == 0)
    g_free (self);
}

void
ivd_http_buffers_free (IvdHttpBuffers *buffers)
{
  if (buffers == NULL)
    return;
  for (guint i = 0; i < buffers->n_spare; i++)
    g_free (buffers->spare[i]);
  /* What comes back later is not kept. */
  buffers->n_spare = IVD_LIMIT_HTTP_SPARE_BUFFERS;
  drop (buffers);
}

IvdHttpBuffer *
ivd_http_buffers_take (IvdHttpBuffers *buffers, gsize size)
{
  gboolean is_small = size <= SMALL_BYTES;
  gsize room = is_small ? size : IVD_LIMIT_HTTP_PIECE_BYTES;
  IvdHttpBuffer *buffer;

  g_return_val_if_fail (size <= IVD_LIMIT_HTTP_PIECE_BYTES, NULL);

  if (!is_small && buffers->n_spare > 0)
    buffer = buffers->spare[--buffers->n_spare];
  else
    buffer = g_malloc (sizeof (IvdHttpBuffer) + room);
  *buffer = (IvdHttpBuffer){ buffers, 1, room };
  buffers->references++;
  return buffer;
}

void
ivd_http_buffer_unref (IvdHttpBuffer *buffer)
{
  IvdHttpBuffers *owner = buffer->owner;

  if (--buffer->references > 0)
    return;
  if (buffer->size == IVD_LIMIT_HTTP_PIECE_BYTES && owner->n_spare < IVD_LIMIT_HTTP_SPARE_BUFFERS)
    owner->spare[owner->n_spare++] = buffer;
  else
    g_free (buffer);
  drop (owner);
}

gboolean
ivd_http_buffer_is_ours (const IvdHttpBuffer *buffer)
{
  return buffer->references == 1;
}

GBytes *
ivd_http_buffer_get_bytes (IvdHttpBuffer *buffer, gsize length)
{
  buffer->references++;
  return g_bytes_new_with_free_func (buffer->bytes, length, (GDestroyNotify) ivd_http_buffer_unref, buffer);
}
