/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ctl-http.h"
#include "ctl-transport.h"

/* A method, as HTTP has it: a request made of its parameters, and its answer
 * read from that of the request. Errors: those of ctl_http_send(), and
 * not-supported for what only D-Bus can do. */
GVariant *ctl_http_call (CtlHttp *http, const CtlCall *call, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* "/v1/regions/demo" and what stands behind it, the name encoded. (transfer full) */
char *ctl_http_region_path (const char *region, const char *rest);
