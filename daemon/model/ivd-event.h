/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * One thing that happened, with a serial number. Immutable and reference
 * counted, so that any thread may keep it.
 */

typedef enum
{
  IVD_EVENT_INTERRUPT,
  IVD_EVENT_PEER_CONNECTED,
  IVD_EVENT_PEER_DISCONNECTED,
  IVD_EVENT_REGION_ATTACHED,
  IVD_EVENT_REGION_DETACHED,
  IVD_EVENT_STATE_CHANGED,
  IVD_EVENT_CANDIDATE_ADDED,
  IVD_EVENT_CANDIDATE_REMOVED,
  IVD_EVENT_BRIDGE_STATE,
  IVD_EVENT_CHANGED,
  IVD_EVENT_LOST,
} IvdEventType;

#define IVD_EVENT_TYPE_COUNT (IVD_EVENT_LOST + 1)

/* "interrupt" "peer-connected" ... */
const char *ivd_event_type_name (IvdEventType type);

typedef struct
{
  guint64 serial;
  gint64 monotonic_usec;
  gint64 realtime_usec;
  IvdEventType type;
  const char *region;     /* NULL: none */
  const char *plugin;     /* candidate-added, candidate-removed */
  guint vector;           /* interrupt */
  guint64 count;          /* interrupt: rings collapsed into it; lost: events missed */
  guint peer;             /* peer-connected, peer-disconnected */
  guint vectors;          /* peer-connected */
  guint watch;            /* changed */
  guint64 owner;          /* changed: the id of the caller whose watch it is, whom alone it is for; 0: nobody's */
  guint64 offset, length; /* changed */
  const char *text;       /* state-changed: the state; region-attached: the plugin; candidate-…: its name */
  const char *reason;     /* state-changed: why, or NULL */
} IvdEvent;

/* A copy of template with texts of its own. */
IvdEvent *ivd_event_new (const IvdEvent *template_);
IvdEvent *ivd_event_ref (IvdEvent *event);
void ivd_event_unref (IvdEvent *event);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdEvent, ivd_event_unref)
