/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/* Whether it can be read, and is no larger than such files are. */
gboolean ivd_certificate_check_file (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A certificate for our side of TLS, with its key and those that vouch for it:
 * two PEM files, or twice the same. It is tried out, so that what does not work
 * is found at the start and not by the first client. invalid-argument and others,
 * naming the file. Takes some milliseconds. (transfer full) */
GTlsCertificate *ivd_certificate_load (const char *certificate_file, const char *key_file, GError **error);
