/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "model/ivd-registry.h"
#include "model/ivd-snapshot.h"

/*
 * IvdPublisher: makes the snapshots that other threads read. It observes the
 * registry, gathers what changes within one iteration of the main loop, and
 * then publishes it as one snapshot in which only the changed regions are new.
 * While nothing changes it does nothing. Main thread, unless said otherwise.
 *
 * It must observe the registry before anybody who flushes from within one of
 * the registry's signals: make it right after the registry.
 */

typedef struct _IvdPublisher IvdPublisher;

/* A snapshot has been published, perhaps with nothing new but its serial. It
 * may add and remove listeners, itself included. */
typedef void (*IvdPublisherFunc) (const IvdSnapshot *snapshot, gpointer data);

/* Begins with what is there. */
IvdPublisher *ivd_publisher_new (IvdRegistry *registry);
void ivd_publisher_free (IvdPublisher *publisher);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdPublisher, ivd_publisher_free)

/* The newest. Any thread. (transfer full) */
IvdSnapshot *ivd_publisher_ref_snapshot (IvdPublisher *publisher);

/* Publishes now what is pending, if anything is. */
void ivd_publisher_flush (IvdPublisher *publisher);

/* Never 0. */
guint ivd_publisher_add_listener (IvdPublisher *publisher, IvdPublisherFunc func, gpointer data);
void ivd_publisher_remove_listener (IvdPublisher *publisher, guint listener);
