/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "operation/ivd-context.h"

/*
 * IvdBus: the daemon's place on a message bus, kept. dbus/ivd-dbus-bus.c is
 * the real one; ivd-bus-none.c stands in when D-Bus is left out of the build.
 */

typedef enum
{
  IVD_BUS_SYSTEM,
  IVD_BUS_SESSION,
  IVD_BUS_ADDRESS,
} IvdBusKind;

typedef struct _IvdBus IvdBus;

typedef enum
{
  IVD_BUS_NAMED,  /* the name is ours; once */
  IVD_BUS_FAILED, /* before it was named: it cannot be had; the end */
  IVD_BUS_ENDED,  /* a session bus has gone, and with it the session; the end */
} IvdBusState;

/* error: for IVD_BUS_FAILED. */
typedef void (*IvdBusFunc) (IvdBusState state, const GError *error, gpointer data);

/* Connects, exports everything and takes the name. func is called later, never
 * from within. Once named, a bus that goes (but a session's) is come back to,
 * with back-off; the regions do not notice. address: for IVD_BUS_ADDRESS. */
IvdBus *ivd_bus_new (IvdBusKind kind, const char *address, IvdContext *context, IvdBusFunc func, gpointer data);

/* Gives the name up and leaves; everything that callers held is released. */
void ivd_bus_free (IvdBus *bus);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdBus, ivd_bus_free)
