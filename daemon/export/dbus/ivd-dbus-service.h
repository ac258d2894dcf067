/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "operation/ivd-context.h"

/*
 * IvdDbusService: the daemon on one bus. Objects are exported first, and only
 * then the name is taken, so that whoever sees the name finds everything.
 * Main thread.
 */

typedef struct _IvdDbusService IvdDbusService;

/* named: TRUE once, when the name is ours. FALSE with an error, once: it
 * cannot be had, or was lost with its bus; the service is then of no use. */
typedef void (*IvdDbusServiceFunc) (gboolean named, const GError *error, gpointer data);

/* broadcast: the bus is one user's, see ivd-dbus-signals.h. */
IvdDbusService *ivd_dbus_service_new (GDBusConnection *connection, IvdContext *context, gboolean broadcast,
                                      IvdDbusServiceFunc func, gpointer data, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void ivd_dbus_service_free (IvdDbusService *service);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdDbusService, ivd_dbus_service_free)
