/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/* Secrets that nobody can guess: a prefix that says what it is for, and 32
 * bytes of the kernel's randomness in 43 characters of base64url. Any thread. */

/* (transfer full) */
char *ivd_secret_generate (const char *prefix, GError **error);

/* TRUE if text could have come from ivd_secret_generate (prefix). */
gboolean ivd_secret_has_form (const char *text, const char *prefix);
