/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-tls.h"

#include <string.h>

#include <gnutls/gnutls.h>

#include "base/ivd-error.h"

/* The system's choice, but for versions that are out of use (RFC 8996). */
#define PRIORITIES "-VERS-TLS1.0:-VERS-TLS1.1"
#define PROTOCOL "http/1.1"
/* Records that say nothing, such as warnings, before it is an attack. */
#define EMPTY_RECORDS 16

struct _IvdTls
{
  grefcount references;
  gnutls_certificate_credentials_t credentials;
  gnutls_datum_t ticket_key;
};

struct _IvdTlsSession
{
  grefcount references;
  IvdTls *owner;
  GSocket *socket;
  gnutls_session_t session;
  gboolean open;    /* the handshake is done, and it has not ended */
  gboolean sending; /* bytes were given that are not out yet */
};

static gboolean
check (int result, const char *what, GError **error)
{
  if (result >= 0)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "TLS: %s: %s", what, gnutls_strerror (result));
  return FALSE;
}

/* --- our side --- */

/* Its own and those that vouch for it, in their order. */
static char *
format_chain (GTlsCertificate *certificate)
{
  g_autoptr (GString) chain = g_string_new (NULL);

  for (GTlsCertificate *one = certificate; one != NULL; one = g_tls_certificate_get_issuer (one))
    {
      g_autofree char *pem = NULL;

      g_object_get (one, "certificate-pem", &pem, NULL);
      g_string_append (chain, pem != NULL ? pem : "");
    }
  return g_string_free (g_steal_pointer (&chain), FALSE);
}

static gboolean
set_certificate (IvdTls *self, GTlsCertificate *certificate, GError **error)
{
  g_autofree char *chain = format_chain (certificate);
  g_autofree char *key = NULL;
  gnutls_datum_t chain_data = { (unsigned char *) chain, (unsigned) strlen (chain) };
  gnutls_datum_t key_data;
  int result;

  g_object_get (certificate, "private-key-pem", &key, NULL);
  if (key == NULL)
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "TLS: the certificate has no key");
      return FALSE;
    }
  key_data = (gnutls_datum_t){ (unsigned char *) key, (unsigned) strlen (key) };
  result = gnutls_certificate_set_x509_key_mem (self->credentials, &chain_data, &key_data, GNUTLS_X509_FMT_PEM);
  gnutls_memset (key, 0, key_data.size);
  return check (result, "the certificate", error);
}

IvdTls *
ivd_tls_new (GTlsCertificate *certificate, GError **error)
{
  g_autoptr (IvdTls) self = g_new0 (IvdTls, 1);

  g_ref_count_init (&self->references);
  if (!check (gnutls_certificate_allocate_credentials (&self->credentials), "credentials", error)
      || !check (gnutls_session_ticket_key_generate (&self->ticket_key), "a key for tickets", error)
      || !set_certificate (self, certificate, error))
    return NULL;
  return g_steal_pointer (&self);
}

IvdTls *
ivd_tls_ref (IvdTls *tls)
{
  g_ref_count_inc (&tls->references);
  return tls;
}

void
ivd_tls_unref (IvdTls *tls)
{
  if (tls == NULL || !g_ref_count_dec (&tls->references))
    return;
  if (tls->credentials != NULL)
    gnutls_certificate_free_credentials (tls->credentials);
  if (tls->ticket_key.data != NULL)
    {
      gnutls_memset (tls->ticket_key.data, 0, tls->ticket_key.size);
      gnutls_free (tls->ticket_key.data);
    }
  g_free (tls);
}

/* --- one connection --- */

static gboolean
set_up (IvdTlsSession *self, GError **error)
{
  const gnutls_datum_t protocol = { (unsigned char *) PROTOCOL, sizeof PROTOCOL - 1 };
  gnutls_session_t session = self->session;

  if (!check (gnutls_set_default_priority_append (session, PRIORITIES, NULL, 0), "priorities", error)
      || !check (gnutls_credentials_set (session, GNUTLS_CRD_CERTIFICATE, self->owner->credentials), "credentials",
                 error)
      || !check (gnutls_session_ticket_enable_server (session, &self->owner->ticket_key), "tickets", error)
      || !check (gnutls_alpn_set_protocols (session, &protocol, 1, 0), "protocols", error))
    return FALSE;
  gnutls_certificate_server_set_request (session, GNUTLS_CERT_IGNORE);
  gnutls_handshake_set_timeout (session, GNUTLS_INDEFINITE_TIMEOUT); /* the caller has its own */
  gnutls_transport_set_int (session, g_socket_get_fd (self->socket));
  return TRUE;
}

