/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-log.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"

#define DOMAIN "ivshmemd"
#define FIELD_REGION "IVSHMEM_REGION"
#define FIELD_PLUGIN "IVSHMEM_PLUGIN"
#define FIELD_PEER "IVSHMEM_PEER"
#define MAX_FIELDS 6

typedef struct
{
  const char *name;
  const char *priority; /* syslog's number */
  GLogLevelFlags flags; /* GLib's nearest */
} LevelInfo;

static const LevelInfo levels[IVD_LOG_LEVEL_COUNT] = {
  [IVD_LOG_DEBUG] = { "debug", "7", G_LOG_LEVEL_DEBUG },
  [IVD_LOG_INFO] = { "info", "6", G_LOG_LEVEL_INFO },
  [IVD_LOG_NOTICE] = { "notice", "5", G_LOG_LEVEL_MESSAGE },
  [IVD_LOG_WARNING] = { "warning", "4", G_LOG_LEVEL_WARNING },
  [IVD_LOG_ERROR] = { "error", "3", G_LOG_LEVEL_CRITICAL },
};

/* The log level, the one global of the daemon, and what it made drop. */
static gint lowest_level = IVD_LOG_NOTICE;
static gint dropped_lines;

const char *
ivd_log_level_name (IvdLogLevel level)
{
  g_return_val_if_fail ((guint) level < IVD_LOG_LEVEL_COUNT, "error");

  return levels[level].name;
}

gboolean
ivd_log_level_parse (const char *text, IvdLogLevel *ret_level, GError **error)
{
  g_autofree char *safe = NULL;

  for (guint i = 0; i < IVD_LOG_LEVEL_COUNT; i++)
    {
      if (strcmp (levels[i].name, text) != 0)
        continue;
      *ret_level = (IvdLogLevel) i;
      return TRUE;
    }
  safe = ivd_text_safe (text);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "'%s' is no log level: debug, info, notice, warning or error", safe);
  return FALSE;
}

void
ivd_log_set_level (IvdLogLevel level)
{
  g_return_if_fail ((guint) level < IVD_LOG_LEVEL_COUNT);

  g_atomic_int_set (&lowest_level, (gint) level);
}

static gboolean
wanted (IvdLogLevel level, const char *domain)
{
  if ((gint) level >= g_atomic_int_get (&lowest_level))
    return TRUE;
  return level <= IVD_LOG_INFO && !g_log_writer_default_would_drop (levels[level].flags, domain);
}

gboolean
ivd_log_wants (IvdLogLevel level)
{
  g_return_val_if_fail ((guint) level < IVD_LOG_LEVEL_COUNT, FALSE);

  return wanted (level, DOMAIN);
}

/* Somebody who does not read what we say must not stop us. A line is shorter
 * than what a pipe takes in one piece, so that lines are never mixed. */
