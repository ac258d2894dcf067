/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/dbus/ivd-dbus-missing.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"
#include "base/ivd-names.h"
#include "export/dbus/ivd-dbus-object.h"
#include "ivd-dbus-interfaces.h"

#define NODE_OF(path) ((path) + strlen (IVD_REGION_PATH_PREFIX))

struct _IvdDbusMissing
{
  GDBusConnection *connection;
  IvdRegistry *registry;
  guint registration;
};

/* The regions that are there: so that those who walk the tree find them. */
static char **
on_enumerate (GDBusConnection *connection, const char *sender, const char *path, gpointer data)
{
  IvdDbusMissing *self = data;
  g_autoptr (GPtrArray) regions = ivd_registry_list (self->registry);
  g_autoptr (GStrvBuilder) nodes = g_strv_builder_new ();

  for (guint i = 0; i < regions->len; i++)
    {
      const char *name = ivd_region_get_name (g_ptr_array_index (regions, i));
      g_autofree char *object = ivd_name_to_path (IVD_REGION_PATH_PREFIX, name);

      g_strv_builder_add (nodes, NODE_OF (object));
    }
  return g_strv_builder_end (nodes);
}

/* Of a region that is not there the interface is known all the same: without
 * it no call would come as far as our answer. */
static GDBusInterfaceInfo **
on_introspect (GDBusConnection *connection, const char *sender, const char *path, const char *node, gpointer data)
{
  GDBusInterfaceInfo **interfaces = g_new0 (GDBusInterfaceInfo *, 2);

  if (node != NULL)
    interfaces[0] = g_dbus_interface_info_ref ((GDBusInterfaceInfo *) &org_ivshmem_daemon1_region_interface);
  return interfaces;
}

static void
on_method_call (GDBusConnection *connection, const char *sender, const char *path, const char *interface,
                const char *method, GVariant *parameters, GDBusMethodInvocation *invocation, gpointer data)
{
  g_autoptr (GError) error = g_error_new (IVD_ERROR, IVD_ERROR_NOT_FOUND, "there is no region at %s", path);

  ivd_dbus_return_error (invocation, error);
}

static const GDBusInterfaceVTable call_table = { .method_call = on_method_call };

static const GDBusInterfaceVTable *
on_dispatch (GDBusConnection *connection, const char *sender, const char *path, const char *interface,
             const char *node, gpointer *ret_data, gpointer data)
{
  *ret_data = data;
  return &call_table;
}

static const GDBusSubtreeVTable tree_table = {
  .enumerate = on_enumerate,
  .introspect = on_introspect,
  .dispatch = on_dispatch,
};

IvdDbusMissing *
ivd_dbus_missing_new (GDBusConnection *connection, IvdRegistry *registry, GError **error)
{
  g_autoptr (IvdDbusMissing) self = g_new0 (IvdDbusMissing, 1);

  self->connection = g_object_ref (connection);
  self->registry = g_object_ref (registry);
  self->registration = g_dbus_connection_register_subtree (connection, IVD_OBJECT_PATH "/region", &tree_table,
                                                           G_DBUS_SUBTREE_FLAGS_DISPATCH_TO_UNENUMERATED_NODES, self,
                                                           NULL, error);
  if (self->registration == 0)
    return NULL;
  return g_steal_pointer (&self);
}

void
ivd_dbus_missing_free (IvdDbusMissing *missing)
{
  if (missing == NULL)
    return;
  if (missing->registration != 0)
    g_dbus_connection_unregister_subtree (missing->connection, missing->registration);
  g_object_unref (missing->registry);
  g_object_unref (missing->connection);
  g_free (missing);
}
