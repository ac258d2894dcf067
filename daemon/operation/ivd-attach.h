/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "access/ivd-caller.h"
#include "operation/ivd-context.h"

/*
 * Attaching and detaching: for callers through the operation table, and for
 * the daemon itself, which attaches what its config names.
 */

/* region: NULL and error set when it failed. (transfer none) */
typedef void (*IvdAttachFunc) (IvdRegion *region, const GError *error, gpointer data);

/* Checks name, duplicate, plugin and options, in this order, then opens the
 * region. options: a{sv}, with "persist", "activity" and "hotplug" beside those of the plugin. Answers
 * when the memory is there, or with the error; perhaps before it returns. */
void ivd_attach (IvdContext *context, IvdCaller *caller, const char *plugin, const char *name, GVariant *options,
                 IvdAttachFunc func, gpointer data);
