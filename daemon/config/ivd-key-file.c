/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "config/ivd-key-file.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "platform/ivd-text-file.h"

/* Of kinds of groups and of keys. */
#define WORD_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-"
#define BLANKS " \t"
#define BYTE_ORDER_MARK 0xFEFF

struct _IvdKeyFile
{
  GPtrArray *groups;
  GHashTable *by_header; /* "kind name" → group, borrowed */
};

/* What is read now, and how far. */
typedef struct
{
  IvdKeyFile *key_file;
  const char *file; /* safe for messages */
  guint line;
  IvdKeyFileGroup *group; /* NULL before the first header */
  GHashTable *keys;       /* of that group: key → entry, borrowed */
} Reader;

static void
entry_free (gpointer data)
{
  IvdKeyFileEntry *entry = data;

  g_free (entry->key);
  g_free (entry->value);
  g_free (entry);
}

static void
group_free (gpointer data)
{
  IvdKeyFileGroup *group = data;

  g_free (group->kind);
  g_free (group->name);
  g_free (group->file);
  g_ptr_array_unref (group->entries);
  g_free (group);
}

IvdKeyFile *
ivd_key_file_new (void)
{
  IvdKeyFile *self = g_new0 (IvdKeyFile, 1);

  self->groups = g_ptr_array_new_with_free_func (group_free);
  self->by_header = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return self;
}

void
ivd_key_file_free (IvdKeyFile *self)
{
  if (self == NULL)
    return;
  g_hash_table_unref (self->by_header);
  g_ptr_array_unref (self->groups);
  g_free (self);
}

const GPtrArray *
ivd_key_file_get_groups (const IvdKeyFile *self)
{
  return self->groups;
}

gboolean
ivd_key_file_fail (GError **error, const char *file, guint line, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "%s:%u: %s", file, line, text);
  return FALSE;
}

gboolean
ivd_key_file_parse_boolean (const char *text, gboolean *ret_value, GError **error)
{
  g_autofree char *safe = NULL;

  if (ivd_text_to_boolean (text, ret_value))
    return TRUE;
  safe = ivd_text_safe (text);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "'%s' is neither true nor false", safe);
  return FALSE;
}

/* Returns FALSE, always. */
static gboolean fail (const Reader *reader, GError **error, const char *format, ...) G_GNUC_PRINTF (3, 4);

static gboolean
fail (const Reader *reader, GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  return ivd_key_file_fail (error, reader->file, reader->line, "%s", text);
}

/* Nothing in it may upset a log, a terminal or a C string. */
static gboolean
check_text (const Reader *reader, const char *line, gsize length, GError **error)
{
  const char *end = line + length;
  const char *bad;

  if (length > IVD_LIMIT_CONFIG_LINE_BYTES)
    return fail (reader, error, "the line has %" G_GSIZE_FORMAT " bytes: at most %d",
                 length, IVD_LIMIT_CONFIG_LINE_BYTES);
  if (memchr (line, '\0', length) != NULL)
    return fail (reader, error, "there is a NUL byte: this is no text");
  if (!g_utf8_validate_len (line, length, &bad))
    return fail (reader, error, "byte %d of the line is not UTF-8: save the file as UTF-8",
                 (int) (bad - line) + 1);
  for (const char *p = line; p < end; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (c == BYTE_ORDER_MARK)
        return fail (reader, error, "there is a byte order mark: save the file without one");
      if (c == '\r')
        return fail (reader, error, "there is a carriage return: end lines with a newline alone");
      if (g_unichar_iscntrl (c) && c != '\t')
        return fail (reader, error, "there is the control character U+%04X: remove it", c);
    }
  return TRUE;
}

static gboolean
begin_group (Reader *reader, const char *kind, const char *name, GError **error)
{
  IvdKeyFile *self = reader->key_file;
  g_autofree char *header = name != NULL ? g_strdup_printf ("%s %s", kind, name) : g_strdup (kind);
  const IvdKeyFileGroup *first = g_hash_table_lookup (self->by_header, header);
  IvdKeyFileGroup *group;

  if (first != NULL)
    {
      g_autofree char *safe = ivd_text_safe (header);

      return fail (reader, error, "[%s] is there twice, first at %s:%u: put it all in one place",
                   safe, first->file, first->line);
    }
  group = g_new0 (IvdKeyFileGroup, 1);
  group->kind = g_strdup (kind);
  group->name = g_strdup (name);
  group->file = g_strdup (reader->file);
  group->line = reader->line;
  group->entries = g_ptr_array_new_with_free_func (entry_free);
  g_ptr_array_add (self->groups, group);
  g_hash_table_insert (self->by_header, g_steal_pointer (&header), group);
  reader->group = group;
  g_hash_table_remove_all (reader->keys);
  return TRUE;
}

