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
 * the operation's in types. answer is called once, perhaps before this
 * returns. */
void ivd_request_start (IvdContext *context, const IvdOperation *operation, IvdCaller *caller, const char *region,
                        GVariant *parameters, IvdAnswerFunc answer, gpointer data);

/* --- for the operations --- */

IvdContext *ivd_request_context (IvdRequest *request);
IvdCaller *ivd_request_caller (IvdRequest *request);
IvdRegion *ivd_request_region (IvdRequest *request);
/* (transfer none) */
GVariant *ivd_request_parameters (IvdRequest *request);

/* Each ends the request and frees it. result: floating or not, NULL for (). */
void ivd_request_return (IvdRequest *request, GVariant *result);
void ivd_request_return_fd (IvdRequest *request, GVariant *result, int take_fd);
void ivd_request_fail (IvdRequest *request, GError *take_error);
