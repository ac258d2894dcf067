/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * A witness is an open file of a device's folder in sysfs. It fails once that
 * device is removed, even if the next one has the same address by then, and
 * holds no removal up.
 */

/* -1 and an error: it is gone already. The descriptor is the caller's. */
int pci_witness_open (const char *sysfs, const char *address, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean pci_witness_is_gone (int witness);
