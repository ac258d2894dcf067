/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/dbus/ivd-dbus-object.h"

#include <gio/gunixfdlist.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"
#include "base/ivd-names.h"
#include "export/dbus/ivd-dbus-properties.h"
#include "ivd-dbus-interfaces.h"
#include "operation/ivd-request.h"

#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"

struct _IvdDbusObject
{
  GDBusConnection *connection;
  IvdContext *context;
  IvdDbusCallers *callers;
  char *region;
  guint registration;
};

/* A call between its arrival and the answer of who has sent it. It keeps what
 * it needs itself: its object may go meanwhile. */
typedef struct
{
  GDBusMethodInvocation *invocation;
  IvdContext *context;
  char *region;
} Call;

static void
call_free (Call *call)
{
  g_free (call->region);
  g_free (call);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Call, call_free)

void
ivd_dbus_return_error (GDBusMethodInvocation *take_invocation, const GError *error)
{
  const IvdErrorInfo *info = ivd_error_info (ivd_error_code (error));

  g_dbus_method_invocation_return_dbus_error (take_invocation, info->dbus_name, error->message);
}

static void
on_answer (GVariant *result, int take_fd, const GError *error, gpointer data)
{
  GDBusMethodInvocation *invocation = data;
  g_autoptr (GUnixFDList) fds = NULL;

  if (error != NULL)
    {
      ivd_dbus_return_error (invocation, error);
      return;
    }
  if (take_fd >= 0)
    fds = g_unix_fd_list_new_from_array (&take_fd, 1);
  g_dbus_method_invocation_return_value_with_unix_fd_list (invocation, result, fds);
}

/* Properties.Get and GetAll of a region, for those who may see it. */
static GVariant *
get_region_properties (Call *call, IvdCaller *caller, const char *property, GError **error)
{
  IvdRegion *region = ivd_registry_find (call->context->registry, call->region, error);

  if (region == NULL
      || !ivd_access_check (call->context->access, caller, IVD_PERMISSION_SEE, call->region, error))
    return NULL;
  if (property == NULL)
    return g_variant_new ("(@a{sv})", ivd_dbus_region_properties (region));
  return g_variant_new ("(v)", ivd_dbus_region_property (region, property));
}

/* What the manager says of the daemon is for everybody whom the bus lets in. */
static GVariant *
get_manager_properties (Call *call, const char *property)
{
  if (property == NULL)
    return g_variant_new ("(@a{sv})", ivd_dbus_manager_properties (call->context));
  return g_variant_new ("(v)", ivd_dbus_manager_property (call->context, property));
}

static void
answer_properties (Call *call, IvdCaller *caller)
{
  GDBusMethodInvocation *invocation = call->invocation;
  GVariant *parameters = g_dbus_method_invocation_get_parameters (invocation);
  g_autoptr (GError) error = NULL;
  const char *property = NULL;
  GVariant *result;

  /* GDBus has checked that interface and property exist. Nothing is writable. */
  if (g_str_equal (g_dbus_method_invocation_get_method_name (invocation), "Get"))
    g_variant_get_child (parameters, 1, "&s", &property);
  if (call->region != NULL)
    result = get_region_properties (call, caller, property, &error);
  else
    result = get_manager_properties (call, property);
  if (result != NULL)
    g_dbus_method_invocation_return_value (invocation, result);
  else
    ivd_dbus_return_error (invocation, error);
}

static void
on_caller (IvdCaller *caller, const GError *error, gpointer data)
{
  g_autoptr (Call) call = data;
  GDBusMethodInvocation *invocation = call->invocation;
  const IvdOperation *operation;

  if (caller == NULL)
    {
      ivd_dbus_return_error (invocation, error);
      return;
    }
  if (g_str_equal (g_dbus_method_invocation_get_interface_name (invocation), PROPERTIES_INTERFACE))
    {
      answer_properties (call, caller);
      return;
    }
  operation = ivd_operation_find (call->region != NULL ? IVD_SCOPE_REGION : IVD_SCOPE_DAEMON,
                                  g_dbus_method_invocation_get_method_name (invocation));
  g_return_if_fail (operation != NULL);
  ivd_request_start (call->context, operation, caller, call->region,
                     g_dbus_method_invocation_get_parameters (invocation), NULL, on_answer, invocation);
}

static void
on_method_call (GDBusConnection *connection, const char *sender, const char *path, const char *interface,
                const char *method, GVariant *parameters, GDBusMethodInvocation *invocation, gpointer data)
{
  IvdDbusObject *self = data;
  Call *call = g_new0 (Call, 1);

  call->invocation = invocation;
  call->context = self->context;
  call->region = g_strdup (self->region);
  ivd_dbus_callers_get (self->callers, sender, on_caller, call);
}

/* Without a get_property GDBus sends Properties.Get and GetAll through
 * on_method_call too, where it can be seen first who asks. */
static const GDBusInterfaceVTable vtable = { .method_call = on_method_call };

IvdDbusObject *
ivd_dbus_object_new (GDBusConnection *connection, IvdContext *context, IvdDbusCallers *callers, const char *region,
                     GError **error)
{
  g_autoptr (IvdDbusObject) self = g_new0 (IvdDbusObject, 1);
  g_autofree char *path = region != NULL ? ivd_name_to_path (IVD_REGION_PATH_PREFIX, region)
                                         : g_strdup (IVD_OBJECT_PATH);
  const GDBusInterfaceInfo *info = region != NULL ? &org_ivshmem_daemon1_region_interface
                                                  : &org_ivshmem_daemon1_manager_interface;

  self->connection = g_object_ref (connection);
  self->context = context;
  self->callers = callers;
  self->region = g_strdup (region);
  self->registration = g_dbus_connection_register_object (connection, path, (GDBusInterfaceInfo *) info, &vtable, self,
                                                          NULL, error);
  if (self->registration == 0)
    return NULL;
  return g_steal_pointer (&self);
}

void
ivd_dbus_object_free (IvdDbusObject *object)
{
  if (object == NULL)
    return;
  if (object->registration != 0)
    g_dbus_connection_unregister_object (object->connection, object->registration);
  g_object_unref (object->connection);
  g_free (object->region);
  g_free (object);
}
