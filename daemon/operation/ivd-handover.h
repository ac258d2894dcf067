/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "operation/ivd-context.h"

/*
 * IvdHandover: the descriptors that callers hold of a region's vectors. A fed
 * copy is an eventfd of its own that gets every interrupt's count; several
 * may share a vector. An exclusive one is the real eventfd of the daemon's own
 * peer: while somebody holds it the daemon does not read it. All of a caller's
 * end when it leaves, all of a region's when it is lost or detached. An
 * observer of the registry; main thread.
 */

IvdHandover *ivd_handover_new (IvdRegistry *registry);
void ivd_handover_free (IvdHandover *handover);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHandover, ivd_handover_free)
