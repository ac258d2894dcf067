/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "memory/ivd-mapping.h"

/*
 * The operations on shared bytes. All of them: any thread; offset and length
 * are checked without overflow before anything else (out-of-range names both
 * and the size); length zero at offset <= size succeeds and does nothing; the
 * access is guarded, so that bytes that vanish are region-lost (or no-space,
 * when the file system is full) for this caller only.
 */

/* The words that atomics work on: low 64 bits, and high for width 16. */
typedef struct
{
  guint64 low, high;
} IvdWord;

typedef enum
{
  IVD_ATOMIC_ADD,
  IVD_ATOMIC_AND,
  IVD_ATOMIC_OR,
  IVD_ATOMIC_XOR,
  IVD_ATOMIC_EXCHANGE,
  IVD_ATOMIC_COMPARE_AND_SET,
} IvdAtomicOp;

#define IVD_ATOMIC_OP_COUNT (IVD_ATOMIC_COMPARE_AND_SET + 1)

/* "add" "and" "or" "xor" "exchange" "compare-and-set", in the enum's order. */
extern const char *const ivd_atomic_op_names[IVD_ATOMIC_OP_COUNT];

/* offset <= size and length <= size - offset, else out-of-range. */
gboolean ivd_memory_check_range (guint64 size, guint64 offset, guint64 length, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

gboolean ivd_memory_read (IvdMapping *mapping, guint64 offset, void *buffer, gsize length, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* On an error some leading bytes may have been written. */
gboolean ivd_memory_write (IvdMapping *mapping,
                           guint64 offset,
                           const void *buffer,
                           gsize length,
                           GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

gboolean ivd_memory_fill (IvdMapping *mapping, guint64 offset, guint64 length, guint8 value, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* TRUE if this CPU can do 16-byte atomics. */
gboolean ivd_memory_has_atomic16 (void);

/* width: 1 2 4 8 16. A value that does not fit in width is invalid-argument.
 * expected is for compare-and-set only. ret_old: what was there before;
 * ret_done: FALSE only for a compare-and-set that did not match. misaligned:
 * across a 64-byte line on x86, unaligned elsewhere and for 16 bytes. */
gboolean ivd_memory_atomic (IvdMapping *mapping, IvdAtomicOp op, guint64 offset, guint width,
                            IvdWord value, IvdWord expected,
                            IvdWord *ret_old, gboolean *ret_done, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* One load of width bytes, not torn; alignment as for atomics. */
gboolean ivd_memory_load (IvdMapping *mapping,
                          guint64 offset,
                          guint width,
                          IvdWord *ret_value,
                          GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* "0x1f", at most 2 × width digits after 0x, either case; else
 * invalid-argument that names what (a parameter). Plain decimal is accepted. */
gboolean ivd_word_parse (const char *what, const char *text, guint width, IvdWord *ret_word, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* "0x" and lower-case digits without leading zeros; "0x0". (transfer full) */
char *ivd_word_format (IvdWord word);
