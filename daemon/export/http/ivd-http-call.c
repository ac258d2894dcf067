/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-call.h"

#include "model/ivd-publisher.h"
#include "operation/ivd-request.h"

/* An operation on its way to the main thread and back. */
typedef struct
{
  IvdHttpService *service;
  const IvdOperation *operation;
  IvdCaller *caller;
  char *region;
  GVariant *parameters;
  GCancellable *cancellable;
  IvdHttpCallFunc func;
  gpointer data;
  GVariant *result; /* or error */
  GError *error;
} HttpCall;

static void
call_return (gpointer data)
{
  HttpCall *call = data;

  call->func (call->result, call->error, call->data);
  g_clear_pointer (&call->result, g_variant_unref);
  g_clear_error (&call->error);
  g_clear_pointer (&call->parameters, g_variant_unref);
  g_free (call->region);
  g_object_unref (call->caller);
  g_clear_object (&call->cancellable);
  g_free (call);
}

/* Main thread. Who gets an answer finds its consequences published. */
static void
on_answer (GVariant *result, int take_fd, const GError *error, gpointer data)
{
  HttpCall *call = data;
  g_autoptr (IvdHttpService) service = call->service;

  g_warn_if_fail (take_fd < 0);
  if (result != NULL)
    call->result = g_variant_ref (result);
  else
    call->error = g_error_copy (error);
  ivd_publisher_flush (ivd_http_service_get_context (service)->publisher);
  ivd_http_service_post_http (service, call_return, call);
}

static void
call_start (gpointer data)
{
  HttpCall *call = data;

  ivd_request_start (ivd_http_service_get_context (call->service), call->operation, call->caller, call->region,
                     call->parameters, call->cancellable, on_answer, call);
}

void
ivd_http_call_post (IvdHttpService *service, IvdCaller *caller, const IvdOperation *operation, const char *region,
                    GVariant *parameters, GCancellable *cancellable, IvdHttpCallFunc func, gpointer data)
{
  HttpCall *call = g_new0 (HttpCall, 1);

  call->service = ivd_http_service_ref (service);
  call->operation = operation;
  call->caller = g_object_ref (caller);
  call->region = g_strdup (region);
  call->parameters = g_variant_ref_sink (parameters);
  g_set_object (&call->cancellable, cancellable);
  call->func = func;
  call->data = data;
  ivd_http_service_post_main (service, call_start, call);
}

/* --- for an exchange --- */

typedef struct
{
  IvdHttpExchange *exchange;
  IvdHttpResultFunc func;
} ExchangeCall;

static void
on_result (GVariant *result, const GError *error, gpointer data)
{
  g_autofree ExchangeCall *call = data;

  call->func (call->exchange, result, error);
  ivd_http_exchange_unref (call->exchange);
}

void
ivd_http_call_start (IvdHttpExchange *exchange, const IvdOperation *operation, const char *region,
                     GVariant *parameters, IvdHttpResultFunc func)
{
  ExchangeCall *call = g_new0 (ExchangeCall, 1);

  call->exchange = ivd_http_exchange_ref (exchange);
  call->func = func;
  ivd_http_call_post (ivd_http_exchange_get_service (exchange), ivd_http_exchange_get_caller (exchange), operation,
                      region, parameters, ivd_http_exchange_get_cancellable (exchange), on_result, call);
}
