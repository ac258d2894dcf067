/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "access/ivd-access.h"
#include "access/ivd-logins.h"
#include "memory/ivd-copy.h"
#include "memory/ivd-waiter.h"
#include "model/ivd-metrics.h"
#include "model/ivd-publisher.h"
#include "plugin/ivd-candidates.h"
#include "plugin/ivd-plugin-host.h"
#include "plugin/ivd-plugin-store.h"

typedef struct _IvdHandover IvdHandover;
typedef struct _IvdHotplug IvdHotplug;
typedef struct _IvdSubscriptions IvdSubscriptions;
typedef struct _IvdWatches IvdWatches;

/*
 * What operations work on. Filled once by daemon.c, which owns all of it, and
 * not changed after; it outlives every request.
 */
typedef struct
{
  IvdRegistry *registry;
  IvdPublisher *publisher;
  IvdPluginStore *plugins;
  IvdPluginHost *backends;
  IvdCandidates *candidates;
  IvdAccess *access;
  IvdCopyPool *pool;
  IvdWaiter *waiter;
  IvdHandover *handover;
  IvdHotplug *hotplug;
  IvdSubscriptions *subscriptions;
  IvdWatches *watches;
  IvdMetrics *metrics;               /* NULL: nobody measures */
  IvdLogins *logins;                 /* NULL: there is nothing to log in to */
  const char *const *http_addresses; /* where HTTP is served, for people; NULL: nowhere */
  const char *state_dir;             /* where persisted regions are kept; NULL: nowhere */
} IvdContext;
