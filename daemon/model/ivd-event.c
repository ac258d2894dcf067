/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "model/ivd-event.h"

static const char *const type_names[IVD_EVENT_TYPE_COUNT] = {
  "interrupt",
  "peer-connected",
  "peer-disconnected",
  "region-attached",
  "region-detached",
  "state-changed",
  "candidate-added",
  "candidate-removed",
  "bridge-state",
  "changed",
  "lost",
};

const char *
ivd_event_type_name (IvdEventType type)
{
  g_return_val_if_fail ((guint) type < IVD_EVENT_TYPE_COUNT, "unknown");
  return type_names[type];
}

static char *
intern (const char *text)
{
  return text != NULL ? g_ref_string_new_intern (text) : NULL;
}

IvdEvent *
ivd_event_new (const IvdEvent *template_)
{
  IvdEvent *event = g_atomic_rc_box_new (IvdEvent);

  *event = *template_;
  event->region = intern (template_->region);
  event->plugin = intern (template_->plugin);
  event->text = intern (template_->text);
  event->reason = intern (template_->reason);
  return event;
}

IvdEvent *
ivd_event_ref (IvdEvent *event)
{
  return g_atomic_rc_box_acquire (event);
}

static void
release_text (const char *text)
{
  if (text != NULL)
    g_ref_string_release ((char *) text);
}

static void
event_clear (gpointer data)
{
  IvdEvent *event = data;

  release_text (event->region);
  release_text (event->plugin);
  release_text (event->text);
  release_text (event->reason);
}

void
ivd_event_unref (IvdEvent *event)
{
  if (event != NULL)
    g_atomic_rc_box_release_full (event, event_clear);
}
