/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-module-file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ivd-error.h"

/* More program headers than any linker makes. */
#define PROGRAM_HEADERS_MAX 256

static gboolean
refuse (GError **error, IvdErrorCode code, const char *why)
{
  g_set_error_literal (error, IVD_ERROR, code, why);
  return FALSE;
}

static gboolean
refuse_errno (GError **error, int reason)
{
  IvdErrorCode code = reason == ENOENT || reason == ENOTDIR ? IVD_ERROR_NOT_FOUND
                      : reason == EACCES || reason == EPERM ? IVD_ERROR_DENIED
                                                            : IVD_ERROR_IO;

  return refuse (error, code, g_strerror (reason));
}

static gboolean
check_owner (const struct stat *st, const char *what, GError **error)
{
  if (st->st_uid != 0 && st->st_uid != geteuid ())
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_DENIED,
                   "%s belongs to user %u: it must belong to root or to the daemon's own user", what,
                   st->st_uid);
      return FALSE;
    }
  if (st->st_mode & (S_IWGRP | S_IWOTH))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_DENIED,
                   "others than its owner can write %s: take that away (chmod go-w)", what);
      return FALSE;
    }
  return TRUE;
}

gboolean
ivd_module_directory_check (const char *path, GError **error)
{
  struct stat st;

  if (stat (path, &st) < 0)
    return refuse_errno (error, errno);
  if (!S_ISDIR (st.st_mode))
    return refuse (error, IVD_ERROR_INVALID_ARGUMENT, "it is no directory");
  return check_owner (&st, "the directory", error);
}

static gboolean
read_exactly (int fd, void *buffer, gsize length, guint64 offset)
{
  return offset <= G_MAXINT64 && pread (fd, buffer, length, (off_t) offset) == (ssize_t) length;
}

static gboolean
check_elf_header (int fd, ElfW (Ehdr) * header, GError **error)
{
  /* Of ourselves: what is right for us is right for a module. */
  const int own_class = sizeof (void *) == 8 ? ELFCLASS64 : ELFCLASS32;
  const int own_data = G_BYTE_ORDER == G_LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB;

  if (!read_exactly (fd, header, SELFMAG, 0) || memcmp (header->e_ident, ELFMAG, SELFMAG) != 0)
    return refuse (error, IVD_ERROR_INVALID_ARGUMENT, "it is no shared object (it has no ELF header)");
  if (!read_exactly (fd, header, sizeof *header, 0))
    return refuse (error, IVD_ERROR_INVALID_ARGUMENT, "it is cut short: not even its ELF header is whole");
  if (header->e_ident[EI_CLASS] != own_class || header->e_ident[EI_DATA] != own_data)
    return refuse (error, IVD_ERROR_INVALID_ARGUMENT, "it was built for another kind of machine");
  if (header->e_type != ET_DYN)
    return refuse (error, IVD_ERROR_INVALID_ARGUMENT, "it is an ELF file, but no shared object");
  if (header->e_phentsize != sizeof (ElfW (Phdr)) || header->e_phnum == 0
      || header->e_phnum > PROGRAM_HEADERS_MAX)
    return refuse (error, IVD_ERROR_INVALID_ARGUMENT, "its ELF header is damaged");
  return TRUE;
}

static gboolean
check_segments (int fd, const ElfW (Ehdr) * header, guint64 size, GError **error)
{
  for (guint i = 0; i < header->e_phnum; i++)
    {
      ElfW (Phdr) segment;

      if (!read_exactly (fd, &segment, sizeof segment, header->e_phoff + i * sizeof segment))
        return refuse (error, IVD_ERROR_INVALID_ARGUMENT,
                       "it is cut short: its program headers are not there");
      if (segment.p_type != PT_NULL
          && (segment.p_offset > size || segment.p_filesz > size - segment.p_offset))
        return refuse (error, IVD_ERROR_INVALID_ARGUMENT,
                       "it is cut short: some of its segments are not there");
    }
  return TRUE;
}

gboolean
ivd_module_file_check (const char *path, GError **error)
{
  ElfW (Ehdr) header;
  struct stat st;
  gboolean good;
  int fd;

  if (lstat (path, &st) < 0)
    return refuse_errno (error, errno);
  if (!S_ISREG (st.st_mode))
    return refuse (error, IVD_ERROR_INVALID_ARGUMENT, "it is no regular file");
  if (!check_owner (&st, "it", error))
    return FALSE;
  /* Regular a moment ago; should it be a FIFO by now, we do not wait for it. */
  fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (fd < 0)
    return refuse_errno (error, errno);
  good = check_elf_header (fd, &header, error) && check_segments (fd, &header, (guint64) st.st_size, error);
  close (fd);
  return good;
}