IvdTlsSession *
ivd_tls_session_new (IvdTls *tls, GSocket *socket, GError **error)
{
  g_autoptr (IvdTlsSession) self = g_new0 (IvdTlsSession, 1);

  g_ref_count_init (&self->references);
  self->owner = ivd_tls_ref (tls);
  self->socket = g_object_ref (socket);
  if (!check (gnutls_init (&self->session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL), "a session", error)
      || !set_up (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

IvdTlsSession *
ivd_tls_session_ref (IvdTlsSession *session)
{
  g_ref_count_inc (&session->references);
  return session;
}

void
ivd_tls_session_unref (IvdTlsSession *session)
{
  if (session == NULL || !g_ref_count_dec (&session->references))
    return;
  if (session->session != NULL)
    gnutls_deinit (session->session);
  g_object_unref (session->socket);
  ivd_tls_unref (session->owner);
  g_free (session);
}

GSocket *
ivd_tls_session_get_socket (IvdTlsSession *session)
{
  return session->socket;
}

static gboolean
is_blocked (gssize result)
{
  return result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED;
}

static void
fail_blocked (GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "TLS has to wait for the other side");
}

gboolean
ivd_tls_session_shake_hands (IvdTlsSession *session, GIOCondition *ret_wanted, GError **error)
{
  int result = gnutls_handshake (session->session);

  for (guint i = 0; i < EMPTY_RECORDS && result < 0 && !is_blocked (result) && !gnutls_error_is_fatal (result); i++)
    result = gnutls_handshake (session->session);
  if (result == GNUTLS_E_SUCCESS)
    {
      session->open = TRUE;
      return TRUE;
    }
  if (is_blocked (result))
    {
      *ret_wanted = gnutls_record_get_direction (session->session) != 0 ? G_IO_OUT : G_IO_IN;
      fail_blocked (error);
      return FALSE;
    }
  (void) gnutls_alert_send_appropriate (session->session, result);
  g_set_error (error, G_TLS_ERROR, G_TLS_ERROR_HANDSHAKE, "no TLS with this client: %s", gnutls_strerror (result));
  return FALSE;
}

static gboolean
check_open (IvdTlsSession *self, GError **error)
{
  if (self->open && !g_socket_is_closed (self->socket))
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "TLS has ended on this connection");
  return FALSE;
}

/* How many bytes, or the error for result. */
static gssize
settle (IvdTlsSession *self, gssize result, GError **error)
{
  if (result >= 0)
    return result;
  if (is_blocked (result))
    fail_blocked (error);
  else
    {
      self->open = FALSE;
      g_set_error (error, G_TLS_ERROR, G_TLS_ERROR_MISC, "TLS: %s", gnutls_strerror ((int) result));
    }
  return -1;
}

gssize
ivd_tls_session_read (IvdTlsSession *session, void *buffer, gsize count, GError **error)
{
  gssize result = GNUTLS_E_AGAIN;

  if (!check_open (session, error))
    return -1;
  for (guint i = 0; i < EMPTY_RECORDS; i++)
    {
      result = gnutls_record_recv (session->session, buffer, count);
      /* Whoever asks for a new handshake gets none. */
      if (result >= 0 || is_blocked (result) || result == GNUTLS_E_REHANDSHAKE
          || gnutls_error_is_fatal ((int) result))
        break;
    }
  /* HTTP says itself how long a message is. */
  if (result == GNUTLS_E_PREMATURE_TERMINATION)
    return 0;
  return settle (session, result, error);
}

gboolean
ivd_tls_session_has_pending (IvdTlsSession *session)
{
  return session->open && gnutls_record_check_pending (session->session) > 0;
}

gssize
ivd_tls_session_write (IvdTlsSession *session, const void *buffer, gsize count, GError **error)
{
  gssize result;

  if (!check_open (session, error))
    return -1;
  if (count == 0)
    return 0;
  /* What was given before is encrypted already, and says how much it was. */
  result = session->sending ? gnutls_record_send (session->session, NULL, 0)
                            : gnutls_record_send (session->session, buffer, count);
  session->sending = is_blocked (result);
  return settle (session, result, error);
}

void
ivd_tls_session_close (IvdTlsSession *session)
{
  if (session->open && !session->sending && !g_socket_is_closed (session->socket))
    (void) gnutls_bye (session->session, GNUTLS_SHUT_WR);
  session->open = FALSE;
}
