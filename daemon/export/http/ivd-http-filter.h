/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "model/ivd-event.h"

/*
 * IvdHttpFilter: which events a listener wants: of these regions, of these
 * types; at first all. Regions need not exist: they may come later. Reference
 * counted; not changed any more once it is shared. HTTP thread.
 */

typedef struct _IvdHttpFilter IvdHttpFilter;

IvdHttpFilter *ivd_http_filter_new (void);
IvdHttpFilter *ivd_http_filter_ref (IvdHttpFilter *filter);
void ivd_http_filter_unref (IvdHttpFilter *filter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpFilter, ivd_http_filter_unref)

/* One more; the first rules out all others. invalid-argument. */
gboolean ivd_http_filter_add_region (IvdHttpFilter *filter, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean ivd_http_filter_add_type (IvdHttpFilter *filter, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

gboolean ivd_http_filter_wants_type (const IvdHttpFilter *filter, IvdEventType type);
/* NULL: what belongs to no region; wanted by those who want all. */
gboolean ivd_http_filter_wants_region (const IvdHttpFilter *filter, const char *region);

/* The same text for filters that want the same. (transfer full) */
char *ivd_http_filter_describe (const IvdHttpFilter *filter);
