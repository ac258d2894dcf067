/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/ivd-bus.h"

/* Without D-Bus there is no name to wait for: ready at once. */

struct _IvdBus
{
  IvdBusFunc func;
  gpointer data;
  guint idle;
};

static gboolean
on_idle (gpointer data)
{
  IvdBus *self = data;

  self->idle = 0;
  self->func (IVD_BUS_NAMED, NULL, self->data);
  return G_SOURCE_REMOVE;
}

IvdBus *
ivd_bus_new (IvdBusKind kind, const char *address, IvdContext *context, IvdBusFunc func, gpointer data)
{
  IvdBus *self = g_new0 (IvdBus, 1);

  self->func = func;
  self->data = data;
  self->idle = g_idle_add (on_idle, self);
  return self;
}

void
ivd_bus_free (IvdBus *bus)
{
  if (bus == NULL)
    return;
  g_clear_handle_id (&bus->idle, g_source_remove);
  g_free (bus);
}
