/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ctl-http.h"

/* One of answer and error is not NULL. */
typedef void (*CtlHttpFetchedFunc) (JsonObject *answer, const GError *error, gpointer data);

/* Asks for JSON without waiting. func is called once, also when cancelled. */
void ctl_http_fetch_json (CtlHttp *http,
                          SoupSession *session,
                          const char *path,
                          GCancellable *cancellable,
                          CtlHttpFetchedFunc func,
                          gpointer data);
