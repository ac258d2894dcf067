/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/dbus/ivd-dbus-callers.h"
#include "operation/ivd-context.h"

/*
 * IvdDbusSignals: what the model tells, as signals. A region's own signals go
 * to its subscribers one by one. Changes of properties and of the list of
 * regions are broadcast on a bus of one user; on the system bus they go only
 * to those who may see the region and have asked us something before. Changes
 * within one turn of the main loop are one signal. Main thread.
 */

typedef struct _IvdDbusSignals IvdDbusSignals;

IvdDbusSignals *ivd_dbus_signals_new (GDBusConnection *connection, IvdContext *context, IvdDbusCallers *callers,
                                      gboolean broadcast);
void ivd_dbus_signals_free (IvdDbusSignals *signals);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdDbusSignals, ivd_dbus_signals_free)

void ivd_dbus_signals_region_added (IvdDbusSignals *signals, IvdRegion *region);
void ivd_dbus_signals_region_removed (IvdDbusSignals *signals, IvdRegion *region);
void ivd_dbus_signals_region_changed (IvdDbusSignals *signals, IvdRegion *region, guint changes);
/* A change that a watch has found: its owner is told, and nobody else. What
 * plugins could attach: whoever would be told of a region and may list it. */
void ivd_dbus_signals_event (IvdDbusSignals *signals, const IvdEvent *event, IvdRegion *region);
