/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Built in place of ivd-notify.c where there is no libsystemd. */
#include "config.h"

#include "platform/ivd-notify.h"

struct _IvdNotify
{
  char unused;
};

IvdNotify *
ivd_notify_new (void)
{
  return g_new0 (IvdNotify, 1);
}

void
ivd_notify_free (IvdNotify *self)
{
  g_free (self);
}

void
ivd_notify_ready (IvdNotify *self)
{
}

void
ivd_notify_stopping (IvdNotify *self)
{
}

void
ivd_notify_status (IvdNotify *self, const char *text)
{
}
