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
 * gets a new mapping). A device's pages (write-combined or uncached) are let go
 * of at either end, so that it can be removed or given back.
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
 * is shorter), denied, no-space (no huge pages), limit, io. */
IvdMapping *ivd_mapping_new (int fd, guint64 offset, guint64 size, IvdMappingFlags flags, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Memory that somebody else has mapped, and keeps as long as this lives. */
IvdMapping *ivd_mapping_new_for_address (void *address, guint64 size, IvdMappingFlags flags);

/* Called when nothing is mapped any more, by whoever drops the last reference,
 * on its thread. Before the mapping is shared. */
void ivd_mapping_set_free_func (IvdMapping *mapping, GDestroyNotify free_func, gpointer data);

IvdMapping *ivd_mapping_ref (IvdMapping *mapping);
void ivd_mapping_unref (IvdMapping *mapping);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdMapping, ivd_mapping_unref)

/* NULL to unset; when that returns, func runs no more (unless it is func that
 * unsets). func must not wait for another thread. */
void ivd_mapping_set_lost_func (IvdMapping *mapping, IvdMappingLostFunc func, gpointer data);

guint64 ivd_mapping_get_size (IvdMapping *mapping);
IvdMappingFlags ivd_mapping_get_flags (IvdMapping *mapping);

/* A new descriptor of the memory, close-on-exec, for somebody else. read_only:
 * opened anew with O_RDONLY, so that the descriptor cannot be made writable
 * again; who else may open the file is up to the file's own mode. The
 * descriptor is the caller's. ret_offset: where the region begins in it.
 * Errors: not-supported (no descriptor; writable from a read-only mapping),
 * denied, limit, io, closed, region-lost. -1 then. */
int ivd_mapping_open (IvdMapping *mapping, gboolean read_only, guint64 *ret_offset, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

void ivd_mapping_close (IvdMapping *mapping);
void ivd_mapping_lose (IvdMapping *mapping, const char *message);

/* FALSE and closed or region-lost when the mapping may not be used any more. */
gboolean ivd_mapping_check (IvdMapping *mapping, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/*
 * For the rest of memory/ only.
 */

/* Told once, when the mapping is closed or lost, on the thread that does it.
 * Must not call the mapping nor take a lock under which the mapping is called. */
typedef void (*IvdMappingEndFunc) (gpointer data);

/* A handle for removal, or NULL if the mapping has ended already. */
gpointer ivd_mapping_add_end_func (IvdMapping *mapping, IvdMappingEndFunc func, gpointer data);
/* When this returns func runs no more. NULL is fine. */
void ivd_mapping_remove_end_func (IvdMapping *mapping, gpointer handle);

/* Touches the bytes at address, under a guard: see IvdGuardFunc for what it
 * must not do. */
typedef void (*IvdMappingTouchFunc) (guint8 *address, gpointer data);

/* Calls func with where offset is. offset and length have been checked. FALSE
 * when the mapping has ended, or when a fault ended func: region-lost (and the
 * mapping is lost), no-space, or io (broken memory). */
gboolean ivd_mapping_touch (IvdMapping *mapping,
                            guint64 offset,
                            gsize length,
                            IvdMappingTouchFunc func,
                            gpointer data,
                            GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* Where offset is; for its alignment, not to be touched. */
guintptr ivd_mapping_place (IvdMapping *mapping, guint64 offset);
