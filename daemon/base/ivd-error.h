/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * The one table of errors. Every failure that leaves the daemon is one of
 * these codes; the table maps each to its name, its D-Bus name and its HTTP
 * status, so that both APIs say the same.
 */

#define IVD_ERROR (ivd_error_quark ())

typedef enum
{
  IVD_ERROR_INVALID_ARGUMENT,
  IVD_ERROR_MISALIGNED,
  IVD_ERROR_UNAUTHENTICATED,
  IVD_ERROR_DENIED,
  IVD_ERROR_NOT_FOUND,
  IVD_ERROR_EXISTS,
  IVD_ERROR_CLOSED,
  IVD_ERROR_BUSY,
  IVD_ERROR_PRECONDITION,
  IVD_ERROR_TOO_LARGE,
  IVD_ERROR_OUT_OF_RANGE,
  IVD_ERROR_LIMIT,
  IVD_ERROR_INTERNAL,
  IVD_ERROR_NOT_SUPPORTED,
  IVD_ERROR_IO,
  IVD_ERROR_REGION_LOST,
  IVD_ERROR_TIMEOUT,
  IVD_ERROR_NO_SPACE,
} IvdErrorCode;

#define IVD_ERROR_LAST IVD_ERROR_NO_SPACE
#define IVD_ERROR_COUNT (IVD_ERROR_LAST + 1)

typedef struct
{
  const char *name;      /* "out-of-range": REST, metrics, CLI */
  const char *dbus_name; /* "org.ivshmem.Error.OutOfRange" */
  guint http_status;
} IvdErrorInfo;

GQuark ivd_error_quark (void);

/* The row of a code; never NULL, codes out of the table answer as internal. */
const IvdErrorInfo *ivd_error_info (gint code);

/* The code of any error: its own in our domain, the nearest for a GIOError
 * or GFileError, else internal. NULL is not allowed. */
IvdErrorCode ivd_error_code (const GError *error);
