/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "model/ivd-serial.h"

#include <errno.h>

#include <gio/gio.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "platform/ivd-log.h"

struct _IvdSerial
{
  char *path; /* NULL: nothing is kept */
  guint64 next;
  guint64 reserved; /* the file says that all below this are used */
  GTask *extending; /* the reservation on its way, or NULL */
};

/* Writes "all below reserved are used", durably. */
static gboolean
write_reservation (const char *path, guint64 reserved, GError **error)
{
  g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT "\n", reserved);

  return g_file_set_contents_full (path, text, -1,
                                   G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0600, error);
}

/* What an earlier run has used up; 0 when there was none. */
static gboolean
read_reservation (const char *path, guint64 *ret_reserved, GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) local = NULL;

  if (!g_file_get_contents (path, &text, NULL, &local))
    {
      if (!g_error_matches (local, G_FILE_ERROR, G_FILE_ERROR_NOENT))
        {
          g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "cannot read %s: %s", path, local->message);
          return FALSE;
        }
      *ret_reserved = 0;
      return TRUE;
    }
  g_strchomp (text);
  if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT64 / 2, ret_reserved, NULL))
    {
      /* A crash or a full disk may leave this. Guests must not wait for a
       * counter: microseconds since 1970 are past all that was ever given. */
      *ret_reserved = (guint64) g_get_real_time ();
      ivd_log (IVD_LOG_WARNING, NULL, "%s does not hold a serial number: events are numbered from the clock", path);
    }
  return TRUE;
}

IvdSerial *
ivd_serial_new (const char *path, GError **error)
{
  g_autoptr (IvdSerial) self = g_new0 (IvdSerial, 1);
  g_autoptr (GError) local = NULL;

  self->next = 1;
  self->reserved = G_MAXUINT64;
  if (path == NULL)
    return g_steal_pointer (&self);

  self->path = g_strdup (path);
  if (!read_reservation (path, &self->reserved, error))
    return NULL;
  self->next = MAX (self->reserved, 1);
  self->reserved = self->next + IVD_SERIAL_BLOCK;
  if (!write_reservation (path, self->reserved, &local))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "cannot write %s: %s", path, local->message);
      return NULL;
    }
  return g_steal_pointer (&self);
}

void
ivd_serial_free (IvdSerial *serial)
{
  if (serial == NULL)
    return;
  g_clear_object (&serial->extending);
  g_free (serial->path);
  g_free (serial);
}

typedef struct
{
  char *path;
  guint64 reserved;
} Extension;

static void
extension_free (gpointer data)
{
  Extension *extension = data;

  g_free (extension->path);
  g_free (extension);
}

static void
extend_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  Extension *extension = data;
  GError *error = NULL;

  if (write_reservation (extension->path, extension->reserved, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* Begins to reserve the next block, off the main thread: a disk may be slow. */
static void
begin_extension (IvdSerial *self)
{
  Extension *extension = g_new0 (Extension, 1);

  extension->path = g_strdup (self->path);
  extension->reserved = self->reserved + IVD_SERIAL_BLOCK;
  self->extending = g_task_new (NULL, NULL, NULL, NULL);
  g_task_set_task_data (self->extending, extension, extension_free);
  g_task_run_in_thread (self->extending, extend_in_thread);
}

/* Takes the answer when it is there. Without it numbering goes on: a full
 * disk must not stop events, and costs at worst numbers that come twice after
 * a crash. */
static void
end_extension (IvdSerial *self)
{
  Extension *extension = g_task_get_task_data (self->extending);
  g_autoptr (GError) error = NULL;

  if (!g_task_propagate_boolean (self->extending, &error))
    g_warning ("cannot reserve event serials in %s: %s", self->path, error->message);
  self->reserved = extension->reserved;
  g_clear_object (&self->extending);
}

guint64
ivd_serial_next (IvdSerial *serial)
{
  if (serial->path != NULL)
    {
      if (serial->extending != NULL && g_task_get_completed (serial->extending))
        end_extension (serial);
      if (serial->extending == NULL && serial->next + IVD_SERIAL_BLOCK / 2 >= serial->reserved)
        begin_extension (serial);
    }
  return serial->next++;
}

guint64
ivd_serial_peek (IvdSerial *serial)
{
  return serial->next;
}
