/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-call.h"

#include "model/ivd-publisher.h"
#include "operation/ivd-request.h"

/* An operation on its way to the main thread and back. */
typedef struct
{
  IvdHttpExchange *exchange;
  IvdHttpService *service;
  const IvdOperation *operation;
  IvdCaller *caller;
  char *region;
  GVariant *parameters;
  GCancellable *cancellable;
  IvdHttpResultFunc func;
  GVariant *result; /* or error */
  GError *error;
} HttpCall;

static void
call_return (gpointer data)
{
  HttpCall *call = data;

  call->func (call->exchange, call->result, call->error);
  g_clear_pointer (&call->result, g_variant_unref);
  g_clear_error (&call->error);
  g_clear_pointer (&call->parameters, g_variant_unref);
  g_free (call->region);
  g_object_unref (call->caller);
  g_object_unref (call->cancellable);
  ivd_http_exchange_unref (call->exchange);
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
ivd_http_call_start (IvdHttpExchange *exchange, const IvdOperation *operation, const char *region,
                     GVariant *parameters, IvdHttpResultFunc func)
{
  HttpCall *call = g_new0 (HttpCall, 1);

  call->exchange = ivd_http_exchange_ref (exchange);
  call->service = ivd_http_service_ref (ivd_http_exchange_get_service (exchange));
  call->operation = operation;
  call->caller = g_object_ref (ivd_http_exchange_get_caller (exchange));
  call->region = g_strdup (region);
  call->parameters = g_variant_ref_sink (parameters);
  call->cancellable = g_object_ref (ivd_http_exchange_get_cancellable (exchange));
  call->func = func;
  ivd_http_service_post_main (call->service, call_start, call);
}
