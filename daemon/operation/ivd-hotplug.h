/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "operation/ivd-context.h"

/*
 * IvdHotplug: the regions with hotplug=true. Each is attached when a device
 * that fits is there, and anew after its device was lost: the lost region is
 * detached, whoever uses it, when another device has appeared or changed. Which
 * device fits is its plugin's to say; so attaching is tried whenever what the
 * plugin could attach has changed, and at no other time. Main thread.
 */

/* Tells when devices have changed, until it is freed. context must be filled,
 * and stay. */
IvdHotplug *ivd_hotplug_new (IvdContext *context);
/* Nothing is attached any more. More than once is fine. */
void ivd_hotplug_stop (IvdHotplug *hotplug);
void ivd_hotplug_free (IvdHotplug *hotplug);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHotplug, ivd_hotplug_free)

/* Attaches a region of the config now, or when a device is there. options: as
 * Attach takes them. done: the first try has ended; perhaps before this returns. */
void ivd_hotplug_start (IvdHotplug *hotplug, const char *plugin, const char *name, GVariant *options,
                        void (*done) (gpointer data), gpointer data);

/* A region was attached with hotplug=true: it is looked after from now on. Who
 * had the rule of that name before has it no more. */
void ivd_hotplug_keep (IvdHotplug *hotplug, IvdRegion *region, GVariant *options);

/* Somebody else has the say about that name: it was detached by hand, or
 * attached without the rule. FALSE: there was none. */
gboolean ivd_hotplug_end (IvdHotplug *hotplug, const char *name);
gboolean ivd_hotplug_has (IvdHotplug *hotplug, const char *name);
