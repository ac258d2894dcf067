/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "host-plain/mappers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define PROCESSES_MAX 8192
#define MAPS_BYTES_MAX (1024 * 1024)
#define NAMED_MAX 8

typedef struct
{
  dev_t device;
  ino_t inode;
  guint n;       /* processes that map it */
  int last;      /* of them */
  GString *text; /* the first NAMED_MAX */
} File;

struct _PlainMappers
{
  GHashTable *files; /* File, by device and inode */
  gboolean cut;
};

static guint
file_hash (gconstpointer key)
{
  const File *file = key;

  return (guint) file->inode * 31 + (guint) file->device;
}

static gboolean
file_equal (gconstpointer a, gconstpointer b)
{
  const File *left = a, *right = b;

  return left->device == right->device && left->inode == right->inode;
}

static void
file_free (gpointer data)
{
  File *file = data;

  g_string_free (file->text, TRUE);
  g_free (file);
}

PlainMappers *
plain_mappers_new (void)
{
  PlainMappers *mappers = g_new0 (PlainMappers, 1);

  mappers->files = g_hash_table_new_full (file_hash, file_equal, file_free, NULL);
  return mappers;
}

void
plain_mappers_free (PlainMappers *mappers)
{
  g_hash_table_unref (mappers->files);
  g_free (mappers);
}

void
plain_mappers_add (PlainMappers *mappers, dev_t device, ino_t inode)
{
  File *file = g_new0 (File, 1);

  file->device = device;
  file->inode = inode;
  file->text = g_string_new (NULL);
  g_hash_table_add (mappers->files, file);
}

/* The name of its program; what it calls itself if that may not be seen. */
static char *
name_of (int pid)
{
  g_autofree char *link = g_strdup_printf ("/proc/%d/exe", pid);
  g_autofree char *comm = g_strdup_printf ("/proc/%d/comm", pid);
  g_autofree char *target = g_file_read_link (link, NULL);
  g_autofree char *name = NULL;

  if (target != NULL)
    name = g_path_get_basename (target);
  else if (g_file_get_contents (comm, &name, NULL, NULL))
    g_strchomp (name);
  return name == NULL ? g_strdup ("?") : g_utf8_make_valid (name, -1);
}

static void
add_process (File *file, int pid)
{
  g_autofree char *name = NULL;

  if (file->last == pid)
    return;

  file->last = pid;
  if (file->n++ >= NAMED_MAX)
    return;
  name = name_of (pid);
  g_string_append_printf (file->text, "%s%d %s", file->text->len > 0 ? ", " : "", pid, name);
}

/* "from-to rwxp offset major:minor inode path" */
static void
take_line (PlainMappers *mappers, const char *line, int pid)
{
  guint device_major, device_minor;
  guint64 inode;
  File key, *file;

  if (sscanf (line, "%*x-%*x %*s %*x %x:%x %" G_GUINT64_FORMAT, &device_major, &device_minor, &inode) != 3
      || inode == 0)
    return;

  key.device = makedev (device_major, device_minor);
  key.inode = (ino_t) inode;
  file = g_hash_table_lookup (mappers->files, &key);
  if (file != NULL)
    add_process (file, pid);
}

static void
scan_process (PlainMappers *mappers, int pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/maps", pid);
  g_autofree char *buffer = NULL;
  gsize filled = 0, total = 0;
  gssize length;
  int fd = open (path, O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    return;

  buffer = g_malloc (16384);
  while ((length = read (fd, buffer + filled, 16383 - filled)) > 0)
    {
      char *line = buffer, *end;

      total += (gsize) length;
      filled += (gsize) length;
      buffer[filled] = '\0';
      for (; (end = strchr (line, '\n')) != NULL; line = end + 1)
        {
          *end = '\0';
          take_line (mappers, line, pid);
        }
      filled = strlen (line);
      memmove (buffer, line, filled);
      if (total >= MAPS_BYTES_MAX || filled >= 16383)
        {
          mappers->cut = TRUE;
          break;
        }
    }
  close (fd);
}

void
plain_mappers_scan (PlainMappers *mappers, gint64 deadline)
{
  g_autoptr (GDir) proc = g_dir_open ("/proc", 0, NULL);
  const char *name;
  guint n = 0;

  if (proc == NULL || g_hash_table_size (mappers->files) == 0)
    return;

  while ((name = g_dir_read_name (proc)) != NULL)
    {
      if (!g_ascii_isdigit (name[0]))
        continue;
      if (n++ >= PROCESSES_MAX || g_get_monotonic_time () >= deadline)
        {
          mappers->cut = TRUE;
          return;
        }
      scan_process (mappers, (int) g_ascii_strtoll (name, NULL, 10));
    }
}

char *
plain_mappers_describe (PlainMappers *mappers, dev_t device, ino_t inode)
{
  File key = { .device = device, .inode = inode };
  File *file = g_hash_table_lookup (mappers->files, &key);
  g_autoptr (GString) text = g_string_new (file == NULL ? "" : file->text->str);

  if (file != NULL && file->n > NAMED_MAX)
    g_string_append_printf (text, " and %u more", file->n - NAMED_MAX);
  if (mappers->cut)
    g_string_append (text, text->len > 0 ? ", perhaps others (not all were looked at)"
                                         : "? (not all were looked at)");
  return g_string_free (g_steal_pointer (&text), FALSE);
}
