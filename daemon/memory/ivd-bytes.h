/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "memory/ivd-mapping.h"

/*
 * Copies between shared bytes and private ones. Each shared byte is touched
 * once, whatever others do to it meanwhile; 1, 2, 4 or 8 bytes at a multiple
 * of their length in one piece. flags: the mapping's. To be called under a
 * guard.
 */

void ivd_bytes_load (void *to, const guint8 *shared, gsize length, IvdMappingFlags flags);
void ivd_bytes_store (guint8 *shared, const void *from, gsize length, IvdMappingFlags flags);
void ivd_bytes_fill (guint8 *shared, guint8 value, gsize length, IvdMappingFlags flags);
