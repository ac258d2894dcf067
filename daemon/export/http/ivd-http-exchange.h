/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <libsoup/soup.h>

#include "access/ivd-caller.h"
#include "access/ivd-permission.h"
#include "export/http/ivd-http-connection.h"
#include "export/http/ivd-http-service.h"
#include "model/ivd-snapshot.h"
#include "operation/ivd-operation.h"

/*
 * IvdHttpExchange: one request and its answer, from the door to the last byte.
 * Reference counted; HTTP thread. It is answered exactly once, by one of the
 * functions below, now or later; when the client goes away before, the answer
 * goes nowhere and the cancellable is cancelled.
 *
 *   headers ─door─▶ route->begin ─chunks─▶ route->run ─▶ answer
 */

typedef struct _IvdHttpExchange IvdHttpExchange;

/* One row of the router's table. */
typedef struct
{
  const char *method;    /* "GET" answers HEAD as well */
  const char *path;      /* "/v1/regions/{}/memory": {} is one segment, decoded */
  gboolean open;         /* for everybody, known or not */
  gsize max_body;        /* of what is collected for run; 0: no body is taken */
  const char *operation; /* the table's method, where there is one; of a region */
  gboolean daemon_scope; /* or of the daemon */
  /* Optional. The headers are in and checked: may fail the exchange before its
   * body is read, or take the body as it comes. */
  void (*begin) (IvdHttpExchange *exchange);
  /* Optional: a piece of the body, instead of collecting it. */
  void (*chunk) (IvdHttpExchange *exchange, GBytes *bytes);
  /* The request is complete. */
  void (*run) (IvdHttpExchange *exchange);
} IvdHttpRoute;

#define IVD_HTTP_MAX_ARGUMENTS 2

IvdHttpExchange *ivd_http_exchange_ref (IvdHttpExchange *exchange);
void ivd_http_exchange_unref (IvdHttpExchange *exchange);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpExchange, ivd_http_exchange_unref)

/* --- for whoever takes requests in: ivd-http.c --- */

/* The headers of message are in. */
IvdHttpExchange *ivd_http_exchange_new (IvdHttpService *service, SoupServerMessage *message,
                                        IvdHttpConnection *connection);
/* NULL: the message has none, or has none any more. (transfer none) */
IvdHttpExchange *ivd_http_exchange_from_message (SoupServerMessage *message);
/* arguments: IVD_HTTP_MAX_ARGUMENTS, taken out of the array. */
void ivd_http_exchange_set_route (IvdHttpExchange *exchange, const IvdHttpRoute *route, char **arguments);
void ivd_http_exchange_set_caller (IvdHttpExchange *exchange, IvdCaller *caller);
/* Door and router have let it in: looks at what body is announced, and begins. */
void ivd_http_exchange_begin (IvdHttpExchange *exchange);
/* The request is complete. */
void ivd_http_exchange_run (IvdHttpExchange *exchange);
/* The answer has gone, or the client has. */
void ivd_http_exchange_end (IvdHttpExchange *exchange);

/* --- the request --- */

IvdHttpService *ivd_http_exchange_get_service (IvdHttpExchange *exchange);
/* NULL once the client has gone or the connection was stolen. */
SoupServerMessage *ivd_http_exchange_get_message (IvdHttpExchange *exchange);
IvdHttpConnection *ivd_http_exchange_get_connection (IvdHttpExchange *exchange);
/* Who asks; NULL on routes that are open, when nobody is known. */
IvdCaller *ivd_http_exchange_get_caller (IvdHttpExchange *exchange);
/* What stands for the {} of the path, from 0. */
const char *ivd_http_exchange_get_argument (IvdHttpExchange *exchange, guint index);
/* The operation of its route. */
const IvdOperation *ivd_http_exchange_get_operation (IvdHttpExchange *exchange);
/* Raw, without the question mark; NULL: none. */
const char *ivd_http_exchange_get_query (IvdHttpExchange *exchange);
/* A request header's one value; NULL: not there. */
const char *ivd_http_exchange_get_header (IvdHttpExchange *exchange, const char *name);
/* All values of one that may come several times, joined by commas. */
const char *ivd_http_exchange_get_list (IvdHttpExchange *exchange, const char *name);
gboolean ivd_http_exchange_is_head (IvdHttpExchange *exchange);
/* What was collected; empty without a body. (transfer none) */
GBytes *ivd_http_exchange_get_body (IvdHttpExchange *exchange);
/* Cancelled when the client goes away. */
GCancellable *ivd_http_exchange_get_cancellable (IvdHttpExchange *exchange);

/* Of the route that is to be run; dropped with the exchange. */
void ivd_http_exchange_set_data (IvdHttpExchange *exchange, gpointer data, GDestroyNotify free_func);
gpointer ivd_http_exchange_get_data (IvdHttpExchange *exchange);

/* A region as it is now: not-found, denied, region-lost, closed, not-supported,
 * in the order of ivd_request_start. name NULL: that of the first argument.
 * capability may be IVD_CAP_NONE: then it need not be ready. (transfer full) */
IvdRegionView *ivd_http_exchange_ref_region (IvdHttpExchange *exchange, const char *name, IvdPermission permission,
                                             IvdCapability capability, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- the answer --- */

/* Headers set on the message before are sent along. content_type NULL: no
 * body. For HEAD the length is told and the bytes left out. */
void ivd_http_exchange_answer (IvdHttpExchange *exchange, guint status, const char *content_type, GBytes *body);
/* 200 with an ETag made of the body; 304 when the client has it already. */
void ivd_http_exchange_answer_tagged (IvdHttpExchange *exchange, const char *content_type, GBytes *body);
/* The same with a tag that is known already. */
void ivd_http_exchange_answer_tagged_as (IvdHttpExchange *exchange, const char *tag, const char *content_type,
                                         GBytes *body);
/* application/problem+json by the table of errors. Also while the body is
 * still coming: then it is answered at once, and the connection closed. */
void ivd_http_exchange_fail (IvdHttpExchange *exchange, const GError *error);
void ivd_http_exchange_take_error (IvdHttpExchange *exchange, GError *take_error);
/* With another status than the table's. */
void ivd_http_exchange_fail_with (IvdHttpExchange *exchange, guint status, const GError *error);
/* Without a body there is no more to say; the client sees a cut answer. */
void ivd_http_exchange_abort (IvdHttpExchange *exchange);

/* For answers that come piece by piece: status and headers are set on the
 * message by the caller, and from here on what is sent as well; counts as
 * answered. */
void ivd_http_exchange_begin_answer (IvdHttpExchange *exchange);

/* Takes the connection out of HTTP's hands, before any answer; counts as
 * answered. The connection goes on counting until ret_connection is dropped.
 * NULL: the client has gone. (transfer full) */
GIOStream *ivd_http_exchange_steal (IvdHttpExchange *exchange, IvdHttpConnection **ret_connection);
