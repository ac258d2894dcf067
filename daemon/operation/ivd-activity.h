/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "operation/ivd-watches.h"

/*
 * IvdActivity: counts which bytes change in the regions that were attached with
 * activity=true: once a second, or more slowly so that it and all watches stay
 * within their one budget of processor time. Nobody is told of an event. An
 * observer of the registry; main thread.
 */

typedef struct _IvdActivity IvdActivity;

/* All three must outlive it. */
IvdActivity *ivd_activity_new (IvdRegistry *registry, IvdCopyPool *pool, IvdWatches *watches);
void ivd_activity_free (IvdActivity *activity);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdActivity, ivd_activity_free)
