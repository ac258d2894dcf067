/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "access/ivd-caller.h"
#include "operation/ivd-context.h"

/*
 * IvdSubscriptions: who wants to be told of which region's events. Interrupts
 * go to a subscriber the first at once, then at most
 * IVD_LIMIT_SIGNALS_PER_VECTOR_PER_SECOND a vector and
 * IVD_LIMIT_SIGNALS_PER_REGION_PER_SECOND a region, their counts summed, none
 * lost. A subscription ends with its caller or its region. An observer of the
 * registry; main thread.
 */

/* Tells one subscriber of one event; for interrupts count is the exact sum
 * since the last one it was told of. */
typedef void (*IvdSubscriptionFunc) (IvdCaller *caller, IvdRegion *region, const IvdEvent *event, gpointer data);

IvdSubscriptions *ivd_subscriptions_new (IvdRegistry *registry);
void ivd_subscriptions_free (IvdSubscriptions *subscriptions);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdSubscriptions, ivd_subscriptions_free)

/* The one who carries events to subscribers: the bus. NULL ends it. */
void ivd_subscriptions_set_func (IvdSubscriptions *subscriptions, IvdSubscriptionFunc func, gpointer data);

gboolean ivd_subscriptions_has (IvdSubscriptions *subscriptions, IvdRegion *region, IvdCaller *caller);
