/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * Where the daemon's things are. session: the user's own daemon, else the
 * system's. A directory is made if it is missing, and is good only if nobody
 * but the daemon's user and root can write into it; its path comes back
 * without any symbolic link. At start only.
 */

/* The defaults; they need not exist. (transfer full) */
char *ivd_paths_config_file (gboolean session);
char *ivd_paths_config_directory (gboolean session);

/* For sockets: $RUNTIME_DIRECTORY of a service, /run/ivshmemd, or for a
 * session XDG_RUNTIME_DIR/ivshmemd or a private directory below the temporary
 * one. denied, invalid-argument, io. (transfer full) */
char *ivd_paths_make_runtime_dir (gboolean session, GError **error);

/* For what shall be there after a restart: given if not NULL, else
 * $STATE_DIRECTORY of a service, /var/lib/ivshmemd, or for a session
 * XDG_STATE_HOME/ivshmemd. (transfer full) */
char *ivd_paths_make_state_dir (gboolean session, const char *given, GError **error);

/* The file of a credential that the service manager was told to pass; NULL:
 * there is none of that name. (transfer full) */
char *ivd_paths_find_credential (const char *name);

/* parent/name, for the daemon's user alone. (transfer full) */
char *ivd_paths_make_child (const char *parent, const char *name, GError **error);

/* One daemon per state directory: holds it until the descriptor is closed.
 * -1 and busy: another one has it, and this one must do without. */
int ivd_paths_lock_state (const char *state_dir, GError **error);
