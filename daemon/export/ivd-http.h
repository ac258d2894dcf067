/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "access/ivd-token.h"
#include "operation/ivd-context.h"

/*
 * IvdHttp: the daemon's face to browsers, curl and Prometheus, on a thread of
 * its own. http/ivd-http.c is the real one; ivd-http-none.c stands in when HTTP
 * is left out of the build. Main thread.
 */

typedef struct _IvdHttp IvdHttp;

typedef struct
{
  const GPtrArray *sockets;      /* of GSocket *, listening */
  GTlsCertificate *certificate;  /* for those of TCP; NULL: without TLS */
  const IvdTokens *tokens;       /* outlives it; NULL: none */
  const char *const *host_names; /* that a Host header may name besides addresses; NULL: none */
} IvdHttpSetup;

/* context must outlive it. Serves when this returns. Errors: not-supported,
 * invalid-argument, limit. */
IvdHttp *ivd_http_new (const IvdHttpSetup *setup, IvdContext *context, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* What /readyz says from now on. */
void ivd_http_set_ready (IvdHttp *http);

/* Ends every request and stream, and the thread. NULL is fine. */
void ivd_http_free (IvdHttp *http);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttp, ivd_http_free)
