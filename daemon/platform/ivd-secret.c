/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-secret.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/ivd-error.h"

#define RANDOM_BYTES 32
/* Of RANDOM_BYTES in base64 without its padding. */
#define TEXT_BYTES 43

/* At most 256 bytes come whole or not at all. */
G_STATIC_ASSERT (RANDOM_BYTES <= 256);

char *
ivd_secret_generate (const char *prefix, GError **error)
{
  guint8 bytes[RANDOM_BYTES];
  g_autofree char *text = NULL;
  gssize n;

  do
    n = getrandom (bytes, sizeof bytes, 0);
  while (n < 0 && errno == EINTR);
  if (n != (gssize) sizeof bytes)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "the kernel gives no random bytes: %s", g_strerror (errno));
      return NULL;
    }
  text = g_base64_encode (bytes, sizeof bytes);
  explicit_bzero (bytes, sizeof bytes);
  g_strdelimit (text, "+", '-');
  g_strdelimit (text, "/", '_');
  text[TEXT_BYTES] = '\0';
  return g_strconcat (prefix, text, NULL);
}

gboolean
ivd_secret_has_form (const char *text, const char *prefix)
{
  const char *p;

  if (!g_str_has_prefix (text, prefix))
    return FALSE;
  text += strlen (prefix);
  for (p = text; g_ascii_isalnum (*p) || *p == '-' || *p == '_'; p++)
    continue;
  return *p == '\0' && p - text == TEXT_BYTES;
}
