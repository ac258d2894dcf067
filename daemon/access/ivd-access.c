/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "access/ivd-access.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"
#include "platform/ivd-account.h"

#define USER_PREFIX "user:"
#define GROUP_PREFIX "group:"
#define EVERYBODY "*"
#define SEPARATOR ","

typedef enum
{
  MEMBER_USER,
  MEMBER_GROUP,
  MEMBER_EVERYBODY,
} MemberKind;

typedef struct
{
  MemberKind kind;
  guint32 id;
} Member;

/* The members that have each permission; NULL: nobody. */
typedef struct
{
  GArray *members[IVD_PERMISSION_COUNT];
} RuleSet;

struct _IvdAccess
{
  gatomicrefcount references;
  IvdPathPolicy *paths;
  RuleSet *everywhere;
  GHashTable *regions; /* name → RuleSet */
};

static void
rule_set_free (gpointer data)
{
  RuleSet *set = data;

  for (guint i = 0; i < IVD_PERMISSION_COUNT; i++)
    g_clear_pointer (&set->members[i], g_array_unref);
  g_free (set);
}

IvdAccess *
ivd_access_new (IvdPathPolicy *take_paths)
{
  IvdAccess *self = g_new0 (IvdAccess, 1);

  g_atomic_ref_count_init (&self->references);
  self->paths = take_paths;
  self->everywhere = g_new0 (RuleSet, 1);
  self->regions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, rule_set_free);
  return self;
}

IvdAccess *
ivd_access_ref (IvdAccess *self)
{
  g_atomic_ref_count_inc (&self->references);
  return self;
}

void
ivd_access_unref (IvdAccess *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->references))
    return;
  ivd_path_policy_free (self->paths);
  rule_set_free (self->everywhere);
  g_hash_table_unref (self->regions);
  g_free (self);
}

static gboolean
parse_member (const char *text, Member *ret_member, GError **error)
{
  g_autofree char *safe = NULL;

  if (strcmp (text, EVERYBODY) == 0)
    {
      *ret_member = (Member){ MEMBER_EVERYBODY, 0 };
      return TRUE;
    }
  if (g_str_has_prefix (text, USER_PREFIX))
    {
      ret_member->kind = MEMBER_USER;
      return ivd_account_find_user (text + strlen (USER_PREFIX), &ret_member->id, error);
    }
  if (g_str_has_prefix (text, GROUP_PREFIX))
    {
      ret_member->kind = MEMBER_GROUP;
      return ivd_account_find_group (text + strlen (GROUP_PREFIX), &ret_member->id, error);
    }
  safe = ivd_text_safe (text);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "'%s' names nobody: write user:NAME, group:NAME (or numbers), or * for everybody, "
               "separated by commas",
               safe);
  return FALSE;
}

static GArray *
parse_members (const char *text, GError **error)
{
  g_autoptr (GArray) members = g_array_new (FALSE, FALSE, sizeof (Member));
  g_auto (GStrv) parts = g_strsplit (text, SEPARATOR, -1);

  /* No text at all splits into no parts. */
  if (parts[0] == NULL)
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                           "an empty list allows nobody: name somebody, or leave the key out");
      return NULL;
    }
  for (gsize i = 0; parts[i] != NULL; i++)
    {
      Member member = { 0 };

      if (!parse_member (g_strstrip (parts[i]), &member, error))
        return NULL;
      g_array_append_val (members, member);
    }
  return g_steal_pointer (&members);
}

static RuleSet *
rule_set_of (IvdAccess *self, const char *region)
{
  RuleSet *set;

  if (region == NULL)
    return self->everywhere;
  set = g_hash_table_lookup (self->regions, region);
  if (set == NULL)
    {
      set = g_new0 (RuleSet, 1);
      g_hash_table_insert (self->regions, g_strdup (region), set);
    }
  return set;
}

gboolean
ivd_access_allow (IvdAccess *self,
                  const char *region,
                  IvdPermission permission,
                  const char *members,
                  GError **error)
{
  g_autoptr (GArray) parsed = NULL;
  RuleSet *set;

  g_return_val_if_fail ((guint) permission < IVD_PERMISSION_COUNT, FALSE);

  parsed = parse_members (members, error);
  if (parsed == NULL)
    return FALSE;
  set = rule_set_of (self, region);
  if (set->members[permission] == NULL)
    set->members[permission] = g_steal_pointer (&parsed);
  else
    g_array_append_vals (set->members[permission], parsed->data, parsed->len);
  return TRUE;
}

static gboolean
member_matches (const Member *member, IvdCaller *caller)
{
  switch (member->kind)
    {
    case MEMBER_USER:
      return ivd_caller_get_credentials (caller)->uid == (gint64) member->id;
    case MEMBER_GROUP:
      return ivd_caller_in_group (caller, member->id);
    case MEMBER_EVERYBODY:
      return TRUE;
    default:
      return FALSE;
    }
}

static gboolean
list_has (const GArray *members, IvdCaller *caller)
{
  for (guint i = 0; members != NULL && i < members->len; i++)
    {
      if (member_matches (&g_array_index (members, Member, i), caller))
        return TRUE;
    }
  return FALSE;
}

