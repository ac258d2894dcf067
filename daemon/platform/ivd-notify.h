/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * What the service manager is told, if there is one that listens: else all of
 * this does nothing. Main thread only.
 */

/* Also feeds its watchdog, if it asked for that, from the default main
 * context: so a loop that hangs is noticed. */
typedef struct _IvdNotify IvdNotify;

IvdNotify *ivd_notify_new (void);
void ivd_notify_free (IvdNotify *notify);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdNotify, ivd_notify_free)

/* Whoever waited for the start goes on. */
void ivd_notify_ready (IvdNotify *notify);
void ivd_notify_stopping (IvdNotify *notify);
/* One line for people. */
void ivd_notify_status (IvdNotify *notify, const char *text);
