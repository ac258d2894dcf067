/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-farewell.h"

#include "base/ivd-limits.h"

typedef struct
{
  GIOStream *stream;
  IvdHttpConnection *connection;
  GSource *source;
  gsize discarded;
} Farewell;

static void
farewell_free (Farewell *farewell)
{
  g_source_destroy (farewell->source);
  g_source_unref (farewell->source);
  ivd_http_connection_shutdown (farewell->connection);
  ivd_http_connection_unref (farewell->connection);
  g_object_unref (farewell->stream);
  g_free (farewell);
}

static gboolean
on_readable (GObject *pollable, gpointer data)
{
  Farewell *farewell = data;
  g_autoptr (GError) error = NULL;
  char buffer[16 * 1024];
  gssize got = g_pollable_input_stream_read_nonblocking (G_POLLABLE_INPUT_STREAM (pollable), buffer, sizeof buffer,
                                                         NULL, &error);

  if (got < 0 && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return G_SOURCE_CONTINUE;
  if (got > 0)
    farewell->discarded += (gsize) got;
  if (got > 0 && farewell->discarded <= IVD_LIMIT_HTTP_DISCARDED_BYTES)
    return G_SOURCE_CONTINUE;
  farewell_free (farewell);
  return G_SOURCE_REMOVE;
}

void
ivd_http_farewell (GIOStream *take_stream, IvdHttpConnection *take_connection, GBytes *response)
{
  GOutputStream *output = g_io_stream_get_output_stream (take_stream);
  GInputStream *input = g_io_stream_get_input_stream (take_stream);
  Farewell *farewell = g_new0 (Farewell, 1);
  gsize size;
  const void *data = g_bytes_get_data (response, &size);

  /* Less than any socket's buffer, and nothing was sent before. */
  (void) g_pollable_output_stream_write_nonblocking (G_POLLABLE_OUTPUT_STREAM (output), data, size, NULL, NULL);
  (void) g_socket_shutdown (ivd_http_connection_get_socket (take_connection), FALSE, TRUE, NULL);
  ivd_http_connection_set_activity (take_connection, IVD_HTTP_LEAVING);
  farewell->stream = take_stream;
  farewell->connection = take_connection;
  farewell->source = g_pollable_input_stream_create_source (G_POLLABLE_INPUT_STREAM (input), NULL);
  g_source_set_callback (farewell->source, G_SOURCE_FUNC (on_readable), farewell, NULL);
  g_source_attach (farewell->source, g_main_context_get_thread_default ());
}
