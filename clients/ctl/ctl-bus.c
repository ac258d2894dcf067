/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-bus.h"

#include "base/ivd-names.h"

#include "ctl-error.h"

#define BUS_NAME "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"
#define BUS_TIMEOUT_MS 10000
/* A daemon that the bus starts may attach its regions first. */
#define START_TIMEOUT_MS 30000

const char *
ctl_bus_name (CtlBus bus)
{
  switch (bus)
    {
    case CTL_BUS_SESSION:
      return "session";
    case CTL_BUS_SYSTEM:
      return "system";
    case CTL_BUS_ANY:
    case CTL_BUS_ADDRESS:
    default:
      return "address";
    }
}

gboolean
ctl_bus_has_daemon (GDBusConnection *connection)
{
  g_autoptr (GVariant) answer = NULL;
  gboolean owned = FALSE;

  answer = g_dbus_connection_call_sync (connection, BUS_NAME, BUS_PATH, BUS_NAME, "NameHasOwner",
                                        g_variant_new ("(s)", IVD_BUS_NAME), G_VARIANT_TYPE ("(b)"),
                                        G_DBUS_CALL_FLAGS_NONE, BUS_TIMEOUT_MS, NULL, NULL);
  if (answer != NULL)
    g_variant_get (answer, "(b)", &owned);
  return owned;
}

static gboolean
start_daemon (GDBusConnection *connection)
{
  g_autoptr (GVariant) answer = NULL;

  answer = g_dbus_connection_call_sync (connection, BUS_NAME, BUS_PATH, BUS_NAME, "StartServiceByName",
                                        g_variant_new ("(su)", IVD_BUS_NAME, 0), G_VARIANT_TYPE ("(u)"),
                                        G_DBUS_CALL_FLAGS_NONE, START_TIMEOUT_MS, NULL, NULL);
  return answer != NULL;
}

/* GIO would start a bus of its own where a session has none: not from here. */
static char *
find_address (CtlBus bus, GError **error)
{
  g_autofree char *socket = g_build_filename (g_get_user_runtime_dir (), "bus", NULL);

  if (bus == CTL_BUS_SYSTEM)
    return g_dbus_address_get_for_bus_sync (G_BUS_TYPE_SYSTEM, NULL, error);
  if (g_getenv ("DBUS_SESSION_BUS_ADDRESS") == NULL && !g_file_test (socket, G_FILE_TEST_EXISTS))
    {
      g_set_error_literal (error, CTL_ERROR, CTL_ERROR_NO_DAEMON,
                           "there is none (DBUS_SESSION_BUS_ADDRESS is not set)");
      return NULL;
    }
  return g_dbus_address_get_for_bus_sync (G_BUS_TYPE_SESSION, NULL, error);
}

/* may_start: a bus that knows how may start the daemon. */
static GDBusConnection *
try_bus (CtlBus bus, const char *address, gboolean may_start, char **ret_address, GError **error)
{
  g_autoptr (GDBusConnection) connection = NULL;
  g_autoptr (GError) local_error = NULL;
  g_autofree char *found = address != NULL ? g_strdup (address) : find_address (bus, &local_error);
  g_autofree char *what = bus == CTL_BUS_ADDRESS ? g_strdup_printf ("the bus at %s", address)
                                                 : g_strdup_printf ("the %s bus", ctl_bus_name (bus));

  if (found != NULL)
    connection = g_dbus_connection_new_for_address_sync (
        found,
        G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
        NULL, NULL, &local_error);
  if (connection == NULL)
    {
      g_set_error (error, CTL_ERROR, CTL_ERROR_NO_DAEMON, "%s cannot be reached: %s", what,
                   local_error->message);
      return NULL;
    }
  if (!ctl_bus_has_daemon (connection) && !(may_start && start_daemon (connection)))
    {
      g_dbus_connection_close_sync (connection, NULL, NULL);
      g_set_error (error, CTL_ERROR, CTL_ERROR_NO_DAEMON, "%s has no ivshmemd", what);
      return NULL;
    }
  *ret_address = g_steal_pointer (&found);
  return g_steal_pointer (&connection);
}

GDBusConnection *
ctl_bus_connect (CtlBus bus, const char *address, CtlBus *ret_bus, char **ret_address, GError **error)
{
  g_autoptr (GError) session_error = NULL;
  g_autoptr (GError) system_error = NULL;
  GDBusConnection *connection;

  if (bus != CTL_BUS_ANY)
    {
      connection = try_bus (bus, address, TRUE, ret_address, error);
      if (connection == NULL)
        g_prefix_error (error, "no daemon: ");
      *ret_bus = bus;
      return connection;
    }

  connection = try_bus (CTL_BUS_SESSION, NULL, FALSE, ret_address, &session_error);
  *ret_bus = CTL_BUS_SESSION;
  if (connection != NULL)
    return connection;

  connection = try_bus (CTL_BUS_SYSTEM, NULL, TRUE, ret_address, &system_error);
  *ret_bus = CTL_BUS_SYSTEM;
  if (connection != NULL)
    return connection;

  g_set_error (error, CTL_ERROR, CTL_ERROR_NO_DAEMON,
               "no daemon: %s; %s", session_error->message,
               system_error->message);
  return NULL;
}