static gboolean
parse_header (Reader *reader, char *text, GError **error)
{
  g_autofree char *safe = ivd_text_safe (text);
  gsize length = strlen (text);
  char *kind = text + 1;
  char *name = NULL;
  gsize kind_length;

  if (text[length - 1] != ']' || strcspn (kind, "[]") != length - 2)
    return fail (reader, error, "'%s' is no group: write [kind] or [kind NAME]", safe);
  text[length - 1] = '\0';
  g_strstrip (kind);
  kind_length = strspn (kind, WORD_CHARACTERS);
  if (kind_length == 0 || kind_length > IVD_LIMIT_NAME_BYTES
      || (kind[kind_length] != '\0' && strchr (BLANKS, kind[kind_length]) == NULL))
    return fail (reader, error, "'%s' is no group: write [kind] or [kind NAME], in lower case", safe);
  if (kind[kind_length] != '\0')
    {
      name = g_strchug (kind + kind_length + 1);
      kind[kind_length] = '\0';
    }
  return begin_group (reader, kind, name, error);
}

static gboolean
key_is_good (const char *key)
{
  gsize length = strlen (key);

  return length > 0 && length <= IVD_LIMIT_NAME_BYTES && strspn (key, WORD_CHARACTERS) == length;
}

static gboolean
parse_entry (Reader *reader, char *text, GError **error)
{
  g_autofree char *safe = ivd_text_safe (text);
  char *equals = strchr (text, '=');
  const IvdKeyFileEntry *first;
  IvdKeyFileEntry *entry;

  if (equals == NULL)
    return fail (reader, error, "'%s' is neither key=value, nor [group], nor a comment after '#'", safe);
  *equals = '\0';
  g_strchomp (text);
  if (!key_is_good (text))
    return fail (reader, error, "'%s' has no key before its '=': a key is 1 to %d of a-z 0-9 -",
                 safe, IVD_LIMIT_NAME_BYTES);
  if (reader->group == NULL)
    return fail (reader, error, "'%s' stands before any [group]: put it into one", safe);
  first = g_hash_table_lookup (reader->keys, text);
  if (first != NULL)
    return fail (reader, error, "'%s' is there twice, first in line %u: keep one", first->key, first->line);
  entry = g_new0 (IvdKeyFileEntry, 1);
  entry->key = g_strdup (text);
  entry->value = g_strdup (g_strchug (equals + 1));
  entry->line = reader->line;
  g_ptr_array_add (reader->group->entries, entry);
  g_hash_table_insert (reader->keys, entry->key, entry);
  return TRUE;
}

static gboolean
parse_line (Reader *reader, const char *line, gsize length, GError **error)
{
  g_autofree char *copy = NULL;
  char *text;

  if (!check_text (reader, line, length, error))
    return FALSE;
  copy = g_strndup (line, length);
  text = g_strstrip (copy);
  if (text[0] == '\0' || text[0] == '#' || text[0] == ';')
    return TRUE;
  if (text[0] == '[')
    return parse_header (reader, text, error);
  return parse_entry (reader, text, error);
}

gboolean
ivd_key_file_read_text (IvdKeyFile *self, const char *name, const char *text, gsize length, GError **error)
{
  g_autofree char *file = ivd_text_safe_bytes (name, IVD_LIMIT_PATH_BYTES);
  g_autoptr (GHashTable) keys = g_hash_table_new (g_str_hash, g_str_equal);
  Reader reader = { .key_file = self, .file = file, .keys = keys };
  const char *end = text + length;

  while (text < end)
    {
      const char *newline = memchr (text, '\n', end - text);
      const char *line_end = newline != NULL ? newline : end;

      reader.line++;
      if (!parse_line (&reader, text, line_end - text, error))
        return FALSE;
      text = newline != NULL ? newline + 1 : end;
    }
  return TRUE;
}

gboolean
ivd_key_file_read (IvdKeyFile *self, const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize length = 0;

  if (!ivd_text_file_read (path, IVD_LIMIT_CONFIG_FILE_BYTES, &text, &length, error))
    return FALSE;
  return ivd_key_file_read_text (self, path, text, length, error);
}
