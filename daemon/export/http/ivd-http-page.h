/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/*
 * The web page's files, which are part of the program. Any thread.
 */

/* What scripts, styles and requests of the page may do: only its own files, and
 * only this daemon. */
#define IVD_HTTP_PAGE_POLICY                                                                            \
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " \
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

typedef struct
{
  const char *content_type;
  GBytes *bytes;
  char *etag;      /* strong, with its quotes */
  GBytes *gzip;    /* the same for `Content-Encoding: gzip`; NULL: not worth it */
  char *gzip_etag; /* NULL: as gzip */
} IvdPageFile;

/* The file of a request's path, "/" or "/app.js". NULL: the page has none of
 * that name. (transfer full) */
IvdPageFile *ivd_http_page_find (const char *path) G_GNUC_WARN_UNUSED_RESULT;

void ivd_page_file_free (IvdPageFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdPageFile, ivd_page_file_free)
