/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "operation/ivd-wakes.h"

struct _IvdWakes
{
  IvdRegistry *registry;
  IvdWaiter *waiter;
};

static void
on_event (IvdRegistry *registry, const IvdEvent *event, IvdRegion *region, gpointer data)
{
  IvdWakes *self = data;
  g_autoptr (IvdMapping) mapping = NULL;

  if (event->type != IVD_EVENT_INTERRUPT)
    return;
  mapping = ivd_region_ref_mapping (region, NULL);
  if (mapping != NULL)
    ivd_waiter_wake (self->waiter, mapping);
}

IvdWakes *
ivd_wakes_new (IvdRegistry *registry, IvdWaiter *waiter)
{
  IvdWakes *self = g_new0 (IvdWakes, 1);

  self->registry = g_object_ref (registry);
  self->waiter = waiter;
  g_signal_connect (registry, "event", G_CALLBACK (on_event), self);
  return self;
}

void
ivd_wakes_free (IvdWakes *wakes)
{
  if (wakes == NULL)
    return;
  g_signal_handlers_disconnect_by_data (wakes->registry, wakes);
  g_object_unref (wakes->registry);
  g_free (wakes);
}
