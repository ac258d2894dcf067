/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-text-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"

#define TEMPORARY_SUFFIX ".XXXXXX"
#define TEMPORARY_MODE 0600
#define ROOT_UID 0
#define OTHERS_WRITE (S_IWGRP | S_IWOTH)
#define ALL_MODE_BITS 07777

typedef gboolean (*CheckFunc) (int fd, const char *path, GError **error);

static IvdErrorCode
code_of_errno (int number)
{
  switch (number)
    {
    case ENOENT:
    case ENOTDIR:
      return IVD_ERROR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
      return IVD_ERROR_DENIED;
    case ENOSPC:
    case EDQUOT:
      return IVD_ERROR_NO_SPACE;
    case EMFILE:
    case ENFILE:
      return IVD_ERROR_LIMIT;
    default:
      return IVD_ERROR_IO;
    }
}

/* Returns FALSE, always. number: an errno. */
static gboolean
fail (const char *doing, const char *path, int number, GError **error)
{
  g_autofree char *safe = ivd_text_safe_bytes (path, IVD_LIMIT_PATH_BYTES);

  g_set_error (error, IVD_ERROR, code_of_errno (number), "cannot %s %s: %s", doing, safe,
               g_strerror (number));
  return FALSE;
}

static gboolean
check_is_small_file (int fd, const char *path, gsize limit, GError **error)
{
  g_autofree char *safe = NULL;
  struct stat info;

  if (fstat (fd, &info) < 0)
    return fail ("look at", path, errno, error);
  if (S_ISREG (info.st_mode) && info.st_size <= (goffset) limit)
    return TRUE;
  safe = ivd_text_safe_bytes (path, IVD_LIMIT_PATH_BYTES);
  if (!S_ISREG (info.st_mode))
    g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "%s is not a regular file", safe);
  else
    g_set_error (error, IVD_ERROR, IVD_ERROR_TOO_LARGE, "%s has more than %" G_GSIZE_FORMAT " bytes",
                 safe, limit);
  return FALSE;
}

static gboolean
check_is_guarded (int fd, const char *path, GError **error)
{
  g_autofree char *safe = NULL;
  struct stat info;

  if (fstat (fd, &info) < 0)
    return fail ("look at", path, errno, error);
  if ((info.st_uid == ROOT_UID || info.st_uid == geteuid ()) && (info.st_mode & OTHERS_WRITE) == 0)
    return TRUE;
  safe = ivd_text_safe_bytes (path, IVD_LIMIT_PATH_BYTES);
  if ((info.st_mode & OTHERS_WRITE) != 0)
    g_set_error (error, IVD_ERROR, IVD_ERROR_DENIED, "others than its owner can write %s (mode %04o): chmod go-w",
                 safe, info.st_mode & ALL_MODE_BITS);
  else
    g_set_error (error, IVD_ERROR, IVD_ERROR_DENIED,
                 "%s belongs to user %u: it must be root's or user %u's, who runs the daemon", safe,
                 (guint) info.st_uid, (guint) geteuid ());
  return FALSE;
}

/* Until the end of the file or until buffer is full; -1 and errno. */
static gssize
read_all (int fd, char *buffer, gsize size)
{
  gsize done = 0;

  while (done < size)
    {
      gssize n = read (fd, buffer + done, size - done);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return -1;
      if (n == 0)
        break;
      done += (gsize) n;
    }
  return (gssize) done;
}

static gboolean
write_all (int fd, const char *text, gsize length)
{
  while (length > 0)
    {
      gssize n = write (fd, text, length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return FALSE;
      text += n;
      length -= (gsize) n;
    }
  return TRUE;
}

/* check: NULL is fine. */
static gboolean
read_file (const char *path, gsize limit, CheckFunc check, char **ret_text, gsize *ret_length, GError **error)
{
  g_autofree char *text = NULL;
  /* Not waiting: it may be a FIFO without a writer. */
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  int failure;
  gssize n;

  if (fd < 0)
    return fail ("open", path, errno, error);
  if (!check_is_small_file (fd, path, limit, error) || (check != NULL && !check (fd, path, error)))
    {
      close (fd);
      return FALSE;
    }
  /* One more than allowed, for it may grow while it is read. */
  text = g_malloc (limit + 1);
  n = read_all (fd, text, limit + 1);
  failure = errno;
  close (fd);
  if (n < 0)
    return fail ("read", path, failure, error);
  if ((gsize) n > limit)
    return fail ("read", path, EFBIG, error);
  text[n] = '\0';
  *ret_text = g_realloc (g_steal_pointer (&text), (gsize) n + 1);
  *ret_length = (gsize) n;
  return TRUE;
}

gboolean
ivd_text_file_read (const char *path, gsize limit, char **ret_text, gsize *ret_length, GError **error)
{
  return read_file (path, limit, NULL, ret_text, ret_length, error);
}

gboolean
ivd_text_file_read_guarded (const char *path, gsize limit, char **ret_text, gsize *ret_length, GError **error)
{
  return read_file (path, limit, check_is_guarded, ret_text, ret_length, error);
}

/* A name is on disk only when its directory is. */
static gboolean
sync_directory_of (const char *path, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (path);
  int fd = open (directory, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  gboolean done;
  int failure;

  if (fd < 0)
    return fail ("open", directory, errno, error);
  done = fsync (fd) == 0;
  failure = errno;
  close (fd);
  return done || fail ("sync", directory, failure, error);
}

gboolean
ivd_text_file_replace (const char *path, const char *text, gsize length, GError **error)
{
  g_autofree char *temporary = g_strconcat (path, TEMPORARY_SUFFIX, NULL);
  int fd = g_mkstemp_full (temporary, O_WRONLY | O_CLOEXEC, TEMPORARY_MODE);
  gboolean done;
  int failure;

  if (fd < 0)
    return fail ("make a file beside", path, errno, error);
  done = write_all (fd, text, length) && fsync (fd) == 0;
  failure = errno;
  close (fd);
  if (done)
    {
      done = rename (temporary, path) == 0;
      failure = errno;
    }
  if (!done)
    {
      unlink (temporary);
      return fail ("write", path, failure, error);
    }
  return sync_directory_of (path, error);
}

gboolean
ivd_text_file_remove (const char *path, GError **error)
{
  if (unlink (path) < 0)
    return fail ("remove", path, errno, error);
  return sync_directory_of (path, error);
}
