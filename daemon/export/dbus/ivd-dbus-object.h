/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/dbus/ivd-dbus-callers.h"
#include "operation/ivd-context.h"

/*
 * IvdDbusObject: one interface at one object path. Calls are translated to
 * requests of the operation table and answers back; property reads are
 * answered after the same look at who asks.
 */

typedef struct _IvdDbusObject IvdDbusObject;

/* region: the name of the region that the object stands for; NULL: the
 * manager. What is passed must outlive the object. */
IvdDbusObject *ivd_dbus_object_new (GDBusConnection *connection, IvdContext *context, IvdDbusCallers *callers,
                                    const char *region, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ivd_dbus_object_free (IvdDbusObject *object);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdDbusObject, ivd_dbus_object_free)

/* Ends a call with one of our errors, by its name in the table. */
void ivd_dbus_return_error (GDBusMethodInvocation *take_invocation, const GError *error);
