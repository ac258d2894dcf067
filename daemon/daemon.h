/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "export/ivd-bus.h"

/*
 * IvdDaemon: the composition root. Builds the parts in their order, connects
 * them, and takes them down in the reverse. Main thread.
 */

/* What the command line said; NULL: nothing. */
typedef struct
{
  gboolean bus_given;
  IvdBusKind bus;
  const char *bus_address; /* for IVD_BUS_ADDRESS */
  const char *config_file;
  const char *config_dir;
  const char *state_dir;
  const char *const *plugin_dirs; /* NULL: where plugins are installed */
  const char *const *http_listen; /* NULL: as the config says */
} IvdDaemonOptions;

typedef struct _IvdDaemon IvdDaemon;

/* The daemon has ended by itself; error NULL: as it should (its session is
 * over). Called once. */
typedef void (*IvdDaemonEndedFunc) (const GError *error, gpointer data);
typedef void (*IvdDaemonStoppedFunc) (gpointer data);

/* Reads the config, checks all of it, and makes the parts; attaches nothing. */
IvdDaemon *ivd_daemon_new (const IvdDaemonOptions *options, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Attaches the regions of the config, then goes on the bus, then is ready. */
void ivd_daemon_start (IvdDaemon *daemon, IvdDaemonEndedFunc ended, gpointer data);

/* Leaves the bus and detaches everything; stopped is called when the last
 * region has gone. */
void ivd_daemon_stop (IvdDaemon *daemon, IvdDaemonStoppedFunc stopped, gpointer data);

/* After it has stopped. NULL is fine. */
void ivd_daemon_free (IvdDaemon *daemon);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdDaemon, ivd_daemon_free)
