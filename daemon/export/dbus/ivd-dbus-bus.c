/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/ivd-bus.h"

#include <gio/gio.h>

#include "base/ivd-error.h"
#include "export/dbus/ivd-dbus-service.h"
#include "platform/ivd-log.h"

/* How long until the next try to come back to a bus that has gone. */
#define RETRY_FIRST_SEC 1
#define RETRY_MOST_SEC 30

struct _IvdBus
{
  IvdBusKind kind;
  char *address;
  IvdContext *context;
  IvdBusFunc func;
  gpointer data;

  GCancellable *cancellable;
  GDBusConnection *connection;
  IvdDbusService *service;
  gboolean named; /* ever */
  guint retry_id;
  guint retry_sec;
};

static void begin_connect (IvdBus *self);

static gboolean
on_retry (gpointer data)
{
  IvdBus *self = data;

  self->retry_id = 0;
  begin_connect (self);
  return G_SOURCE_REMOVE;
}

static void
leave (IvdBus *self)
{
  g_clear_pointer (&self->service, ivd_dbus_service_free);
  g_clear_object (&self->connection);
}

/* The bus cannot be reached, or has gone, or does not give us the name. */
static void
on_trouble (IvdBus *self, const GError *error)
{
  leave (self);
  if (!self->named)
    {
      self->func (IVD_BUS_FAILED, error, self->data);
      return;
    }
  if (self->kind == IVD_BUS_SESSION)
    {
      self->func (IVD_BUS_ENDED, NULL, self->data);
      return;
    }
  /* Guests use the regions whether there is a bus or not: stay, and come back. */
  ivd_log (IVD_LOG_WARNING, NULL, "not on the bus: %s; trying again in %u s", error->message, self->retry_sec);
  self->retry_id = g_timeout_add_seconds (self->retry_sec, on_retry, self);
  self->retry_sec = MIN (self->retry_sec * 2, RETRY_MOST_SEC);
}

static void
on_service (gboolean named, const GError *error, gpointer data)
{
  IvdBus *self = data;

  if (!named)
    {
      on_trouble (self, error);
      return;
    }
  self->retry_sec = RETRY_FIRST_SEC;
  if (self->named)
    {
      ivd_log (IVD_LOG_NOTICE, NULL, "on the bus again");
      return;
    }
  self->named = TRUE;
  self->func (IVD_BUS_NAMED, NULL, self->data);
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) connection = g_dbus_connection_new_for_address_finish (result, &error);
  IvdBus *self = data;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return; /* the bus object is no more */
  if (connection != NULL)
    {
      self->connection = g_steal_pointer (&connection);
      g_dbus_connection_set_exit_on_close (self->connection, FALSE);
      self->service = ivd_dbus_service_new (self->connection, self->context, self->kind == IVD_BUS_SESSION, on_service,
                                            self, &error);
    }
  if (self->service == NULL)
    {
      g_prefix_error (&error, "cannot serve on the bus at %s: ", self->address);
      on_trouble (self, error);
    }
}

static void
begin_connect (IvdBus *self)
{
  g_dbus_connection_new_for_address (self->address,
                                     G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                         | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                     NULL, self->cancellable, on_connected, self);
}

/* Where a well-known bus is; asked at start only, since it may look around. */
static char *
find_address (IvdBusKind kind, GError **error)
{
  GBusType type = kind == IVD_BUS_SESSION ? G_BUS_TYPE_SESSION : G_BUS_TYPE_SYSTEM;
  char *address = g_dbus_address_get_for_bus_sync (type, NULL, error);

  if (address == NULL)
    g_prefix_error (error, "there is no %s bus (--session, --system and --bus-address choose one): ",
                    kind == IVD_BUS_SESSION ? "session" : "system");
  return address;
}

static gboolean
on_begin (gpointer data)
{
  IvdBus *self = data;
  g_autoptr (GError) error = NULL;

  self->retry_id = 0;
  if (self->address == NULL)
    self->address = find_address (self->kind, &error);
  if (self->address != NULL)
    begin_connect (self);
  else
    on_trouble (self, error);
  return G_SOURCE_REMOVE;
}

IvdBus *
ivd_bus_new (IvdBusKind kind, const char *address, IvdContext *context, IvdBusFunc func, gpointer data)
{
  IvdBus *self = g_new0 (IvdBus, 1);

  self->kind = kind;
  self->address = kind == IVD_BUS_ADDRESS ? g_strdup (address) : NULL;
  self->context = context;
  self->func = func;
  self->data = data;
  self->cancellable = g_cancellable_new ();
  self->retry_sec = RETRY_FIRST_SEC;
  self->retry_id = g_idle_add (on_begin, self);
  return self;
}

void
ivd_bus_free (IvdBus *bus)
{
  if (bus == NULL)
    return;
  g_cancellable_cancel (bus->cancellable);
  g_object_unref (bus->cancellable);
  g_clear_handle_id (&bus->retry_id, g_source_remove);
  g_clear_pointer (&bus->service, ivd_dbus_service_free);
  if (bus->connection != NULL)
    g_dbus_connection_close (bus->connection, NULL, NULL, NULL);
  g_clear_object (&bus->connection);
  g_free (bus->address);
  g_free (bus);
}
