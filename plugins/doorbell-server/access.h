/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * Who may join: a list of uids and one of gids. Without both everybody who
 * can open the socket may; else who is on one of them.
 */

typedef struct _DbsAccess DbsAccess;

/* What is known of one who wants in; each number is -1 when it is not. */
typedef struct
{
  gint64 pid, uid, gid;
  GArray *groups;   /* of gid_t: supplementary; NULL: not known */
  char *executable; /* NULL: not known */
} DbsCredentials;

/* Of users and groups as given, names or numbers; NULL is no list. Looks names
 * up, which may take its time: not for the main thread. */
DbsAccess *dbs_access_new (const char *uids, const char *gids, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void dbs_access_free (DbsAccess *access);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DbsAccess, dbs_access_free)

gboolean dbs_access_check (const DbsAccess *access, const DbsCredentials *credentials, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Of the process that connected socket. */
void dbs_credentials_read (DbsCredentials *credentials, int socket);
void dbs_credentials_clear (DbsCredentials *credentials);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DbsCredentials, dbs_credentials_clear)
