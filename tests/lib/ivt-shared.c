/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "lib/ivt-shared.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAT_BLOCK_BYTES 512

int
ivt_shared_fd (guint64 size)
{
  int fd = memfd_create ("ivt-shared", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (ftruncate (fd, (off_t) size), ==, 0);
  return fd;
}

IvdMapping *
ivt_shared_mapping (guint64 size, IvdMappingFlags flags, int *ret_fd)
{
  g_autoptr (GError) error = NULL;
  int fd = ivt_shared_fd (size);
  IvdMapping *mapping = ivd_mapping_new (fd, 0, size, flags, &error);

  g_assert_no_error (error);
  if (ret_fd != NULL)
    *ret_fd = fd;
  else
    close (fd);
  return mapping;
}

guint
ivt_count_fds (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint count = 0;

  g_assert_nonnull (dir);
  while (g_dir_read_name (dir) != NULL)
    count++;
  return count;
}

gboolean
ivt_is_mapped (const char *text)
{
  g_autofree char *maps = NULL;

  g_assert_true (g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL));
  return strstr (maps, text) != NULL;
}

void
ivt_wait_for_bytes (int fd, guint64 bytes)
{
  struct stat st = { 0 };

  while ((guint64) st.st_blocks * STAT_BLOCK_BYTES < bytes)
    {
      g_assert_cmpint (fstat (fd, &st), ==, 0);
      g_thread_yield ();
    }
}
