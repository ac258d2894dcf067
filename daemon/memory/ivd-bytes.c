/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "memory/ivd-bytes.h"

#include <string.h>

#include "memory/ivd-cpu.h"

#define WORD sizeof (guint64)
#define IS_DEVICE(flags) (((flags) & (IVD_MAPPING_WRITE_COMBINED | IVD_MAPPING_UNCACHED)) != 0)

/* After this the compiler knows nothing of any memory: it can neither read a
 * shared byte again in place of its copy, nor put an access off. */
#define COMPILER_BARRIER() __asm__ volatile("" \
                                            :  \
                                            :  \
                                            : "memory")

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define IVD_THREAD_SANITIZER
#endif
#elif defined(__SANITIZE_THREAD__)
#define IVD_THREAD_SANITIZER
#endif

/* A length that is one access at this place. */
static gboolean
is_one_word (const guint8 *shared, gsize length)
{
  return (length == 1 || length == 2 || length == 4 || length == 8) && (guintptr) shared % length == 0;
}

static void
load_word (void *to, const guint8 *shared, gsize length)
{
  guint64 word = ivd_cpu_load (shared, (guint) length, FALSE).low;

  memcpy (to, &word, length);
}

IVD_TOUCHES_SHARED static void
store_word (guint8 *shared, const void *from, gsize length)
{
  guint64 word = 0;

  memcpy (&word, from, length);
  switch (length)
    {
    case 1:
      __atomic_store_n ((volatile guint8 *) shared, (guint8) word, __ATOMIC_RELEASE);
      break;
    case 2:
      __atomic_store_n ((volatile guint16 *) (gpointer) shared, (guint16) word, __ATOMIC_RELEASE);
      break;
    case 4:
      __atomic_store_n ((volatile guint32 *) (gpointer) shared, (guint32) word, __ATOMIC_RELEASE);
      break;
    default:
      __atomic_store_n ((volatile guint64 *) (gpointer) shared, word, __ATOMIC_RELEASE);
      break;
    }
}

/* How long the next access may be: the largest that is aligned and fits. */
static gsize
next_word (const guint8 *shared, gsize left)
{
  gsize length = WORD;

  while (length > left || (guintptr) shared % length != 0)
    length /= 2;
  return length;
}

static void
load_words (guint8 *to, const guint8 *shared, gsize length)
{
  while (length > 0)
    {
      gsize step = next_word (shared, length);

      load_word (to, shared, step);
      to += step;
      shared += step;
      length -= step;
    }
}

/* step: how far from advances with the shared bytes, 0 for a pattern. */
static void
store_words (guint8 *shared, const guint8 *from, gsize length, gboolean is_pattern)
{
  while (length > 0)
    {
      gsize step = next_word (shared, length);

      store_word (shared, from, step);
      from += is_pattern ? 0 : step;
      shared += step;
      length -= step;
    }
}

static void
fill_words (guint8 *shared, guint8 value, gsize length)
{
  guint8 pattern[WORD];

  memset (pattern, value, sizeof pattern);
  store_words (shared, pattern, length, TRUE);
}

#ifdef IVD_THREAD_SANITIZER
/* Shared bytes race, that is what they are for: word by word and untold. */
static void
load_bulk (void *to, const guint8 *shared, gsize length)
{
  load_words (to, shared, length);
}

static void
store_bulk (guint8 *shared, const void *from, gsize length)
{
  store_words (shared, from, length, FALSE);
}

static void
fill_bulk (guint8 *shared, guint8 value, gsize length)
{
  fill_words (shared, value, length);
}
#else
static void
load_bulk (void *to, const guint8 *shared, gsize length)
{
  memcpy (to, shared, length);
}

static void
store_bulk (guint8 *shared, const void *from, gsize length)
{
  memcpy (shared, from, length);
}

static void
fill_bulk (guint8 *shared, guint8 value, gsize length)
{
  memset (shared, value, length);
}
#endif

void
ivd_bytes_load (void *to, const guint8 *shared, gsize length, IvdMappingFlags flags)
{
  COMPILER_BARRIER ();
  if (IS_DEVICE (flags))
    {
      ivd_cpu_fence ();
      load_words (to, shared, length);
      ivd_cpu_fence ();
    }
  else if (is_one_word (shared, length))
    load_word (to, shared, length);
  else
    load_bulk (to, shared, length);
  COMPILER_BARRIER ();
}

void
ivd_bytes_store (guint8 *shared, const void *from, gsize length, IvdMappingFlags flags)
{
  COMPILER_BARRIER ();
  if (IS_DEVICE (flags))
    {
      store_words (shared, from, length, FALSE);
      ivd_cpu_fence ();
    }
  else if (is_one_word (shared, length))
    store_word (shared, from, length);
  else
    store_bulk (shared, from, length);
  COMPILER_BARRIER ();
}

void
ivd_bytes_fill (guint8 *shared, guint8 value, gsize length, IvdMappingFlags flags)
{
  COMPILER_BARRIER ();
  if (IS_DEVICE (flags))
    {
      fill_words (shared, value, length);
      ivd_cpu_fence ();
    }
  else
    fill_bulk (shared, value, length);
  COMPILER_BARRIER ();
}
