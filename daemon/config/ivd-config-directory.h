/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#define IVD_CONFIG_SUFFIX ".conf"

/* The paths of the *.conf in directory, hidden ones left out, in the order of
 * the C locale. not-found, denied, limit, io. (transfer full) */
GStrv ivd_config_directory_list (const char *directory, GError **error);
