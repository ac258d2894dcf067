/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-process.h"

#include <limits.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ivd-name.h"

/* Uploads that are kept aside are larger, what is read and written at once is not. */
#define LARGE_BYTES (4 * 1024 * 1024)

char *
ivd_process_executable (gint64 pid)
{
  char path[sizeof "/proc//exe" + 3 * sizeof pid];
  char target[PATH_MAX];
  ssize_t n;

  if (pid <= 0)
    return NULL;
  /* The link is read, never followed: its target may lie in another mount
   * namespace and mean another file here. */
  g_snprintf (path, sizeof path, "/proc/%" G_GINT64_FORMAT "/exe", pid);
  n = readlink (path, target, sizeof target - 1);
  if (n <= 0)
    return NULL;
  target[n] = '\0';
  return ivd_text_safe (target);
}

void
ivd_process_return_memory (void)
{
  (void) mallopt (M_MMAP_THRESHOLD, LARGE_BYTES);
}

guint64
ivd_process_raise_descriptor_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    return 0;
  if (limit.rlim_cur < limit.rlim_max)
    {
      struct rlimit wanted = { limit.rlim_max, limit.rlim_max };

      if (setrlimit (RLIMIT_NOFILE, &wanted) == 0)
        limit = wanted;
    }
  return limit.rlim_cur;
}

static guint64
open_descriptors (void)
{
  g_autoptr (GDir) dir = NULL;
  guint64 n = 0;
  struct stat st;

  /* Linux 6.2 and later say it as the directory's size. */
  if (stat ("/proc/self/fd", &st) == 0 && st.st_size > 0)
    return (guint64) st.st_size;
  dir = g_dir_open ("/proc/self/fd", 0, NULL);
  while (dir != NULL && g_dir_read_name (dir) != NULL)
    n++;
  return n > 0 ? n - 1 : 0; /* the directory's own */
}

guint64
ivd_process_free_descriptors (void)
{
  guint64 n = open_descriptors ();
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur <= n)
    return 0;
  return limit.rlim_cur - n;
}

static guint64
usec_of (const struct timeval *time)
{
  return (guint64) time->tv_sec * G_USEC_PER_SEC + (guint64) time->tv_usec;
}

/* "VIRTUAL RESIDENT ...", in pages. */
static void
get_memory (IvdProcessUsage *usage)
{
  g_autofree char *text = NULL;
  guint64 page = (guint64) sysconf (_SC_PAGESIZE);
  char *end;

  if (!g_file_get_contents ("/proc/self/statm", &text, NULL, NULL))
    return;
  usage->virtual_bytes = g_ascii_strtoull (text, &end, 10) * page;
  usage->resident_bytes = g_ascii_strtoull (end, NULL, 10) * page;
}

void
ivd_process_get_usage (IvdProcessUsage *ret_usage)
{
  struct rlimit limit;
  struct rusage used;

  *ret_usage = (IvdProcessUsage){ .open_descriptors = open_descriptors () };
  get_memory (ret_usage);
  if (getrusage (RUSAGE_SELF, &used) == 0)
    ret_usage->processor_usec = usec_of (&used.ru_utime) + usec_of (&used.ru_stime);
  if (getrlimit (RLIMIT_NOFILE, &limit) == 0)
    ret_usage->max_descriptors = limit.rlim_cur;
}
