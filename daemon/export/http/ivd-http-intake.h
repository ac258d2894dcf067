/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "export/http/ivd-http-connection.h"

/*
 * IvdHttpIntake: the stream of a connection as libsoup is given it: what comes
 * in is strict HTTP/1 (ivd-http-input.h), what is not is answered here, and
 * what goes out is base's. HTTP thread.
 */

#define IVD_TYPE_HTTP_INTAKE (ivd_http_intake_get_type ())
G_DECLARE_FINAL_TYPE (IvdHttpIntake, ivd_http_intake, IVD, HTTP_INTAKE, GIOStream)

/* base: pollable both ways. (transfer full) */
GIOStream *ivd_http_intake_new (GIOStream *base, IvdHttpConnection *connection);

/* The connection is no HTTP any more: what comes is passed as it is. */
void ivd_http_intake_set_raw (IvdHttpConnection *connection);

/* The end, which was held back by ivd_http_idle_hang_up (), may be seen. */
void ivd_http_intake_let_end (IvdHttpConnection *connection);
