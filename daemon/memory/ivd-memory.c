/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "memory/ivd-memory.h"

#include "base/ivd-error.h"
#include "memory/ivd-bytes.h"

/* The state of the mapping is looked at between slices, so that a close ends a
 * copy of gigabytes soon. Large, since the C library copies large blocks past
 * the cache. */
#define SLICE_BYTES ((guint64) 64 * 1024 * 1024)

typedef struct
{
  IvdMappingFlags flags;
  guint64 length;
  guint8 *buffer; /* to read into or to write from; NULL to fill */
  guint8 value;
} Bytes;

gboolean
ivd_memory_check_range (guint64 size, guint64 offset, guint64 length, GError **error)
{
  if (offset <= size && length <= size - offset)
    return TRUE;

  g_set_error (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE,
               "offset %" G_GUINT64_FORMAT " and length %" G_GUINT64_FORMAT
               " are not within the region's %" G_GUINT64_FORMAT " bytes",
               offset, length, size);
  return FALSE;
}

static void
load (guint8 *address, gpointer data)
{
  Bytes *bytes = data;

  ivd_bytes_load (bytes->buffer, address, bytes->length, bytes->flags);
}

static void
store (guint8 *address, gpointer data)
{
  Bytes *bytes = data;

  ivd_bytes_store (address, bytes->buffer, bytes->length, bytes->flags);
}

static void
fill (guint8 *address, gpointer data)
{
  Bytes *bytes = data;

  ivd_bytes_fill (address, bytes->value, bytes->length, bytes->flags);
}

static gboolean
check (IvdMapping *mapping, guint64 offset, guint64 length, gboolean writes, GError **error)
{
  if (!ivd_memory_check_range (ivd_mapping_get_size (mapping), offset, length, error))
    return FALSE;
  if (writes && (ivd_mapping_get_flags (mapping) & IVD_MAPPING_READ_ONLY) != 0)
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED, "the region is read-only: no writing");
      return FALSE;
    }
  return ivd_mapping_check (mapping, error);
}

static gboolean
touch_slices (IvdMapping *mapping,
              guint64 offset,
              guint64 length,
              IvdMappingTouchFunc func,
              Bytes *bytes,
              GError **error)
{
  bytes->flags = ivd_mapping_get_flags (mapping);
  while (length > 0)
    {
      bytes->length = MIN (length, SLICE_BYTES);
      if (!ivd_mapping_touch (mapping, offset, (gsize) bytes->length, func, bytes, error))
        return FALSE;
      if (bytes->buffer != NULL)
        bytes->buffer += bytes->length;
      offset += bytes->length;
      length -= bytes->length;
    }
  return TRUE;
}

gboolean
ivd_memory_read (IvdMapping *mapping, guint64 offset, void *buffer, gsize length, GError **error)
{
  Bytes bytes = { .buffer = buffer };

  if (!check (mapping, offset, length, FALSE, error))
    return FALSE;
  return touch_slices (mapping, offset, length, load, &bytes, error);
}

gboolean
ivd_memory_write (IvdMapping *mapping, guint64 offset, const void *buffer, gsize length, GError **error)
{
  Bytes bytes = { .buffer = (guint8 *) buffer };

  if (!check (mapping, offset, length, TRUE, error))
    return FALSE;
  return touch_slices (mapping, offset, length, store, &bytes, error);
}

gboolean
ivd_memory_fill (IvdMapping *mapping, guint64 offset, guint64 length, guint8 value, GError **error)
{
  Bytes bytes = { .value = value };

  if (!check (mapping, offset, length, TRUE, error))
    return FALSE;
  return touch_slices (mapping, offset, length, fill, &bytes, error);
}
