/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "model/ivd-registry.h"

/*
 * IvdDbusMissing: answers for the regions that are not there. A call at the
 * path of one ends with our not-found, by name, instead of the bus library's
 * own error. Objects of regions that are there come first.
 */

typedef struct _IvdDbusMissing IvdDbusMissing;

IvdDbusMissing *ivd_dbus_missing_new (GDBusConnection *connection, IvdRegistry *registry, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void ivd_dbus_missing_free (IvdDbusMissing *missing);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdDbusMissing, ivd_dbus_missing_free)
