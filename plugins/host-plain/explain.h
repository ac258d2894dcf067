/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "ivshmem/plugin.h"

/* Sentences for what goes wrong with a file: each sets ret_text (transfer
 * full) and returns a status, for use in a return. */

IvshmemPluginStatus plain_explain (IvshmemPluginStatus status, char **ret_text, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* "WHAT PATH: the error of that number." */
IvshmemPluginStatus plain_explain_errno (int number, char **ret_text, const char *path, const char *what);

/* What the host's open_path() said is a status only: this says which. */
IvshmemPluginStatus plain_explain_open (IvshmemPluginStatus status, const char *path, gboolean read_only,
                                        char **ret_text);
