/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"

#include "ctl-memory.h"
#include "ctl-output.h"
#include "ctl-progress.h"
#include "ctl-region.h"
#include "ctl-size.h"
#include "ctl-spool.h"
#include "ctl-verbs.h"

/* Whole regions to files and back: dump, restore. */

/* Runs of zeros of this size become holes. */
#define HOLE_BYTES (64 * 1024)

/* Guests keep secrets in their memory. */
#define DUMP_MODE 0600

static gboolean
is_zero (const guint8 *bytes, gsize length)
{
  return bytes[0] == 0 && memcmp (bytes, bytes + 1, length - 1) == 0;
}

static gboolean
write_at (int fd, const char *path, const guint8 *bytes, gsize length, guint64 at, GError **error)
{
  while (length > 0)
    {
      gssize n = pwrite (fd, bytes, length, (goffset) at);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          ctl_error_set_errno (error, errno, "write", path);
          return FALSE;
        }
      bytes += n;
      length -= (gsize) n;
      at += (guint64) n;
    }
  return TRUE;
}

static gboolean
write_piece (int fd, const char *path, const guint8 *bytes, gsize length, guint64 at, GError **error)
{
  for (gsize done = 0; done < length; done += HOLE_BYTES)
    {
      gsize n = MIN (HOLE_BYTES, length - done);

      if (!is_zero (bytes + done, n) && !write_at (fd, path, bytes + done, n, at + done, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
dump_to (CtlCommand *command, CtlMemory *memory, int fd, const char *path, GError **error)
{
  guint64 length = ctl_memory_get_length (memory);
  g_autoptr (CtlProgress) progress = ctl_progress_new (command, "dump", length);
  guint64 done = 0;

  while (done < length)
    {
      g_autoptr (GBytes) piece = ctl_memory_read (memory, error);
      const guint8 *bytes;
      gsize n;

      if (piece == NULL)
        return FALSE;
      bytes = g_bytes_get_data (piece, &n);
      if (!write_piece (fd, path, bytes, n, done, error))
        return FALSE;
      done += n;
      ctl_progress_update (progress, done);
    }
  if (ftruncate (fd, (goffset) length) < 0 || fsync (fd) < 0)
    {
      ctl_error_set_errno (error, errno, "write", path);
      return FALSE;
    }
  return TRUE;
}

/* A file that has no name yet, so that nothing is left behind by whatever end;
 * *ret_name is NULL then. Where the file system knows no such files, one with
 * a name. */
static int
open_unnamed (const char *path, char **ret_name, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (path);
  g_autofree char *name = NULL;
  int fd = open (directory, O_TMPFILE | O_RDWR | O_CLOEXEC, DUMP_MODE);

  *ret_name = NULL;
  if (fd >= 0)
    return fd;
  name = g_strdup_printf ("%s.XXXXXX", path);
  fd = g_mkstemp_full (name, O_RDWR | O_CLOEXEC, DUMP_MODE);
  if (fd < 0)
    ctl_error_set_errno (error, errno, "make a file beside", path);
  else
    *ret_name = g_steal_pointer (&name);
  return fd;
}

/* Gives the file a name beside path. */
static char *
name_file (int fd, const char *path, GError **error)
{
  g_autofree char *self = g_strdup_printf ("/proc/self/fd/%d", fd);

  for (guint tries = 0; tries < 100; tries++)
    {
      g_autofree char *name = g_strdup_printf ("%s.%08x", path, g_random_int ());

      if (linkat (AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0)
        return g_steal_pointer (&name);
      if (errno != EEXIST)
        break;
    }
  ctl_error_set_errno (error, errno, "make a file beside", path);
  return NULL;
}

static gboolean
publish (int fd, char **name, const char *path, GError **error)
{
  if (*name == NULL)
    *name = name_file (fd, path, error);
  if (*name == NULL)
    return FALSE;
  if (rename (*name, path) == 0)
    return TRUE;
  ctl_error_set_errno (error, errno, "make", path);
  return FALSE;
}

static gboolean
check_target (const char *path, GError **error)
{
  g_autofree char *safe = ivd_text_safe (path);
  struct stat info;

  if (*path != '\0' && (stat (path, &info) < 0 || S_ISREG (info.st_mode)))
    return TRUE;
  g_set_error (
      error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
      "'%s' is no regular file that could be replaced; `read --format raw` writes to standard output",
      safe);
  return FALSE;
}

static void
print_file (CtlCommand *command,
            const char *key,
            guint64 length,
            const char *region,
            const char *preposition,
            const char *path)
{
  g_autofree char *size = ctl_size_format (length);
  g_autofree char *safe = ivd_text_safe (path);

  if (command->json)
    {
      g_autoptr (CtlJson) json = ctl_json_new ();

      ctl_json_begin_object (json, NULL);
      ctl_json_uint (json, key, length);
      ctl_json_end_object (json);
      ctl_output_json (json);
    }
  else if (!command->quiet)
    ctl_output_printf ("%s: %s %s %s %s\n", region, size, key, preposition, safe);
}

static gboolean
run_dump (CtlCommand *command, GError **error)
{
  const char *region = ctl_command_word (command, 0);
  const char *path = ctl_command_word (command, 1);
  g_autoptr (CtlMemory) memory = NULL;
  g_autofree char *name = NULL;
  gboolean good;
  int fd;

  if (!check_target (path, error))
    return FALSE;
  memory = ctl_memory_open (command, region, ctl_memory_range (command->arguments), CTL_MEMORY_READ, error);
  if (memory == NULL)
    return FALSE;
  fd = open_unnamed (path, &name, error);
  if (fd < 0)
    return FALSE;

  good = dump_to (command, memory, fd, path, error) && publish (fd, &name, path, error);
  if (!good && name != NULL)
    unlink (name);
  close (fd);
  if (good)
    print_file (command, "dumped", ctl_memory_get_length (memory), region, "to", path);
  return good;
}

static const CtlParameter file_parameters[] = {
  { "NAME", CTL_PARAMETER_REGION },
  { "FILE", CTL_PARAMETER_FILE },
  { NULL },
};

static const CtlOption dump_options[] = {
  { "offset", CTL_VALUE_SIZE, "N", "where to begin (0)" },
  { "length", CTL_VALUE_SIZE, "N", "how many bytes (to the end)" },
  { NULL },
};

const CtlVerb ctl_verb_dump = {
  .name = "dump",
  .summary = "save a region to a file",
  .parameters = file_parameters,
  .options = dump_options,
  .text = "Saves a region, or a range of it, to FILE, which only you may read (mode 0600) and which appears\n"
          "once it is whole. What others write meanwhile may be in it or not: stop them for a picture of\n"
          "one moment. Long runs of zeros become holes.\n",
  .example = "ivshmemctl dump demo demo.img\n",
  .run = run_dump,
};

/* ------------------------------------------------------------------------ */

static gboolean
check_source (const char *path, GError **error)
{
  g_autofree char *safe = ivd_text_safe (path);
  struct stat info;

  if (stat (path, &info) < 0)
    {
      ctl_error_set_errno (error, errno, "open", path);
      return FALSE;
    }
  if (S_ISREG (info.st_mode))
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "'%s' is no regular file; `write` takes standard input", safe);
  return FALSE;
}

static gboolean
run_restore (CtlCommand *command, GError **error)
{
  const char *region = ctl_command_word (command, 0);
  const char *path = ctl_command_word (command, 1);
  g_autoptr (CtlSpool) spool = NULL;
  g_autoptr (CtlMemory) memory = NULL;
  g_autoptr (CtlProgress) progress = NULL;
  CtlRange range = { 0 };

  if (!check_source (path, error))
    return FALSE;
  spool = ctl_spool_open (path, G_MAXUINT64, error);
  if (spool == NULL)
    return FALSE;
  range.offset = ctl_arguments_number (command->arguments, "offset", 0);
  range.length = ctl_spool_get_length (spool);
  memory = ctl_memory_open (command, region, range, CTL_MEMORY_WRITE, error);
  if (memory == NULL)
    return FALSE;

  progress = ctl_progress_new (command, "restore", range.length);
  if (!ctl_spool_copy (spool, memory, progress, error))
    return FALSE;
  g_clear_pointer (&progress, ctl_progress_free);
  print_file (command, "restored", range.length, region, "from", path);
  return TRUE;
}

static const CtlOption restore_options[] = {
  { "offset", CTL_VALUE_SIZE, "N", "where to begin (0)" },
  { NULL },
};

const CtlVerb ctl_verb_restore = {
  .name = "restore",
  .summary = "load a file into a region",
  .parameters = file_parameters,
  .options = restore_options,
  .text = "Writes the whole of FILE into a region. A file that does not fit is refused before anything is\n"
          "written; one that is shorter leaves the rest of the region as it is.\n",
  .example = "ivshmemctl restore demo demo.img\n",
  .run = run_restore,
};
