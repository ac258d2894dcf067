/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-pattern.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"

#define OTHER_CHARACTERS "_.-*?"

static gboolean
pattern_is_good (const char *pattern)
{
  gsize length = 0;

  for (; pattern[length] != '\0'; length++)
    {
      if (!g_ascii_isalnum (pattern[length]) && strchr (OTHER_CHARACTERS, pattern[length]) == NULL)
        return FALSE;
    }
  return length > 0 && length <= IVD_LIMIT_NAME_BYTES;
}

gboolean
ivd_pattern_check (const char *pattern, GError **error)
{
  g_autofree char *safe = NULL;

  if (pattern_is_good (pattern))
    return TRUE;
  safe = ivd_text_safe (pattern);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "'%s' is no pattern for names: 1 to %d of A-Z a-z 0-9 _ . -, * for any text and ? for one character",
               safe, IVD_LIMIT_NAME_BYTES);
  return FALSE;
}

/* When something does not fit, the last '*' takes one character more; an
 * earlier one never has to. */
gboolean
ivd_pattern_matches (const char *pattern, const char *name)
{
  const char *after_star = NULL;
  const char *taken = NULL;

  while (*name != '\0')
    {
      if (*pattern == '*')
        {
          after_star = ++pattern;
          taken = name;
        }
      else if (*pattern != '\0' && (*pattern == '?' || *pattern == *name))
        {
          pattern++;
          name++;
        }
      else if (after_star != NULL)
        {
          pattern = after_star;
          name = ++taken;
        }
      else
        return FALSE;
    }
  while (*pattern == '*')
    pattern++;
  return *pattern == '\0';
}
