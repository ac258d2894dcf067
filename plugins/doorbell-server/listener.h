/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "doorbell-server/options.h"
#include "doorbell-server/place.h"

/*
 * The socket that clients connect to. Its file has its owner and mode before
 * anybody can connect. A file that a dead server left is replaced; one that a
 * living server listens on is not: a lock file beside it settles that between
 * servers of ours, a connect between us and others.
 *
 * When descriptors run out, a spare one is used to tell each newcomer that it
 * is refused; when even that fails, accepting pauses.
 */

/* A newcomer; fd becomes the callee's. */
typedef void (*DbsListenerFunc) (int take_fd, gpointer data);
/* The newcomers that were waiting are through. */
typedef void (*DbsListenerDoneFunc) (gpointer data);

typedef struct
{
  const IvshmemPluginHost *host;
  IvshmemPluginRegion *region;

  DbsPlace *socket;
  DbsPlace *lock;
  int lock_fd;
  int fd;
  int spare; /* any descriptor, to be closed when there is no other */

  DbsListenerFunc func;
  DbsListenerDoneFunc done;
  gpointer data;
  guint64 watch;
  gboolean paused;
  guint64 pause; /* timer that ends it; 0: a leave does */
} DbsListener;

#define DBS_LISTENER_NONE                \
  {                                      \
    .lock_fd = -1, .fd = -1, .spare = -1 \
  }

/* Listens, but takes nobody in yet. Any thread. */
gboolean dbs_listener_open (DbsListener *listener,
                            const IvshmemPluginHost *host,
                            IvshmemPluginRegion *region,
                            const DbsOptions *options,
                            GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Main thread only, from here on. */
gboolean dbs_listener_start (DbsListener *listener,
                             DbsListenerFunc func,
                             DbsListenerDoneFunc done,
                             gpointer data,
                             GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* There are descriptors again. */
void dbs_listener_resume (DbsListener *listener);

/* Refuses whoever still waits, and takes the files away. */
void dbs_listener_close (DbsListener *listener);
