/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-notify.h"

#include <systemd/sd-daemon.h>

#include "base/ivd-limits.h"
#include "base/ivd-name.h"

#define USEC_PER_MSEC 1000

struct _IvdNotify
{
  guint watchdog; /* source; 0: not asked for */
};

static gboolean
feed (gpointer data)
{
  sd_notify (0, "WATCHDOG=1");
  return G_SOURCE_CONTINUE;
}

IvdNotify *
ivd_notify_new (void)
{
  IvdNotify *self = g_new0 (IvdNotify, 1);
  guint64 limit_usec = 0;

  /* Half the time, so that one late turn of the loop does no harm. */
  if (sd_watchdog_enabled (0, &limit_usec) > 0)
    self->watchdog = g_timeout_add (CLAMP (limit_usec / 2 / USEC_PER_MSEC, 1, G_MAXUINT), feed, NULL);
  return self;
}

void
ivd_notify_free (IvdNotify *self)
{
  if (self == NULL)
    return;
  g_clear_handle_id (&self->watchdog, g_source_remove);
  g_free (self);
}

void
ivd_notify_ready (IvdNotify *self)
{
  sd_notify (0, "READY=1");
}

void
ivd_notify_stopping (IvdNotify *self)
{
  sd_notify (0, "STOPPING=1");
}

void
ivd_notify_status (IvdNotify *self, const char *text)
{
  g_autofree char *safe = ivd_text_safe_bytes (text, IVD_LIMIT_LOG_MESSAGE_BYTES);

  sd_notifyf (0, "STATUS=%s", safe);
}
