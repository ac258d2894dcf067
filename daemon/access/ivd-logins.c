/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "access/ivd-logins.h"

#include "base/ivd-digest.h"
#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "platform/ivd-secret.h"

typedef struct
{
  IvdDigest digest;
  IvdCaller *identity; /* held for what it may, never charged */
  gint64 end;
} Login;

struct _IvdLogins
{
  gatomicrefcount references;
  GMutex lock;
  GPtrArray *open; /* of Login, oldest first */
};

static void
login_free (gpointer data)
{
  Login *login = data;

  g_object_unref (login->identity);
  g_free (login);
}

IvdLogins *
ivd_logins_new (void)
{
  IvdLogins *self = g_new0 (IvdLogins, 1);

  g_atomic_ref_count_init (&self->references);
  g_mutex_init (&self->lock);
  self->open = g_ptr_array_new_with_free_func (login_free);
  return self;
}

IvdLogins *
ivd_logins_ref (IvdLogins *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
ivd_logins_unref (IvdLogins *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->references))
    return;
  g_ptr_array_unref (self->open);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static void
drop_ended (IvdLogins *self, gint64 now)
{
  while (self->open->len > 0 && ((const Login *) g_ptr_array_index (self->open, 0))->end <= now)
    g_ptr_array_remove_index (self->open, 0);
}

/* Room for one more of that identity. Whoever makes many loses their own
 * first, and not somebody else's. */
static void
make_room (IvdLogins *self, IvdCaller *identity)
{
  guint oldest = G_MAXUINT;
  guint n = 0;

  for (guint i = self->open->len; i-- > 0;)
    {
      if (!ivd_caller_same_identity (((const Login *) g_ptr_array_index (self->open, i))->identity, identity))
        continue;
      oldest = i;
      n++;
    }
  if (n >= IVD_LIMIT_LOGINS_PER_IDENTITY)
    g_ptr_array_remove_index (self->open, oldest);
  else if (self->open->len >= IVD_LIMIT_LOGINS)
    g_ptr_array_remove_index (self->open, 0);
}

char *
ivd_logins_create (IvdLogins *self, IvdCaller *caller, gint64 now, GError **error)
{
  g_autofree char *secret = ivd_secret_generate (IVD_LOGIN_PREFIX, error);
  g_autoptr (GMutexLocker) locker = NULL;
  Login *login;

  if (secret == NULL)
    return NULL;
  login = g_new0 (Login, 1);
  ivd_digest_of (secret, &login->digest);
  login->identity = ivd_caller_dup_identity (caller, ivd_caller_get_label (caller));
  login->end = now + IVD_LIMIT_LOGIN_USEC;
  locker = g_mutex_locker_new (&self->lock);
  drop_ended (self, now);
  make_room (self, login->identity);
  g_ptr_array_add (self->open, login);
  return g_steal_pointer (&secret);
}

/* Out of the list, whatever was tried before it: (transfer full) or NULL. */
static Login *
take (IvdLogins *self, const IvdDigest *digest, gint64 now)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);
  guint found = 0;

  drop_ended (self, now);
  for (guint i = 0; i < self->open->len; i++)
    {
      const Login *login = g_ptr_array_index (self->open, i);

      found |= (i + 1) & -(guint) ivd_digest_equal (&login->digest, digest);
    }
  return found > 0 ? g_ptr_array_steal_index (self->open, found - 1) : NULL;
}

IvdCaller *
ivd_logins_redeem (IvdLogins *self, const char *secret, const char *label, gint64 now, GError **error)
{
  IvdCaller *caller;
  IvdDigest digest;
  Login *login = NULL;

  if (ivd_secret_has_form (secret, IVD_LOGIN_PREFIX))
    {
      ivd_digest_of (secret, &digest);
      login = take (self, &digest, now);
    }
  if (login == NULL)
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_UNAUTHENTICATED,
                           "this login link is none, was used already or is too old: "
                           "each counts once, for ten minutes; 'ivshmemctl web' prints a new one");
      return NULL;
    }
  caller = ivd_caller_dup_identity (login->identity, label);
  login_free (login);
  return caller;
}

guint
ivd_logins_count (IvdLogins *self, gint64 now)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&self->lock);

  drop_ended (self, now);
  return self->open->len;
}
