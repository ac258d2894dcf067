/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/* Patterns for names: '*' stands for any text, '?' for one character. */

#define IVD_PATTERN_ALL "*"

/* TRUE if pattern is 1 to 64 of what names are made of, '*' and '?'; else
 * invalid-argument. */
gboolean ivd_pattern_check (const char *pattern, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* In time linear in both lengths multiplied, whatever they are. */
gboolean ivd_pattern_matches (const char *pattern, const char *name);
