/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-principals.h"

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "export/http/ivd-http-sessions.h"
#include "export/http/ivd-http-shared.h"
#include "platform/ivd-socket-peer.h"

struct _IvdHttpPrincipals
{
  IvdHttpService *service;
  const IvdTokens *tokens;
  GQueue users;        /* of IvdCaller, who asked last first */
  GHashTable *links;   /* IvdCaller → its link in users */
  GHashTable *holders; /* const IvdTokenLine → IvdCaller */
  IvdHttpSessions *sessions;
};

static void
leave_on_main (gpointer data)
{
  g_autoptr (IvdCaller) caller = data;

  ivd_caller_leave (caller);
}

/* Who is not known any more hears nothing more. */
static void
end_caller (IvdCaller *caller, gpointer data)
{
  IvdHttpPrincipals *self = data;

  ivd_http_streams_end_of (ivd_http_service_get_shared (self->service)->streams, caller);
  ivd_http_service_post_main (self->service, leave_on_main, g_object_ref (caller));
}

IvdHttpPrincipals *
ivd_http_principals_new (IvdHttpService *service, const IvdTokens *tokens)
{
  IvdHttpPrincipals *self = g_new0 (IvdHttpPrincipals, 1);

  self->service = service;
  self->tokens = tokens;
  self->links = g_hash_table_new (NULL, NULL);
  self->holders = g_hash_table_new_full (NULL, NULL, NULL, g_object_unref);
  self->sessions = ivd_http_sessions_new (end_caller, self);
  return self;
}

void
ivd_http_principals_free (IvdHttpPrincipals *principals)
{
  GHashTableIter iter;
  gpointer caller;

  if (principals == NULL)
    return;
  for (GList *l = principals->users.head; l != NULL; l = l->next)
    end_caller (l->data, principals);
  g_hash_table_iter_init (&iter, principals->holders);
  while (g_hash_table_iter_next (&iter, NULL, &caller))
    end_caller (caller, principals);
  ivd_http_sessions_end_all (principals->sessions);
  g_queue_clear_full (&principals->users, g_object_unref);
  g_hash_table_unref (principals->links);
  g_hash_table_unref (principals->holders);
  ivd_http_sessions_free (principals->sessions);
  g_free (principals);
}

static IvdCaller *
add_user (IvdHttpPrincipals *self, IvdCaller *take_user)
{
  g_autoptr (IvdCaller) oldest = NULL;

  if (self->users.length >= IVD_LIMIT_HTTP_USERS)
    {
      oldest = g_queue_pop_tail (&self->users);
      g_hash_table_remove (self->links, oldest);
      end_caller (oldest, self);
    }
  g_queue_push_head (&self->users, take_user);
  g_hash_table_insert (self->links, take_user, self->users.head);
  return take_user;
}

static IvdCaller *
use_user (IvdHttpPrincipals *self, GList *link)
{
  g_queue_unlink (&self->users, link);
  g_queue_push_head_link (&self->users, link);
  return link->data;
}

IvdCaller *
ivd_http_principals_for_user (IvdHttpPrincipals *principals, IvdCaller *user)
{
  GList *link = g_hash_table_lookup (principals->links, user);

  for (GList *l = principals->users.head; link == NULL && l != NULL; l = l->next)
    if (ivd_caller_same_identity (l->data, user))
      link = l;
  return link != NULL ? use_user (principals, link)
                      : add_user (principals, ivd_caller_dup_identity (user, ivd_caller_get_label (user)));
}

IvdCaller *
ivd_http_principals_for_socket (IvdHttpPrincipals *principals, GSocket *socket, GError **error)
{
  g_auto (IvdSocketPeer) peer = { 0 };
  g_autofree char *label = NULL;
  g_autoptr (IvdCaller) user = NULL;
  IvdCredentials credentials;

  if (!ivd_socket_peer_read (socket, &peer, error))
    return NULL;
  label = g_strdup_printf ("uid %" G_GINT64_FORMAT " over HTTP", peer.uid);
  /* It stands for all processes of that user. */
  credentials = (IvdCredentials){ .pid = -1, .uid = peer.uid, .gid = peer.gid };
  user = ivd_caller_new (label, &credentials, peer.groups, peer.n_groups);
  return ivd_http_principals_for_user (principals, user);
}

IvdCaller *
ivd_http_principals_for_token (IvdHttpPrincipals *principals, const char *secret, GError **error)
{
  const IvdTokenLine *token = principals->tokens != NULL ? ivd_tokens_find (principals->tokens, secret) : NULL;
  IvdCaller *caller;

  if (token == NULL)
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_UNAUTHENTICATED,
                           "this is no token that is known here: 'ivshmemctl token new' makes one, and its line goes "
                           "into a file of [http] tokens");
      return NULL;
    }
  caller = g_hash_table_lookup (principals->holders, token);
  if (caller != NULL)
    return caller;
  caller = ivd_token_make_caller (token);
  g_hash_table_insert (principals->holders, (gpointer) token, caller);
  return caller;
}

IvdCaller *
ivd_http_principals_for_cookie (IvdHttpPrincipals *principals, const char *cookie, GError **error)
{
  IvdCaller *caller = ivd_http_sessions_find (principals->sessions, cookie, g_get_monotonic_time ());

  if (caller == NULL)
    g_set_error_literal (error, IVD_ERROR, IVD_ERROR_UNAUTHENTICATED,
                         "this session is over: log in by a new link; 'ivshmemctl web' prints one");
  return caller;
}

char *
ivd_http_principals_log_in (IvdHttpPrincipals *principals, const char *login, GError **error)
{
  IvdLogins *logins = ivd_http_service_get_context (principals->service)->logins;
  gint64 now = g_get_monotonic_time ();
  g_autoptr (IvdCaller) caller = NULL;

  if (logins == NULL)
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED, "[http] sessions=false: browsers cannot log in");
      return NULL;
    }
  caller = ivd_logins_redeem (logins, login, "a browser's session", now, error);
  return caller != NULL ? ivd_http_sessions_open (principals->sessions, caller, now, error) : NULL;
}

void
ivd_http_principals_log_out (IvdHttpPrincipals *principals, const char *cookie)
{
  (void) ivd_http_sessions_close (principals->sessions, cookie, g_get_monotonic_time ());
}
