/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-farewell.h"

#include "base/ivd-limits.h"
#include "export/http/ivd-http-problem.h"

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

GBytes *
ivd_http_farewell_format (guint status, SoupMessageHeaders *headers, GBytes *problem)
{
  g_autoptr (GString) text = g_string_new (NULL);
  SoupMessageHeadersIter iter;
  const char *name, *value;

  g_string_append_printf (text, "HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %zu\r\n",
                          status, soup_status_get_phrase (status), IVD_HTTP_PROBLEM_TYPE, g_bytes_get_size (problem));
  if (headers != NULL)
    {
      soup_message_headers_iter_init (&iter, headers);
      while (soup_message_headers_iter_next (&iter, &name, &value))
        g_string_append_printf (text, "%s: %s\r\n", name, value);
    }
  g_string_append (text, "\r\n");
  g_string_append_len (text, g_bytes_get_data (problem, NULL), (gssize) g_bytes_get_size (problem));
  return g_string_free_to_bytes (g_steal_pointer (&text));
}

static void
send_last (GOutputStream *output, IvdHttpConnection *connection, GBytes *response)
{
  gsize size;
  const void *data = g_bytes_get_data (response, &size);

  /* Less than any socket's buffer, and nothing was sent before. */
  (void) g_pollable_output_stream_write_nonblocking (G_POLLABLE_OUTPUT_STREAM (output), data, size, NULL, NULL);
  (void) g_socket_shutdown (ivd_http_connection_get_socket (connection), FALSE, TRUE, NULL);
  ivd_http_connection_set_activity (connection, IVD_HTTP_LEAVING);
}

void
ivd_http_farewell (GIOStream *take_stream, IvdHttpConnection *take_connection, GBytes *response)
{
  GInputStream *input = g_io_stream_get_input_stream (take_stream);
  Farewell *farewell = g_new0 (Farewell, 1);

  send_last (g_io_stream_get_output_stream (take_stream), take_connection, response);
  farewell->stream = take_stream;
  farewell->connection = take_connection;
  farewell->source = g_pollable_input_stream_create_source (G_POLLABLE_INPUT_STREAM (input), NULL);
  g_source_set_callback (farewell->source, G_SOURCE_FUNC (on_readable), farewell, NULL);
  g_source_attach (farewell->source, g_main_context_get_thread_default ());
}

void
ivd_http_farewell_refuse (GOutputStream *output, IvdHttpConnection *connection, guint status, const GError *error)
{
  g_autoptr (GBytes) problem = ivd_http_problem_format (error, status);
  g_autoptr (GBytes) response = ivd_http_farewell_format (status, NULL, problem);

  send_last (output, connection, response);
}
