/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "doorbell/protocol.h"
#include "ivshmem/plugin.h"

/*
 * One region's connection to its server: made, fed to the machine, reported
 * to the host, and made again. A client is connected (there is a descriptor,
 * a watch and a machine) or it is not; with reconnect it then has a timer for
 * the next attempt. Of a connection that has failed nothing is kept.
 */

typedef struct _DoorbellClient DoorbellClient;

DoorbellClient *doorbell_client_new (const IvshmemPluginHost *host,
                                     IvshmemPluginRegion *region,
                                     const char *path,
                                     gboolean reconnect);
/* Reports nothing any more. */
void doorbell_client_free (DoorbellClient *client);

/* Makes the first attempt. Without reconnect its failure is a status and a
 * sentence (transfer full), and nothing is reported. */
IvshmemPluginStatus doorbell_client_start (DoorbellClient *client, char **ret_text) G_GNUC_WARN_UNUSED_RESULT;
/* Closes the connection and tries no more. May be called within a report. */
void doorbell_client_stop (DoorbellClient *client);

/* NULL: not connected. Borrowed, until the loop turns. */
DoorbellProtocol *doorbell_client_get_protocol (DoorbellClient *client);
