/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * The query of a URL, ?key=value&key=value, taken key by key. Strict: bad
 * escapes, what is not UTF-8, NUL, keys that come twice where one is meant,
 * and keys that nobody takes are errors (invalid-argument) that name the key
 * and the rule. A key that is not there leaves ret_value alone. Keys must live
 * as long as the query. Any thread.
 */

typedef struct _IvdQuery IvdQuery;

/* encoded: what follows the '?', as it came; NULL: there is none. */
IvdQuery *ivd_query_new (const char *encoded, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void ivd_query_free (IvdQuery *query);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdQuery, ivd_query_free)

/* TRUE: not taken yet, and there. */
gboolean ivd_query_has (IvdQuery *query, const char *key);

/* Decimal digits, or 0x and hexadecimal ones. */
gboolean ivd_query_take_uint64 (IvdQuery *query, const char *key, guint64 *ret_value, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* true yes on 1, false no off 0 */
gboolean ivd_query_take_boolean (IvdQuery *query, const char *key, gboolean *ret_value, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* (transfer full) */
gboolean ivd_query_take_text (IvdQuery *query, const char *key, char **ret_value, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* ?key=a,b&key=c: all of them; none is empty. (transfer full) */
gboolean ivd_query_take_texts (IvdQuery *query, const char *key, GStrv *ret_value, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* FALSE and an error that names the first key nobody has taken, and those that
 * somebody asked for. */
gboolean ivd_query_end (IvdQuery *query, GError **error) G_GNUC_WARN_UNUSED_RESULT;
