/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-digest.h"

#include <string.h>

#define HEX_DIGITS "0123456789abcdef"
#define BITS_PER_DIGIT 4

void
ivd_digest_of (const char *secret, IvdDigest *ret_digest)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize length = IVD_DIGEST_BYTES;

  g_checksum_update (checksum, (const guchar *) secret, (gssize) strlen (secret));
  g_checksum_get_digest (checksum, ret_digest->bytes, &length);
}

gboolean
ivd_digest_equal (const IvdDigest *a, const IvdDigest *b)
{
  /* Volatile, so that no compiler ends the loop early. */
  volatile guint8 differences = 0;

  for (gsize i = 0; i < IVD_DIGEST_BYTES; i++)
    differences = (guint8) (differences | (a->bytes[i] ^ b->bytes[i]));
  return differences == 0;
}

char *
ivd_digest_to_hex (const IvdDigest *digest)
{
  g_autoptr (GString) text = g_string_sized_new (IVD_DIGEST_HEX_BYTES);

  for (gsize i = 0; i < IVD_DIGEST_BYTES; i++)
    g_string_append_printf (text, "%02x", digest->bytes[i]);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

gboolean
ivd_digest_from_hex (const char *text, IvdDigest *ret_digest)
{
  if (strlen (text) != IVD_DIGEST_HEX_BYTES || strspn (text, HEX_DIGITS) != IVD_DIGEST_HEX_BYTES)
    return FALSE;
  for (gsize i = 0; i < IVD_DIGEST_BYTES; i++)
    {
      int high = g_ascii_xdigit_value (text[2 * i]);
      int low = g_ascii_xdigit_value (text[2 * i + 1]);

      ret_digest->bytes[i] = (guint8) (high << BITS_PER_DIGIT | low);
    }
  return TRUE;
}
