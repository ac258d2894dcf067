/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-input.h"

#include <string.h>

#include "base/ivd-limits.h"
#include "export/http/ivd-http-framing.h"

/* Read at once while heads are looked for. */
#define PIECE_BYTES 4096

/* Who knows that the other side has ended. */
typedef enum
{
  END_OPEN, /* it has not */
  END_HELD, /* we do */
  END_SEEN, /* all may */
} End;

struct _IvdHttpInput
{
  GInputStream parent;

  GPollableInputStream *base;
  IvdHttpBegunFunc begun;
  IvdHttpRefusedFunc refused;
  IvdHttpEndedFunc ended_func;
  gpointer data;

  IvdHttpFraming framing;
  GByteArray *buffer; /* read from base, not passed on yet; NULL: nothing */
  gsize used;         /* bytes at its start that were passed on */
  gsize good;         /* bytes after these that may be */
  gsize looked;       /* bytes after these that say nothing yet */
  gboolean told;      /* that a request has begun */
  gsize discarded;    /* after the end */
  gboolean raw;
  gboolean ended; /* what still comes is thrown away */
  End end;
};

static void ivd_http_input_pollable_init (GPollableInputStreamInterface *interface);

G_DEFINE_FINAL_TYPE_WITH_CODE (IvdHttpInput, ivd_http_input, G_TYPE_INPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_INPUT_STREAM, ivd_http_input_pollable_init))

static gsize
waiting (const IvdHttpInput *self)
{
  return self->buffer != NULL ? self->buffer->len - self->used - self->good : 0;
}

/* An idle connection keeps no buffer. */
static void
drop_used (IvdHttpInput *self)
{
  if (self->buffer == NULL || self->used == 0)
    return;
  if (self->used == self->buffer->len)
    g_clear_pointer (&self->buffer, g_byte_array_unref);
  else
    g_byte_array_remove_range (self->buffer, 0, (guint) self->used);
  self->used = 0;
}

/* Of what is good. */
static gssize
pass (IvdHttpInput *self, void *buffer, gsize count)
{
  gsize length = MIN (count, self->good);

  memcpy (buffer, self->buffer->data + self->used, length);
  self->used += length;
  self->good -= length;
  if (self->good == 0)
    drop_used (self);
  return (gssize) length;
}

static gssize
read_base (IvdHttpInput *self, void *buffer, gsize count, gboolean blocking, GCancellable *cancellable,
           GError **error)
{
  return g_pollable_stream_read (G_INPUT_STREAM (self->base), buffer, count, blocking, cancellable, error);
}

/* FALSE: what *ret_got says, as of g_input_stream_read. */
static gboolean
fill (IvdHttpInput *self, gboolean blocking, GCancellable *cancellable, gssize *ret_got, GError **error)
{
  guint8 piece[PIECE_BYTES];

  *ret_got = read_base (self, piece, sizeof piece, blocking, cancellable, error);
  if (*ret_got <= 0)
    return FALSE;
  if (self->buffer == NULL)
    self->buffer = g_byte_array_new ();
  g_byte_array_append (self->buffer, piece, (guint) *ret_got);
  return TRUE;
}

/* Bytes of a body need not be looked at, nor copied. */
static gssize
read_plain (IvdHttpInput *self, void *buffer, gsize count, guint64 plain, gboolean blocking,
            GCancellable *cancellable, GError **error)
{
  gssize got = read_base (self, buffer, (gsize) MIN ((guint64) count, plain), blocking, cancellable, error);

  if (got > 0 && !self->raw)
    ivd_http_framing_skip (&self->framing, (guint64) got);
  return got;
}

/* Until the other side has gone, or has sent more than can be meant well. */
static gssize
discard (IvdHttpInput *self, gboolean blocking, GCancellable *cancellable, GError **error)
{
  guint8 piece[PIECE_BYTES];
  gssize got;

  while (self->discarded <= IVD_LIMIT_HTTP_DISCARDED_BYTES)
    {
      got = read_base (self, piece, sizeof piece, blocking, cancellable, error);
      if (got <= 0)
        return got;
      self->discarded += (gsize) got;
    }
  return 0;
}

static gboolean
refuse (IvdHttpInput *self, const GError *why, GError **error)
{
  guint status = self->framing.head.status;

  self->ended = TRUE;
  g_clear_pointer (&self->buffer, g_byte_array_unref);
  self->used = self->looked = 0;
  if (status != 0)
    {
      if (self->refused != NULL)
        self->refused (status, why, self->data);
      return TRUE;
    }
  /* Within a body; libsoup ends the request, and the connection. */
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, why->message);
  return FALSE;
}

/* At what waits. FALSE: the body is no good. */
static gboolean
look (IvdHttpInput *self, GError **error)
{
  g_autoptr (GError) local = NULL;
  gsize length = waiting (self);

  if (self->raw)
    self->good = length;
  else if (!ivd_http_framing_use (&self->framing, (const char *) self->buffer->data + self->used, length, &self->good,
                                  &local))
    return refuse (self, local, error);
  self->looked = self->good > 0 ? 0 : length;
  if (self->good > 0)
    self->told = FALSE;
  else if (!self->told && self->begun != NULL)
    {
      self->told = TRUE;
      self->begun (self->data);
    }
  return TRUE;
}

