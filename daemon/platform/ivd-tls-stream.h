/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include "platform/ivd-tls.h"

/*
 * IvdTlsStream: a TLS session whose handshake is done, as a stream of GIO's,
 * pollable both ways. It never waits: read and write fail with
 * G_IO_ERROR_WOULD_BLOCK, whether they may wait or not. Its close says goodbye
 * if that can be said at once, and closes the socket.
 */

#define IVD_TYPE_TLS_STREAM (ivd_tls_stream_get_type ())
G_DECLARE_FINAL_TYPE (IvdTlsStream, ivd_tls_stream, IVD, TLS_STREAM, GIOStream)

/* Its two halves, of no use without it. */
#define IVD_TYPE_TLS_INPUT (ivd_tls_input_get_type ())
G_DECLARE_FINAL_TYPE (IvdTlsInput, ivd_tls_input, IVD, TLS_INPUT, GInputStream)
#define IVD_TYPE_TLS_OUTPUT (ivd_tls_output_get_type ())
G_DECLARE_FINAL_TYPE (IvdTlsOutput, ivd_tls_output, IVD, TLS_OUTPUT, GOutputStream)

/* (transfer full) */
GIOStream *ivd_tls_stream_new (IvdTlsSession *take_session);
