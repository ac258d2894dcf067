/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-transport-dbus.h"

#include <gio/gunixfdlist.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"
#include "base/ivd-names.h"

#include "ctl-error.h"
#include "ctl-follow-dbus.h"
#include "ctl-path.h"

#define PROPERTIES "org.freedesktop.DBus.Properties"
#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"

typedef struct
{
  CtlTransport base;
  GDBusConnection *connection;
  CtlBus bus;
  char *address;
  CtlFollow *follow;
} Dbus;

static void
dbus_free (CtlTransport *transport)
{
  Dbus *dbus = (Dbus *) transport;

  ctl_follow_free (dbus->follow);
  /* Closed at once, so that the daemon drops what was asked for. */
  g_dbus_connection_close_sync (dbus->connection, NULL, NULL);
  g_object_unref (dbus->connection);
  g_free (dbus->address);
  g_free (dbus);
}

/* A daemon that has gone while it was asked gets its own words. */
static GError *
translate_error (Dbus *dbus, GError *taken)
{
  g_autoptr (GError) error = taken;
  g_autofree char *name = g_dbus_error_get_remote_error (error);

  g_dbus_error_strip_remote_error (error);
  if (g_dbus_connection_is_closed (dbus->connection)
      || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED))
    return g_error_new_literal (CTL_ERROR, CTL_ERROR_NO_DAEMON, "the bus has closed the connection");
  if (g_strcmp0 (name, "org.freedesktop.DBus.Error.NoReply") == 0 && !ctl_bus_has_daemon (dbus->connection))
    return g_error_new_literal (CTL_ERROR, CTL_ERROR_NO_DAEMON, "ivshmemd has gone before it answered");
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    return g_error_new_literal (IVD_ERROR, IVD_ERROR_TIMEOUT,
                                "ivshmemd has not answered in time; its log may say why");
  if (name == NULL && error->domain == G_IO_ERROR)
    return g_error_new_literal (IVD_ERROR, (gint) ivd_error_code (error), error->message);
  return ctl_error_new_for_dbus (name, error->message);
}

static GVariant *
call_raw (Dbus *dbus,
          const char *path,
          const char *interface,
          const char *method,
          GVariant *parameters,
          const GVariantType *answer_type,
          gint timeout_ms,
          GUnixFDList **ret_descriptors,
          GError **error)
{
  GError *local_error = NULL;
  GVariant *answer;

  answer = g_dbus_connection_call_with_unix_fd_list_sync (
      dbus->connection, IVD_BUS_NAME, path, interface, method, parameters, answer_type,
      G_DBUS_CALL_FLAGS_NO_AUTO_START, timeout_ms, NULL, ret_descriptors, NULL, &local_error);
  if (answer == NULL)
    g_propagate_error (error, translate_error (dbus, local_error));
  return answer;
}

/* GDBus says "unknown method" for an object that is not there. */
static gboolean
region_is_there (Dbus *dbus, const char *path)
{
  g_autoptr (GVariant) answer = NULL;

  answer = call_raw (dbus, path, PROPERTIES, "Get", g_variant_new ("(ss)", IVD_INTERFACE_REGION, "Name"),
                     G_VARIANT_TYPE ("(v)"), CTL_TIMEOUT_DEFAULT, NULL, NULL);
  return answer != NULL;
}

static void
refine_region_error (Dbus *dbus, const char *region, const char *path, GError **error)
{
  g_autofree char *safe = NULL;

  if (error == NULL || *error == NULL)
    return;
  if (!g_error_matches (*error, IVD_ERROR, IVD_ERROR_NOT_FOUND)
      && !g_error_matches (*error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED)
      && !g_error_matches (*error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT))
    return;
  if (region_is_there (dbus, path))
    return;
  safe = ivd_text_safe (region);
  g_clear_error (error);
  g_set_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND,
               "there is no region '%s'; `ivshmemctl list` shows those that there are", safe);
}

static gboolean
take_descriptor (GVariant *answer, GUnixFDList *descriptors, int *ret_fd, GError **error)
{
  g_autoptr (GVariant) first = NULL;
  gint32 handle;

  if (descriptors == NULL || g_variant_n_children (answer) == 0)
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_INTERNAL, "the daemon sent no descriptor");
      return FALSE;
    }
  first = g_variant_get_child_value (answer, 0);
  handle = g_variant_is_of_type (first, G_VARIANT_TYPE_HANDLE) ? g_variant_get_handle (first) : -1;
  if (handle < 0 || handle >= g_unix_fd_list_get_length (descriptors))
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_INTERNAL,
                           "the daemon sent no descriptor of that number");
      return FALSE;
    }
  *ret_fd = g_unix_fd_list_get (descriptors, handle, error);
  return *ret_fd >= 0;
}

