/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "access/ivd-caller.h"

/*
 * IvdLogins: one-time tokens by which a browser gets the rights of whoever made
 * them. Each counts once, for IVD_LIMIT_LOGIN_USEC; of too many the oldest
 * goes. Kept by their hashes. No timers: what is over is found when somebody
 * asks. Any thread. Times are monotonic.
 */

/* What the secret of a login begins with. */
#define IVD_LOGIN_PREFIX "ivl_"

typedef struct _IvdLogins IvdLogins;

/* (transfer full) */
IvdLogins *ivd_logins_new (void);
IvdLogins *ivd_logins_ref (IvdLogins *logins);
void ivd_logins_unref (IvdLogins *logins);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdLogins, ivd_logins_unref)

/* The secret of a new one, with the identity of caller. (transfer full) */
char *ivd_logins_create (IvdLogins *logins, IvdCaller *caller, gint64 now, GError **error);

/* Ends it. A new caller with that identity, with label for the logs; NULL and
 * unauthenticated when it is none, over, or was redeemed. (transfer full) */
IvdCaller *ivd_logins_redeem (IvdLogins *logins, const char *secret, const char *label, gint64 now, GError **error);

/* How many are open. */
guint ivd_logins_count (IvdLogins *logins, gint64 now);
