/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "config/ivd-config-region.h"

/*
 * Regions that were attached at run time and shall be there after a restart:
 * one file each, DIRECTORY/NAME.conf, in the format of the config. The
 * directory must be there, and belongs to one daemon.
 */

/* In place of what was there; whole or not at all, even if the power fails.
 * invalid-argument if a value cannot be written so that it reads the same. */
gboolean ivd_saved_region_write (const char *directory, const IvdConfigRegion *region, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* not-found when it was not saved. */
gboolean ivd_saved_region_remove (const char *directory, const char *name, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* All of them, by name. A file that is no good costs nothing but itself: it is
 * one GError in ret_errors, which may be NULL. No directory: no regions.
 * (transfer full, of IvdConfigRegion *) */
GPtrArray *ivd_saved_region_read_all (const char *directory, GPtrArray **ret_errors);
