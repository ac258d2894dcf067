/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "access/ivd-caller.h"
#include "model/ivd-watch.h"
#include "operation/ivd-context.h"

/*
 * IvdWatches: the byte ranges that callers watch. A watch belongs to one
 * caller and one region, has a number that is not used again, follows its
 * region over new generations, and ends with its caller, its region or Unwatch.
 * Main thread.
 */

IvdWatches *ivd_watches_new (IvdRegistry *registry, IvdCopyPool *pool);
void ivd_watches_free (IvdWatches *watches);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdWatches, ivd_watches_free)

/* What all watches of this daemon share. (transfer none) */
IvdWatchBudget *ivd_watches_get_budget (IvdWatches *watches);

/* Whose watch it is; NULL: there is none of that number. (transfer none) */
IvdCaller *ivd_watches_get_caller (IvdWatches *watches, guint watch);