static void
write_line (const char *line, gsize length)
{
  struct pollfd room = { .fd = STDERR_FILENO, .events = POLLOUT };

  if (poll (&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0
      || write (STDERR_FILENO, line, length) != (gssize) length)
    g_atomic_int_inc (&dropped_lines);
}

static void
write_readable (IvdLogLevel level, const char *region, const char *message)
{
  g_autofree char *text = ivd_text_safe_bytes (message, IVD_LIMIT_LOG_MESSAGE_BYTES);
  g_autofree char *about = region != NULL ? ivd_text_safe (region) : NULL;
  g_autofree char *line = NULL;
  gint dropped = g_atomic_int_and ((guint *) &dropped_lines, 0);

  if (dropped > 0)
    {
      g_autofree char *note = g_strdup_printf ("warning %d lines were dropped: nobody read them\n", dropped);

      write_line (note, strlen (note));
    }
  if (about != NULL)
    line = g_strdup_printf ("%s [%s] %s\n", levels[level].name, about, text);
  else
    line = g_strdup_printf ("%s %s\n", levels[level].name, text);
  write_line (line, strlen (line));
}

static IvdLogLevel
level_of_flags (GLogLevelFlags flags)
{
  if ((flags & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) != 0)
    return IVD_LOG_ERROR;
  if ((flags & G_LOG_LEVEL_WARNING) != 0)
    return IVD_LOG_WARNING;
  if ((flags & G_LOG_LEVEL_MESSAGE) != 0)
    return IVD_LOG_NOTICE;
  if ((flags & G_LOG_LEVEL_INFO) != 0)
    return IVD_LOG_INFO;
  return IVD_LOG_DEBUG;
}

/* The value of a field that is text; NULL: not there. */
static char *
dup_field (const GLogField *fields, gsize n_fields, const char *key)
{
  for (gsize i = 0; i < n_fields; i++)
    {
      if (strcmp (fields[i].key, key) != 0)
        continue;
      if (fields[i].length < 0)
        return g_strdup (fields[i].value);
      return g_strndup (fields[i].value, (gsize) fields[i].length);
    }
  return NULL;
}

static GLogWriterOutput
write_fields (IvdLogLevel level, GLogLevelFlags flags, const GLogField *fields, gsize n_fields)
{
  g_autofree char *region = NULL;
  g_autofree char *message = NULL;

  if (g_log_writer_is_journald (STDERR_FILENO)
      && g_log_writer_journald (flags, fields, n_fields, NULL) == G_LOG_WRITER_HANDLED)
    return G_LOG_WRITER_HANDLED;
  region = dup_field (fields, n_fields, FIELD_REGION);
  message = dup_field (fields, n_fields, "MESSAGE");
  write_readable (level, region, message != NULL ? message : "");
  return G_LOG_WRITER_HANDLED;
}

static GLogWriterOutput
write_from_glib (GLogLevelFlags flags, const GLogField *fields, gsize n_fields, gpointer data)
{
  IvdLogLevel level = level_of_flags (flags);
  g_autofree char *domain = dup_field (fields, n_fields, "GLIB_DOMAIN");

  if (!wanted (level, domain))
    return G_LOG_WRITER_HANDLED;
  return write_fields (level, flags, fields, n_fields);
}

void
ivd_log_install (void)
{
  g_log_set_writer_func (write_from_glib, NULL, NULL);
}

/* Not through g_log (): there a warning may be fatal, and what goes wrong
 * around the daemon is no fault of the program. */
static void
log_message (IvdLogLevel level, const IvdLogContext *context, const char *message)
{
  g_autofree char *text = ivd_text_safe_bytes (message, IVD_LIMIT_LOG_MESSAGE_BYTES);
  g_autofree char *peer = g_strdup_printf ("%" G_GINT64_FORMAT, context->peer);
  GLogField fields[MAX_FIELDS];
  gsize n = 0;

  fields[n++] = (GLogField){ "MESSAGE", text, -1 };
  fields[n++] = (GLogField){ "PRIORITY", levels[level].priority, -1 };
  fields[n++] = (GLogField){ "SYSLOG_IDENTIFIER", DOMAIN, -1 };
  if (context->region != NULL)
    fields[n++] = (GLogField){ FIELD_REGION, context->region, -1 };
  if (context->plugin != NULL)
    fields[n++] = (GLogField){ FIELD_PLUGIN, context->plugin, -1 };
  if (context->peer >= 0)
    fields[n++] = (GLogField){ FIELD_PEER, peer, -1 };
  write_fields (level, levels[level].flags, fields, n);
}

void
ivd_log (IvdLogLevel level, const char *region, const char *format, ...)
{
  const IvdLogContext context = { .region = region, .peer = -1 };
  g_autofree char *message = NULL;
  va_list arguments;

  if (!ivd_log_wants (level))
    return;
  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  log_message (level, &context, message);
}

void
ivd_log_about (IvdLogLevel level, const IvdLogContext *context, const char *format, ...)
{
  g_autofree char *message = NULL;
  va_list arguments;

  if (!ivd_log_wants (level))
    return;
  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  log_message (level, context, message);
}
