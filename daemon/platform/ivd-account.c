/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"

#define BUFFER_BYTES 4096
#define BUFFER_BYTES_MAX (1024 * 1024)

/* 0 and found, 0 and not found, or an errno. */
typedef int (*LookupFunc) (const char *name, char *buffer, gsize length, gboolean *found, guint32 *id);

static int
lookup_user (const char *name, char *buffer, gsize length, gboolean *found, guint32 *id)
{
  struct passwd entry;
  struct passwd *result = NULL;
  int r = getpwnam_r (name, &entry, buffer, length, &result);

  *found = r == 0 && result != NULL;
  if (*found)
    *id = entry.pw_uid;
  return r;
}

static int
lookup_group (const char *name, char *buffer, gsize length, gboolean *found, guint32 *id)
{
  struct group entry;
  struct group *result = NULL;
  int r = getgrnam_r (name, &entry, buffer, length, &result);

  *found = r == 0 && result != NULL;
  if (*found)
    *id = entry.gr_gid;
  return r;
}

static gboolean
find_name (const char *what, const char *text, LookupFunc lookup, guint32 *ret_id, GError **error)
{
  g_autofree char *safe = ivd_text_safe (text);
  gboolean found = FALSE;
  guint32 id = 0;
  int r = ERANGE;

  for (gsize length = BUFFER_BYTES; r == ERANGE && length <= BUFFER_BYTES_MAX; length *= 2)
    {
      g_autofree char *buffer = g_malloc (length);

      r = lookup (text, buffer, length, &found, &id);
    }
  if (found)
    {
      *ret_id = id;
      return TRUE;
    }
  /* Several errnos mean "not there", depending on who was asked. */
  if (r == 0 || r == ENOENT || r == ESRCH || r == EBADF || r == EPERM)
    g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "there is no %s '%s' on this machine",
                 what, safe);
  else
    g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "cannot look up %s '%s': %s", what, safe, g_strerror (r));
  return FALSE;
}

static gboolean
find (const char *what, const char *text, LookupFunc lookup, guint32 *ret_id, GError **error)
{
  guint64 number;

  if (text[0] == '\0')
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "a %s needs a name or a number", what);
      return FALSE;
    }
  if (strspn (text, "0123456789") != strlen (text))
    return find_name (what, text, lookup, ret_id, error);
  /* The largest number stands for "none" in every system call. */
  if (!g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT32 - 1, &number, NULL))
    {
      g_autofree char *safe = ivd_text_safe (text);

      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "'%s' is no %s: numbers go from 0 to %u",
                   safe, what, G_MAXUINT32 - 1);
      return FALSE;
    }
  *ret_id = (guint32) number;
  return TRUE;
}

gboolean
ivd_account_find_user (const char *text, guint32 *ret_uid, GError **error)
{
  return find ("user", text, lookup_user, ret_uid, error);
}

gboolean
ivd_account_find_group (const char *text, guint32 *ret_gid, GError **error)
{
  return find ("group", text, lookup_group, ret_gid, error);
}
