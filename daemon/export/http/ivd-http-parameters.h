/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-json-fields.h"
#include "operation/ivd-operation.h"

/*
 * The parameters and results of operations as JSON has them: named as in the
 * table, but for times (milliseconds), for the bytes of read and write ("data",
 * base64), and for what the table carries as options. For REST and WebSocket
 * alike. HTTP thread.
 */

/* What a wait may take when it does not say. */
#define IVD_HTTP_WAIT_MSEC 30000
/* How often a watch looks when it does not say. */
#define IVD_HTTP_WATCH_MSEC 100

/* TRUE: its parameters and results can be had as JSON; descriptors cannot. */
gboolean ivd_http_parameters_possible (const IvdOperation *operation);

/* A tuple of the operation's in types; takes every field. Errors name the
 * field. (transfer full) */
GVariant *ivd_http_parameters_from_json (const IvdOperation *operation, IvdJsonFields *fields, GError **error);

/* Adds the members of an open object. */
void ivd_http_parameters_add_result (JsonBuilder *builder, const IvdOperation *operation, GVariant *result);
