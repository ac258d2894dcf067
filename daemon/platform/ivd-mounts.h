/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/* Where file systems of a type are mounted, in the order of the mounts; empty
 * when the machine does not say. Only names that are UTF-8. (transfer full) */
GStrv ivd_mounts_list (const char *type);

/* The same out of the text of a mountinfo file. (transfer full) */
GStrv ivd_mounts_parse (const char *text, const char *type);
