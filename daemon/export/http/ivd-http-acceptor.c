/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-acceptor.h"

/* Connections taken before others have their turn. */
#define BATCH 16
/* Long enough that somebody may have closed something. */
#define PAUSE_MSEC 200

struct _IvdHttpAcceptor
{
  GSocket *listener;
  IvdHttpAcceptFunc func;
  IvdHttpExhaustedFunc exhausted;
  gpointer data;
  GSource *source; /* for the socket, or for the end of a pause */
};

static void watch (IvdHttpAcceptor *self);

static void
set_source (IvdHttpAcceptor *self, GSource *take_source)
{
  if (self->source != NULL)
    {
      g_source_destroy (self->source);
      g_source_unref (self->source);
    }
  self->source = take_source;
  if (take_source != NULL)
    g_source_attach (take_source, g_main_context_get_thread_default ());
}

static gboolean
on_pause_over (gpointer data)
{
  watch (data);
  return G_SOURCE_REMOVE;
}

static void
pause_accepting (IvdHttpAcceptor *self, const GError *error)
{
  GSource *timer = g_timeout_source_new (PAUSE_MSEC);

  self->exhausted (error, self->data);
  g_source_set_callback (timer, on_pause_over, self, NULL);
  set_source (self, timer);
}

static gboolean
on_ready (GSocket *listener, GIOCondition condition, gpointer data)
{
  IvdHttpAcceptor *self = data;

  for (guint i = 0; i < BATCH; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GSocket) socket = g_socket_accept (listener, NULL, &error);

      if (socket != NULL)
        {
          g_socket_set_blocking (socket, FALSE);
          self->func (socket, self->data);
          continue;
        }
      /* Who has gone already is no reason to wait. */
      if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED))
        continue;
      if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        pause_accepting (self, error);
      break;
    }
  return G_SOURCE_CONTINUE;
}

static void
watch (IvdHttpAcceptor *self)
{
  GSource *source = g_socket_create_source (self->listener, G_IO_IN, NULL);

  g_source_set_callback (source, G_SOURCE_FUNC (on_ready), self, NULL);
  set_source (self, source);
}

IvdHttpAcceptor *
ivd_http_acceptor_new (GSocket *listener, IvdHttpAcceptFunc func, IvdHttpExhaustedFunc exhausted, gpointer data)
{
  IvdHttpAcceptor *self = g_new0 (IvdHttpAcceptor, 1);

  self->listener = g_object_ref (listener);
  self->func = func;
  self->exhausted = exhausted;
  self->data = data;
  g_socket_set_blocking (listener, FALSE);
  watch (self);
  return self;
}

void
ivd_http_acceptor_free (IvdHttpAcceptor *acceptor)
{
  if (acceptor == NULL)
    return;
  set_source (acceptor, NULL);
  g_object_unref (acceptor->listener);
  g_free (acceptor);
}
