/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "plugin/ivd-vector-reader.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-rate.h"
#include "platform/ivd-eventfd.h"

/* Vectors that ran out of reads are looked at again this often: once for all
 * of them, and not so often that their bursts would be cut into single reads. */
#define REST_USEC (4 * 1000)

typedef struct
{
  IvdVectorReader *reader;
  guint vector;
  int fd;
  guint64 watch; /* 0: paused */
  IvdRate rate;
  gboolean resting; /* its watch is silent until the timer */
} Vector;

struct _IvdVectorReader
{
  GMainContext *context;
  IvdPoller *poller;
  IvdVectorFunc func;
  gpointer data;
  GPtrArray *vectors; /* of Vector or NULL, by number */
  GSource *timer;     /* while somebody rests */
};

static void
vector_free (gpointer data)
{
  Vector *vector = data;

  if (vector == NULL)
    return;
  if (vector->watch != 0)
    ivd_poller_remove (vector->reader->poller, vector->watch);
  close (vector->fd);
  g_free (vector);
}

IvdVectorReader *
ivd_vector_reader_new (GMainContext *context, IvdPoller *poller, IvdVectorFunc func, gpointer data)
{
  IvdVectorReader *self = g_new0 (IvdVectorReader, 1);

  self->context = context;
  self->poller = poller;
  self->func = func;
  self->data = data;
  self->vectors = g_ptr_array_new_with_free_func (vector_free);
  return self;
}

static void
stop_timer (IvdVectorReader *self)
{
  if (self->timer == NULL)
    return;
  g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
}

void
ivd_vector_reader_free (IvdVectorReader *self)
{
  if (self == NULL)
    return;
  stop_timer (self);
  g_ptr_array_unref (self->vectors);
  g_free (self);
}

static Vector *
find (IvdVectorReader *self, guint vector)
{
  return vector < self->vectors->len ? g_ptr_array_index (self->vectors, vector) : NULL;
}

static gboolean
wake_up (gpointer data)
{
  IvdVectorReader *self = data;

  g_clear_pointer (&self->timer, g_source_unref);
  for (guint i = 0; i < self->vectors->len; i++)
    {
      Vector *vector = g_ptr_array_index (self->vectors, i);

      if (vector == NULL || !vector->resting)
        continue;
      vector->resting = FALSE;
      if (vector->watch != 0)
        ivd_poller_modify (self->poller, vector->watch, IVD_POLL_IN);
    }
  return G_SOURCE_REMOVE;
}

static void
rest (IvdVectorReader *self, Vector *vector)
{
  vector->resting = TRUE;
  ivd_poller_modify (self->poller, vector->watch, 0);
  if (self->timer != NULL)
    return;
  self->timer = g_timeout_source_new (REST_USEC / 1000);
  g_source_set_static_name (self->timer, "ivd-vector-reader");
  g_source_set_callback (self->timer, wake_up, self, NULL);
  g_source_attach (self->timer, self->context);
}

static void
on_ready (int fd, IvdPollFlags ready, gpointer data)
{
  Vector *vector = data;
  IvdVectorReader *self = vector->reader;
  guint number = vector->vector;
  guint64 count;

  if (vector->resting)
    return; /* an overflowed counter is told even to a silent watch */
  if (!ivd_rate_take (&vector->rate, g_get_monotonic_time ()))
    {
      rest (self, vector);
      return;
    }
  count = ivd_eventfd_take (fd);
  if (count > 0)
    self->func (number, count, self->data);
}

static gboolean
start (IvdVectorReader *self, Vector *vector, GError **error)
{
  vector->resting = FALSE;
  vector->watch = ivd_poller_add (self->poller, vector->fd, IVD_POLL_IN, on_ready, vector, error);
  return vector->watch != 0;
}

static int
copy_descriptor (int fd, GError **error)
{
  int copy = fcntl (fd, F_DUPFD_CLOEXEC, 0);

  if (copy < 0)
    g_set_error (error, IVD_ERROR, errno == EMFILE ? IVD_ERROR_LIMIT : IVD_ERROR_IO,
                 "the vector's descriptor cannot be copied: %s", g_strerror (errno));
  return copy;
}

gboolean
ivd_vector_reader_add (IvdVectorReader *self, guint number, int fd, GError **error)
{
  Vector *vector;
  int copy;

  g_return_val_if_fail (find (self, number) == NULL && number < IVD_LIMIT_VECTORS, FALSE);

  if (!ivd_eventfd_check (fd, error))
    return FALSE;
  copy = copy_descriptor (fd, error);
  if (copy < 0)
    return FALSE;
  vector = g_new0 (Vector, 1);
  vector->reader = self;
  vector->vector = number;
  vector->fd = copy;
  ivd_rate_init (&vector->rate, IVD_LIMIT_VECTOR_READS_PER_SECOND, IVD_LIMIT_VECTOR_BURST,
                 g_get_monotonic_time ());
  if (!start (self, vector, error))
    {
      vector_free (vector);
      return FALSE;
    }
  if (number >= self->vectors->len)
    g_ptr_array_set_size (self->vectors, (gint) number + 1);
  g_ptr_array_index (self->vectors, number) = vector;
  return TRUE;
}

gboolean
ivd_vector_reader_has (IvdVectorReader *self, guint vector)
{
  return find (self, vector) != NULL;
}

void
ivd_vector_reader_truncate (IvdVectorReader *self, guint n)
{
  if (n < self->vectors->len)
    g_ptr_array_set_size (self->vectors, (gint) n);
}

void
ivd_vector_reader_pause (IvdVectorReader *self, guint number, gboolean paused)
{
  g_autoptr (GError) error = NULL;
  Vector *vector = find (self, number);

  if (vector == NULL || paused == (vector->watch == 0))
    return;
  if (!paused)
    {
      if (!start (self, vector, &error))
        g_warning ("vector %u is not read any more: %s", number, error->message);
      return;
    }
  ivd_poller_remove (self->poller, vector->watch);
  vector->watch = 0;
}

int
ivd_vector_reader_dup (IvdVectorReader *self, guint number, GError **error)
{
  Vector *vector = find (self, number);

  if (vector != NULL)
    return copy_descriptor (vector->fd, error);
  g_set_error (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED, "vector %u has no eventfd of its own", number);
  return -1;
}
