/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-token-line.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"

#define DIGEST_PREFIX "sha256:"
#define BLANKS " \t"

/* The words of a line, in their order. */
enum
{
  WORD_NAME,
  WORD_DIGEST,
  WORD_ROLE,
  WORD_PATTERN,
  N_WORDS,
};

#define N_WORDS_NEEDED WORD_PATTERN

void
ivd_token_line_free (IvdTokenLine *line)
{
  if (line == NULL)
    return;
  g_free (line->name);
  g_free (line->pattern);
  g_free (line);
}

/* (transfer full) */
static GStrv
split (const char *text)
{
  g_auto (GStrv) pieces = g_strsplit_set (text, BLANKS, -1);
  g_autoptr (GStrvBuilder) words = g_strv_builder_new ();

  for (gsize i = 0; pieces[i] != NULL; i++)
    {
      if (pieces[i][0] != '\0')
        g_strv_builder_add (words, pieces[i]);
    }
  return g_strv_builder_end (words);
}

static gboolean
parse_digest (const char *text, IvdDigest *ret_digest, GError **error)
{
  if (g_str_has_prefix (text, DIGEST_PREFIX)
      && ivd_digest_from_hex (text + strlen (DIGEST_PREFIX), ret_digest))
    return TRUE;
  /* It is not shown: it may be the secret itself, put there by mistake. */
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "the second word is not " DIGEST_PREFIX "HEX with %d hex digits in lower case; "
               "'ivshmemctl token new' prints whole lines",
               IVD_DIGEST_HEX_BYTES);
  return FALSE;
}

IvdTokenLine *
ivd_token_line_parse (const char *text, GError **error)
{
  g_autoptr (IvdTokenLine) line = g_new0 (IvdTokenLine, 1);
  g_auto (GStrv) words = split (text);
  guint n = g_strv_length (words);

  if (n < N_WORDS_NEEDED || n > N_WORDS)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                   "%u words are no token: write NAME " DIGEST_PREFIX "HEX ROLE [REGION-PATTERN]", n);
      return NULL;
    }
  if (!ivd_name_check ("token", words[WORD_NAME], error)
      || !parse_digest (words[WORD_DIGEST], &line->digest, error)
      || !ivd_role_parse (words[WORD_ROLE], &line->role, error)
      || (n > WORD_PATTERN && !ivd_pattern_check (words[WORD_PATTERN], error)))
    return NULL;
  line->name = g_strdup (words[WORD_NAME]);
  line->pattern = g_strdup (n > WORD_PATTERN ? words[WORD_PATTERN] : IVD_PATTERN_ALL);
  return g_steal_pointer (&line);
}

char *
ivd_token_line_format (const IvdTokenLine *line)
{
  g_autofree char *hex = ivd_digest_to_hex (&line->digest);

  if (strcmp (line->pattern, IVD_PATTERN_ALL) == 0)
    return g_strdup_printf ("%s " DIGEST_PREFIX "%s %s", line->name, hex, ivd_role_name (line->role));
  return g_strdup_printf ("%s " DIGEST_PREFIX "%s %s %s", line->name, hex, ivd_role_name (line->role), line->pattern);
}
