/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/ivd-http.h"

#include "base/ivd-error.h"

/* A build without HTTP: says so to who asks for it. */

IvdHttp *
ivd_http_new (const IvdHttpSetup *setup, IvdContext *context, GError **error)
{
  g_set_error_literal (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
                       "HTTP was left out of this build: build with libsoup-3.0 and json-glib, or set [http] "
                       "enabled=false");
  return NULL;
}

void
ivd_http_set_ready (IvdHttp *http)
{
}

void
ivd_http_free (IvdHttp *http)
{
}
