/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "config/ivd-config-region.h"
#include "operation/ivd-context.h"

/*
 * What the daemon attaches by itself when it starts: the regions of its config
 * and those saved by earlier runs.
 */

/* TRUE if plugin and options of every region are good; an error that names
 * file and line if not: a config with a mistake in it is not started halfway.
 * regions: of IvdConfigRegion *. */
gboolean ivd_boot_check (IvdContext *context, const GPtrArray *regions, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Attaches them all at once; what fails now is logged and left out, since the
 * others may serve guests, or, with hotplug=true, tried again when devices change. done is called when each has answered, perhaps
 * before this returns. */
void ivd_boot_attach (IvdContext *context, const GPtrArray *regions, void (*done) (gpointer data), gpointer data);
