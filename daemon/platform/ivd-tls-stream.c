/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-tls-stream.h"

struct _IvdTlsInput
{
  GInputStream parent;
  IvdTlsSession *session;
};

struct _IvdTlsOutput
{
  GOutputStream parent;
  IvdTlsSession *session;
};

struct _IvdTlsStream
{
  GIOStream parent;
  IvdTlsSession *session;
  IvdTlsInput *input;
  IvdTlsOutput *output;
};

static void ivd_tls_input_pollable_init (GPollableInputStreamInterface *interface);
static void ivd_tls_output_pollable_init (GPollableOutputStreamInterface *interface);

G_DEFINE_FINAL_TYPE_WITH_CODE (IvdTlsInput, ivd_tls_input, G_TYPE_INPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_INPUT_STREAM, ivd_tls_input_pollable_init))
G_DEFINE_FINAL_TYPE_WITH_CODE (IvdTlsOutput, ivd_tls_output, G_TYPE_OUTPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_OUTPUT_STREAM, ivd_tls_output_pollable_init))
G_DEFINE_FINAL_TYPE (IvdTlsStream, ivd_tls_stream, G_TYPE_IO_STREAM)

/* --- in --- */

static gssize
ivd_tls_input_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
  return ivd_tls_session_read (IVD_TLS_INPUT (stream)->session, buffer, count, error);
}

static gssize
ivd_tls_input_read_nonblocking (GPollableInputStream *stream, void *buffer, gsize count, GError **error)
{
  return ivd_tls_session_read (IVD_TLS_INPUT (stream)->session, buffer, count, error);
}

static gboolean
ivd_tls_input_is_readable (GPollableInputStream *stream)
{
  IvdTlsSession *session = IVD_TLS_INPUT (stream)->session;

  return ivd_tls_session_has_pending (session)
         || g_socket_condition_check (ivd_tls_session_get_socket (session), G_IO_IN) != 0;
}

static GSource *
ivd_tls_input_create_source (GPollableInputStream *stream, GCancellable *cancellable)
{
  IvdTlsSession *session = IVD_TLS_INPUT (stream)->session;
  g_autoptr (GSource) source = ivd_tls_session_has_pending (session)
                                   ? g_timeout_source_new (0)
                                   : g_socket_create_source (ivd_tls_session_get_socket (session), G_IO_IN, NULL);

  return g_pollable_source_new_full (stream, source, cancellable);
}

static gboolean
ivd_tls_input_close (GInputStream *stream, GCancellable *cancellable, GError **error)
{
  return TRUE;
}

static void
ivd_tls_input_finalize (GObject *object)
{
  ivd_tls_session_unref (IVD_TLS_INPUT (object)->session);
  G_OBJECT_CLASS (ivd_tls_input_parent_class)->finalize (object);
}

static void
ivd_tls_input_class_init (IvdTlsInputClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = ivd_tls_input_finalize;
  G_INPUT_STREAM_CLASS (klass)->read_fn = ivd_tls_input_read;
  G_INPUT_STREAM_CLASS (klass)->close_fn = ivd_tls_input_close;
}

static void
ivd_tls_input_pollable_init (GPollableInputStreamInterface *interface)
{
  interface->is_readable = ivd_tls_input_is_readable;
  interface->create_source = ivd_tls_input_create_source;
  interface->read_nonblocking = ivd_tls_input_read_nonblocking;
}

static void
ivd_tls_input_init (IvdTlsInput *self)
{
}

/* --- out --- */

static gssize
ivd_tls_output_write (GOutputStream *stream, const void *buffer, gsize count, GCancellable *cancellable,
                      GError **error)
{
  return ivd_tls_session_write (IVD_TLS_OUTPUT (stream)->session, buffer, count, error);
}

static gssize
ivd_tls_output_write_nonblocking (GPollableOutputStream *stream, const void *buffer, gsize count, GError **error)
{
  return ivd_tls_session_write (IVD_TLS_OUTPUT (stream)->session, buffer, count, error);
}

