/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-pages.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/ivd-error.h"

struct _IvdPages
{
  int fd;
  guint64 offset;
  guint64 size;
  gsize mapped; /* what munmap() must be told: whole huge pages on hugetlbfs */
  gpointer address;
};

static IvdErrorCode
code_of_errno (int number)
{
  switch (number)
    {
    case EACCES:
    case EPERM:
    case EROFS:
      return IVD_ERROR_DENIED;
    case EMFILE:
    case ENFILE:
    case EAGAIN:
    case ENOMEM:
      return IVD_ERROR_LIMIT;
    case EINVAL:
    case ENODEV:
    case EBADF:
      return IVD_ERROR_INVALID_ARGUMENT;
    default:
      return IVD_ERROR_IO;
    }
}

static gboolean
set_errno_error (GError **error, const char *what, int number)
{
  g_set_error (error, IVD_ERROR, code_of_errno (number), "%s: %s", what, g_strerror (number));
  return FALSE;
}

static int
copy_descriptor (int fd, GError **error)
{
  int copy = fcntl (fd, F_DUPFD_CLOEXEC, 3);

  if (copy < 0)
    set_errno_error (error, "cannot copy the memory's descriptor", errno);
  return copy;
}

static gboolean
check_place (guint64 offset, guint64 size, GError **error)
{
  guint64 page = (guint64) sysconf (_SC_PAGESIZE);

  if (size == 0)
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                           "a region must have at least 1 byte, not 0");
      return FALSE;
    }
  if (offset % page != 0)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                   "a region can begin at multiples of %" G_GUINT64_FORMAT " bytes, "
                   "not at %" G_GUINT64_FORMAT,
                   page, offset);
      return FALSE;
    }
  if (size > G_MAXSSIZE || offset > G_MAXINT64 - size)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE,
                   "%" G_GUINT64_FORMAT " bytes at offset %" G_GUINT64_FORMAT " are more than can be mapped",
                   size, offset);
      return FALSE;
    }
  return TRUE;
}

/* Devices have no size to compare with: the kernel checks when it maps them. */
static gboolean
check_file (const struct stat *st, guint64 offset, guint64 size, GError **error)
{
  if (!S_ISREG (st->st_mode) || offset + size <= (guint64) st->st_size)
    return TRUE;

  g_set_error (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE,
               "the file has %" G_GINT64_FORMAT " bytes, too few for %" G_GUINT64_FORMAT
               " bytes at offset %" G_GUINT64_FORMAT,
               (gint64) st->st_size, size, offset);
  return FALSE;
}

/* The kernel rounds a mapping of hugetlbfs up, but wants the unmapping exact. */
static gsize
mapped_bytes (int fd, const struct stat *st, guint64 size, gboolean *ret_huge)
{
  gsize unit = (gsize) st->st_blksize;
  struct statfs fs;

  *ret_huge = fstatfs (fd, &fs) == 0 && (guint64) fs.f_type == HUGETLBFS_MAGIC;
  if (!*ret_huge || unit == 0)
    return size;
  return (size + unit - 1) / unit * unit;
}

static gboolean
map (IvdPages *pages, gboolean writable, GError **error)
{
  int protection = PROT_READ | (writable ? PROT_WRITE : 0);
  gboolean huge = FALSE;
  struct stat st;
  gpointer address;

  if (fstat (pages->fd, &st) != 0)
    return set_errno_error (error, "cannot look at the memory's file", errno);
  if (!check_file (&st, pages->offset, pages->size, error))
    return FALSE;

  pages->mapped = mapped_bytes (pages->fd, &st, pages->size, &huge);
  address = mmap (NULL, pages->mapped, protection, MAP_SHARED, pages->fd, (off_t) pages->offset);
  if (address == MAP_FAILED)
    {
      if (errno == ENOMEM && huge)
        {
          g_set_error (error, IVD_ERROR, IVD_ERROR_NO_SPACE,
                       "%" G_GUINT64_FORMAT " bytes of huge pages are not free; raise vm.nr_hugepages",
                       pages->size);
          return FALSE;
        }
      return set_errno_error (error, "cannot map the memory", errno);
    }

  /* What guests keep here is not ours to leave in a core file. */
  (void) madvise (address, pages->mapped, MADV_DONTDUMP);
  pages->address = address;
  return TRUE;
}

IvdPages *
ivd_pages_new (int fd, guint64 offset, guint64 size, gboolean writable, GError **error)
{
  g_autoptr (IvdPages) pages = NULL;

  if (!check_place (offset, size, error))
    return NULL;

  pages = g_new0 (IvdPages, 1);
  pages->offset = offset;
  pages->size = size;
  pages->fd = copy_descriptor (fd, error);
  if (pages->fd < 0 || !map (pages, writable, error))
    return NULL;
  return g_steal_pointer (&pages);
}

void
ivd_pages_free (IvdPages *pages)
{
  if (pages == NULL)
    return;

  if (pages->address != NULL)
    munmap (pages->address, pages->mapped);
  if (pages->fd >= 0)
    close (pages->fd);
  g_free (pages);
}

gpointer
ivd_pages_get_address (IvdPages *pages)
{
  return pages->address;
}

guint64
ivd_pages_get_offset (IvdPages *pages)
{
  return pages->offset;
}

int
ivd_pages_open (IvdPages *pages, gboolean read_only, GError **error)
{
  char path[64];
  int fd;

  if (!read_only)
    return copy_descriptor (pages->fd, error);

  /* A copy would share our open file, with its right to write. */
  g_snprintf (path, sizeof path, "/proc/self/fd/%d", pages->fd);
  fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    set_errno_error (error, "cannot open the memory for reading only", errno);
  return fd;
}

gboolean
ivd_pages_reaches (IvdPages *pages, guint64 position)
{
  guint64 page = (guint64) sysconf (_SC_PAGESIZE);
  struct stat st;

  if (fstat (pages->fd, &st) != 0 || !S_ISREG (st.st_mode))
    return FALSE;
  return pages->offset + position - position % page < (guint64) st.st_size;
}

void
ivd_pages_revoke (IvdPages *pages)
{
  int nothing = open ("/dev/null", O_RDWR | O_CLOEXEC);

  /* Each in one step: another thread finds the old one or the new one. */
  (void) mmap (pages->address, pages->mapped, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  /* Out of descriptors: any that is no device will do, and a daemon's input is
   * that of nothing. */
  (void) dup3 (nothing >= 0 ? nothing : STDIN_FILENO, pages->fd, O_CLOEXEC);
  if (nothing >= 0)
    close (nothing);
}
