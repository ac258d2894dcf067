/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

typedef enum
{
  IVD_FILE_WRITE = 1 << 0,
  IVD_FILE_CREATE = 1 << 1,    /* exists is an error */
  IVD_FILE_DIRECTORY = 1 << 2, /* a directory (O_PATH), for the *at() functions */
} IvdFileFlags;

/* Opens an absolute path, close-on-exec, never waiting (no FIFO, no device:
 * regular files only, or a directory), no symbolic link in any component
 * (openat2, RESOLVE_NO_SYMLINKS). mode: of a file that is made. -1 and an
 * error that names path and reason: not-found, exists, denied, no-space,
 * invalid-argument, io. Any thread. */
int ivd_file_open (const char *path, IvdFileFlags flags, guint mode,
                   GError **error) G_GNUC_WARN_UNUSED_RESULT;
