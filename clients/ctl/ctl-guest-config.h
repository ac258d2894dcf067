/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * What a virtual machine needs in its configuration to have a region. Pure:
 * made from a region's properties.
 */

/* QEMU's arguments, each a word of its own. Errors: not-supported (a guest
 * cannot have such a region), invalid-argument (nothing that QEMU would take). */
GStrv ctl_guest_config_qemu (GVariant *properties, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* libvirt's XML, lines; ret_note: what else must be known, or NULL. Errors: as
 * above. (transfer full) */
char *ctl_guest_config_libvirt (GVariant *properties,
                                char **ret_note,
                                GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
