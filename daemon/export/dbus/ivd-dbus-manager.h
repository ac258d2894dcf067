/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/dbus/ivd-dbus-callers.h"
#include "operation/ivd-context.h"

/*
 * IvdDbusManager: org.freedesktop.DBus.ObjectManager at the daemon's object,
 * by which clients find the regions. Our own, since each caller gets to see
 * only what it may see, which GDBusObjectManagerServer cannot do.
 */

typedef struct _IvdDbusManager IvdDbusManager;

IvdDbusManager *ivd_dbus_manager_new (GDBusConnection *connection, IvdContext *context, IvdDbusCallers *callers,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ivd_dbus_manager_free (IvdDbusManager *manager);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdDbusManager, ivd_dbus_manager_free)
