/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "memory/ivd-cpu.h"

/* Any processor: whole is what is aligned, up to 8 bytes. */

gboolean
ivd_cpu_has_atomic16 (void)
{
  return FALSE;
}

gboolean
ivd_cpu_loads16 (void)
{
  return FALSE;
}

gboolean
ivd_cpu_access_is_whole (guintptr address, guint width)
{
  return address % width == 0;
}

const char *
ivd_cpu_access_rule (guint width)
{
  return "it must be a multiple of the width";
}

gboolean
ivd_cpu_compare_and_set16 (volatile void *address, IvdWord expected, IvdWord new_value, IvdWord *ret_old)
{
  g_return_val_if_reached (FALSE);
}

IVD_TOUCHES_SHARED IvdWord
ivd_cpu_load (const volatile void *address, guint width, gboolean writable)
{
  IvdWord word = { 0, 0 };

  switch (width)
    {
    case 1:
      word.low = __atomic_load_n ((const volatile guint8 *) address, __ATOMIC_SEQ_CST);
      break;
    case 2:
      word.low = __atomic_load_n ((const volatile guint16 *) address, __ATOMIC_SEQ_CST);
      break;
    case 4:
      word.low = __atomic_load_n ((const volatile guint32 *) address, __ATOMIC_SEQ_CST);
      break;
    default:
      word.low = __atomic_load_n ((const volatile guint64 *) address, __ATOMIC_SEQ_CST);
      break;
    }
  return word;
}

void
ivd_cpu_fence (void)
{
  __sync_synchronize ();
}

void
ivd_cpu_relax (void)
{
  __asm__ volatile(""
                   :
                   :
                   : "memory");
}
