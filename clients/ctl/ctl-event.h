/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ctl-transport.h"

/*
 * One line about one thing that happened, for people or as a JSON object:
 *
 *   2026-01-31T12:00:00.123456Z demo interrupt vector=3 count=1
 *   {"time":"2026-01-31T12:00:00.123456Z","region":"demo","type":"interrupt","vector":3,"count":1}
 */

typedef struct _CtlEventLine CtlEventLine;

/* A signal as an event: how it is called, and its arguments in order. */
typedef struct
{
  const char *signal;    /* "PeerConnected" */
  const char *type;      /* "peer-connected" */
  const char *arguments; /* the signature, of basic types */
  const char *names[4];
  gboolean is_of_daemon; /* of no region */
} CtlSignalRow;

/* NULL: no signal that this client knows. */
const CtlSignalRow *ctl_event_row_of_type (const char *type);

/* At this moment. region may be NULL. */
CtlEventLine *ctl_event_line_new (gboolean json, const char *region, const char *type);
/* What a signal of a region, or of the daemon, says; NULL when this client does not know it. */
CtlEventLine *ctl_event_line_new_for_signal (gboolean json, const CtlEvent *event);
void ctl_event_line_free (CtlEventLine *line);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CtlEventLine, ctl_event_line_free)

void ctl_event_line_uint (CtlEventLine *line, const char *key, guint64 value);
void ctl_event_line_string (CtlEventLine *line, const char *key, const char *value);

/* Ends in a newline; once per line. (transfer full) */
char *ctl_event_line_finish (CtlEventLine *line);
