/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <gio/gio.h>

#include "access/ivd-token.h"
#include "config/ivd-key-file.h"
#include "platform/ivd-listen-address.h"

/*
 * IvdConfigHttp: [http], checked and typed, with what its files hold. Immutable
 * once the config is loaded: any thread may read it.
 */

typedef struct
{
  gboolean enabled;
  GPtrArray *listen;     /* of IvdListenAddress *; empty: nothing was said */
  char *default_path;    /* of the socket where one is, when nothing was said */
  guint socket_mode;     /* of unix sockets */
  gint64 socket_gid;     /* -1: the daemon's own */
  GStrv token_files;     /* may be NULL */
  char *tls_certificate; /* NULL: no TLS */
  char *tls_key;         /* with it */
  gboolean insecure;     /* plaintext where other machines can listen in is wanted */
  GStrv allowed_hosts;   /* in lower case, without ports; may be NULL */
  gboolean sessions;     /* browsers may log in */

  /* from files, once they are loaded and if it is enabled */
  IvdTokens *tokens;
  GTlsCertificate *certificate; /* NULL: no TLS */

  /* where it was said, for messages; NULL: nowhere */
  char *listen_place;
  char *tokens_place;
  char *certificate_place;
  char *key_place;
} IvdConfigHttp;

/* The defaults. */
IvdConfigHttp *ivd_config_http_new (const char *runtime_dir);
void ivd_config_http_free (IvdConfigHttp *http);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdConfigHttp, ivd_config_http_free)

/* [http], key by key. */
gboolean ivd_config_http_parse (IvdConfigHttp *http, const IvdKeyFileGroup *group, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* --http: addresses instead of those of the config, or just "none". */
gboolean ivd_config_http_override (IvdConfigHttp *http, const char *const *addresses, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* What keys must have in common; touches no file. */
gboolean ivd_config_http_check (const IvdConfigHttp *http, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Tokens, those of the service manager's credential included, and certificate. */
gboolean ivd_config_http_load (IvdConfigHttp *http, GError **error) G_GNUC_WARN_UNUSED_RESULT;
