/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "access/ivd-caller.h"
#include "operation/ivd-context.h"
#include "operation/ivd-operation.h"

/*
 * IvdRequest: one call of one operation by one caller, from the door to the
 * answer. Main thread.
 */

/* error NULL: it worked, result is a tuple of the operation's out types (an h
 * in it is 0) and fd, if any, the callee's; else result is NULL and fd -1. */
typedef void (*IvdAnswerFunc) (GVariant *result, int take_fd, const GError *error, gpointer data);

/* Checks access, region, state and capability, charges the caller, and runs
 * it. region: NULL for those of the daemon. parameters: a tuple of exactly
 * the operation's in types. cancellable: NULL, or cancelled on any thread when
 * nobody wants the answer any more; a wait then ends with closed. answer is
 * called once all the same, perhaps before this returns. */
void ivd_request_start (IvdContext *context, const IvdOperation *operation, IvdCaller *caller, const char *region,
                        GVariant *parameters, GCancellable *cancellable, IvdAnswerFunc answer, gpointer data);

/* Counts an operation that was carried out elsewhere as one that went through
 * here. usec: what it took; error: NULL when it worked. Any thread. */
void ivd_request_count (IvdMetrics *metrics, IvdStatistics *statistics, const IvdOperation *operation, gint64 usec,
                        const GError *error);

/* --- for the operations --- */

IvdContext *ivd_request_context (IvdRequest *request);
IvdCaller *ivd_request_caller (IvdRequest *request);
IvdRegion *ivd_request_region (IvdRequest *request);
/* NULL: the answer is wanted in any case. */
GCancellable *ivd_request_cancellable (IvdRequest *request);
/* (transfer none) */
GVariant *ivd_request_parameters (IvdRequest *request);

/* Each ends the request and frees it. result: floating or not, NULL for (). */
void ivd_request_return (IvdRequest *request, GVariant *result);
void ivd_request_return_fd (IvdRequest *request, GVariant *result, int take_fd);
void ivd_request_fail (IvdRequest *request, GError *take_error);
