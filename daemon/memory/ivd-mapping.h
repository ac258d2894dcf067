/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * IvdMapping: one region's memory as this process sees it. Reference counted;
 * every function may be called from any thread. The pages stay mapped until
 * the last reference is gone, so detaching while others read is safe; what
 * ends earlier is the permission to use it:
 *
 *   open ──ivd_mapping_lose()──▶ lost      every operation: region-lost
 *     └───ivd_mapping_close()──▶ closed    every operation: closed
 *
 * Closing wins over losing; there is no way back (a region that comes back
 * gets a new mapping).
 */

typedef struct _IvdMapping IvdMapping;

typedef enum
{
  IVD_MAPPING_READ_ONLY = 1 << 0,
  IVD_MAPPING_WRITE_COMBINED = 1 << 1,
  IVD_MAPPING_UNCACHED = 1 << 2,
} IvdMappingFlags;

/* Called once, on whatever thread touched the hole, when an access finds that
 * the file behind the mapping has been truncated. The mapping is lost already. */
typedef void (*IvdMappingLostFunc) (IvdMapping *mapping, const char *message, gpointer data);

/* Maps size bytes at offset of fd, shared. fd is copied. offset must be a
 * multiple of the page size. Errors: invalid-argument, out-of-range (the file
 * is shorter), denied, io. */
IvdMapping *ivd_mapping_new (int fd, guint64 offset, guint64 size, IvdMappingFlags flags, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Memory that somebody else has mapped and keeps until free_func is called. */
IvdMapping *ivd_mapping_new_for_address (void *address, guint64 size, IvdMappingFlags flags,
                                         GDestroyNotify free_func, gpointer data);

IvdMapping *ivd_mapping_ref (IvdMapping *mapping);
void ivd_mapping_unref (IvdMapping *mapping);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdMapping, ivd_mapping_unref)

void ivd_mapping_set_lost_func (IvdMapping *mapping, IvdMappingLostFunc func, gpointer data);

guint64 ivd_mapping_get_size (IvdMapping *mapping);
IvdMappingFlags ivd_mapping_get_flags (IvdMapping *mapping);

/* A new descriptor of the memory, close-on-exec, for somebody else. read_only:
 * opened anew with O_RDONLY, so that it cannot be made writable again. The
 * descriptor is the caller's. ret_offset: where the region begins in it.
 * Errors: not-supported (no descriptor), denied, io, closed, region-lost. */
int ivd_mapping_open (IvdMapping *mapping, gboolean read_only, guint64 *ret_offset, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

void ivd_mapping_close (IvdMapping *mapping);
void ivd_mapping_lose (IvdMapping *mapping, const char *message);

/* FALSE and closed or region-lost when the mapping may not be used any more. */
gboolean ivd_mapping_check (IvdMapping *mapping, GError **error) G_GNUC_WARN_UNUSED_RESULT;
