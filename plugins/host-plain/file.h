/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <sys/types.h>

#include <glib.h>

#include "ivshmem/plugin.h"

/*
 * The file behind a region. It is opened (or prepared, when it is to be made)
 * first, and then made to fit: until that very last step nothing has changed
 * that others could see, so a failure leaves nothing half done.
 *
 * Every function may run on any thread. A failure is a status and a sentence
 * (transfer full).
 */

/* A file whose size we do not know is complete when nothing has happened to
 * it for this time. */
#define PLAIN_FILE_QUIET_USEC (50 * 1000)

typedef struct
{
  const char *path;
  gboolean has_size;
  guint64 size;
  gboolean create;
  gboolean grow;
  gboolean read_only;
  gboolean any_filesystem;
  gboolean quiet; /* without size: BUSY if it changed within PLAIN_FILE_QUIET_USEC */
  uid_t owner;    /* -1: as it comes */
  gid_t group;
  mode_t mode;
} PlainOptions;

typedef struct
{
  int fd; /* -1: none */
  guint64 size;
  dev_t device;
  ino_t inode;
  gboolean nameless; /* memfd: no name of it can go */
  gboolean huge;     /* hugetlbfs */
  gboolean unborn;   /* prepared, has no name yet */
  gboolean born;     /* made by fit() */
} PlainFile;

#define PLAIN_FILE_NONE \
  {                     \
    .fd = -1            \
  }

/* No symbolic link in any component, regular files only, nothing but tmpfs,
 * ramfs and hugetlbfs unless told so; or a memfd as /proc/PID/fd/N or
 * /dev/fd/N. */
IvshmemPluginStatus plain_file_open (const PlainOptions *options,
                                     const IvshmemPluginHost *host,
                                     IvshmemPluginRegion *region,
                                     PlainFile *ret_file,
                                     char **ret_text) G_GNUC_WARN_UNUSED_RESULT;

/* Checks the size, lets it grow, gives a file that was prepared its name.
 * EXISTS: another file has taken the name meanwhile. BUSY: see quiet. */
IvshmemPluginStatus plain_file_fit (PlainFile *file,
                                    const PlainOptions *options,
                                    const IvshmemPluginHost *host,
                                    IvshmemPluginRegion *region,
                                    char **ret_text) G_GNUC_WARN_UNUSED_RESULT;

/* REGION_LOST: it is shorter than it was, or the path leads to it no more. */
IvshmemPluginStatus plain_file_check (const PlainFile *file, const PlainOptions *options, char **ret_text)
    G_GNUC_WARN_UNUSED_RESULT;

/* Takes away its name, unless another file has it by now. */
IvshmemPluginStatus plain_file_unlink (const PlainFile *file,
                                       const PlainOptions *options,
                                       const IvshmemPluginHost *host,
                                       IvshmemPluginRegion *region,
                                       char **ret_text) G_GNUC_WARN_UNUSED_RESULT;

void plain_file_close (PlainFile *file);
