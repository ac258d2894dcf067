/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-sessions.h"

#include "base/ivd-digest.h"
#include "base/ivd-limits.h"
#include "platform/ivd-secret.h"

#define COOKIE_PREFIX "ivc_"

typedef struct
{
  IvdDigest digest;
  IvdCaller *caller;
  gint64 used;
} Session;

struct _IvdHttpSessions
{
  GQueue sessions; /* of Session, the one unused longest first */
  IvdHttpSessionEndFunc end;
  gpointer data;
};

IvdHttpSessions *
ivd_http_sessions_new (IvdHttpSessionEndFunc end, gpointer data)
{
  IvdHttpSessions *self = g_new0 (IvdHttpSessions, 1);

  self->end = end;
  self->data = data;
  return self;
}

static void
session_free (gpointer data)
{
  Session *session = data;

  g_object_unref (session->caller);
  g_free (session);
}

void
ivd_http_sessions_free (IvdHttpSessions *sessions)
{
  if (sessions == NULL)
    return;
  g_queue_clear_full (&sessions->sessions, session_free);
  g_free (sessions);
}

static void
end_session (IvdHttpSessions *self, GList *link)
{
  Session *session = link->data;

  g_queue_delete_link (&self->sessions, link);
  self->end (session->caller, self->data);
  session_free (session);
}

static void
end_old (IvdHttpSessions *self, gint64 now)
{
  const Session *oldest;

  while ((oldest = g_queue_peek_head (&self->sessions)) != NULL && now - oldest->used >= IVD_LIMIT_HTTP_SESSION_USEC)
    end_session (self, self->sessions.head);
}

/* Room for one more of that identity. Whoever opens many loses their own first,
 * and not somebody else's. */
static void
make_room (IvdHttpSessions *self, IvdCaller *identity)
{
  GList *oldest = NULL;
  guint n = 0;

  for (GList *l = self->sessions.tail; l != NULL; l = l->prev)
    {
      if (!ivd_caller_same_identity (((const Session *) l->data)->caller, identity))
        continue;
      oldest = l;
      n++;
    }
  if (n >= IVD_LIMIT_HTTP_SESSIONS_PER_IDENTITY)
    end_session (self, oldest);
  else if (self->sessions.length >= IVD_LIMIT_HTTP_SESSIONS)
    end_session (self, self->sessions.head);
}

char *
ivd_http_sessions_open (IvdHttpSessions *sessions, IvdCaller *caller, gint64 now, GError **error)
{
  char *cookie = ivd_secret_generate (COOKIE_PREFIX, error);
  Session *session;

  if (cookie == NULL)
    return NULL;
  end_old (sessions, now);
  make_room (sessions, caller);
  session = g_new0 (Session, 1);
  ivd_digest_of (cookie, &session->digest);
  session->caller = g_object_ref (caller);
  session->used = now;
  g_queue_push_tail (&sessions->sessions, session);
  return cookie;
}

/* Looks at all of them, found or not: so the time it takes tells nothing. */
static GList *
find (IvdHttpSessions *self, const char *cookie, gint64 now)
{
  GList *found = NULL;
  IvdDigest digest;

  end_old (self, now);
  if (!ivd_secret_has_form (cookie, COOKIE_PREFIX))
    return NULL;
  ivd_digest_of (cookie, &digest);
  for (GList *l = self->sessions.head; l != NULL; l = l->next)
    if (ivd_digest_equal (&((const Session *) l->data)->digest, &digest))
      found = l;
  return found;
}

IvdCaller *
ivd_http_sessions_find (IvdHttpSessions *sessions, const char *cookie, gint64 now)
{
  GList *link = find (sessions, cookie, now);
  Session *session;

  if (link == NULL)
    return NULL;
  session = link->data;
  session->used = now;
  g_queue_unlink (&sessions->sessions, link);
  g_queue_push_tail_link (&sessions->sessions, link);
  return session->caller;
}

gboolean
ivd_http_sessions_close (IvdHttpSessions *sessions, const char *cookie, gint64 now)
{
  GList *link = find (sessions, cookie, now);

  if (link == NULL)
    return FALSE;
  end_session (sessions, link);
  return TRUE;
}

void
ivd_http_sessions_end_all (IvdHttpSessions *sessions)
{
  while (sessions->sessions.head != NULL)
    end_session (sessions, sessions->sessions.head);
}

guint
ivd_http_sessions_count (IvdHttpSessions *sessions, gint64 now)
{
  end_old (sessions, now);
  return sessions->sessions.length;
}
