/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-http-exchange.h"

/*
 * Down to the model: an operation of the table, run on the main thread. HTTP
 * thread.
 */

/* result: a tuple of the operation's out types, or NULL and error. */
typedef void (*IvdHttpCallFunc) (GVariant *result, const GError *error, gpointer data);

/* region: NULL for those of the daemon. parameters: floating is consumed.
 * cancellable: NULL, or as for ivd_request_start(). func is called once, also
 * when nobody wants the answer any more. */
void ivd_http_call_post (IvdHttpService *service, IvdCaller *caller, const IvdOperation *operation, const char *region,
                         GVariant *parameters, GCancellable *cancellable, IvdHttpCallFunc func, gpointer data);

typedef void (*IvdHttpResultFunc) (IvdHttpExchange *exchange, GVariant *result, const GError *error);

/* The same as the exchange's caller. When its client has gone by then what func
 * answers goes nowhere. Waits end when the client goes. */
void ivd_http_call_start (IvdHttpExchange *exchange, const IvdOperation *operation, const char *region,
                          GVariant *parameters, IvdHttpResultFunc func);
