/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What a fuzz target defines: takes any bytes, and ends the process if the
 * code under test did what it must never do. Nothing stays from one call to
 * the next. Returns 0. */
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
