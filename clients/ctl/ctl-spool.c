/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-spool.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ivd-error.h"

#include "ctl-error.h"

#define MEMORY_BYTES (16 * 1024 * 1024)
#define PIECE_BYTES (64 * 1024)

struct _CtlSpool
{
  char *name; /* for messages */
  GByteArray *kept;
  int fd; /* a file, from where the kept bytes end; -1: there is none */
  guint64 length;
  guint64 done;
};

void
ctl_spool_free (CtlSpool *spool)
{
  if (spool == NULL)
    return;
  if (spool->fd >= 0)
    close (spool->fd);
  g_byte_array_unref (spool->kept);
  g_free (spool->name);
  g_free (spool);
}

static gboolean
write_all (int fd, const guint8 *bytes, gsize length, GError **error)
{
  while (length > 0)
    {
      gssize n = write (fd, bytes, length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          ctl_error_set_errno (error, errno, "write a temporary file in", g_get_tmp_dir ());
          return FALSE;
        }
      bytes += n;
      length -= (gsize) n;
    }
  return TRUE;
}

static int
open_temporary (GError **error)
{
  g_autofree char *path = g_build_filename (g_get_tmp_dir (), "ivshmemctl.XXXXXX", NULL);
  int fd = g_mkstemp_full (path, O_RDWR | O_CLOEXEC, 0600);

  if (fd < 0)
    ctl_error_set_errno (error, errno, "make the temporary file", path);
  else
    unlink (path);
  return fd;
}

static gboolean
keep (CtlSpool *spool, const guint8 *bytes, gsize length, GError **error)
{
  if (spool->fd < 0 && spool->kept->len + length <= MEMORY_BYTES)
    {
      g_byte_array_append (spool->kept, bytes, (guint) length);
      return TRUE;
    }
  if (spool->fd < 0)
    spool->fd = open_temporary (error);
  return spool->fd >= 0 && write_all (spool->fd, bytes, length, error);
}

static gboolean
take_stream (CtlSpool *spool, int fd, guint64 maximum, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (PIECE_BYTES);

  while (spool->length <= maximum)
    {
      gssize n = read (fd, buffer, (gsize) MIN (PIECE_BYTES, maximum - spool->length + 1));

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          ctl_error_set_errno (error, errno, "read", spool->name);
          return FALSE;
        }
      if (n == 0)
        break;
      if (!keep (spool, buffer, (gsize) n, error))
        return FALSE;
      spool->length += (guint64) n;
    }
  return TRUE;
}

static gboolean
take_file (CtlSpool *spool, const char *path, guint64 maximum, GError **error)
{
  struct stat info;
  int fd = g_open (path, O_RDONLY | O_CLOEXEC, 0);
  gboolean good;

  if (fd < 0 || fstat (fd, &info) < 0)
    {
      ctl_error_set_errno (error, errno, "open", path);
      if (fd >= 0)
        close (fd);
      return FALSE;
    }
  if (S_ISREG (info.st_mode))
    {
      spool->fd = fd;
      spool->length = (guint64) info.st_size;
      return TRUE;
    }
  good = take_stream (spool, fd, maximum, error);
  close (fd);
  return good;
}

CtlSpool *
ctl_spool_open (const char *path, guint64 maximum, GError **error)
{
  g_autoptr (CtlSpool) spool = g_new0 (CtlSpool, 1);
  gboolean standard_input = path == NULL || g_str_equal (path, "-");

  spool->fd = -1;
  spool->kept = g_byte_array_new ();
  spool->name = g_strdup (standard_input ? "standard input" : path);
  maximum = MIN (maximum, G_MAXINT64 - 1);
  if (standard_input ? !take_stream (spool, STDIN_FILENO, maximum, error)
                     : !take_file (spool, path, maximum, error))
    return NULL;
  return g_steal_pointer (&spool);
}

guint64
ctl_spool_get_length (CtlSpool *spool)
{
  return spool->length;
}

static gboolean
read_file (CtlSpool *spool, guint8 *buffer, gsize length, goffset at, GError **error)
{
  while (length > 0)
    {
      gssize n = pread (spool->fd, buffer, length, at);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          ctl_error_set_errno (error, errno, "read", spool->name);
          return FALSE;
        }
      if (n == 0)
        {
          g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "'%s' has become shorter while it was read",
                       spool->name);
          return FALSE;
        }
      buffer += n;
      length -= (gsize) n;
      at += n;
    }
  return TRUE;
}

GBytes *
ctl_spool_read (CtlSpool *spool, gsize length, GError **error)
{
  gsize wanted = (gsize) MIN (length, spool->length - spool->done);
  g_autofree guint8 *buffer = g_malloc (wanted);
  gsize from_memory = 0;

  if (spool->done < spool->kept->len)
    {
      from_memory = MIN (wanted, spool->kept->len - (gsize) spool->done);
      memcpy (buffer, spool->kept->data + spool->done, from_memory);
    }
  if (from_memory < wanted
      && !read_file (spool, buffer + from_memory, wanted - from_memory,
                     (goffset) (spool->done + from_memory - spool->kept->len), error))
    return NULL;
  spool->done += wanted;
  return g_bytes_new_take (g_steal_pointer (&buffer), wanted);
}

gboolean
ctl_spool_copy (CtlSpool *spool, CtlMemory *memory, CtlProgress *progress, GError **error)
{
  while (spool->done < spool->length)
    {
      g_autoptr (GBytes) piece = ctl_spool_read (spool, CTL_MEMORY_PIECE_BYTES, error);
      gconstpointer bytes;
      gsize length;

      if (piece == NULL)
        return FALSE;
      bytes = g_bytes_get_data (piece, &length);
      if (!ctl_memory_write (memory, bytes, length, error))
        return FALSE;
      if (progress != NULL)
        ctl_progress_update (progress, spool->done);
    }
  return TRUE;
}
