/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "ivshmem/plugin.h"

#include "doorbell-server/access.h"
#include "doorbell-server/farewell.h"
#include "doorbell-server/listener.h"
#include "doorbell-server/memory.h"
#include "doorbell-server/options.h"
#include "doorbell-server/roster.h"

/*
 * One server: its parts, and how they begin and end.
 *
 *   new        options are right, the daemon's own peer is there
 *   (thread)   names looked up, memory made, socket listening
 *   ready      the host has the memory, clients are taken in
 *   stopping   the socket is gone; greetings that were begun are finished
 *   stopped    no client is left
 */

typedef enum
{
  DBS_SERVER_SETTING_UP,
  DBS_SERVER_READY,
  DBS_SERVER_FAILED,
  DBS_SERVER_STOPPING,
  DBS_SERVER_STOPPED
} DbsServerState;

typedef struct IvshmemPluginInstance
{
  const IvshmemPluginHost *host;
  IvshmemPluginRegion *region;
  char *name;
  DbsOptions *options;
  DbsServerState state;
  gboolean keep; /* the memory's file */

  /* The thread's until it is done. */
  gboolean setting_up;
  GError *setup_error;

  DbsAccess *access;
  DbsMemory memory;
  DbsListener listener;
  DbsRoster roster;
  DbsFarewell farewell;

  gint64 refusal_time; /* of the latest in the log */
  guint refusals;      /* since then */
} DbsServer;

DbsServer *dbs_server_new (const IvshmemPluginHost *host,
                           IvshmemPluginRegion *region,
                           const char *name,
                           DbsOptions *take_options,
                           GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void dbs_server_free (DbsServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DbsServer, dbs_server_free)

/* Begins; memory_ready or lost is reported. */
gboolean dbs_server_start (DbsServer *server, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A new peer that is reached by the socket returned; -1 on failure. */
int dbs_server_join (DbsServer *server, DbsCredentials *credentials, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* TRUE: it has stopped; FALSE: detached will be reported. */
gboolean dbs_server_stop (DbsServer *server, gboolean keep);
