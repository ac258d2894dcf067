/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * The head of a request by the letter of RFC 9112, line by line: what one
 * program reads so and the next otherwise is refused (two lengths, a blank
 * before a colon, folded lines, bare line feeds), as is what libsoup 3.2 would
 * silently drop. Any thread.
 */

/* Request Header Fields Too Large, RFC 6585: libsoup 3.2 has no name for it. */
#define IVD_HTTP_STATUS_HEAD_TOO_LARGE 431

typedef struct
{
  guint lines;    /* checked so far; 0: the request line is next */
  guint hosts;    /* Host fields */
  guint minor;    /* HTTP/1.minor */
  guint status;   /* of the answer, when it was refused */
  gboolean query; /* something is asked for by ?... */
  gboolean has_length;
  guint64 length; /* Content-Length */
  gboolean chunked;
} IvdHttpHead;

/* One line more, without its CR LF. head: all zero before the first. Errors
 * are invalid-argument, too-large or not-supported; head's status says more. */
gboolean ivd_http_head_add_line (IvdHttpHead *head, const char *line, gsize length, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The empty line has come: whether all of it goes together. */
gboolean ivd_http_head_end (IvdHttpHead *head, GError **error) G_GNUC_WARN_UNUSED_RESULT;
