/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/* The object path of a region: its name with every byte outside [A-Za-z0-9],
 * and a leading digit, as _xx. (transfer full) */
char *ctl_path_of_region (const char *name);

/* The reverse; NULL when path is none of a region. (transfer full) */
char *ctl_path_to_region (const char *path);
