/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "host-plain/file.h"
#include "ivshmem/plugin.h"

/*
 * Holds one region's file: opens it, notices when it is lost, reports that,
 * and with reattach waits for another to open. All that may take time is done
 * by jobs on another thread, one at a time.
 */

typedef struct _PlainHolder PlainHolder;

/* The holder takes path from options as a copy. */
PlainHolder *plain_holder_new (const IvshmemPluginHost *host,
                               IvshmemPluginRegion *region,
                               const PlainOptions *options,
                               gboolean reattach);
/* No job may be left. */
void plain_holder_free (PlainHolder *holder);

/* Begins to open the file: memory_ready() or lost() follows. */
IvshmemPluginStatus plain_holder_start (PlainHolder *holder) G_GNUC_WARN_UNUSED_RESULT;

/* Reports nothing any more. unlink: takes the file's name away, and says
 * detached() when that is done: the answer is PENDING. */
IvshmemPluginStatus plain_holder_stop (PlainHolder *holder, gboolean unlink) G_GNUC_WARN_UNUSED_RESULT;

/* NULL: none. */
const PlainFile *plain_holder_get_file (PlainHolder *holder);
