/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ctl-command.h"

/* The daemon's plugins, as its manager lists them: aa{sv}. */

GVariant *ctl_plugins_list (CtlCommand *command, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The row of one. Errors: not-found, naming those that there are. */
GVariant *ctl_plugins_find (GVariant *plugins, const char *name, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* aa{sv}: what it could attach on the daemon's machine. */
GVariant *ctl_plugins_candidates (CtlCommand *command,
                                  const char *plugin,
                                  GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Why it could not be loaded, or NULL. Borrowed from plugin. */
const char *ctl_plugins_failure (GVariant *plugin);

/* aa{sv}, one per option that attach takes; NULL when the daemon does not say. */
GVariant *ctl_plugins_options (GVariant *plugin);
