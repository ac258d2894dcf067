/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * The daemon's log: what an operator shall know. With stderr at the journal,
 * lines go there with their fields; else a readable line on stderr:
 *
 *   warning [web] peer 3 was kicked
 *
 * Any thread. Never waits for a reader that does not read: the line is dropped
 * and counted then. Control characters are escaped, long lines cut. Never log
 * what is in a region. g_warning () and g_critical () are for faults of the
 * program; they come out here too, once ivd_log_install () was called.
 */

typedef enum
{
  IVD_LOG_DEBUG,
  IVD_LOG_INFO,
  IVD_LOG_NOTICE,
  IVD_LOG_WARNING,
  IVD_LOG_ERROR,
} IvdLogLevel;

#define IVD_LOG_LEVEL_LAST IVD_LOG_ERROR
#define IVD_LOG_LEVEL_COUNT (IVD_LOG_LEVEL_LAST + 1)

/* What a line is about; each may be unset. */
typedef struct
{
  const char *region; /* NULL: none */
  const char *plugin; /* NULL: none */
  gint64 peer;        /* -1: none */
} IvdLogContext;

#define IVD_LOG_NO_CONTEXT ((IvdLogContext){ NULL, NULL, -1 })

/* "debug" "info" "notice" "warning" "error" */
const char *ivd_log_level_name (IvdLogLevel level);
/* invalid-argument, naming the levels. */
gboolean ivd_log_level_parse (const char *text,
                              IvdLogLevel *ret_level,
                              GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Sends GLib's messages here too. Once per process, before any thread. */
void ivd_log_install (void);

/* Lines below it are dropped; notice unless set. Debug lines come out besides
 * when G_MESSAGES_DEBUG names "ivshmemd" or "all". */
void ivd_log_set_level (IvdLogLevel level);
/* FALSE: a line of that level would be dropped, so it need not be made. */
gboolean ivd_log_wants (IvdLogLevel level);

/* region: NULL if it is about none. */
void ivd_log (IvdLogLevel level, const char *region, const char *format, ...) G_GNUC_PRINTF (3, 4);
void ivd_log_about (IvdLogLevel level,
                    const IvdLogContext *context,
                    const char *format,
                    ...) G_GNUC_PRINTF (3,
                                        4);
