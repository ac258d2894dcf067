/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-transport-http.h"

#include "base/ivd-error.h"

/* In the place of ctl-transport-http.c where there is no libsoup. */

CtlTransport *
ctl_transport_http_new (const CtlHttpOptions *options, GError **error)
{
  g_set_error_literal (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
                       "--url: HTTP was left out when this ivshmemctl was built (meson's option http)");
  return NULL;
}
