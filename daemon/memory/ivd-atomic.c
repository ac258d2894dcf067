/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "memory/ivd-memory.h"

#include "base/ivd-error.h"
#include "memory/ivd-cpu.h"

/*
 * The atomic half of ivd-memory.h. The sequence is always the same: what was
 * asked is checked, then one guarded access of 1 to 16 bytes is made.
 */

/* Values are little-endian in the region, and atomics work in place. */
G_STATIC_ASSERT (G_BYTE_ORDER == G_LITTLE_ENDIAN);

const char *const ivd_atomic_op_names[IVD_ATOMIC_OP_COUNT] = {
  "add",
  "and",
  "or",
  "xor",
  "exchange",
  "compare-and-set",
};

typedef struct
{
  IvdAtomicOp op;
  guint width;
  gboolean writable, weak; /* weak: memory that needs a fence */
  IvdWord value, expected;
  IvdWord old;
  gboolean done;
} Access;

gboolean
ivd_memory_has_atomic16 (void)
{
  return ivd_cpu_has_atomic16 ();
}

/* One function a width. */
#define DEFINE_APPLY(bits)                                                                      \
  IVD_TOUCHES_SHARED static void apply##bits (guint8 *address, Access *access)                  \
  {                                                                                             \
    volatile guint##bits *word = (volatile guint##bits *) (gpointer) address;                   \
    guint##bits value = (guint##bits) access->value.low;                                        \
    guint##bits old = (guint##bits) access->expected.low;                                       \
                                                                                                \
    access->done = TRUE;                                                                        \
    switch (access->op)                                                                         \
      {                                                                                         \
      case IVD_ATOMIC_ADD:                                                                      \
        old = __atomic_fetch_add (word, value, __ATOMIC_SEQ_CST);                               \
        break;                                                                                  \
      case IVD_ATOMIC_AND:                                                                      \
        old = __atomic_fetch_and (word, value, __ATOMIC_SEQ_CST);                               \
        break;                                                                                  \
      case IVD_ATOMIC_OR:                                                                       \
        old = __atomic_fetch_or (word, value, __ATOMIC_SEQ_CST);                                \
        break;                                                                                  \
      case IVD_ATOMIC_XOR:                                                                      \
        old = __atomic_fetch_xor (word, value, __ATOMIC_SEQ_CST);                               \
        break;                                                                                  \
      case IVD_ATOMIC_EXCHANGE:                                                                 \
        old = __atomic_exchange_n (word, value, __ATOMIC_SEQ_CST);                              \
        break;                                                                                  \
      case IVD_ATOMIC_COMPARE_AND_SET:                                                          \
      default:                                                                                  \
        access->done = __atomic_compare_exchange_n (word, &old, value, FALSE, __ATOMIC_SEQ_CST, \
                                                    __ATOMIC_SEQ_CST);                          \
        break;                                                                                  \
      }                                                                                         \
    access->old = (IvdWord){ old, 0 };                                                          \
  }

DEFINE_APPLY (8)
DEFINE_APPLY (16)
DEFINE_APPLY (32)
DEFINE_APPLY (64)

static IvdWord
combine16 (IvdAtomicOp op, IvdWord old, IvdWord value)
{
  switch (op)
    {
    case IVD_ATOMIC_ADD:
      value.low += old.low;
      value.high += old.high + (value.low < old.low ? 1 : 0);
      return value;
    case IVD_ATOMIC_AND:
      return (IvdWord){ old.low & value.low, old.high & value.high };
    case IVD_ATOMIC_OR:
      return (IvdWord){ old.low | value.low, old.high | value.high };
    case IVD_ATOMIC_XOR:
      return (IvdWord){ old.low ^ value.low, old.high ^ value.high };
    case IVD_ATOMIC_EXCHANGE:
    case IVD_ATOMIC_COMPARE_AND_SET:
    default:
      return value;
    }
}

static void
apply128 (guint8 *address, Access *access)
{
  IvdWord guess = access->expected;

  do
    {
      IvdWord next = combine16 (access->op, guess, access->value);

      access->done = ivd_cpu_compare_and_set16 (address, guess, next, &access->old);
      guess = access->old;
    }
  while (!access->done && access->op != IVD_ATOMIC_COMPARE_AND_SET);
}

