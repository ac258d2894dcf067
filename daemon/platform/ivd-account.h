/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/* Users and groups of this machine. May ask the network: at start and when
 * somebody attaches, never per operation. */

/* A user's name or number. invalid-argument: there is none of that name, or
 * the number is none (the largest one means "nobody in particular"). */
gboolean ivd_account_find_user (const char *text, guint32 *ret_uid, GError **error) G_GNUC_WARN_UNUSED_RESULT;
gboolean ivd_account_find_group (const char *text,
                                 guint32 *ret_gid,
                                 GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