static gboolean
rule_set_allows (const RuleSet *set, IvdCaller *caller, guint granting)
{
  for (guint i = 0; set != NULL && i < IVD_PERMISSION_COUNT; i++)
    {
      if ((granting & IVD_PERMISSION_BIT (i)) != 0 && list_has (set->members[i], caller))
        return TRUE;
    }
  return FALSE;
}

gboolean
ivd_access_allows (const IvdAccess *self, IvdCaller *caller, IvdPermission permission, const char *region)
{
  const IvdGrant *grant = ivd_caller_get_grant (caller);
  guint granting;

  g_return_val_if_fail ((guint) permission < IVD_PERMISSION_COUNT, FALSE);

  if (grant != NULL)
    return ivd_grant_allows (grant, permission, region);
  if (ivd_caller_is_trusted (caller))
    return TRUE;
  granting = ivd_permission_granting_bits (permission);
  if (rule_set_allows (self->everywhere, caller, granting))
    return TRUE;
  return region != NULL && rule_set_allows (g_hash_table_lookup (self->regions, region), caller, granting);
}

gboolean
ivd_access_sees_anything (const IvdAccess *self, IvdCaller *caller)
{
  GHashTableIter iter;
  gpointer set;

  if (ivd_caller_get_grant (caller) != NULL)
    return ivd_caller_get_grant (caller)->permissions != 0;
  if (ivd_access_allows (self, caller, IVD_PERMISSION_SEE, NULL))
    return TRUE;
  g_hash_table_iter_init (&iter, self->regions);
  while (g_hash_table_iter_next (&iter, NULL, &set))
    {
      if (rule_set_allows (set, caller, IVD_PERMISSION_ALL_BITS))
        return TRUE;
    }
  return FALSE;
}

static char *
describe_user (IvdCaller *caller)
{
  gint64 uid = ivd_caller_get_credentials (caller)->uid;

  if (ivd_caller_get_grant (caller) != NULL)
    return g_strdup (ivd_caller_get_label (caller));
  if (uid < 0)
    return g_strdup_printf ("an unknown user (caller %s)", ivd_caller_get_label (caller));
  return g_strdup_printf ("user %" G_GINT64_FORMAT " (caller %s)", uid, ivd_caller_get_label (caller));
}

/* Returns FALSE, always. A grant is no matter of rules in the config. */
static gboolean
fail_granted (IvdCaller *caller, IvdPermission permission, const char *region, GError **error)
{
  g_autofree char *missing = ivd_grant_describe_missing (ivd_caller_get_grant (caller), permission, region);
  g_autofree char *safe = ivd_text_safe (region != NULL ? region : "");

  g_set_error (error, IVD_ERROR, IVD_ERROR_DENIED, "%s has no '%s' permission for %s%s%s: its token would need %s",
               ivd_caller_get_label (caller), ivd_permission_name (permission),
               region != NULL ? "region '" : "the daemon", safe, region != NULL ? "'" : "", missing);
  return FALSE;
}

gboolean
ivd_access_check (const IvdAccess *self,
                  IvdCaller *caller,
                  IvdPermission permission,
                  const char *region,
                  GError **error)
{
  g_autofree char *user = NULL;
  g_autofree char *safe = NULL;

  if (ivd_access_allows (self, caller, permission, region))
    return TRUE;
  if (ivd_caller_get_grant (caller) != NULL)
    return fail_granted (caller, permission, region, error);
  user = describe_user (caller);
  if (region == NULL)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_DENIED,
                   "%s has no '%s' permission for the daemon: %s in [daemon] of its config would allow it",
                   user, ivd_permission_name (permission), ivd_permission_key (permission));
      return FALSE;
    }
  safe = ivd_text_safe (region);
  g_set_error (error, IVD_ERROR, IVD_ERROR_DENIED,
               "%s has no '%s' permission for region '%s': %s in [region %s] of the daemon's config "
               "would allow it",
               user, ivd_permission_name (permission), safe, ivd_permission_key (permission), safe);
  return FALSE;
}

void
ivd_access_cover_missing (const IvdAccess *self, IvdCaller *caller, IvdPermission permission, const char *region,
                          GError **error)
{
  if (ivd_access_allows (self, caller, IVD_PERMISSION_SEE, region))
    return;
  g_clear_error (error);
  (void) !ivd_access_check (self, caller, permission, region, error);
}

gboolean
ivd_access_check_path (const IvdAccess *self, IvdCaller *caller, const char *path, GError **error)
{
  g_autofree char *user = NULL;
  g_autofree char *safe = NULL;
  g_autofree char *directories = NULL;

  if (!ivd_path_check (path, error))
    return FALSE;
  if (ivd_path_policy_allows (self->paths, path)
      || ivd_access_allows (self, caller, IVD_PERMISSION_ADMIN, NULL))
    return TRUE;
  user = describe_user (caller);
  safe = ivd_text_safe (path);
  directories = ivd_path_policy_describe (self->paths);
  g_set_error (error, IVD_ERROR, IVD_ERROR_DENIED,
               "%s may use paths below %s, and '%s' is not: allowed-dirs in [daemon] of the daemon's config, or %s, "
               "would allow it",
               user, directories, safe,
               ivd_caller_get_grant (caller) != NULL ? "a token with the role admin for all regions"
                                                     : "allow-admin there");
  return FALSE;
}
