/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/* UTF-8, absolute, no empty, "." or ".." component, no slash at the end (but
 * for "/"), at most IVD_LIMIT_PATH_BYTES; else invalid-argument. */
gboolean ivd_path_check (const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
