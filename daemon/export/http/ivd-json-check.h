/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * The grammar of RFC 8259 to the letter, with our limits: what json-glib takes
 * beyond it (comments, octal escapes, hexadecimal, half surrogate pairs, keys
 * that come twice, trailing garbage) never reaches json-glib. Any thread.
 */

/* TRUE if data is one JSON object and nothing else. Else invalid-argument, or
 * too-large, that tells line, column, what is wrong and what is right. */
gboolean ivd_json_check (const char *data, gsize length, GError **error) G_GNUC_WARN_UNUSED_RESULT;
