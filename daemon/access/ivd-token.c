/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "access/ivd-token.h"

#include <string.h>

#include "access/ivd-grant.h"
#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "platform/ivd-secret.h"
#include "platform/ivd-text-file.h"

struct _IvdTokens
{
  gatomicrefcount references;
  GPtrArray *lines; /* of IvdTokenLine */
};

/* The place in a file that is being read. */
typedef struct
{
  const char *file;
  guint line;
} Place;

IvdTokens *
ivd_tokens_new (void)
{
  IvdTokens *self = g_new0 (IvdTokens, 1);

  g_atomic_ref_count_init (&self->references);
  self->lines = g_ptr_array_new_with_free_func ((GDestroyNotify) ivd_token_line_free);
  return self;
}

IvdTokens *
ivd_tokens_ref (IvdTokens *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
ivd_tokens_unref (IvdTokens *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->references))
    return;
  g_ptr_array_unref (self->lines);
  g_free (self);
}

/* Returns FALSE, always. */
static gboolean fail (const Place *place, GError **error, const char *format, ...) G_GNUC_PRINTF (3, 4);

static gboolean
fail (const Place *place, GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "%s:%u: %s", place->file, place->line, text);
  return FALSE;
}

/* Two tokens of one name would be one in every log, and two of one secret one
 * of which never counts. */
static gboolean
check_is_new (const IvdTokens *self, const IvdTokenLine *line, const Place *place, GError **error)
{
  for (guint i = 0; i < self->lines->len; i++)
    {
      const IvdTokenLine *other = g_ptr_array_index (self->lines, i);

      if (strcmp (other->name, line->name) == 0)
        return fail (place, error, "there is a token '%s' already: give each its own name", line->name);
      if (ivd_digest_equal (&other->digest, &line->digest))
        return fail (place, error, "token '%s' has the same secret as '%s': make one with 'ivshmemctl token new'",
                     line->name, other->name);
    }
  return TRUE;
}

static gboolean
add (IvdTokens *self, const char *text, const Place *place, GError **error)
{
  g_autoptr (IvdTokenLine) line = ivd_token_line_parse (text, error);

  if (line == NULL)
    {
      g_prefix_error (error, "%s:%u: ", place->file, place->line);
      return FALSE;
    }
  if (self->lines->len >= IVD_LIMIT_TOKENS)
    return fail (place, error, "this is one token too many: at most %d", IVD_LIMIT_TOKENS);
  if (!check_is_new (self, line, place, error))
    return FALSE;
  g_ptr_array_add (self->lines, g_steal_pointer (&line));
  return TRUE;
}

static gboolean
read_line (IvdTokens *self, const char *line, gsize length, const Place *place, GError **error)
{
  g_autofree char *copy = NULL;
  const char *text;

  if (length > IVD_LIMIT_TOKEN_LINE_BYTES)
    return fail (place, error, "the line has %" G_GSIZE_FORMAT " bytes: at most %d", length,
                 IVD_LIMIT_TOKEN_LINE_BYTES);
  if (memchr (line, '\0', length) != NULL)
    return fail (place, error, "there is a NUL byte: this is no text");
  copy = g_strndup (line, length);
  text = copy + strspn (copy, " \t");
  if (text[0] == '\0' || text[0] == '#')
    return TRUE;
  return add (self, text, place, error);
}

gboolean
ivd_tokens_read_text (IvdTokens *self, const char *name, const char *text, gsize length, GError **error)
{
  g_autofree char *file = ivd_text_safe_bytes (name, IVD_LIMIT_PATH_BYTES);
  Place place = { .file = file };
  const char *end = text + length;

  while (text < end)
    {
      const char *newline = memchr (text, '\n', (gsize) (end - text));
      const char *line_end = newline != NULL ? newline : end;

      place.line++;
      if (!read_line (self, text, (gsize) (line_end - text), &place, error))
        return FALSE;
      text = newline != NULL ? newline + 1 : end;
    }
  return TRUE;
}

gboolean
ivd_tokens_read (IvdTokens *self, const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize length = 0;

  return ivd_text_file_read_guarded (path, IVD_LIMIT_TOKEN_FILE_BYTES, &text, &length, error)
         && ivd_tokens_read_text (self, path, text, length, error);
}

guint
ivd_tokens_count (const IvdTokens *self)
{
  return self->lines->len;
}

const IvdTokenLine *
ivd_tokens_find (const IvdTokens *self, const char *secret)
{
  IvdDigest digest;
  guint found = 0; /* its place, counted from 1: no two are alike */

  if (!ivd_secret_has_form (secret, IVD_TOKEN_PREFIX))
    return NULL;
  ivd_digest_of (secret, &digest);
  for (guint i = 0; i < self->lines->len; i++)
    {
      const IvdTokenLine *line = g_ptr_array_index (self->lines, i);
      guint equal = (guint) ivd_digest_equal (&line->digest, &digest);

      found |= (i + 1) & -equal;
    }
  return found > 0 ? g_ptr_array_index (self->lines, found - 1) : NULL;
}

IvdCaller *
ivd_token_make_caller (const IvdTokenLine *token)
{
  g_autofree char *label = g_strdup_printf ("token %s", token->name);

  return ivd_caller_new_granted (label, ivd_grant_permissions_of_role (token->role), token->pattern);
}
