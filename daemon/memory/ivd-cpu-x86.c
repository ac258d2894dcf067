/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "memory/ivd-cpu.h"

#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#define CACHE_LINE 64

/* What any x86 reads in one piece, whoever made it. */
#define QUADWORD 8
#define OCTWORD 16

static gboolean
cpu_says (unsigned int bit)
{
  unsigned int eax, ebx, ecx, edx;

  return __get_cpuid (1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit) != 0;
}

gboolean
ivd_cpu_has_atomic16 (void)
{
  static gsize answer = 0; /* 1 no, 2 yes */

  if (g_once_init_enter (&answer))
    g_once_init_leave (&answer, cpu_says (bit_CMPXCHG16B) ? 2 : 1);
  return answer == 2;
}

/* Processors with AVX promise that an aligned 16-byte move is one access. */
gboolean
ivd_cpu_loads16 (void)
{
  static gsize answer = 0;

  if (g_once_init_enter (&answer))
    g_once_init_leave (&answer, cpu_says (bit_AVX) ? 2 : 1);
  return answer == 2;
}

/* Across a line the processor stops all others (a split lock), or faults. */
gboolean
ivd_cpu_access_is_whole (guintptr address, guint width)
{
  if (width == OCTWORD)
    return address % OCTWORD == 0;
  return address % CACHE_LINE + width <= CACHE_LINE;
}

const char *
ivd_cpu_access_rule (guint width)
{
  return width == OCTWORD ? "it must be a multiple of 16" : "the bytes must lie within one 64-byte line";
}

gboolean
ivd_cpu_compare_and_set16 (volatile void *address, IvdWord expected, IvdWord new_value, IvdWord *ret_old)
{
  volatile guint64 (*words)[2] = (volatile guint64 (*)[2]) address;
  gboolean done;

  __asm__ volatile("lock cmpxchg16b %1"
                   : "=@ccz"(done), "+m"(*words), "+a"(expected.low), "+d"(expected.high)
                   : "b"(new_value.low), "c"(new_value.high)
                   : "memory");
  *ret_old = expected;
  return done;
}

static IvdWord
load16 (const volatile void *address, gboolean writable)
{
  IvdWord word = { 0, 0 };
  __m128i value;

  if (writable && !ivd_cpu_loads16 ())
    {
      (void) ivd_cpu_compare_and_set16 ((volatile void *) address, word, word, &word);
      return word;
    }
  __asm__ volatile("movdqa %1, %0"
                   : "=x"(value)
                   : "m"(*(const volatile __m128i *) address)
                   : "memory");
  memcpy (&word, &value, sizeof value);
  return word;
}

static guint64
load_plain (const volatile void *address, guint width)
{
  guint64 value = 0;

  switch (width)
    {
    case 1:
      __asm__ volatile("movzbl %1, %k0"
                       : "=r"(value)
                       : "m"(*(const volatile guint8 *) address)
                       : "memory");
      return value;
    case 2:
      __asm__ volatile("movzwl %1, %k0"
                       : "=r"(value)
                       : "m"(*(const volatile guint16 *) address)
                       : "memory");
      return value;
    case 4:
      __asm__ volatile("movl %1, %k0"
                       : "=r"(value)
                       : "m"(*(const volatile guint32 *) address)
                       : "memory");
      return value;
    default:
      __asm__ volatile("movq %1, %0"
                       : "=r"(value)
                       : "m"(*(const volatile guint64 *) address)
                       : "memory");
      return value;
    }
}

/* Adds nothing, which reads in one piece wherever a lock may be taken. */
static guint64
load_locked (volatile void *address, guint width)
{
  guint64 value = 0;

  switch (width)
    {
    case 2:
      __asm__ volatile("lock xaddw %w0, %1"
                       : "+r"(value), "+m"(*(volatile guint16 *) address)
                       :
                       : "memory", "cc");
      return value;
    case 4:
      __asm__ volatile("lock xaddl %k0, %1"
                       : "+r"(value), "+m"(*(volatile guint32 *) address)
                       :
                       : "memory", "cc");
      return value;
    default:
      __asm__ volatile("lock xaddq %0, %1"
                       : "+r"(value), "+m"(*(volatile guint64 *) address)
                       :
                       : "memory", "cc");
      return value;
    }
}

IvdWord
ivd_cpu_load (const volatile void *address, guint width, gboolean writable)
{
  guintptr at = (guintptr) address;
  IvdWord word = { 0, 0 };

  if (width == OCTWORD)
    return load16 (address, writable);

  if (at % QUADWORD + width <= QUADWORD)
    {
      word.low = load_plain (address, width);
      return word;
    }
  if (at % OCTWORD + width <= OCTWORD && ivd_cpu_loads16 ())
    {
      guint8 bytes[OCTWORD];

      word = load16 ((const volatile void *) (at - at % OCTWORD), FALSE);
      memcpy (bytes, &word, sizeof bytes);
      word = (IvdWord){ 0, 0 };
      memcpy (&word.low, bytes + at % OCTWORD, width);
      return word;
    }
  /* Not every processor reads this in one piece without a lock; those of which
   * that is known are old, and without the right to write there is no lock. */
  word.low = writable ? load_locked ((volatile void *) address, width) : load_plain (address, width);
  return word;
}

void
ivd_cpu_fence (void)
{
  _mm_mfence ();
}

void
ivd_cpu_relax (void)
{
  _mm_pause ();
}
