/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <sys/socket.h>

#include <glib.h>

#include "doorbell/protocol.h"
#include "ivshmem/plugin.h"

/*
 * A connection to a server's socket: how it is made, and how what comes over
 * it is fed to the state machine. Nothing here waits.
 */

/* Descriptors that one read has room for. The protocol sends one. */
#define DOORBELL_DESCRIPTORS_PER_READ 8

/* A connected stream socket, non-blocking and close-on-exec, of the server
 * that listens at path, in which no component may be a symbolic link. Else a
 * status and the sentence to it (transfer full). */
IvshmemPluginStatus doorbell_connect (const IvshmemPluginHost *host,
                                      IvshmemPluginRegion *region,
                                      const char *path,
                                      int *ret_fd,
                                      char **ret_text) G_GNUC_WARN_UNUSED_RESULT;

/* Reads to the end of a message at most. TRUE: there may be more. An end or
 * a failure is told to the machine. */
gboolean doorbell_receive (int fd, DoorbellProtocol *protocol, gint64 now);

/* The descriptors (SCM_RIGHTS) among the control messages, with what they
 * are; at most max, what is beyond is closed. They become the caller's. */
gsize doorbell_take_descriptors (struct msghdr *message, DoorbellDescriptor *ret_descriptors, gsize max);
