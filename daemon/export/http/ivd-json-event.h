/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "model/ivd-event.h"

/*
 * An event as JSON: {"serial","time","monotonic_us","region"?,"type",...},
 * compact, on one line. Written by hand, as there are thousands a second.
 * Any thread.
 */

/* Without a newline. */
void ivd_json_event_append (GString *json, const IvdEvent *event);

/* "2026-03-01T12:34:56.000789Z", RFC 3339, UTC; before 1970 and after 9999
 * the nearest there is. */
void ivd_json_append_time (GString *json, gint64 realtime_usec);
