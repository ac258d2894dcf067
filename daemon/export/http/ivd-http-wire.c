/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-wire.h"

#include <sys/socket.h>

#include "base/ivd-limits.h"

struct _IvdHttpWire
{
  IvdPoller *poller;
  guint64 poll_id;
  IvdPollFlags watched;
  GIOStream *stream;
  GPollableInputStream *input;   /* stream's */
  GPollableOutputStream *output; /* stream's */
  IvdHttpConnection *connection;
  IvdHttpWireFunc func;
  gpointer data;

  gboolean reading;
  gboolean finishing;
  GQueue queue; /* of GBytes; TLS wants what it was offered once offered again */
  gsize head_at;
  gsize pending;
  gint64 progress;
};

static void
watch (IvdHttpWire *self)
{
  IvdPollFlags wanted = (self->reading ? IVD_POLL_IN : 0) | (self->pending > 0 ? IVD_POLL_OUT : 0);

  if (wanted == self->watched)
    return;
  self->watched = wanted;
  ivd_poller_modify (self->poller, self->poll_id, wanted);
}

static void
shut_output (IvdHttpWire *self)
{
  (void) g_socket_shutdown (ivd_http_connection_get_socket (self->connection), FALSE, TRUE, NULL);
}

/* As much as the kernel takes. FALSE: gone. */
static gboolean
flush (IvdHttpWire *self)
{
  while (self->pending > 0)
    {
      g_autoptr (GError) error = NULL;
      GBytes *head = g_queue_peek_head (&self->queue);
      gsize size;
      const guint8 *bytes = g_bytes_get_data (head, &size);
      gssize count = g_pollable_output_stream_write_nonblocking (self->output, bytes + self->head_at,
                                                                 size - self->head_at, NULL, &error);

      if (count < 0)
        return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
      self->progress = g_get_monotonic_time ();
      self->pending -= (gsize) count;
      self->head_at += (gsize) count;
      if (self->head_at < size)
        continue;
      self->head_at = 0;
      g_bytes_unref (g_queue_pop_head (&self->queue));
    }
  if (self->finishing)
    shut_output (self);
  return TRUE;
}

static void
on_poll (int fd, IvdPollFlags ready, gpointer data)
{
  IvdHttpWire *self = data;
  IvdHttpWireEvents events = 0;

  if (self->pending > 0 && (ready & (IVD_POLL_OUT | IVD_POLL_HUP)))
    {
      if (!flush (self))
        events |= IVD_HTTP_WIRE_GONE;
      else if (self->pending == 0)
        events |= IVD_HTTP_WIRE_DRAINED;
      watch (self);
    }
  if (ready & IVD_POLL_IN)
    events |= IVD_HTTP_WIRE_READABLE;
  if (ready & IVD_POLL_HUP)
    events |= IVD_HTTP_WIRE_GONE;
  if (events != 0)
    self->func (events, self->data);
}

IvdHttpWire *
ivd_http_wire_new (IvdPoller *poller, GIOStream *take_stream, IvdHttpConnection *take_connection, IvdHttpWireFunc func,
                   gpointer data, GError **error)
{
  g_autoptr (IvdHttpWire) self = g_new0 (IvdHttpWire, 1);
  GSocket *socket = ivd_http_connection_get_socket (take_connection);

  self->poller = poller;
  self->stream = take_stream;
  self->connection = take_connection;
  self->input = G_POLLABLE_INPUT_STREAM (g_io_stream_get_input_stream (take_stream));
  self->output = G_POLLABLE_OUTPUT_STREAM (g_io_stream_get_output_stream (take_stream));
  self->func = func;
  self->data = data;
  self->reading = TRUE;
  self->watched = IVD_POLL_IN;
  /* A reader that does not read may fill a small buffer of the kernel's, not
   * one that has grown to megabytes. */
  (void) g_socket_set_option (socket, SOL_SOCKET, SO_SNDBUF, IVD_LIMIT_STREAM_KERNEL_BYTES, NULL);
  ivd_http_connection_set_activity (take_connection, IVD_HTTP_WORKING);
  self->poll_id = ivd_poller_add (poller, g_socket_get_fd (socket), self->watched, on_poll, self, error);
  return self->poll_id != 0 ? g_steal_pointer (&self) : NULL;
}

/* TLS says farewell, if it can without waiting. Else the stream's own close
 * must not try to: it would wait for a client that does not read. */
static void
close_stream (IvdHttpWire *self)
{
  GSocket *socket = ivd_http_connection_get_socket (self->connection);

  if (self->pending == 0 && (g_socket_condition_check (socket, G_IO_OUT) & G_IO_OUT) != 0)
    (void) g_io_stream_close (self->stream, NULL, NULL);
  else
    ivd_http_connection_shutdown (self->connection);
  g_object_unref (self->stream);
}

void
ivd_http_wire_free (IvdHttpWire *wire)
{
  if (wire == NULL)
    return;
  ivd_poller_remove (wire->poller, wire->poll_id);
  close_stream (wire);
  ivd_http_connection_unref (wire->connection);
  g_queue_clear_full (&wire->queue, (GDestroyNotify) g_bytes_unref);
  g_free (wire);
}

gssize
ivd_http_wire_read (IvdHttpWire *wire, guint8 *buffer, gsize size)
{
  g_autoptr (GError) error = NULL;
  gssize count = g_pollable_input_stream_read_nonblocking (wire->input, buffer, size, NULL, &error);

  if (count > 0)
    return count;
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK) ? 0 : -1;
}

void
ivd_http_wire_set_reading (IvdHttpWire *wire, gboolean reading)
{
  wire->reading = reading;
  watch (wire);
}

gboolean
ivd_http_wire_write (IvdHttpWire *wire, GBytes *bytes)
{
  gboolean waiting = wire->pending > 0;
  gsize size = g_bytes_get_size (bytes);

  if (size == 0)
    return TRUE;
  if (!waiting)
    wire->progress = g_get_monotonic_time ();
  g_queue_push_tail (&wire->queue, g_bytes_ref (bytes));
  wire->pending += size;
  /* Whoever waits already is told when there is room. */
  if (!waiting && !flush (wire))
    return FALSE;
  watch (wire);
  return TRUE;
}

void
ivd_http_wire_finish (IvdHttpWire *wire)
{
  wire->finishing = TRUE;
  if (wire->pending == 0)
    shut_output (wire);
}

gsize
ivd_http_wire_get_pending (IvdHttpWire *wire)
{
  return wire->pending;
}

gint64
ivd_http_wire_get_progress (IvdHttpWire *wire)
{
  return wire->progress;
}
