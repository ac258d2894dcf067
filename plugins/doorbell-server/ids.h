/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * The ids of one server: offset + n * stride, without the daemon's own. First
 * those that nobody ever had, the lowest first. When there is none left, the
 * one that was given back first, and that only when every client that is
 * connected came later: QEMU frees what it knows of a leaver and crashes when
 * it meets the same id again.
 *
 * Joins and departures are told apart by one rising serial.
 */

typedef struct _DbsIds DbsIds;

DbsIds *dbs_ids_new (guint offset, guint stride, gint own_id);
void dbs_ids_free (DbsIds *ids);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DbsIds, dbs_ids_free)

/* oldest_join: of the clients that are connected; G_MAXUINT64: there is none.
 * -1: no id may be used now. */
gint dbs_ids_take (DbsIds *ids, guint64 oldest_join) G_GNUC_WARN_UNUSED_RESULT;
void dbs_ids_give_back (DbsIds *ids, guint id, guint64 departure);
