/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ctl-http.h"
#include "ctl-transport.h"

/*
 * Follows regions over HTTP: reads the stream of events, from the moment of the
 * listing that it begins with, and takes it up where it was when the connection
 * breaks. A daemon that has been started anew is told as on D-Bus: it has gone,
 * it is back, and its regions are new.
 */

typedef struct _CtlFollowHttp CtlFollowHttp;

/* names NULL: every region. http must live longer. */
CtlFollowHttp *ctl_follow_http_new (CtlHttp *http,
                                    const char *const *names,
                                    CtlEventFunc func,
                                    gpointer data);
/* NULL is fine. */
void ctl_follow_http_free (CtlFollowHttp *follow);
