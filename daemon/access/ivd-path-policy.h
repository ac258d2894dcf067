/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "base/ivd-path.h"

/*
 * IvdPathPolicy: the directories below which paths may be opened for anybody
 * who may attach. It judges the text of a path only; that no symbolic link
 * leads out of there is for the one who opens it. Immutable once in use.
 */

typedef struct _IvdPathPolicy IvdPathPolicy;

/* runtime_dir always belongs to them. directories: absolute and normal; NULL
 * means the default: /dev/shm and every mounted hugetlbfs. */
IvdPathPolicy *ivd_path_policy_new (const char *runtime_dir, const char *const *directories);
void ivd_path_policy_free (IvdPathPolicy *policy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdPathPolicy, ivd_path_policy_free)

/* TRUE if path lies below one of them. Path must be normal. */
gboolean ivd_path_policy_allows (const IvdPathPolicy *policy, const char *path);

/* The directories, separated by ", ". (transfer full) */
char *ivd_path_policy_describe (const IvdPathPolicy *policy);
