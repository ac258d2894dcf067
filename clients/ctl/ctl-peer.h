/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ctl-command.h"

/* Is a peer on a connected socket that speaks the ivshmem protocol, and prints
 * what it sees, until a signal ends it. take_fd becomes its own.
 * expected_vectors: that its greeting is over with; 0 when it is not known. Errors: those
 * of the server, and closed when the server has closed the connection. */
gboolean ctl_peer_run (CtlCommand *command,
                       const char *region,
                       guint expected_vectors,
                       int take_fd,
                       GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
