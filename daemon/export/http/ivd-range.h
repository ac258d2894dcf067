/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "base/ivd-limits.h"

/*
 * The Range header of RFC 9110, for bytes. Every range that comes out lies
 * within the size; none is empty. They come in the order they were asked for,
 * and may overlap. Any thread.
 */

typedef struct
{
  guint64 offset;
  guint64 length;
} IvdRange;

typedef struct
{
  guint n; /* 0: the whole */
  IvdRange ranges[IVD_LIMIT_RANGES];
} IvdRanges;

/* header: NULL when there is none. A unit other than bytes asks for the whole,
 * as the RFC says. One that is not understood is invalid-argument, as to send
 * it all instead could be a gigabyte that nobody wants; none within size, or
 * more than IVD_LIMIT_RANGES, is out-of-range (answer with
 * ivd_range_unsatisfied()). */
gboolean ivd_range_parse (const char *header, guint64 size, IvdRanges *ret_ranges, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Content-Range: "bytes 0-15/4096". (transfer full) */
char *ivd_range_content_range (const IvdRange *range, guint64 size);
/* Content-Range of a 416, with the size alone. (transfer full) */
char *ivd_range_unsatisfied (guint64 size);
