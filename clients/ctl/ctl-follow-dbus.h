/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ctl-transport.h"

/*
 * Follows regions over D-Bus: watches the daemon's name and its object
 * manager, subscribes to each region that is wanted, and begins anew whenever
 * the daemon comes back.
 */

typedef struct _CtlFollow CtlFollow;

/* names NULL: every region. */
CtlFollow *ctl_follow_new (GDBusConnection *connection,
                           const char *const *names,
                           CtlEventFunc func,
                           gpointer data);
/* NULL is fine. */
void ctl_follow_free (CtlFollow *follow);

/* a{sa{sv}}, name → properties, from the answer of GetManagedObjects. */
GVariant *ctl_follow_regions_of_objects (GVariant *answer);
