/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-http-head.h"

/*
 * Where each request of a connection begins and ends. Heads and the framing of
 * chunks are checked to the letter before anybody acts on them. Any thread.
 */

typedef enum
{
  IVD_HTTP_FRAMING_HEAD,       /* between requests, or within a head */
  IVD_HTTP_FRAMING_BODY,       /* so many bytes to come */
  IVD_HTTP_FRAMING_CHUNK_LINE, /* the line with a chunk's size */
  IVD_HTTP_FRAMING_CHUNK,      /* so many bytes of it to come */
  IVD_HTTP_FRAMING_CHUNK_END,  /* the line end after a chunk */
  IVD_HTTP_FRAMING_TRAILER,    /* the empty line after the last one */
} IvdHttpFramingState;

/* All zero before the first request. */
typedef struct
{
  IvdHttpFramingState state;
  IvdHttpHead head;
  gsize line;    /* where the line begins that is not complete yet */
  guint64 left;  /* of a body or a chunk */
} IvdHttpFraming;

/* data: what has come and was not used yet; begins where ret_used ended. Part
 * of the next request is never used together with one of this. Nothing used:
 * come again with more. An error ends the connection; framing->head.status is
 * the answer's when it was in a head, else 0. */
gboolean ivd_http_framing_use (IvdHttpFraming *framing, const char *data, gsize length, gsize *ret_used,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Something of a body is still to come. */
gboolean ivd_http_framing_is_within_body (const IvdHttpFraming *framing);
/* So many bytes that follow are body, and need not be looked at; 0: they do. */
guint64 ivd_http_framing_plain (const IvdHttpFraming *framing);
/* They have been read by whoever wanted them. */
void ivd_http_framing_skip (IvdHttpFraming *framing, guint64 length);
