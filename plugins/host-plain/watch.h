/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "host-plain/file.h"

/*
 * Notices what happens to a file (truncated, deleted, moved, replaced), and
 * to the place where one is awaited. One inotify descriptor, which is thrown
 * away for a new one with each attempt to open: there is nothing to keep in
 * step. Any thread, but one at a time.
 */

typedef struct _PlainWatch PlainWatch;

/* NULL, status and text (transfer full) when the limits are reached. */
PlainWatch *plain_watch_new (IvshmemPluginStatus *ret_status, char **ret_text);
void plain_watch_free (PlainWatch *watch);

/* Stays the watch's; readable when there is something to be drained. */
int plain_watch_get_fd (PlainWatch *watch);

/* The file that fd is, whatever its names are. */
IvshmemPluginStatus plain_watch_add_file (PlainWatch *watch, const char *path, int fd, char **ret_text)
    G_GNUC_WARN_UNUSED_RESULT;

/* The coming of path: its directory, or the nearest one that exists. */
IvshmemPluginStatus plain_watch_add_place (PlainWatch *watch,
                                           const char *path,
                                           const IvshmemPluginHost *host,
                                           IvshmemPluginRegion *region,
                                           char **ret_text) G_GNUC_WARN_UNUSED_RESULT;
/* Once the file is there, its directory is of no interest. */
void plain_watch_drop_place (PlainWatch *watch);

/* Takes away what has happened; TRUE: some of it concerns the file. */
gboolean plain_watch_drain (PlainWatch *watch);
