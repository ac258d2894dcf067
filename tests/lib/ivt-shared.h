/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "memory/ivd-mapping.h"

/* Memory for tests that others could hold too. */

/* A new memfd of size bytes (sparse, zero). The caller closes it. */
int ivt_shared_fd (guint64 size);

/* A mapping of a new memfd. ret_fd (may be NULL): the memfd, the caller's. */
IvdMapping *ivt_shared_mapping (guint64 size, IvdMappingFlags flags, int *ret_fd);

/* How many descriptors this process has open. */
guint ivt_count_fds (void);

/* TRUE if a mapping of this process has text in its name. */
gboolean ivt_is_mapped (const char *text);

/* Waits, without a limit of its own, until the file behind fd holds so many
 * bytes of memory. For any thread. */
void ivt_wait_for_bytes (int fd, guint64 bytes);