static GVariant *
dbus_call (CtlTransport *transport, const CtlCall *call, int *ret_fd, GError **error)
{
  Dbus *dbus = (Dbus *) transport;
  g_autofree char *path
      = call->region != NULL ? ctl_path_of_region (call->region) : g_strdup (IVD_OBJECT_PATH);
  g_autoptr (GUnixFDList) descriptors = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GError) local_error = NULL;

  answer
      = call_raw (dbus, path, call->region != NULL ? IVD_INTERFACE_REGION : IVD_INTERFACE_MANAGER,
                  call->method, call->parameters, call->answer != NULL ? call->answer : G_VARIANT_TYPE_UNIT,
                  call->timeout_ms, &descriptors, &local_error);
  if (answer == NULL)
    {
      if (call->region != NULL)
        refine_region_error (dbus, call->region, path, &local_error);
      g_propagate_error (error, g_steal_pointer (&local_error));
      return NULL;
    }
  if (ret_fd != NULL && !take_descriptor (answer, descriptors, ret_fd, error))
    return NULL;
  return g_steal_pointer (&answer);
}

static GVariant *
dbus_properties (CtlTransport *transport, const char *region, GError **error)
{
  Dbus *dbus = (Dbus *) transport;
  g_autofree char *path = region != NULL ? ctl_path_of_region (region) : g_strdup (IVD_OBJECT_PATH);
  const char *interface = region != NULL ? IVD_INTERFACE_REGION : IVD_INTERFACE_MANAGER;
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GError) local_error = NULL;

  answer = call_raw (dbus, path, PROPERTIES, "GetAll", g_variant_new ("(s)", interface),
                     G_VARIANT_TYPE ("(a{sv})"), CTL_TIMEOUT_DEFAULT, NULL, &local_error);
  if (answer == NULL)
    {
      if (region != NULL)
        refine_region_error (dbus, region, path, &local_error);
      g_propagate_error (error, g_steal_pointer (&local_error));
      return NULL;
    }
  return g_variant_get_child_value (answer, 0);
}

static GVariant *
dbus_regions (CtlTransport *transport, GError **error)
{
  Dbus *dbus = (Dbus *) transport;
  g_autoptr (GVariant) answer = NULL;

  answer = call_raw (dbus, IVD_OBJECT_PATH, OBJECT_MANAGER, "GetManagedObjects", NULL,
                     G_VARIANT_TYPE ("(a{oa{sa{sv}}})"), CTL_TIMEOUT_DEFAULT, NULL, error);
  return answer != NULL ? ctl_follow_regions_of_objects (answer) : NULL;
}

static void
dbus_follow (CtlTransport *transport, const char *const *names, CtlEventFunc func, gpointer data)
{
  Dbus *dbus = (Dbus *) transport;

  g_return_if_fail (dbus->follow == NULL);

  dbus->follow = ctl_follow_new (dbus->connection, names, func, data);
}

/* "GetConnectionUnixProcessID" and the like; FALSE when the bus does not know. */
static gboolean
ask_bus (Dbus *dbus, const char *method, guint32 *ret_value)
{
  g_autoptr (GVariant) answer = NULL;

  answer = g_dbus_connection_call_sync (dbus->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                        "org.freedesktop.DBus", method, g_variant_new ("(s)", IVD_BUS_NAME),
                                        G_VARIANT_TYPE ("(u)"), G_DBUS_CALL_FLAGS_NONE, CTL_TIMEOUT_DEFAULT,
                                        NULL, NULL);
  if (answer == NULL)
    return FALSE;
  g_variant_get (answer, "(u)", ret_value);
  return TRUE;
}

static void
dbus_describe (CtlTransport *transport, GVariantDict *description)
{
  Dbus *dbus = (Dbus *) transport;
  guint32 pid, uid;

  g_variant_dict_insert (description, "bus", "s", ctl_bus_name (dbus->bus));
  g_variant_dict_insert (description, "address", "s", dbus->address);
  if (ask_bus (dbus, "GetConnectionUnixProcessID", &pid))
    g_variant_dict_insert (description, "pid", "u", pid);
  if (ask_bus (dbus, "GetConnectionUnixUser", &uid))
    g_variant_dict_insert (description, "uid", "u", uid);
}

static const CtlTransportClass dbus_class = {
  .free = dbus_free,
  .call = dbus_call,
  .properties = dbus_properties,
  .regions = dbus_regions,
  .follow = dbus_follow,
  .describe = dbus_describe,
};

CtlTransport *
ctl_transport_dbus_new (CtlBus bus, const char *address, GError **error)
{
  g_autofree char *found = NULL;
  GDBusConnection *connection;
  CtlBus where;
  Dbus *dbus;

  connection = ctl_bus_connect (bus, address, &where, &found, error);
  if (connection == NULL)
    return NULL;

  dbus = g_new0 (Dbus, 1);
  dbus->base.class = &dbus_class;
  dbus->connection = connection;
  dbus->bus = where;
  dbus->address = g_steal_pointer (&found);
  return &dbus->base;
}
