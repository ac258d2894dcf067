/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/* Which bus to look for the daemon on. */
typedef enum
{
  CTL_BUS_ANY, /* the session bus if the daemon is there, else the system bus */
  CTL_BUS_SESSION,
  CTL_BUS_SYSTEM,
  CTL_BUS_ADDRESS,
} CtlBus;

/* A connection to a bus where the daemon has its name (or where the bus has
 * just started it). address: for CTL_BUS_ADDRESS. ret_bus: the bus that it
 * is. Errors: no-daemon, with what was tried and what to do. */
GDBusConnection *ctl_bus_connect (CtlBus bus,
                                  const char *address,
                                  CtlBus *ret_bus,
                                  char **ret_address,
                                  GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* TRUE if the daemon's name has an owner there now. */
gboolean ctl_bus_has_daemon (GDBusConnection *connection);

/* "session", "system", "address". */
const char *ctl_bus_name (CtlBus bus);
