/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "operation/ivd-context.h"

/* What the model looks like as D-Bus properties. */

/* One property; NULL: there is none of that name. (transfer floating) */
GVariant *ivd_dbus_region_property (IvdRegion *region, const char *name);
GVariant *ivd_dbus_manager_property (IvdContext *context, const char *name);

/* All of them: a{sv}. (transfer floating) */
GVariant *ivd_dbus_region_properties (IvdRegion *region);
GVariant *ivd_dbus_manager_properties (IvdContext *context);

/* Those that IvdRegionChange bits stand for: a{sv}. (transfer floating) */
GVariant *ivd_dbus_region_changed_properties (IvdRegion *region, guint changes);
