/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/dbus/ivd-dbus-service.h"

#include "base/ivd-error.h"
#include "base/ivd-names.h"
#include "export/dbus/ivd-dbus-callers.h"
#include "export/dbus/ivd-dbus-manager.h"
#include "export/dbus/ivd-dbus-missing.h"
#include "export/dbus/ivd-dbus-object.h"
#include "export/dbus/ivd-dbus-signals.h"

struct _IvdDbusService
{
  GDBusConnection *connection;
  IvdContext *context;
  IvdDbusCallers *callers;
  IvdDbusObject *manager;
  IvdDbusManager *object_manager;
  IvdDbusMissing *missing;
  IvdDbusSignals *signals;
  GHashTable *regions; /* IvdRegion → IvdDbusObject */
  guint name_id;
  IvdDbusServiceFunc func;
  gpointer data;
};

static void
export_region (IvdDbusService *self, IvdRegion *region)
{
  g_autoptr (GError) error = NULL;
  IvdDbusObject *object = ivd_dbus_object_new (self->connection, self->context, self->callers,
                                               ivd_region_get_name (region), &error);

  if (object == NULL)
    {
      g_warning ("cannot show region '%s' on the bus: %s", ivd_region_get_name (region), error->message);
      return;
    }
  g_hash_table_insert (self->regions, region, object);
}

static void
on_region_added (IvdRegistry *registry, IvdRegion *region, gpointer data)
{
  IvdDbusService *self = data;

  export_region (self, region);
  ivd_dbus_signals_region_added (self->signals, region);
}

static void
on_region_removed (IvdRegistry *registry, IvdRegion *region, gpointer data)
{
  IvdDbusService *self = data;

  g_hash_table_remove (self->regions, region);
  ivd_dbus_signals_region_removed (self->signals, region);
}

static void
on_region_changed (IvdRegistry *registry, IvdRegion *region, guint changes, gpointer data)
{
  IvdDbusService *self = data;

  ivd_dbus_signals_region_changed (self->signals, region, changes);
}

static void
on_event (IvdRegistry *registry, const IvdEvent *event, IvdRegion *region, gpointer data)
{
  IvdDbusService *self = data;

  ivd_dbus_signals_event (self->signals, event, region);
}

static void
on_name_acquired (GDBusConnection *connection, const char *name, gpointer data)
{
  IvdDbusService *self = data;

  self->func (TRUE, NULL, self->data);
}

static void
on_name_lost (GDBusConnection *connection, const char *name, gpointer data)
{
  IvdDbusService *self = data;
  g_autoptr (GError) error = NULL;

  if (connection == NULL || g_dbus_connection_is_closed (connection))
    g_set_error (&error, IVD_ERROR, IVD_ERROR_IO, "the bus has gone");
  else
    g_set_error (&error, IVD_ERROR, IVD_ERROR_EXISTS,
                 "%s is owned by somebody else on this bus: is another ivshmemd running, or may this user not own it?",
                 name);
  self->func (FALSE, error, self->data);
}

static void
observe (IvdDbusService *self)
{
  IvdRegistry *registry = self->context->registry;
  g_autoptr (GPtrArray) regions = ivd_registry_list (registry);

  for (guint i = 0; i < regions->len; i++)
    export_region (self, g_ptr_array_index (regions, i));
  g_signal_connect (registry, "region-added", G_CALLBACK (on_region_added), self);
  g_signal_connect (registry, "region-removed", G_CALLBACK (on_region_removed), self);
  g_signal_connect (registry, "region-changed", G_CALLBACK (on_region_changed), self);
  g_signal_connect (registry, "event", G_CALLBACK (on_event), self);
}

IvdDbusService *
ivd_dbus_service_new (GDBusConnection *connection, IvdContext *context, gboolean broadcast, IvdDbusServiceFunc func,
                      gpointer data, GError **error)
{
  g_autoptr (IvdDbusService) self = g_new0 (IvdDbusService, 1);

  self->connection = g_object_ref (connection);
  self->context = context;
  self->func = func;
  self->data = data;
  self->callers = ivd_dbus_callers_new (connection);
  self->signals = ivd_dbus_signals_new (connection, context, self->callers, broadcast);
  self->regions = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) ivd_dbus_object_free);
  self->manager = ivd_dbus_object_new (connection, context, self->callers, NULL, error);
  if (self->manager == NULL)
    return NULL;
  self->object_manager = ivd_dbus_manager_new (connection, context, self->callers, error);
  if (self->object_manager == NULL)
    return NULL;
  self->missing = ivd_dbus_missing_new (connection, context->registry, error);
  if (self->missing == NULL)
    return NULL;
  observe (self);
  self->name_id = g_bus_own_name_on_connection (connection, IVD_BUS_NAME, G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE,
                                                on_name_acquired, on_name_lost, self, NULL);
  return g_steal_pointer (&self);
}

void
ivd_dbus_service_free (IvdDbusService *service)
{
  if (service == NULL)
    return;
  g_clear_handle_id (&service->name_id, g_bus_unown_name);
  g_signal_handlers_disconnect_by_data (service->context->registry, service);
  g_clear_pointer (&service->regions, g_hash_table_unref);
  g_clear_pointer (&service->missing, ivd_dbus_missing_free);
  g_clear_pointer (&service->object_manager, ivd_dbus_manager_free);
  g_clear_pointer (&service->manager, ivd_dbus_object_free);
  /* Callers leave now: what they hold goes with them. */
  g_clear_pointer (&service->callers, ivd_dbus_callers_free);
  g_clear_pointer (&service->signals, ivd_dbus_signals_free);
  g_object_unref (service->connection);
  g_free (service);
}
