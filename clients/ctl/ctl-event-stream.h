/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * Understands server-sent events: bytes in, as they come; records out. What a
 * record may have that we have no use for (retry, comments) is passed over.
 */

typedef struct _CtlEventStream CtlEventStream;

/* The most that a line, and the data of a record, may have. */
#define CTL_EVENT_STREAM_BYTES_MAX (1024 * 1024)

typedef struct
{
  const char *id; /* the last that came; "" until one has */
  const char *data;
} CtlEventRecord;

typedef void (*CtlEventRecordFunc) (const CtlEventRecord *record, gpointer data);

CtlEventStream *ctl_event_stream_new (CtlEventRecordFunc func, gpointer data);
void ctl_event_stream_free (CtlEventStream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CtlEventStream, ctl_event_stream_free)

/* Errors: io, when something is longer than it may be; no more after that. */
gboolean ctl_event_stream_feed (CtlEventStream *stream,
                                const void *bytes,
                                gsize length,
                                GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
