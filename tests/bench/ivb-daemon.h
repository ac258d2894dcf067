/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/* IvbDaemon: an ivshmemd on a private bus, for benchmarks; every failure ends
 * the program with what went wrong. */

typedef struct _IvbDaemon IvbDaemon;

/* Programs and plugins come from IVB_IVSHMEMD and IVB_PLUGIN_DIRS (separated
 * by ':'), which meson sets. */
IvbDaemon *ivb_daemon_new (void);
/* arguments: further ones of its command line, ended by NULL. */
IvbDaemon *ivb_daemon_new_with (const char *const *arguments);
void ivb_daemon_free (IvbDaemon *daemon);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvbDaemon, ivb_daemon_free)

GDBusConnection *ivb_daemon_get_connection (IvbDaemon *daemon);
gint64 ivb_daemon_get_pid (IvbDaemon *daemon);

/* From fork to the name on the bus. */
gdouble ivb_daemon_get_start_seconds (IvbDaemon *daemon);

/* A doorbell-server of 4 MiB. */
void ivb_daemon_attach (IvbDaemon *daemon, const char *name, guint vectors);
/* A host-plain on a file. */
void ivb_daemon_attach_file (IvbDaemon *daemon, const char *name, const char *path);

/* Calls a method of a region; ret_fd may be NULL. (transfer full) */
GVariant *ivb_daemon_call (IvbDaemon *daemon, const char *region, const char *method, GVariant *parameters, int *ret_fd);
