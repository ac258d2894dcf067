/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/* SHA-256 of a secret, which is all that is kept of it. */

#define IVD_DIGEST_BYTES 32
#define IVD_DIGEST_HEX_BYTES (2 * IVD_DIGEST_BYTES)

typedef struct
{
  guint8 bytes[IVD_DIGEST_BYTES];
} IvdDigest;

void ivd_digest_of (const char *secret, IvdDigest *ret_digest);

/* In the same time, wherever they differ. */
gboolean ivd_digest_equal (const IvdDigest *a, const IvdDigest *b);

/* 64 digits, lower case. (transfer full) */
char *ivd_digest_to_hex (const IvdDigest *digest);
/* FALSE: text is not exactly that. */
gboolean ivd_digest_from_hex (const char *text, IvdDigest *ret_digest) G_GNUC_WARN_UNUSED_RESULT;
