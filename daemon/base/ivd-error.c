/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-error.h"

#include <gio/gio.h>

#define ROW(name, camel, status)             \
  {                                          \
    name, "org.ivshmem.Error." camel, status \
  }

static const IvdErrorInfo table[IVD_ERROR_COUNT] = {
  [IVD_ERROR_INVALID_ARGUMENT] = ROW ("invalid-argument", "InvalidArgument", 400),
  [IVD_ERROR_MISALIGNED] = ROW ("misaligned", "Misaligned", 400),
  [IVD_ERROR_UNAUTHENTICATED] = ROW ("unauthenticated", "Unauthenticated", 401),
  [IVD_ERROR_DENIED] = ROW ("denied", "Denied", 403),
  [IVD_ERROR_NOT_FOUND] = ROW ("not-found", "NotFound", 404),
  [IVD_ERROR_EXISTS] = ROW ("exists", "Exists", 409),
  [IVD_ERROR_CLOSED] = ROW ("closed", "Closed", 409),
  [IVD_ERROR_BUSY] = ROW ("busy", "Busy", 409),
  [IVD_ERROR_PRECONDITION] = ROW ("precondition", "Precondition", 412),
  [IVD_ERROR_TOO_LARGE] = ROW ("too-large", "TooLarge", 413),
  [IVD_ERROR_OUT_OF_RANGE] = ROW ("out-of-range", "OutOfRange", 416),
  [IVD_ERROR_LIMIT] = ROW ("limit", "Limit", 429),
  [IVD_ERROR_INTERNAL] = ROW ("internal", "Internal", 500),
  [IVD_ERROR_NOT_SUPPORTED] = ROW ("not-supported", "NotSupported", 501),
  [IVD_ERROR_IO] = ROW ("io", "Io", 502),
  [IVD_ERROR_REGION_LOST] = ROW ("region-lost", "RegionLost", 503),
  [IVD_ERROR_TIMEOUT] = ROW ("timeout", "Timeout", 504),
  [IVD_ERROR_NO_SPACE] = ROW ("no-space", "NoSpace", 507),
};

G_DEFINE_QUARK (ivd_error, ivd_error)

const IvdErrorInfo *
ivd_error_info (gint code)
{
  if (code < 0 || code > IVD_ERROR_LAST)
    return &table[IVD_ERROR_INTERNAL];
  return &table[code];
}

static IvdErrorCode
code_of_io_error (gint code)
{
  switch (code)
    {
    case G_IO_ERROR_NOT_FOUND:
      return IVD_ERROR_NOT_FOUND;
    case G_IO_ERROR_EXISTS:
      return IVD_ERROR_EXISTS;
    case G_IO_ERROR_PERMISSION_DENIED:
      return IVD_ERROR_DENIED;
    case G_IO_ERROR_ADDRESS_IN_USE:
    case G_IO_ERROR_BUSY:
    case G_IO_ERROR_WOULD_BLOCK:
      return IVD_ERROR_BUSY;
    case G_IO_ERROR_NO_SPACE:
      return IVD_ERROR_NO_SPACE;
    case G_IO_ERROR_TIMED_OUT:
      return IVD_ERROR_TIMEOUT;
    case G_IO_ERROR_NOT_SUPPORTED:
      return IVD_ERROR_NOT_SUPPORTED;
    case G_IO_ERROR_INVALID_ARGUMENT:
    case G_IO_ERROR_INVALID_DATA:
      return IVD_ERROR_INVALID_ARGUMENT;
    case G_IO_ERROR_TOO_MANY_OPEN_FILES:
      return IVD_ERROR_LIMIT;
    case G_IO_ERROR_CLOSED:
    case G_IO_ERROR_CANCELLED:
      return IVD_ERROR_CLOSED;
    default:
      return IVD_ERROR_IO;
    }
}

IvdErrorCode
ivd_error_code (const GError *error)
{
  g_return_val_if_fail (error != NULL, IVD_ERROR_INTERNAL);

  if (error->domain == IVD_ERROR && error->code >= 0 && error->code <= IVD_ERROR_LAST)
    return (IvdErrorCode) error->code;
  if (error->domain == G_IO_ERROR)
    return code_of_io_error (error->code);
  return IVD_ERROR_INTERNAL;
}
