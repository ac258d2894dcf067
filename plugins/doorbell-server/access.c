/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "doorbell-server/access.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doorbell-server/error.h"

#define LOOKUP_BYTES_MIN 1024
#define LOOKUP_BYTES_MAX (1024 * 1024)
#define EXECUTABLE_BYTES_MAX 4096
/* The id that the kernel takes for "no change" is nobody's. */
#define ID_MAX (G_MAXUINT32 - 1)

struct _DbsAccess
{
  GHashTable *uids; /* NULL: no list */
  GHashTable *gids;
};

/* 0 and *ret_id set, ENOENT, or another errno. */
static int
find_user (const char *name, char *buffer, gsize bytes, guint32 *ret_id)
{
  struct passwd entry;
  struct passwd *found = NULL;
  int result = getpwnam_r (name, &entry, buffer, bytes, &found);

  if (found == NULL)
    return result != 0 ? result : ENOENT;
  *ret_id = found->pw_uid;
  return 0;
}

static int
find_group (const char *name, char *buffer, gsize bytes, guint32 *ret_id)
{
  struct group entry;
  struct group *found = NULL;
  int result = getgrnam_r (name, &entry, buffer, bytes, &found);

  if (found == NULL)
    return result != 0 ? result : ENOENT;
  *ret_id = found->gr_gid;
  return 0;
}

typedef int (*FindFunc) (const char *name, char *buffer, gsize bytes, guint32 *ret_id);

static int
look_up (FindFunc find, const char *name, guint32 *ret_id)
{
  int result = ERANGE;

  for (gsize bytes = LOOKUP_BYTES_MIN; result == ERANGE && bytes <= LOOKUP_BYTES_MAX; bytes *= 4)
    {
      g_autofree char *buffer = g_malloc (bytes);

      result = find (name, buffer, bytes, ret_id);
    }
  return result;
}

static gboolean
add_id (GHashTable *ids, FindFunc find, const char *option, const char *text, GError **error)
{
  guint64 number;
  guint32 id;
  int result;

  if (g_ascii_string_to_unsigned (text, 10, 0, ID_MAX, &number, NULL))
    {
      g_hash_table_add (ids, GUINT_TO_POINTER ((guint) number));
      return TRUE;
    }
  result = text[0] == '\0' ? ENOENT : look_up (find, text, &id);
  if (result == 0)
    {
      g_hash_table_add (ids, GUINT_TO_POINTER (id));
      return TRUE;
    }
  if (result == ENOENT || result == ESRCH)
    g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                 "%s: '%.64s' is neither a number nor a name that this system knows", option, text);
  else
    dbs_error_set_errno (error, result, "%s: looking '%.64s' up", option, text);
  return FALSE;
}

static gboolean
add_list (GHashTable **ids, FindFunc find, const char *option, const char *list, GError **error)
{
  g_auto (GStrv) parts = NULL;

  if (list == NULL)
    return TRUE;

  *ids = g_hash_table_new (NULL, NULL);
  parts = g_strsplit (list, ",", -1);
  if (parts[0] == NULL)
    return add_id (*ids, find, option, "", error);
  for (guint i = 0; parts[i] != NULL; i++)
    if (!add_id (*ids, find, option, g_strstrip (parts[i]), error))
      return FALSE;
  return TRUE;
}

DbsAccess *
dbs_access_new (const char *uids, const char *gids, GError **error)
{
  g_autoptr (DbsAccess) access = g_new0 (DbsAccess, 1);

  if (!add_list (&access->uids, find_user, "allow-uids", uids, error)
      || !add_list (&access->gids, find_group, "allow-gids", gids, error))
    return NULL;
  return g_steal_pointer (&access);
}

void
dbs_access_free (DbsAccess *access)
{
  if (access == NULL)
    return;
  g_clear_pointer (&access->uids, g_hash_table_unref);
  g_clear_pointer (&access->gids, g_hash_table_unref);
  g_free (access);
}

static gboolean
contains (GHashTable *ids, gint64 id)
{
  return id >= 0 && g_hash_table_contains (ids, GUINT_TO_POINTER ((guint) id));
}

static gboolean
group_is_allowed (const DbsAccess *access, const DbsCredentials *credentials)
{
  if (contains (access->gids, credentials->gid))
    return TRUE;
  for (guint i = 0; credentials->groups != NULL && i < credentials->groups->len; i++)
    if (contains (access->gids, g_array_index (credentials->groups, gid_t, i)))
      return TRUE;
  return FALSE;
}

gboolean
dbs_access_check (const DbsAccess *access, const DbsCredentials *credentials, GError **error)
{
  if (access->uids == NULL && access->gids == NULL)
    return TRUE;
  if (access->uids != NULL && contains (access->uids, credentials->uid))
    return TRUE;
  if (access->gids != NULL && group_is_allowed (access, credentials))
    return TRUE;

  g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_DENIED,
               "process %" G_GINT64_FORMAT " of uid %" G_GINT64_FORMAT ", gid %" G_GINT64_FORMAT
               " is on neither allow-uids nor allow-gids",
               credentials->pid, credentials->uid, credentials->gid);
  return FALSE;
}

static GArray *
read_groups (int socket)
{
  g_autoptr (GArray) groups = g_array_new (FALSE, FALSE, sizeof (gid_t));
  socklen_t bytes = 0;

  /* The first call tells how many there are. */
  if (getsockopt (socket, SOL_SOCKET, SO_PEERGROUPS, NULL, &bytes) == 0 || errno != ERANGE)
    return NULL;
  g_array_set_size (groups, bytes / sizeof (gid_t));
  if (getsockopt (socket, SOL_SOCKET, SO_PEERGROUPS, groups->data, &bytes) < 0)
    return NULL;
  g_array_set_size (groups, bytes / sizeof (gid_t));
  return g_steal_pointer (&groups);
}

static char *
read_executable (gint64 pid)
{
  g_autofree char *link = g_strdup_printf ("/proc/%" G_GINT64_FORMAT "/exe", pid);
  char target[EXECUTABLE_BYTES_MAX];
  gssize length = readlink (link, target, sizeof target - 1);

  if (length <= 0)
    return NULL;
  return g_utf8_make_valid (target, length);
}

void
dbs_credentials_read (DbsCredentials *credentials, int socket)
{
  struct ucred peer;
  socklen_t bytes = sizeof peer;

  *credentials = (DbsCredentials){ .pid = -1, .uid = -1, .gid = -1 };
  if (getsockopt (socket, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) < 0)
    return;

  credentials->uid = peer.uid;
  credentials->gid = peer.gid;
  credentials->groups = read_groups (socket);
  /* 0: a process of a namespace that we cannot see into. */
  if (peer.pid <= 0)
    return;
  credentials->pid = peer.pid;
  credentials->executable = read_executable (peer.pid);
}

void
dbs_credentials_clear (DbsCredentials *credentials)
{
  g_clear_pointer (&credentials->groups, g_array_unref);
  g_clear_pointer (&credentials->executable, g_free);
}
