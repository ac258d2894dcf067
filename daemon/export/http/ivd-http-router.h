/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "export/http/ivd-http-exchange.h"

/*
 * The table of paths (design 9): which function answers what. Immutable.
 */

/* path: as it came, still encoded. ret_arguments: IVD_HTTP_MAX_ARGUMENTS, NULL
 * where there are fewer; theirs is decoded text without slashes. NULL: there is
 * no such path; or ret_allow says which methods it has. */
const IvdHttpRoute *ivd_http_router_find (const char *method, const char *path, char **ret_arguments,
                                          char **ret_allow);

/* All of them, and how many. */
const IvdHttpRoute *ivd_http_routes (guint *ret_count);
