/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-intake.h"

#include "export/http/ivd-http-farewell.h"
#include "export/http/ivd-http-idle.h"
#include "export/http/ivd-http-input.h"

struct _IvdHttpIntake
{
  GIOStream parent;

  GIOStream *base;
  IvdHttpInput *input;
  IvdHttpConnection *connection;
};

G_DEFINE_FINAL_TYPE (IvdHttpIntake, ivd_http_intake, G_TYPE_IO_STREAM)

static GInputStream *
ivd_http_intake_get_input_stream (GIOStream *stream)
{
  return G_INPUT_STREAM (IVD_HTTP_INTAKE (stream)->input);
}

static GOutputStream *
ivd_http_intake_get_output_stream (GIOStream *stream)
{
  return g_io_stream_get_output_stream (IVD_HTTP_INTAKE (stream)->base);
}

static gboolean
ivd_http_intake_close (GIOStream *stream, GCancellable *cancellable, GError **error)
{
  return g_io_stream_close (IVD_HTTP_INTAKE (stream)->base, cancellable, error);
}

static void
ivd_http_intake_finalize (GObject *object)
{
  IvdHttpIntake *self = IVD_HTTP_INTAKE (object);

  ivd_http_connection_set_intake (self->connection, NULL);
  ivd_http_connection_unref (self->connection);
  ivd_http_input_detach (self->input);
  g_object_unref (self->input);
  g_object_unref (self->base);
  G_OBJECT_CLASS (ivd_http_intake_parent_class)->finalize (object);
}

static void
ivd_http_intake_class_init (IvdHttpIntakeClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = ivd_http_intake_finalize;
  G_IO_STREAM_CLASS (klass)->get_input_stream = ivd_http_intake_get_input_stream;
  G_IO_STREAM_CLASS (klass)->get_output_stream = ivd_http_intake_get_output_stream;
  G_IO_STREAM_CLASS (klass)->close_fn = ivd_http_intake_close;
}

static void
ivd_http_intake_init (IvdHttpIntake *self)
{
}

static void
on_begun (gpointer data)
{
  IvdHttpIntake *self = data;

  ivd_http_connection_set_activity (self->connection, IVD_HTTP_HEADERS);
}

/* libsoup waits for a head, so that nothing of it is on the way out. */
static void
on_refused (guint status, const GError *error, gpointer data)
{
  IvdHttpIntake *self = data;

  ivd_http_farewell_refuse (g_io_stream_get_output_stream (self->base), self->connection, status, error);
}

static gboolean
on_ended (gpointer data)
{
  IvdHttpIntake *self = data;

  return ivd_http_idle_hang_up (self->connection);
}

GIOStream *
ivd_http_intake_new (GIOStream *base, IvdHttpConnection *connection)
{
  IvdHttpIntake *self = g_object_new (IVD_TYPE_HTTP_INTAKE, NULL);

  self->base = g_object_ref (base);
  self->connection = ivd_http_connection_ref (connection);
  self->input = ivd_http_input_new (g_io_stream_get_input_stream (base), on_begun, on_refused, on_ended,
                                    self);
  ivd_http_connection_set_intake (connection, self);
  return G_IO_STREAM (self);
}

void
ivd_http_intake_set_raw (IvdHttpConnection *connection)
{
  IvdHttpIntake *self = ivd_http_connection_get_intake (connection);

  if (self != NULL)
    ivd_http_input_set_raw (self->input);
}

void
ivd_http_intake_let_end (IvdHttpConnection *connection)
{
  IvdHttpIntake *self = ivd_http_connection_get_intake (connection);

  if (self != NULL)
    ivd_http_input_let_end (self->input);
}
