/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "memory/ivd-memory.h"

/*
 * What the atomics need to know of the processor: one implementation each in
 * ivd-cpu-x86.c and ivd-cpu-generic.c.
 */

/* For a function that touches shared bytes by itself. It may be left by a
 * fault, which the thread sanitizer's own accesses do not survive, and at
 * addresses that are not aligned, which the processor takes. */
#define IVD_TOUCHES_SHARED __attribute__ ((no_sanitize ("thread"), no_sanitize ("undefined")))

/* TRUE if one access of width bytes at address is one for everybody. */
gboolean ivd_cpu_access_is_whole (guintptr address, guint width);
/* The same as a sentence for an error: "16 bytes must ...". */
const char *ivd_cpu_access_rule (guint width);

/* One load, not torn, where the access is whole. May write back what it read
 * where writable says that it can. 16: only if writable or ivd_cpu_loads16(). */
IvdWord ivd_cpu_load (const volatile void *address, guint width, gboolean writable);

/* TRUE if 16 bytes can be read in one piece without writing. */
gboolean ivd_cpu_loads16 (void);
gboolean ivd_cpu_has_atomic16 (void);

/* TRUE if old was what expected says, and new is there now; else old is what
 * was there. Only if ivd_cpu_has_atomic16(). */
gboolean ivd_cpu_compare_and_set16 (volatile void *address,
                                    IvdWord expected,
                                    IvdWord new_value,
                                    IvdWord *ret_old);

/* Orders what comes before against what comes after, write-combined and
 * uncached memory included. */
void ivd_cpu_fence (void);

/* Tells the processor that this is a loop that waits. */
void ivd_cpu_relax (void);
