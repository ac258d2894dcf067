/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

/*
 * IvdTls: our side of TLS as those who connect see it. IvdTlsSession: TLS on one
 * connected socket. Nothing here ever waits. GIO's own TLS holds a thread of a
 * pool that the whole process shares for as long as a handshake takes, so that a
 * few clients that stall in theirs hold up everybody else's.
 * A session is one thread's at a time.
 */

typedef struct _IvdTls IvdTls;
typedef struct _IvdTlsSession IvdTlsSession;

/* certificate: with its key. invalid-argument. Sessions keep it. */
IvdTls *ivd_tls_new (GTlsCertificate *certificate, GError **error) G_GNUC_WARN_UNUSED_RESULT;
IvdTls *ivd_tls_ref (IvdTls *tls);
void ivd_tls_unref (IvdTls *tls);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdTls, ivd_tls_unref)

/* socket: non-blocking. It is not closed by the session. */
IvdTlsSession *ivd_tls_session_new (IvdTls *tls, GSocket *socket, GError **error) G_GNUC_WARN_UNUSED_RESULT;
IvdTlsSession *ivd_tls_session_ref (IvdTlsSession *session);
void ivd_tls_session_unref (IvdTlsSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdTlsSession, ivd_tls_session_unref)
GSocket *ivd_tls_session_get_socket (IvdTlsSession *session);

/* As far as what has come leads. TRUE: it is done. FALSE and
 * G_IO_ERROR_WOULD_BLOCK: call again when the socket is ready for *ret_wanted.
 * What is no TLS, or none of ours, is another error. */
gboolean ivd_tls_session_shake_hands (IvdTlsSession *session, GIOCondition *ret_wanted,
                                      GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* After the handshake. 0: the other side has ended, with or without a goodbye;
 * -1: error, G_IO_ERROR_WOULD_BLOCK among them. */
gssize ivd_tls_session_read (IvdTlsSession *session, void *buffer, gsize count, GError **error);
/* Something was decrypted and not read yet: the socket does not tell. */
gboolean ivd_tls_session_has_pending (IvdTlsSession *session);
/* Who was told to come back must come back with the same bytes, or more behind
 * them. -1: error, G_IO_ERROR_WOULD_BLOCK among them. */
gssize ivd_tls_session_write (IvdTlsSession *session, const void *buffer, gsize count, GError **error);
/* Says goodbye if the socket takes it now. Reading and writing are over. */
void ivd_tls_session_close (IvdTlsSession *session);
