/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "memory/ivd-waiter.h"
#include "model/ivd-registry.h"

/* IvdWakes: an interrupt of a region wakes its waits at once. An observer of
 * the registry; main thread. */

typedef struct _IvdWakes IvdWakes;

/* Both must outlive it. */
IvdWakes *ivd_wakes_new (IvdRegistry *registry, IvdWaiter *waiter);
void ivd_wakes_free (IvdWakes *wakes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdWakes, ivd_wakes_free)
