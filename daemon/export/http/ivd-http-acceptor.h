/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/*
 * IvdHttpAcceptor: takes connections from a listening socket. libsoup's own
 * listener goes deaf for good at the first accept that fails (stack.md A1), so
 * ours pauses when the descriptors are used up, and goes on. HTTP thread.
 */

typedef struct _IvdHttpAcceptor IvdHttpAcceptor;

/* socket: connected and non-blocking. */
typedef void (*IvdHttpAcceptFunc) (GSocket *socket, gpointer data);

/* Descriptors are used up; nothing is accepted for a moment. */
typedef void (*IvdHttpExhaustedFunc) (const GError *error, gpointer data);

IvdHttpAcceptor *ivd_http_acceptor_new (GSocket *listener, IvdHttpAcceptFunc func, IvdHttpExhaustedFunc exhausted,
                                        gpointer data);
void ivd_http_acceptor_free (IvdHttpAcceptor *acceptor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdHttpAcceptor, ivd_http_acceptor_free)
