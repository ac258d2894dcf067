/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "plugin/ivd-plugin-host.h"
#include "plugin/ivd-plugin-store.h"

/*
 * IvdCandidates: looks out for what plugins could attach. A plugin with a
 * monitor is asked for its list when the monitor has said that it may be
 * another one, on a thread of the pool; what has come and gone since the last
 * list goes to the registry as events. The first list is where it begins from.
 *
 * A plugin is believed nothing: a burst, or a monitor that never falls silent,
 * is one list per settle time; without a change nothing wakes up. Main thread.
 */

typedef struct _IvdCandidates IvdCandidates;

typedef enum
{
  IVD_CANDIDATES_FIRST = 1 << 0, /* it is the first list */
  IVD_CANDIDATES_ADDED = 1 << 1,
  IVD_CANDIDATES_REMOVED = 1 << 2,
  IVD_CANDIDATES_CHANGED = 1 << 3, /* the properties of one that was there */
} IvdCandidatesChange;

/* There is a new list. changes: IvdCandidatesChange bits; 0: it is the same,
 * although something has happened (a device that was taken out and put in). */
typedef void (*IvdCandidatesFunc) (const char *plugin, guint changes, gpointer data);

/* Opens the monitors, and asks for the first lists. host and plugins must stay. */
IvdCandidates *ivd_candidates_new (IvdPluginHost *host, IvdPluginStore *plugins);
/* Closes them. NULL is fine. */
void ivd_candidates_free (IvdCandidates *candidates);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdCandidates, ivd_candidates_free)

/* NULL ends it. */
void ivd_candidates_set_func (IvdCandidates *candidates, IvdCandidatesFunc func, gpointer data);

/* TRUE when that plugin is watched; else invalid-argument, saying that it cannot
 * tell when devices come and go. */
gboolean ivd_candidates_check (IvdCandidates *candidates, const char *plugin,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;
