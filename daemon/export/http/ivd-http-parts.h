/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-range.h"
#include "memory/ivd-mapping.h"

/*
 * IvdHttpParts: the body of an answer with a region's bytes: one range as it
 * is, or several as multipart/byteranges (RFC 9110, 14.6), each under a head
 * of its own. How long it is, is known before a byte of it is read; it is read
 * once, from front to back, as much at a time as one likes.
 */

typedef struct _IvdHttpParts IvdHttpParts;

/* The bytes of one range and nothing else. */
IvdHttpParts *ivd_http_parts_new (guint64 offset, guint64 length);
/* Several ranges of a region of size bytes. boundary: must be such that nobody
 * who writes to the region can foresee it. */
IvdHttpParts *ivd_http_parts_new_multipart (const IvdRanges *ranges, guint64 size, const char *boundary);
void ivd_http_parts_free (IvdHttpParts *parts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpParts, ivd_http_parts_free)

/* Of the whole body. */
guint64 ivd_http_parts_get_length (const IvdHttpParts *parts);
/* What has not been read yet. */
guint64 ivd_http_parts_get_left (const IvdHttpParts *parts);

/* The next bytes of the body: size of them, or all that are left. ret_touched:
 * how many of these are the region's. Errors: those of ivd_memory_read, after
 * which nothing more can be read. */
gboolean ivd_http_parts_read (IvdHttpParts *parts, IvdMapping *mapping, guint8 *buffer, gsize size, gsize *ret_got,
                              gsize *ret_touched, GError **error) G_GNUC_WARN_UNUSED_RESULT;
