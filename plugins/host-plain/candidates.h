/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ivshmem/plugin.h"

/* Lists the files in /dev/shm and in every hugetlbfs, with who owns and who
 * maps them. Any thread; bounded in time and number. */
IvshmemPluginStatus plain_candidates_list (const IvshmemPluginHost *host, IvshmemPluginProbe *probe);
