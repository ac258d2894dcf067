/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * A system call that may block, made breakable: between set and clear the
 * calling thread gets a signal every so often whose handler does nothing, so
 * that whatever it waits in ends with EINTR. The signal comes again and again,
 * so it does not matter if one arrives before the wait has begun. Any thread;
 * each has its own timer, made at first use and freed with the thread.
 */

/* FALSE and an error when the thread can have no timer. */
gboolean ivd_alarm_set (guint usec, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* Keeps errno. */
void ivd_alarm_clear (void);
