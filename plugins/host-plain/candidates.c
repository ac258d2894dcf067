/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "host-plain/candidates.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "host-plain/mappers.h"

#define PLACE_SHM "/dev/shm"
#define FILES_MAX 1024
#define ENTRIES_MAX 65536
#define DEPTH_MAX 4
#define SCAN_USEC (2 * G_USEC_PER_SEC)
#define N_FIELDS 8

typedef struct
{
  char *name; /* within its place */
  char *path;
  struct stat info;
} Candidate;

typedef struct
{
  GPtrArray *candidates;
  guint n_entries;
  gint64 deadline;
} Listing;

static void
candidate_free (gpointer data)
{
  Candidate *candidate = data;

  g_free (candidate->name);
  g_free (candidate->path);
  g_free (candidate);
}

static gboolean
is_full (Listing *listing)
{
  return listing->candidates->len >= FILES_MAX || listing->n_entries >= ENTRIES_MAX
         || g_get_monotonic_time () >= listing->deadline;
}

static void walk (Listing *listing, int directory, const char *path, const char *prefix, guint depth);

static void
take_entry (Listing *listing, int directory, const char *path, const char *prefix, const char *name,
            guint depth)
{
  g_autofree char *child = g_strconcat (path, "/", name, NULL);
  g_autofree char *relative = g_strconcat (prefix, name, NULL);
  struct stat info;

  /* A name that no option could say */
  if (!g_utf8_validate (name, -1, NULL) || fstatat (directory, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
    return;

  if (S_ISREG (info.st_mode))
    {
      Candidate *candidate = g_new0 (Candidate, 1);

      candidate->name = g_steal_pointer (&relative);
      candidate->path = g_steal_pointer (&child);
      candidate->info = info;
      g_ptr_array_add (listing->candidates, candidate);
    }
  else if (S_ISDIR (info.st_mode) && depth < DEPTH_MAX)
    {
      g_autofree char *below = g_strconcat (relative, "/", NULL);

      walk (listing, openat (directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), child, below,
            depth + 1);
    }
}

/* directory: taken; -1: it may not be seen. */
static void
walk (Listing *listing, int directory, const char *path, const char *prefix, guint depth)
{
  DIR *entries = directory < 0 ? NULL : fdopendir (directory);
  struct dirent *entry;

  if (entries == NULL)
    {
      if (directory >= 0)
        close (directory);
      return;
    }
  while (!is_full (listing) && (entry = readdir (entries)) != NULL)
    {
      listing->n_entries++;
      if (!g_str_equal (entry->d_name, ".") && !g_str_equal (entry->d_name, ".."))
        take_entry (listing, dirfd (entries), path, prefix, entry->d_name, depth);
    }
  closedir (entries);
}

static void
walk_place (Listing *listing, const char *path)
{
  walk (listing, open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), path, "", 1);
}

/* The places where a hugetlbfs is mounted: "ID PARENT DEVICE ROOT PLACE
 * OPTIONS ... - TYPE SOURCE OPTIONS", with blanks as \040 and the like. */
static void
walk_huge (Listing *listing)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents ("/proc/self/mountinfo", &text, NULL, NULL))
    return;

  lines = g_strsplit (text, "\n", -1);
  for (gsize i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) fields = g_strsplit (lines[i], " ", 6);
      const char *type = strstr (lines[i], " - ");
      g_autofree char *place = NULL;

      if (type == NULL || !g_str_has_prefix (type, " - hugetlbfs ") || g_strv_length (fields) < 6)
        continue;
      place = g_strcompress (fields[4]);
      walk_place (listing, place);
    }
}

static void
report (const IvshmemPluginHost *host, IvshmemPluginProbe *probe, const Candidate *candidate,
        const char *mapped_by)
{
  guint64 size = (guint64) candidate->info.st_size;
  g_autofree char *mode = g_strdup_printf ("0%o", candidate->info.st_mode & 0777);
  const IvshmemPluginField fields[N_FIELDS] = {
    { .type = IVSHMEM_PLUGIN_FIELD_TEXT, .name = "name", .text = candidate->name },
    { .type = IVSHMEM_PLUGIN_FIELD_TEXT, .name = "path", .text = candidate->path },
    { .type = IVSHMEM_PLUGIN_FIELD_NUMBER, .name = "size", .number = size },
    { .type = IVSHMEM_PLUGIN_FIELD_NUMBER, .name = "uid", .number = candidate->info.st_uid },
    { .type = IVSHMEM_PLUGIN_FIELD_NUMBER, .name = "gid", .number = candidate->info.st_gid },
    { .type = IVSHMEM_PLUGIN_FIELD_TEXT, .name = "mode", .text = mode },
    { .type = IVSHMEM_PLUGIN_FIELD_TEXT, .name = "mapped-by", .text = mapped_by },
    { .type = IVSHMEM_PLUGIN_FIELD_BOOLEAN,
      .name = "power-of-two",
      .number = size > 0 && (size & (size - 1)) == 0 },
  };
  IvshmemPluginField sized[N_FIELDS];

  for (gsize i = 0; i < N_FIELDS; i++)
    {
      sized[i] = fields[i];
      sized[i].struct_size = sizeof sized[i];
    }
  host->candidate (probe, sized, N_FIELDS);
}

IvshmemPluginStatus
plain_candidates_list (const IvshmemPluginHost *host, IvshmemPluginProbe *probe)
{
  g_autoptr (GPtrArray) candidates = g_ptr_array_new_with_free_func (candidate_free);
  g_autoptr (PlainMappers) mappers = plain_mappers_new ();
  Listing listing = { .candidates = candidates, .deadline = g_get_monotonic_time () + SCAN_USEC };

  walk_place (&listing, PLACE_SHM);
  walk_huge (&listing);
  for (guint i = 0; i < candidates->len; i++)
    {
      const Candidate *candidate = g_ptr_array_index (candidates, i);

      plain_mappers_add (mappers, candidate->info.st_dev, candidate->info.st_ino);
    }
  plain_mappers_scan (mappers, listing.deadline);

  for (guint i = 0; i < candidates->len; i++)
    {
      const Candidate *candidate = g_ptr_array_index (candidates, i);
      g_autofree char *mapped_by
          = plain_mappers_describe (mappers, candidate->info.st_dev, candidate->info.st_ino);

      report (host, probe, candidate, mapped_by);
    }
  return IVSHMEM_PLUGIN_OK;
}
