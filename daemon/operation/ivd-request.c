/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "operation/ivd-request.h"

#include "base/ivd-error.h"

struct _IvdRequest
{
  IvdContext *context;
  const IvdOperation *operation;
  IvdCaller *caller;
  IvdRegion *region; /* NULL: one of the daemon's */
  GVariant *parameters;
  GCancellable *cancellable;
  gint64 begun; /* 0: not let in */
  IvdAnswerFunc answer;
  gpointer data;
  gboolean charged;
};

static void
request_free (IvdRequest *request)
{
  if (request->charged)
    ivd_caller_release (request->caller, IVD_CHARGE_REQUESTS);
  g_clear_object (&request->caller);
  g_clear_object (&request->region);
  g_clear_object (&request->cancellable);
  g_variant_unref (request->parameters);
  g_free (request);
}

/* The door: who may, on what, and whether it can. */
static gboolean
enter (IvdRequest *request, const char *region, GError **error)
{
  const IvdOperation *operation = request->operation;
  IvdContext *context = request->context;

  if (operation->scope == IVD_SCOPE_REGION)
    {
      request->region = ivd_registry_find (context->registry, region, error);
      if (request->region == NULL)
        {
          ivd_access_cover_missing (context->access, request->caller, operation->permission, region, error);
          return FALSE;
        }
      g_object_ref (request->region);
      if (!ivd_access_check (context->access, request->caller, operation->permission, region, error))
        return FALSE;
    }
  if (!ivd_caller_charge (request->caller, IVD_CHARGE_REQUESTS, error))
    return FALSE;
  request->charged = TRUE;
  return operation->capability == IVD_CAP_NONE
         || (ivd_region_check_ready (request->region, error)
             && ivd_region_check_capability (request->region, operation->capability, error));
}

void
ivd_request_start (IvdContext *context, const IvdOperation *operation, IvdCaller *caller, const char *region,
                   GVariant *parameters, GCancellable *cancellable, IvdAnswerFunc answer, gpointer data)
{
  IvdRequest *request = g_new0 (IvdRequest, 1);
  GError *error = NULL;

  request->context = context;
  request->operation = operation;
  request->caller = g_object_ref (caller);
  request->parameters = g_variant_ref_sink (parameters);
  g_set_object (&request->cancellable, cancellable);
  request->answer = answer;
  request->data = data;

  if (!enter (request, region, &error))
    {
      ivd_request_fail (request, error);
      return;
    }
  request->begun = g_get_monotonic_time ();
  operation->run (request);
}

void
ivd_request_count (IvdMetrics *metrics, IvdStatistics *statistics, const IvdOperation *operation, gint64 usec,
                   const GError *error)
{
  guint index = ivd_operation_index (operation);

  if (metrics != NULL)
    ivd_histogram_observe (&metrics->operations[index], usec);
  if (statistics == NULL)
    return;
  ivd_statistics_add_operation (statistics, index);
  if (error != NULL)
    ivd_statistics_add_error (statistics, error);
}

/* What is turned away at the door has taken no time worth telling. */
static void
count (IvdRequest *request, const GError *error)
{
  ivd_request_count (request->begun != 0 ? request->context->metrics : NULL,
                     request->region != NULL ? ivd_region_get_statistics (request->region) : NULL,
                     request->operation, g_get_monotonic_time () - request->begun, error);
}

IvdContext *
ivd_request_context (IvdRequest *request)
{
  return request->context;
}

IvdCaller *
ivd_request_caller (IvdRequest *request)
{
  return request->caller;
}

IvdRegion *
ivd_request_region (IvdRequest *request)
{
  return request->region;
}

GCancellable *
ivd_request_cancellable (IvdRequest *request)
{
  return request->cancellable;
}

GVariant *
ivd_request_parameters (IvdRequest *request)
{
  return request->parameters;
}

void
ivd_request_return (IvdRequest *request, GVariant *result)
{
  ivd_request_return_fd (request, result, -1);
}

void
ivd_request_return_fd (IvdRequest *request, GVariant *result, int take_fd)
{
  g_autoptr (GVariant) sunk = g_variant_ref_sink (result != NULL ? result : g_variant_new ("()"));

  count (request, NULL);
  request->answer (sunk, take_fd, NULL, request->data);
  request_free (request);
}

void
ivd_request_fail (IvdRequest *request, GError *take_error)
{
  g_autoptr (GError) error = take_error;

  count (request, error);
  request->answer (NULL, -1, error, request->data);
  request_free (request);
}
