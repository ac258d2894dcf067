/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "access/ivd-caller.h"
#include "access/ivd-path-policy.h"
#include "access/ivd-permission.h"

/*
 * IvdAccess: who may do what with which region, as the config says it. Denied
 * is what no rule allows; the daemon's own user and root may do everything.
 * Rules are added while it is built, then it is immutable and shared: a new
 * config makes a new one, and any thread may ask. Callers with a grant have what
 * that gives and nothing by rules.
 */

typedef struct _IvdAccess IvdAccess;

/* Without any rule. (transfer full) */
IvdAccess *ivd_access_new (IvdPathPolicy *take_paths);
IvdAccess *ivd_access_ref (IvdAccess *access);
void ivd_access_unref (IvdAccess *access);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdAccess, ivd_access_unref)

/* While it is built. region: NULL means every region, and what belongs to no
 * region. members: "user:NAME,group:NAME,…", names or numbers, or "*" for
 * everybody. Names are looked up now; an unknown one is invalid-argument. */
gboolean ivd_access_allow (IvdAccess *access,
                           const char *region,
                           IvdPermission permission,
                           const char *members,
                           GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* error: that there is no such region. Whoever could not see it if there were hears
 * what they would hear then, so that nobody can try out names. */
void ivd_access_cover_missing (const IvdAccess *access,
                               IvdCaller *caller,
                               IvdPermission permission,
                               const char *region,
                               GError **error);

/* region: NULL asks for what belongs to no region. */
gboolean ivd_access_allows (const IvdAccess *access,
                            IvdCaller *caller,
                            IvdPermission permission,
                            const char *region);

/* Whether there is any region, or anything else, that they may see. */
gboolean ivd_access_sees_anything (const IvdAccess *access, IvdCaller *caller);

/* As ivd_access_allows; denied, naming user, permission, region and the key that would allow it. */
gboolean ivd_access_check (const IvdAccess *access,
                           IvdCaller *caller,
                           IvdPermission permission,
                           const char *region,
                           GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* May a path be opened for this caller: below the allowed directories, or by
 * those who have admin for everything. invalid-argument if it is not normal. */
gboolean ivd_access_check_path (const IvdAccess *access, IvdCaller *caller, const char *path, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