static gboolean
ivd_tls_output_is_writable (GPollableOutputStream *stream)
{
  GSocket *socket = ivd_tls_session_get_socket (IVD_TLS_OUTPUT (stream)->session);

  return g_socket_condition_check (socket, G_IO_OUT) != 0;
}

static GSource *
ivd_tls_output_create_source (GPollableOutputStream *stream, GCancellable *cancellable)
{
  GSocket *socket = ivd_tls_session_get_socket (IVD_TLS_OUTPUT (stream)->session);
  g_autoptr (GSource) source = g_socket_create_source (socket, G_IO_OUT, NULL);

  return g_pollable_source_new_full (stream, source, cancellable);
}

static gboolean
ivd_tls_output_close (GOutputStream *stream, GCancellable *cancellable, GError **error)
{
  return TRUE;
}

static void
ivd_tls_output_finalize (GObject *object)
{
  ivd_tls_session_unref (IVD_TLS_OUTPUT (object)->session);
  G_OBJECT_CLASS (ivd_tls_output_parent_class)->finalize (object);
}

static void
ivd_tls_output_class_init (IvdTlsOutputClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = ivd_tls_output_finalize;
  G_OUTPUT_STREAM_CLASS (klass)->write_fn = ivd_tls_output_write;
  G_OUTPUT_STREAM_CLASS (klass)->close_fn = ivd_tls_output_close;
}

static void
ivd_tls_output_pollable_init (GPollableOutputStreamInterface *interface)
{
  interface->is_writable = ivd_tls_output_is_writable;
  interface->create_source = ivd_tls_output_create_source;
  interface->write_nonblocking = ivd_tls_output_write_nonblocking;
}

static void
ivd_tls_output_init (IvdTlsOutput *self)
{
}

/* --- both --- */

static GInputStream *
ivd_tls_stream_get_input_stream (GIOStream *stream)
{
  return G_INPUT_STREAM (IVD_TLS_STREAM (stream)->input);
}

static GOutputStream *
ivd_tls_stream_get_output_stream (GIOStream *stream)
{
  return G_OUTPUT_STREAM (IVD_TLS_STREAM (stream)->output);
}

static gboolean
ivd_tls_stream_close (GIOStream *stream, GCancellable *cancellable, GError **error)
{
  IvdTlsSession *session = IVD_TLS_STREAM (stream)->session;

  ivd_tls_session_close (session);
  return g_socket_close (ivd_tls_session_get_socket (session), error);
}

static void
ivd_tls_stream_finalize (GObject *object)
{
  IvdTlsStream *self = IVD_TLS_STREAM (object);

  g_object_unref (self->input);
  g_object_unref (self->output);
  ivd_tls_session_unref (self->session);
  G_OBJECT_CLASS (ivd_tls_stream_parent_class)->finalize (object);
}

static void
ivd_tls_stream_class_init (IvdTlsStreamClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = ivd_tls_stream_finalize;
  G_IO_STREAM_CLASS (klass)->get_input_stream = ivd_tls_stream_get_input_stream;
  G_IO_STREAM_CLASS (klass)->get_output_stream = ivd_tls_stream_get_output_stream;
  G_IO_STREAM_CLASS (klass)->close_fn = ivd_tls_stream_close;
}

static void
ivd_tls_stream_init (IvdTlsStream *self)
{
}

GIOStream *
ivd_tls_stream_new (IvdTlsSession *take_session)
{
  IvdTlsStream *self = g_object_new (IVD_TYPE_TLS_STREAM, NULL);

  self->session = take_session;
  self->input = g_object_new (IVD_TYPE_TLS_INPUT, NULL);
  self->input->session = ivd_tls_session_ref (take_session);
  self->output = g_object_new (IVD_TYPE_TLS_OUTPUT, NULL);
  self->output->session = ivd_tls_session_ref (take_session);
  return G_IO_STREAM (self);
}
