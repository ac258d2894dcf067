/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ctl-bus.h"
#include "ctl-transport.h"

/* A transport over D-Bus. Errors: no-daemon. */
CtlTransport *ctl_transport_dbus_new (CtlBus bus,
                                      const char *address,
                                      GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
