/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * Files that hold code for this process. Whoever can write one, or its
 * directory, can do what the daemon can; and the dynamic linker believes what
 * a file says of itself, so one that is cut short would kill the daemon.
 */

/* TRUE if path is a directory that only root and we can write. Errors:
 * not-found, denied (saying who else can), invalid-argument. */
gboolean ivd_module_directory_check (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* TRUE if path is a regular file, no link, that only root and we can write,
 * and a complete shared object for this machine. Errors as above. */
gboolean ivd_module_file_check (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
