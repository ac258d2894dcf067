/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ivt-plain.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

static guint
count_fds (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

void
ivt_plain_set_up (IvtPlain *plain, gconstpointer data)
{
  plain->dir = g_strdup ("/dev/shm/ivt-plain-XXXXXX");
  g_assert_nonnull (g_mkdtemp_full (plain->dir, 0755));
  plain->path = g_build_filename (plain->dir, "file", NULL);
  plain->host = ivt_plugin_host_new (IVT_HOST_PLAIN, NULL);
  plain->fds_before = count_fds ();
}

void
ivt_plain_let_go (IvtPlain *plain)
{
  if (plain->region != NULL)
    ivt_region_close (plain->region, FALSE);
  plain->region = NULL;
  g_clear_error (&plain->error);
}

/* Nothing may be left but what the test made itself. */
void
ivt_plain_tear_down (IvtPlain *plain, gconstpointer data)
{
  ivt_plain_let_go (plain);
  g_unlink (plain->path);
  g_assert_cmpuint (count_fds (), ==, plain->fds_before);
  g_assert_cmpint (g_rmdir (plain->dir), ==, 0);
  ivt_plugin_host_free (plain->host);
  g_free (plain->path);
  g_free (plain->dir);
}

void
ivt_plain_make_file (const char *path, gsize size)
{
  int fd = open (path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (ftruncate (fd, (off_t) size), ==, 0);
  close (fd);
}

struct stat
ivt_plain_look_at (const char *path)
{
  struct stat info;

  g_assert_cmpint (lstat (path, &info), ==, 0);
  return info;
}

void
ivt_plain_attach_path (IvtPlain *plain, const char *path, const char *more)
{
  g_autofree char *options = g_strdup_printf ("path=%s %s", path, more);

  plain->region = ivt_region_attach (plain->host, "r", options, &plain->error);
}

void
ivt_plain_attach (IvtPlain *plain, const char *more)
{
  ivt_plain_attach_path (plain, plain->path, more);
  g_assert_no_error (plain->error);
  g_assert_nonnull (plain->region);
}

void
ivt_plain_expect_refusal (IvtPlain *plain, const char *path, const char *more, gint code, const char *part)
{
  ivt_plain_attach_path (plain, path, more);
  g_assert_null (plain->region);
  g_assert_error (plain->error, IVT_PLUGIN_ERROR, code);
  if (strstr (plain->error->message, part) == NULL)
    g_error ("\"%s\" is not in \"%s\"", part, plain->error->message);
  g_clear_error (&plain->error);
}

void
ivt_plain_wait_for (IvtPlain *plain, GSourceFunc condition)
{
  g_assert_true (ivt_plugin_host_wait (plain->host, condition, plain));
}

gboolean
ivt_plain_is_lost (gpointer data)
{
  IvtPlain *plain = data;

  return plain->region->lost;
}

gboolean
ivt_plain_is_ready_again (gpointer data)
{
  IvtPlain *plain = data;

  return plain->region->n_ready == 2;
}

/* No job, no timer, nothing to read. */
gboolean
ivt_plain_is_at_rest (gpointer data)
{
  IvtPlain *plain = data;

  return plain->region->n_running == 0 && g_hash_table_size (plain->region->sources) == 0
         && !g_main_context_pending (NULL);
}

void
ivt_plain_expect_lost (IvtPlain *plain, const char *part)
{
  ivt_plain_wait_for (plain, ivt_plain_is_lost);
  g_assert_cmpint (plain->region->lost_status, ==, IVSHMEM_PLUGIN_REGION_LOST);
  if (strstr (plain->region->message, part) == NULL)
    g_error ("\"%s\" is not in \"%s\"", part, plain->region->message);
}

void
ivt_plain_expect_empty (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);

  g_assert_cmpstr (g_dir_read_name (dir), ==, NULL);
}
