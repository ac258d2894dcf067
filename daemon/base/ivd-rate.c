/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-rate.h"

void
ivd_rate_init (IvdRate *rate, guint per_second, guint burst, gint64 now)
{
  g_return_if_fail (per_second > 0 && burst > 0);

  rate->per_second = per_second;
  rate->full = (guint64) burst * G_USEC_PER_SEC;
  rate->credit = rate->full;
  rate->last = now;
}

static void
refill (IvdRate *rate, gint64 now)
{
  guint64 elapsed = now > rate->last ? (guint64) (now - rate->last) : 0;

  rate->last = MAX (rate->last, now);
  /* What fills it for sure is not multiplied: it might overflow. */
  if (elapsed > rate->full / rate->per_second)
    rate->credit = rate->full;
  else
    rate->credit = MIN (rate->credit + elapsed * rate->per_second, rate->full);
}

gboolean
ivd_rate_take (IvdRate *rate, gint64 now)
{
  refill (rate, now);
  if (rate->credit < G_USEC_PER_SEC)
    return FALSE;
  rate->credit -= G_USEC_PER_SEC;
  return TRUE;
}

gint64
ivd_rate_wait (IvdRate *rate, gint64 now)
{
  guint64 missing;

  refill (rate, now);
  if (rate->credit >= G_USEC_PER_SEC)
    return 0;
  missing = G_USEC_PER_SEC - rate->credit;
  return (gint64) ((missing + rate->per_second - 1) / rate->per_second);
}
