/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/* Microseconds of processor time that the calling thread has had so far: what
 * work costs, however busy the machine is. */
gint64 ivd_thread_time (void);
