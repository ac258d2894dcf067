/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/* The executable of a process as the kernel names it, fit for a log line or
 * JSON: NULL when it is gone or we may not know. (transfer full) */
char *ivd_process_executable (gint64 pid);

/* Raises this process's soft limit of descriptors to the hard one; returns
 * what it is then. */
guint64 ivd_process_raise_descriptor_limit (void);

/* From now on large pieces of memory go back to the system when they are freed.
 * Left to itself malloc learns from the first of them to keep the next. */
void ivd_process_return_memory (void);

/* What this process uses now; 0 where the system does not say. */
typedef struct
{
  guint64 processor_usec;
  guint64 resident_bytes;
  guint64 virtual_bytes;
  guint64 open_descriptors;
  guint64 max_descriptors;
} IvdProcessUsage;

void ivd_process_get_usage (IvdProcessUsage *ret_usage);

/* How many more descriptors this process may open now. */
guint64 ivd_process_free_descriptors (void);