/* libsoup takes the end between two chunks for the end of the body. */
static gssize
check_end (const IvdHttpInput *self, gssize got, GError **error)
{
  if (got != 0 || self->raw || !ivd_http_framing_is_within_body (&self->framing))
    return got;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT, "the connection ended within a body");
  return -1;
}

static gssize
read_any (IvdHttpInput *self, void *buffer, gsize count, gboolean blocking, GCancellable *cancellable, GError **error)
{
  while (!self->ended)
    {
      guint64 plain = self->raw ? G_MAXUINT64 : ivd_http_framing_plain (&self->framing);
      gssize got;

      if (self->good > 0)
        return pass (self, buffer, count);
      if (waiting (self) > self->looked)
        {
          if (!look (self, error))
            return -1;
        }
      else if (plain > 0)
        return check_end (self, read_plain (self, buffer, count, plain, blocking, cancellable, error), error);
      else if (!fill (self, blocking, cancellable, &got, error))
        return check_end (self, got, error);
    }
  return discard (self, blocking, cancellable, error);
}

static gssize
ivd_http_input_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
  return read_any (IVD_HTTP_INPUT (stream), buffer, count, TRUE, cancellable, error);
}

static gssize
wait_for_more (GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "nothing has come");
  return -1;
}

static gssize
ivd_http_input_read_nonblocking (GPollableInputStream *stream, void *buffer, gsize count, GError **error)
{
  IvdHttpInput *self = IVD_HTTP_INPUT (stream);
  g_autoptr (GError) local = NULL;
  gssize got;

  if (self->end == END_HELD)
    return wait_for_more (error);
  if (self->end == END_SEEN)
    return 0;
  got = read_any (self, buffer, count, FALSE, NULL, &local);
  if (got > 0)
    return got;
  if (!g_error_matches (local, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK) && self->ended_func != NULL
      && self->ended_func (self->data))
    {
      self->end = END_HELD;
      return wait_for_more (error);
    }
  if (local != NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  return got;
}

/* Something is there already that may be good. */
static gboolean
has_some (const IvdHttpInput *self)
{
  return self->end == END_SEEN || self->good > 0 || waiting (self) > self->looked;
}

static gboolean
ivd_http_input_is_readable (GPollableInputStream *stream)
{
  IvdHttpInput *self = IVD_HTTP_INPUT (stream);

  return self->end != END_HELD && (has_some (self) || g_pollable_input_stream_is_readable (self->base));
}

static GSource *
ivd_http_input_create_source (GPollableInputStream *stream, GCancellable *cancellable)
{
  IvdHttpInput *self = IVD_HTTP_INPUT (stream);
  g_autoptr (GSource) source = NULL;

  if (has_some (self))
    source = g_timeout_source_new (0);
  else if (self->end != END_HELD)
    source = g_pollable_input_stream_create_source (self->base, NULL);
  return g_pollable_source_new_full (stream, source, cancellable);
}

static gboolean
ivd_http_input_close (GInputStream *stream, GCancellable *cancellable, GError **error)
{
  return TRUE;
}

static void
ivd_http_input_finalize (GObject *object)
{
  IvdHttpInput *self = IVD_HTTP_INPUT (object);

  g_clear_object (&self->base);
  g_clear_pointer (&self->buffer, g_byte_array_unref);
  G_OBJECT_CLASS (ivd_http_input_parent_class)->finalize (object);
}

static void
ivd_http_input_class_init (IvdHttpInputClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = ivd_http_input_finalize;
  G_INPUT_STREAM_CLASS (klass)->read_fn = ivd_http_input_read;
  G_INPUT_STREAM_CLASS (klass)->close_fn = ivd_http_input_close;
}

static void
ivd_http_input_pollable_init (GPollableInputStreamInterface *interface)
{
  interface->is_readable = ivd_http_input_is_readable;
  interface->create_source = ivd_http_input_create_source;
  interface->read_nonblocking = ivd_http_input_read_nonblocking;
}

static void
ivd_http_input_init (IvdHttpInput *self)
{
}

IvdHttpInput *
ivd_http_input_new (GInputStream *base, IvdHttpBegunFunc begun, IvdHttpRefusedFunc refused, IvdHttpEndedFunc ended,
                    gpointer data)
{
  IvdHttpInput *self = g_object_new (IVD_TYPE_HTTP_INPUT, NULL);

  self->base = G_POLLABLE_INPUT_STREAM (g_object_ref (base));
  self->begun = begun;
  self->refused = refused;
  self->ended_func = ended;
  self->data = data;
  return self;
}

void
ivd_http_input_set_raw (IvdHttpInput *input)
{
  input->raw = TRUE;
  input->looked = 0;
}

void
ivd_http_input_let_end (IvdHttpInput *input)
{
  if (input->end == END_HELD)
    input->end = END_SEEN;
}

void
ivd_http_input_detach (IvdHttpInput *input)
{
  input->begun = NULL;
  input->refused = NULL;
  input->ended_func = NULL;
}
