/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-framing.h"

#include <string.h>

#include <libsoup/soup.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"

/* As many hexadecimal digits as 2^63-1 has. */
#define SIZE_DIGITS 16
#define EMPTY_LINE_BYTES 2

static gboolean
refuse (GError **error, const char *why)
{
  g_set_error_literal (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, why);
  return FALSE;
}

/* The line that begins at *at, without its CR LF. *ret_line NULL: it is not
 * complete. FALSE: it ends by LF alone. */
static gboolean
take_line (const char *data, gsize length, gsize *at, const char **ret_line, gsize *ret_length, GError **error)
{
  const char *line = data + *at;
  const char *newline = memchr (line, '\n', length - *at);

  *ret_line = NULL;
  if (newline == NULL)
    return TRUE;
  if (newline == line || newline[-1] != '\r')
    return refuse (error, "a line ends by LF alone: it takes CR LF");
  *ret_line = line;
  *ret_length = (gsize) (newline - line) - 1;
  *at = (gsize) (newline - data) + 1;
  return TRUE;
}

/* --- heads --- */

static void
begin_body (IvdHttpFraming *framing)
{
  framing->line = 0;
  framing->left = framing->head.length;
  if (framing->head.chunked)
    framing->state = IVD_HTTP_FRAMING_CHUNK_LINE;
  else if (framing->left > 0)
    framing->state = IVD_HTTP_FRAMING_BODY;
  /* The next one begins as the first did. */
  memset (&framing->head, 0, sizeof framing->head);
}

static gboolean
check_head_size (IvdHttpFraming *framing, gsize length, GError **error)
{
  if (length <= IVD_LIMIT_HTTP_HEAD_BYTES)
    return TRUE;
  framing->head.status = IVD_HTTP_STATUS_HEAD_TOO_LARGE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_TOO_LARGE, "the request's head is longer than %d bytes",
               IVD_LIMIT_HTTP_HEAD_BYTES);
  return FALSE;
}

static gboolean
use_head (IvdHttpFraming *framing, const char *data, gsize length, gsize *ret_used, GError **error)
{
  const char *line;
  gsize line_length;

  for (;;)
    {
      framing->head.status = SOUP_STATUS_BAD_REQUEST;
      if (!take_line (data, length, &framing->line, &line, &line_length, error))
        return FALSE;
      framing->head.status = 0;
      if (!check_head_size (framing, line != NULL ? framing->line : length, error))
        return FALSE;
      if (line == NULL)
        return TRUE;
      if (line_length > 0 && !ivd_http_head_add_line (&framing->head, line, line_length, error))
        return FALSE;
      /* Some send an empty line too many after a body; libsoup passes over one. */
      if (line_length > 0 || (framing->head.lines == 0 && framing->line == EMPTY_LINE_BYTES))
        continue;
      if (!ivd_http_head_end (&framing->head, error))
        return FALSE;
      *ret_used = framing->line;
      begin_body (framing);
      return TRUE;
    }
}

/* --- chunks --- */

static gboolean
use_plain (IvdHttpFraming *framing, gsize length, gsize *ret_used)
{
  *ret_used = (gsize) MIN (framing->left, (guint64) length);
  ivd_http_framing_skip (framing, *ret_used);
  return TRUE;
}

static gboolean
parse_size (const char *line, gsize length, guint64 *ret_size, GError **error)
{
  guint64 size = 0;
  gsize digits = 0;

  for (; digits < length && g_ascii_isxdigit (line[digits]); digits++)
    size = size << 4 | (guint64) g_ascii_xdigit_value (line[digits]);
  /* An extension (;name=value) means nothing to us. */
  if (digits == 0 || digits > SIZE_DIGITS || size > G_MAXINT64 || (digits < length && line[digits] != ';'))
    return refuse (error, "a chunk's size is no hexadecimal number");
  for (gsize i = digits; i < length; i++)
    if (g_ascii_iscntrl (line[i]))
      return refuse (error, "a control character is in a chunk's line");
  *ret_size = size;
  return TRUE;
}

static gboolean
use_chunk_line (IvdHttpFraming *framing, const char *data, gsize length, gsize *ret_used, GError **error)
{
  const char *line;
  gsize line_length, at = 0;

  if (!take_line (data, length, &at, &line, &line_length, error))
    return FALSE;
  if ((line != NULL ? at : length) > IVD_LIMIT_HTTP_CHUNK_LINE_BYTES)
    return refuse (error, "a chunk's line is too long");
  if (line == NULL)
    return TRUE;
  if (!parse_size (line, line_length, &framing->left, error))
    return FALSE;
  framing->state = framing->left > 0 ? IVD_HTTP_FRAMING_CHUNK : IVD_HTTP_FRAMING_TRAILER;
  *ret_used = at;
  return TRUE;
}

static gboolean
use_chunk_end (IvdHttpFraming *framing, const char *data, gsize length, gsize *ret_used, GError **error)
{
  if (data[0] != '\r' || (length > 1 && data[1] != '\n'))
    return refuse (error, "a chunk is longer than it says");
  if (length < 2)
    return TRUE;
  framing->state = IVD_HTTP_FRAMING_CHUNK_LINE;
  *ret_used = 2;
  return TRUE;
}

/* libsoup 3.2 takes the first line of a trailer for all of it, and what follows
 * for another request: so there must be none. */
static gboolean
use_trailer (IvdHttpFraming *framing, const char *data, gsize length, gsize *ret_used, GError **error)
{
  if (data[0] != '\r' || (length > 1 && data[1] != '\n'))
    return refuse (error, "something follows the last chunk: trailers are not taken");
  if (length < 2)
    return TRUE;
  framing->state = IVD_HTTP_FRAMING_HEAD;
  *ret_used = 2;
  return TRUE;
}

gboolean
ivd_http_framing_use (IvdHttpFraming *framing, const char *data, gsize length, gsize *ret_used, GError **error)
{
  *ret_used = 0;
  if (length == 0)
    return TRUE;
  switch (framing->state)
    {
    case IVD_HTTP_FRAMING_HEAD:
      return use_head (framing, data, length, ret_used, error);
    case IVD_HTTP_FRAMING_CHUNK_LINE:
      return use_chunk_line (framing, data, length, ret_used, error);
    case IVD_HTTP_FRAMING_CHUNK_END:
      return use_chunk_end (framing, data, length, ret_used, error);
    case IVD_HTTP_FRAMING_TRAILER:
      return use_trailer (framing, data, length, ret_used, error);
    case IVD_HTTP_FRAMING_BODY:
    case IVD_HTTP_FRAMING_CHUNK:
    default:
      return use_plain (framing, length, ret_used);
    }
}

gboolean
ivd_http_framing_is_within_body (const IvdHttpFraming *framing)
{
  return framing->state != IVD_HTTP_FRAMING_HEAD;
}

guint64
ivd_http_framing_plain (const IvdHttpFraming *framing)
{
  return framing->state == IVD_HTTP_FRAMING_BODY || framing->state == IVD_HTTP_FRAMING_CHUNK ? framing->left : 0;
}

void
ivd_http_framing_skip (IvdHttpFraming *framing, guint64 length)
{
  framing->left -= length;
  if (framing->left > 0)
    return;
  framing->state
      = framing->state == IVD_HTTP_FRAMING_CHUNK ? IVD_HTTP_FRAMING_CHUNK_END : IVD_HTTP_FRAMING_HEAD;
}
