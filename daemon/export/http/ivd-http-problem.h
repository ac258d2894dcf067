/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#define IVD_HTTP_PROBLEM_TYPE "application/problem+json"

/* An error as RFC 9457 wants it, by the table of errors. status: 0 for the
 * table's. (transfer full) */
GBytes *ivd_http_problem_format (const GError *error, guint status);
