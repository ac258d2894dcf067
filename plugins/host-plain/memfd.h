/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "host-plain/file.h"

/*
 * A memfd (or another file that has no name any more) that a process has
 * open, as /proc/PID/fd/N, /proc/self/fd/N or /dev/fd/N. These paths are
 * links that the kernel follows, which nothing else here does.
 */

gboolean plain_memfd_is_path (const char *path);

IvshmemPluginStatus plain_memfd_open (const PlainOptions *options,
                                      const IvshmemPluginHost *host,
                                      IvshmemPluginRegion *region,
                                      int *ret_fd,
                                      char **ret_text) G_GNUC_WARN_UNUSED_RESULT;
