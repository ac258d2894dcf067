/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-http-exchange.h"
#include "export/http/ivd-http-principals.h"

/*
 * The door: what is checked of every request before anybody acts on it. That
 * it is one request and means one host, that it comes from no foreign web page
 * and by no rebound name, and who asks. HTTP thread.
 */

#define IVD_HTTP_COOKIE "ivshmemd-session"

/* What libsoup 3.2 lets pass and another HTTP program might read otherwise:
 * two Hosts, Content-Length with Transfer-Encoding, a Host that is not ours.
 * host_names: NULL: none. */
gboolean ivd_http_door_check_form (IvdHttpExchange *exchange, const char *const *host_names, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Sets the exchange's caller: by token, session or unix socket. Nobody is fine
 * where it is open, and unauthenticated else. */
gboolean ivd_http_door_identify (IvdHttpExchange *exchange, IvdHttpPrincipals *principals, gboolean open,
                                 GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The value of our cookie; NULL: it has none. (transfer full) */
char *ivd_http_door_get_cookie (IvdHttpExchange *exchange);
