/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * IvdKeyFile: the text of one or more config files as groups of keys, each
 * with its place, strictly read:
 *
 *   # a comment, also after ;          at the start of a line only
 *   [kind]  or  [kind NAME]
 *   key=value                          the value as it stands, blanks around it dropped
 *
 * UTF-8 without control characters but the tab. No escapes, no continued
 * lines, no quotes. A group or key that comes twice is an error, in one file
 * or in two. Every error says "FILE:LINE: what is wrong".
 */

typedef struct _IvdKeyFile IvdKeyFile;

typedef struct
{
  char *key;
  char *value; /* may be empty */
  guint line;
} IvdKeyFileEntry;

typedef struct
{
  char *kind;         /* "region" of [region NAME] */
  char *name;         /* "NAME"; NULL when there is none */
  char *file;         /* as it shall stand in messages */
  guint line;         /* of the group's header */
  GPtrArray *entries; /* of IvdKeyFileEntry *, in order */
} IvdKeyFileGroup;

IvdKeyFile *ivd_key_file_new (void);
void ivd_key_file_free (IvdKeyFile *key_file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (IvdKeyFile, ivd_key_file_free)

/* Adds what the file says. After an error the key file is of no use. */
gboolean ivd_key_file_read (IvdKeyFile *key_file, const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The same for a text that is there already; name: for messages. */
gboolean ivd_key_file_read_text (IvdKeyFile *key_file,
                                 const char *name,
                                 const char *text,
                                 gsize length,
                                 GError **error)
    G_GNUC_WARN_UNUSED_RESULT;

/* Of IvdKeyFileGroup *, in the order of their coming. (transfer none) */
const GPtrArray *ivd_key_file_get_groups (const IvdKeyFile *key_file);

/* "FILE:LINE: …", invalid-argument. Returns FALSE, always. */
gboolean ivd_key_file_fail (GError **error, const char *file, guint line, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

/* "true" or "false"; else invalid-argument without a place. */
gboolean ivd_key_file_parse_boolean (const char *text, gboolean *ret_value, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