static void
apply (guint8 *address, gpointer data)
{
  Access *access = data;

  switch (access->width)
    {
    case 1:
      apply8 (address, access);
      break;
    case 2:
      apply16 (address, access);
      break;
    case 4:
      apply32 (address, access);
      break;
    case 8:
      apply64 (address, access);
      break;
    default:
      apply128 (address, access);
      break;
    }
  if (access->weak)
    ivd_cpu_fence ();
}

static void
load (guint8 *address, gpointer data)
{
  Access *access = data;

  if (access->weak)
    ivd_cpu_fence ();
  access->old = ivd_cpu_load (address, access->width, access->writable);
}

static gboolean
check_width (guint width, GError **error)
{
  if (width == 1 || width == 2 || width == 4 || width == 8 || width == 16)
    return TRUE;

  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "width %u is none of 1, 2, 4, 8, 16", width);
  return FALSE;
}

static gboolean
check_fits (const char *what, IvdWord word, guint width, GError **error)
{
  g_autofree char *text = NULL;

  if (width == 16 || (word.high == 0 && (width == 8 || word.low >> (8 * width) == 0)))
    return TRUE;

  text = ivd_word_format (word);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "%s %s does not fit in %u bytes", what, text, width);
  return FALSE;
}

/* The place of one word: its width, that it is inside, its alignment. */
static gboolean
check_place (IvdMapping *mapping, guint64 offset, guint width, GError **error)
{
  if (!check_width (width, error))
    return FALSE;
  if (!ivd_memory_check_range (ivd_mapping_get_size (mapping), offset, width, error))
    return FALSE;
  if (ivd_cpu_access_is_whole (ivd_mapping_place (mapping, offset), width))
    return TRUE;

  g_set_error (error, IVD_ERROR, IVD_ERROR_MISALIGNED,
               "offset %" G_GUINT64_FORMAT " is no place for an atomic access of %u bytes: %s",
               offset, width, ivd_cpu_access_rule (width));
  return FALSE;
}

static gboolean
check_16 (gboolean has, GError **error)
{
  if (!has)
    g_set_error_literal (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
                         "this processor cannot do this with 16 bytes (atomic16); use 8");
  return has;
}

gboolean
ivd_memory_atomic (IvdMapping *mapping,
                   IvdAtomicOp op,
                   guint64 offset,
                   guint width,
                   IvdWord value,
                   IvdWord expected,
                   IvdWord *ret_old,
                   gboolean *ret_done,
                   GError **error)
{
  IvdMappingFlags flags = ivd_mapping_get_flags (mapping);
  Access access = { .op = op, .width = width, .value = value, .expected = expected };

  access.weak = (flags & (IVD_MAPPING_WRITE_COMBINED | IVD_MAPPING_UNCACHED)) != 0;

  if ((guint) op >= IVD_ATOMIC_OP_COUNT)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                   "there is no atomic operation %u", (guint) op);
      return FALSE;
    }
  if (!check_place (mapping, offset, width, error) || !check_fits ("value", value, width, error))
    return FALSE;
  if (op == IVD_ATOMIC_COMPARE_AND_SET && !check_fits ("expected", expected, width, error))
    return FALSE;
  if ((flags & IVD_MAPPING_READ_ONLY) != 0)
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
                           "the region is read-only: no atomic operations");
      return FALSE;
    }
  if (width == 16 && !check_16 (ivd_cpu_has_atomic16 (), error))
    return FALSE;

  if (!ivd_mapping_touch (mapping, offset, width, apply, &access, error))
    return FALSE;
  *ret_old = access.old;
  *ret_done = access.done;
  return TRUE;
}

gboolean
ivd_memory_load (IvdMapping *mapping, guint64 offset, guint width, IvdWord *ret_value, GError **error)
{
  IvdMappingFlags flags = ivd_mapping_get_flags (mapping);
  Access access = { .width = width };

  access.writable = (flags & IVD_MAPPING_READ_ONLY) == 0;
  access.weak = (flags & (IVD_MAPPING_WRITE_COMBINED | IVD_MAPPING_UNCACHED)) != 0;

  if (!check_place (mapping, offset, width, error))
    return FALSE;
  if (width == 16 && !check_16 (ivd_cpu_loads16 () || (access.writable && ivd_cpu_has_atomic16 ()), error))
    return FALSE;
  if (!ivd_mapping_touch (mapping, offset, width, load, &access, error))
    return FALSE;
  *ret_value = access.old;
  return TRUE;
}
