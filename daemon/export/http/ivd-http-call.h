/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-http-exchange.h"

/*
 * Down to the model: an operation of the table, run on the main thread as the
 * exchange's caller. HTTP thread.
 */

/* result: a tuple of the operation's out types, or NULL and error. */
typedef void (*IvdHttpResultFunc) (IvdHttpExchange *exchange, GVariant *result, const GError *error);

/* region: NULL for those of the daemon. parameters: floating is consumed. func
 * is called once, also when the client has gone by then: what it answers goes
 * nowhere. Waits end when the client goes. */
void ivd_http_call_start (IvdHttpExchange *exchange, const IvdOperation *operation, const char *region,
                          GVariant *parameters, IvdHttpResultFunc func);
