/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib-object.h>

#include "access/ivd-grant.h"
#include "model/ivd-peer.h"

/*
 * IvdCaller: who asks for something: one connection of one user, or whoever
 * has a token. An adapter makes it from what the kernel or the bus vouches for,
 * and says when the connection has ended. What a caller holds is charged to it,
 * against named limits.
 *
 * Who it is never changes: callers may be made, asked who they are, and freed
 * on any thread. Leaving, charges and the signal are the main thread's.
 *
 * Signal: gone ()   its connection has ended; once, and nothing can be charged any more
 */

#define IVD_TYPE_CALLER (ivd_caller_get_type ())
G_DECLARE_FINAL_TYPE (IvdCaller, ivd_caller, IVD, CALLER, GObject)

/* What is counted per caller. */
typedef enum
{
  IVD_CHARGE_WAITS,
  IVD_CHARGE_WATCHES,
  IVD_CHARGE_FEEDS,
  IVD_CHARGE_SUBSCRIPTIONS,
  IVD_CHARGE_REQUESTS,
} IvdCharge;

#define IVD_CHARGE_LAST IVD_CHARGE_REQUESTS
#define IVD_CHARGE_COUNT (IVD_CHARGE_LAST + 1)

/* label: as it shall stand in logs, such as ":1.5". groups: supplementary, may
 * be NULL if there are none. Copies everything. (transfer full) */
IvdCaller *ivd_caller_new (const char *label,
                           const IvdCredentials *credentials,
                           const guint32 *groups,
                           gsize n_groups);

/* No user of this machine, but what the grant gives; it is copied. (transfer full) */
IvdCaller *ivd_caller_new_granted (const char *label, guint permissions, const char *pattern);

/* A new one that is the same user, or has the same grant; not the same process.
 * (transfer full) */
IvdCaller *ivd_caller_dup_identity (IvdCaller *caller, const char *label);
/* TRUE if one may just what the other may. */
gboolean ivd_caller_same_identity (IvdCaller *a, IvdCaller *b);

/* The daemon itself, for what its config tells it to do. (transfer full) */
IvdCaller *ivd_caller_new_daemon (void);

/* Not 0, and nobody else's in this run. Never changes: any thread may ask. */
guint64 ivd_caller_get_id (IvdCaller *caller);
const char *ivd_caller_get_label (IvdCaller *caller);
const IvdCredentials *ivd_caller_get_credentials (IvdCaller *caller);
/* NULL: it is a user. (transfer none) */
const IvdGrant *ivd_caller_get_grant (IvdCaller *caller);
/* Primary or supplementary. */
gboolean ivd_caller_in_group (IvdCaller *caller, guint32 gid);
/* The daemon's own user, or root: may do everything. */
gboolean ivd_caller_is_trusted (IvdCaller *caller);

/* By the adapter, when the connection has ended. More than once is fine. */
void ivd_caller_leave (IvdCaller *caller);
gboolean ivd_caller_has_left (IvdCaller *caller);

/* One more. limit, naming which and how many; closed if the caller has left. */
gboolean ivd_caller_charge (IvdCaller *caller, IvdCharge charge, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* One less, also after the caller has left. */
void ivd_caller_release (IvdCaller *caller, IvdCharge charge);
guint ivd_caller_get_charged (IvdCaller *caller, IvdCharge charge);
