/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "access/ivd-caller.h"

#include <string.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"

#define ROOT_UID 0

struct _IvdCaller
{
  GObject parent_instance;

  /* never changed once it is made */
  guint64 id;
  char *label;
  char *executable;
  IvdCredentials credentials; /* its executable is the one above */
  guint32 *groups;
  gsize n_groups;
  gboolean trusted;
  gboolean granted;
  IvdGrant grant; /* only if granted; its pattern is the one below */
  char *pattern;

  /* the main thread's */
  gboolean left;
  guint charged[IVD_CHARGE_COUNT];
};

G_DEFINE_FINAL_TYPE (IvdCaller, ivd_caller, G_TYPE_OBJECT)

enum
{
  SIGNAL_GONE,
  N_SIGNALS,
};

static guint signals[N_SIGNALS];

typedef struct
{
  const char *name;
  guint limit;
} ChargeInfo;

static const ChargeInfo charges[IVD_CHARGE_COUNT] = {
  [IVD_CHARGE_WAITS] = { "waits", IVD_LIMIT_WAITS_PER_CALLER },
  [IVD_CHARGE_WATCHES] = { "watches", IVD_LIMIT_WATCHES_PER_CALLER },
  [IVD_CHARGE_FEEDS] = { "vector handles", IVD_LIMIT_FEEDS_PER_CALLER },
  [IVD_CHARGE_SUBSCRIPTIONS] = { "subscriptions", IVD_LIMIT_SUBSCRIPTIONS_PER_CALLER },
  [IVD_CHARGE_REQUESTS] = { "requests in flight", IVD_LIMIT_REQUESTS_PER_CALLER },
};

static void
ivd_caller_finalize (GObject *object)
{
  IvdCaller *self = IVD_CALLER (object);

  /* Whoever charged has released, or the books are wrong. */
  for (guint i = 0; i < IVD_CHARGE_COUNT; i++)
    g_warn_if_fail (self->charged[i] == 0);
  g_free (self->label);
  g_free (self->executable);
  g_free (self->groups);
  g_free (self->pattern);
  G_OBJECT_CLASS (ivd_caller_parent_class)->finalize (object);
}

static void
ivd_caller_class_init (IvdCallerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = ivd_caller_finalize;
  signals[SIGNAL_GONE] = g_signal_new ("gone", IVD_TYPE_CALLER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                       G_TYPE_NONE, 0);
}

/* The one number that the whole process shares: ids must differ whoever makes
 * the callers. */
static void
ivd_caller_init (IvdCaller *self)
{
  static guint64 last_id;

  self->id = __atomic_add_fetch (&last_id, 1, __ATOMIC_RELAXED);
}

IvdCaller *
ivd_caller_new (const char *label, const IvdCredentials *credentials, const guint32 *groups, gsize n_groups)
{
  IvdCaller *self = g_object_new (IVD_TYPE_CALLER, NULL);

  self->label = ivd_text_safe (label);
  self->executable = g_strdup (credentials->executable);
  self->credentials = *credentials;
  self->credentials.executable = self->executable;
  self->n_groups = MIN (n_groups, IVD_LIMIT_CALLER_GROUPS);
  self->groups = g_memdup2 (groups, self->n_groups * sizeof (groups[0]));
  self->trusted = credentials->uid == ROOT_UID || credentials->uid == (gint64) geteuid ();
  return self;
}

IvdCaller *
ivd_caller_new_granted (const char *label, guint permissions, const char *pattern)
{
  const IvdCredentials nobody = IVD_CREDENTIALS_UNKNOWN;
  IvdCaller *self = ivd_caller_new (label, &nobody, NULL, 0);

  self->granted = TRUE;
  self->pattern = g_strdup (pattern);
  self->grant = (IvdGrant){ .permissions = permissions, .pattern = self->pattern };
  return self;
}

IvdCaller *
ivd_caller_dup_identity (IvdCaller *self, const char *label)
{
  IvdCredentials credentials = IVD_CREDENTIALS_UNKNOWN;

  if (self->granted)
    return ivd_caller_new_granted (label, self->grant.permissions, self->grant.pattern);
  credentials.uid = self->credentials.uid;
  credentials.gid = self->credentials.gid;
  return ivd_caller_new (label, &credentials, self->groups, self->n_groups);
}

gboolean
ivd_caller_same_identity (IvdCaller *a, IvdCaller *b)
{
  if (a->granted || b->granted)
    return a->granted && b->granted && a->grant.permissions == b->grant.permissions
           && strcmp (a->grant.pattern, b->grant.pattern) == 0;
  return a->credentials.uid == b->credentials.uid && a->credentials.gid == b->credentials.gid
         && a->n_groups == b->n_groups
         && (a->n_groups == 0 || memcmp (a->groups, b->groups, a->n_groups * sizeof a->groups[0]) == 0);
}

IvdCaller *
ivd_caller_new_daemon (void)
{
  const IvdCredentials credentials = { .pid = getpid (), .uid = geteuid (), .gid = getegid () };

  return ivd_caller_new ("the daemon", &credentials, NULL, 0);
}

guint64
ivd_caller_get_id (IvdCaller *self)
{
  return self->id;
}

const char *
ivd_caller_get_label (IvdCaller *self)
{
  return self->label;
}

const IvdCredentials *
ivd_caller_get_credentials (IvdCaller *self)
{
  return &self->credentials;
}

const IvdGrant *
ivd_caller_get_grant (IvdCaller *self)
{
  return self->granted ? &self->grant : NULL;
}

gboolean
ivd_caller_in_group (IvdCaller *self, guint32 gid)
{
  if (self->credentials.gid == (gint64) gid)
    return TRUE;
  for (gsize i = 0; i < self->n_groups; i++)
    {
      if (self->groups[i] == gid)
        return TRUE;
    }
  return FALSE;
}

gboolean
ivd_caller_is_trusted (IvdCaller *self)
{
  return self->trusted;
}

void
ivd_caller_leave (IvdCaller *self)
{
  if (self->left)
    return;
  self->left = TRUE;
  g_signal_emit (self, signals[SIGNAL_GONE], 0);
}

gboolean
ivd_caller_has_left (IvdCaller *self)
{
  return self->left;
}

gboolean
ivd_caller_charge (IvdCaller *self, IvdCharge charge, GError **error)
{
  const ChargeInfo *info;

  g_return_val_if_fail ((guint) charge < IVD_CHARGE_COUNT, FALSE);

  info = &charges[charge];
  if (self->left)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_CLOSED, "caller %s has left", self->label);
      return FALSE;
    }
  if (self->charged[charge] >= info->limit)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_LIMIT,
                   "caller %s has %u %s, the limit for one caller: end some of them first",
                   self->label, self->charged[charge], info->name);
      return FALSE;
    }
  self->charged[charge]++;
  return TRUE;
}

void
ivd_caller_release (IvdCaller *self, IvdCharge charge)
{
  g_return_if_fail ((guint) charge < IVD_CHARGE_COUNT);
  g_return_if_fail (self->charged[charge] > 0);

  self->charged[charge]--;
}

guint
ivd_caller_get_charged (IvdCaller *self, IvdCharge charge)
{
  g_return_val_if_fail ((guint) charge < IVD_CHARGE_COUNT, 0);

  return self->charged[charge];
}
