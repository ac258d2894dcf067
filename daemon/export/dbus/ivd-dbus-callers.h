/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "access/ivd-caller.h"

/*
 * IvdDbusCallers: who stands behind each name on the bus, as the bus itself
 * vouches for it. Asked once per connection, forgotten when the connection
 * ends; the caller object is told then. Main thread.
 */

typedef struct _IvdDbusCallers IvdDbusCallers;

IvdDbusCallers *ivd_dbus_callers_new (GDBusConnection *connection);
/* Every caller leaves. */
void ivd_dbus_callers_free (IvdDbusCallers *callers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdDbusCallers, ivd_dbus_callers_free)

/* caller is NULL and error set when the bus does not know it (any more). */
typedef void (*IvdDbusCallerFunc) (IvdCaller *caller, const GError *error, gpointer data);

/* Answers perhaps before it returns; calls of one sender in their order. */
void ivd_dbus_callers_get (IvdDbusCallers *callers, const char *sender, IvdDbusCallerFunc func, gpointer data);

/* Those known now: of IvdCaller *. (transfer container) */
GPtrArray *ivd_dbus_callers_list (IvdDbusCallers *callers);

/* Others may hold things as well, whom the bus does not reach. */
gboolean ivd_dbus_callers_has (IvdDbusCallers *callers, IvdCaller *caller);
