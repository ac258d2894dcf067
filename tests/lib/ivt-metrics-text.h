/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/* Reads the text of metrics as strictly as its format is written down, by
 * other means than the daemon writes it. */

/* What a text has: series as written ("name{labels}") → value as written. Ends
 * the test when the text breaks a rule: unknown line, family in two places,
 * type after samples, wrong suffix for its type, a series twice, a label twice,
 * bad escape, buckets that fall, EOF missing or too early. (transfer full) */
GHashTable *ivt_metrics_parse (const char *text, gsize length, gboolean openmetrics);

/* The value of a series, or NULL. */
const char *ivt_metrics_get (GHashTable *series, const char *name);

/* How many series begin so. */
guint ivt_metrics_count (GHashTable *series, const char *prefix);
