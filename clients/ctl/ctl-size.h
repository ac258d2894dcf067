/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * Numbers as people write them on a command line. Every function refuses what
 * it does not understand whole, and what does not fit, with a usage error
 * that names the text and the rule.
 */

/* "4096" "0x1000" "4K" "16M" "2G" "1T", binary. */
gboolean ctl_size_parse (const char *text, guint64 *ret_size, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "512 B" "4 KiB" "1.5 MiB". (transfer full) */
char *ctl_size_format (guint64 size);

/* "s", but for one. */
const char *ctl_plural (guint64 n);

/* Decimal, or hexadecimal after 0x; at most maximum. */
gboolean ctl_number_parse (const char *text, guint64 maximum, guint64 *ret_number, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* "2s" "1.5s" "20ms" "100us" "3m" "1h"; a bare number is seconds. */
gboolean ctl_duration_parse (const char *text, guint64 *ret_usec, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "200 ms" "1.5 s". (transfer full) */
char *ctl_duration_format (guint64 usec);

/* A word of 1, 2, 4, 8 or 16 bytes, as the daemon wants it: "0x" and lower-case
 * digits. Decimal is understood up to 64 bits, hexadecimal up to the width. */
gboolean ctl_word_parse (const char *text,
                         guint width,
                         char **ret_word,
                         GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
