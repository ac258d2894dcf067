/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "access/ivd-permission.h"
#include "model/ivd-capability.h"

/*
 * The waist of the house: every operation once. D-Bus and HTTP only translate
 * to and from this table; a test proves that their descriptions agree with it.
 * A new operation is one row here, one method in the XML, one path in the
 * OpenAPI file and one test.
 */

typedef struct _IvdRequest IvdRequest;

typedef enum
{
  IVD_SCOPE_DAEMON,
  IVD_SCOPE_REGION,
} IvdScope;

/* A parameter: its name in the XML and its type as a GVariant signature. */
typedef struct
{
  const char *name;
  const char *type;
} IvdParameter;

#define IVD_OPERATION_MAX_PARAMETERS 6

typedef struct
{
  const char *name;   /* "open-memory": metrics, logs */
  const char *method; /* "OpenMemory": D-Bus */
  IvdScope scope;
  IvdPermission permission;
  IvdCapability capability;                          /* IVD_CAP_NONE: none */
  IvdParameter in[IVD_OPERATION_MAX_PARAMETERS + 1]; /* ended by a NULL name */
  IvdParameter out[IVD_OPERATION_MAX_PARAMETERS + 1];
  /* Answers the request, now or later, exactly once. Main thread. Access,
   * region and capability have been checked; parameters have the right types. */
  void (*run) (IvdRequest *request);
} IvdOperation;

/* All of them, and how many. */
const IvdOperation *ivd_operations (guint *ret_count);

/* Where it stands in the table; below IVD_STATISTICS_OPERATIONS. For counters. */
guint ivd_operation_index (const IvdOperation *operation);

/* NULL: no such method. */
const IvdOperation *ivd_operation_find (IvdScope scope, const char *method);
