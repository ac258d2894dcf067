/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-http-buffers.h"
#include "export/http/ivd-http-connection.h"
#include "export/http/ivd-http-principals.h"
#include "export/http/ivd-http-stage.h"
#include "export/http/ivd-http-streams.h"
#include "export/metrics/ivd-http-counters.h"

/*
 * What all routes share beside the service. Made by ivd-http.c on the HTTP
 * thread before the first connection, and gone after the last.
 */
struct _IvdHttpShared
{
  IvdHttpPrincipals *principals;
  IvdHttpConnections *connections;
  IvdHttpStreams *streams;
  IvdHttpCounters counters;
  IvdHttpBuffers *buffers;
  IvdHttpStages *stages;
  GBytes *plugins; /* JSON; plugins are loaded once */
  guint n_plugins; /* that could be loaded */
  gint64 started;  /* monotonic */
  gint ready;      /* atomic: the daemon has attached what its config names */
};
