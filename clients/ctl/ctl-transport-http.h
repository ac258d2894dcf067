/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "ctl-transport.h"

typedef struct
{
  const char *url;
  const char *token_file; /* NULL: the environment's IVSHMEM_TOKEN, if any */
  const char *ca_file;    /* NULL: the system's certificates */
} CtlHttpOptions;

/* A transport over HTTP. Errors: usage; io for the token's file; not-supported
 * when it was left out of the build. */
CtlTransport *ctl_transport_http_new (const CtlHttpOptions *options, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
