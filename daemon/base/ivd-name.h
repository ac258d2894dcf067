/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/* TRUE if name is [A-Za-z0-9][A-Za-z0-9_.-]{0,63}; else FALSE and an
 * invalid-argument error that quotes (a safe form of) the name and the rule.
 * what: "region", "bridge", ... as it shall stand in the message. */
gboolean ivd_name_check (const char *what, const char *name, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Text from outside made fit for a log line or an error: valid UTF-8, control
 * characters escaped, at most 128 bytes. (transfer full) */
char *ivd_text_safe (const char *text);
/* The same with another bound, before escapes. */
char *ivd_text_safe_bytes (const char *text, gsize limit);

/* TRUE if text says yes or no: true yes on 1, false no off 0. */
gboolean ivd_text_to_boolean (const char *text, gboolean *ret_value) G_GNUC_WARN_UNUSED_RESULT;

/* prefix and name as a D-Bus object path, escaped as sd_bus_path_encode does:
 * what is not a letter or a digit, and a leading digit, becomes _xx, and an
 * empty name _. (transfer full) */
char *ivd_name_to_path (const char *prefix, const char *name);
