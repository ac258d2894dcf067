/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/* Small files that are read and written whole. Symbolic links are followed:
 * for files in places that nobody else can write. */

/* Regular files of at most limit bytes. The text ends with a NUL that length
 * does not count. not-found, denied, too-large, invalid-argument, io; each
 * names the path. */
gboolean ivd_text_file_read (const char *path,
                             gsize limit,
                             char **ret_text,
                             gsize *ret_length,
                             GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* The same for files that others must not have a say in: denied, when anybody
 * but root and we own it or can write it. */
gboolean ivd_text_file_read_guarded (const char *path,
                                     gsize limit,
                                     char **ret_text,
                                     gsize *ret_length,
                                     GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* A new file takes the place of the old one only when it is whole and on disk;
 * readable by its owner alone. The directory must be there. */
gboolean ivd_text_file_replace (const char *path, const char *text, gsize length, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* not-found when there was none. On disk when it returns. */
gboolean ivd_text_file_remove (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
