/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/dbus/ivd-dbus-manager.h"

#include "base/ivd-name.h"
#include "base/ivd-names.h"
#include "export/dbus/ivd-dbus-object.h"
#include "export/dbus/ivd-dbus-properties.h"

struct _IvdDbusManager
{
  GDBusConnection *connection;
  IvdContext *context;
  IvdDbusCallers *callers;
  GDBusNodeInfo *node;
  guint registration;
};

/* The standard's own description; D-Bus specification, "Standard Interfaces". */
static const char description[] = "<node>"
                                  "  <interface name='org.freedesktop.DBus.ObjectManager'>"
                                  "    <method name='GetManagedObjects'>"
                                  "      <arg name='objects' type='a{oa{sa{sv}}}' direction='out'/>"
                                  "    </method>"
                                  "    <signal name='InterfacesAdded'>"
                                  "      <arg name='object' type='o'/>"
                                  "      <arg name='interfaces' type='a{sa{sv}}'/>"
                                  "    </signal>"
                                  "    <signal name='InterfacesRemoved'>"
                                  "      <arg name='object' type='o'/>"
                                  "      <arg name='interfaces' type='as'/>"
                                  "    </signal>"
                                  "  </interface>"
                                  "</node>";

typedef struct
{
  GDBusMethodInvocation *invocation;
  IvdContext *context;
} ListCall;

static void
add_region (GVariantBuilder *objects, IvdRegion *region)
{
  g_autofree char *path = ivd_name_to_path (IVD_REGION_PATH_PREFIX, ivd_region_get_name (region));

  g_variant_builder_open (objects, G_VARIANT_TYPE ("{oa{sa{sv}}}"));
  g_variant_builder_add (objects, "o", path);
  g_variant_builder_open (objects, G_VARIANT_TYPE ("a{sa{sv}}"));
  g_variant_builder_add (objects, "{s@a{sv}}", IVD_INTERFACE_REGION, ivd_dbus_region_properties (region));
  g_variant_builder_close (objects);
  g_variant_builder_close (objects);
}

static void
on_caller (IvdCaller *caller, const GError *error, gpointer data)
{
  g_autofree ListCall *call = data;
  g_autoptr (GPtrArray) regions = NULL;
  g_auto (GVariantBuilder) objects = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{oa{sa{sv}}}"));

  if (caller == NULL)
    {
      ivd_dbus_return_error (call->invocation, error);
      return;
    }
  regions = ivd_registry_list (call->context->registry);
  for (guint i = 0; i < regions->len; i++)
    {
      IvdRegion *region = g_ptr_array_index (regions, i);

      if (ivd_access_allows (call->context->access, caller, IVD_PERMISSION_SEE, ivd_region_get_name (region)))
        add_region (&objects, region);
    }
  g_dbus_method_invocation_return_value (call->invocation, g_variant_new ("(a{oa{sa{sv}}})", &objects));
}

static void
on_method_call (GDBusConnection *connection, const char *sender, const char *path, const char *interface,
                const char *method, GVariant *parameters, GDBusMethodInvocation *invocation, gpointer data)
{
  IvdDbusManager *self = data;
  ListCall *call = g_new0 (ListCall, 1);

  call->invocation = invocation;
  call->context = self->context;
  ivd_dbus_callers_get (self->callers, sender, on_caller, call);
}

static const GDBusInterfaceVTable vtable = { .method_call = on_method_call };

IvdDbusManager *
ivd_dbus_manager_new (GDBusConnection *connection, IvdContext *context, IvdDbusCallers *callers, GError **error)
{
  g_autoptr (IvdDbusManager) self = g_new0 (IvdDbusManager, 1);

  self->connection = g_object_ref (connection);
  self->context = context;
  self->callers = callers;
  self->node = g_dbus_node_info_new_for_xml (description, error);
  if (self->node == NULL)
    return NULL;
  self->registration = g_dbus_connection_register_object (connection, IVD_OBJECT_PATH, self->node->interfaces[0],
                                                          &vtable, self, NULL, error);
  if (self->registration == 0)
    return NULL;
  return g_steal_pointer (&self);
}

void
ivd_dbus_manager_free (IvdDbusManager *manager)
{
  if (manager == NULL)
    return;
  if (manager->registration != 0)
    g_dbus_connection_unregister_object (manager->connection, manager->registration);
  g_clear_pointer (&manager->node, g_dbus_node_info_unref);
  g_object_unref (manager->connection);
  g_free (manager);
}
