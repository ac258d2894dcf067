/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "config/ivd-config.h"
#include "fuzz.h"

/*
 * The text of a config file. Whatever it is, it is either refused with its
 * place in a message fit for a terminal, or understood the same way when what
 * was understood is written down and read again; and only then it may be a
 * config.
 */

#define FILE_NAME "fuzz.conf"
#define RUNTIME_DIR "/run/ivshmemd"

static void
check_error (const GError *error)
{
  g_assert_nonnull (error);
  g_assert_true (g_str_has_prefix (error->message, FILE_NAME ":"));
  g_assert_true (g_ascii_isdigit (error->message[strlen (FILE_NAME ":")]));
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  for (const char *p = error->message; *p != '\0'; p = g_utf8_next_char (p))
    g_assert_false (g_unichar_iscntrl (g_utf8_get_char (p)) && *p != '\t');
}

static char *
write_down (const IvdKeyFile *key_file)
{
  const GPtrArray *groups = ivd_key_file_get_groups (key_file);
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < groups->len; i++)
    {
      const IvdKeyFileGroup *group = g_ptr_array_index (groups, i);

      if (group->name != NULL)
        g_string_append_printf (text, "[%s %s]\n", group->kind, group->name);
      else
        g_string_append_printf (text, "[%s]\n", group->kind);
      for (guint j = 0; j < group->entries->len; j++)
        {
          const IvdKeyFileEntry *entry = g_ptr_array_index (group->entries, j);

          g_string_append_printf (text, "%s=%s\n", entry->key, entry->value);
        }
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
check_round_trip (const IvdKeyFile *key_file)
{
  g_autoptr (IvdKeyFile) again = ivd_key_file_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *first = write_down (key_file);
  g_autofree char *second = NULL;

  g_assert_true (ivd_key_file_read_text (again, FILE_NAME, first, strlen (first), &error));
  g_assert_no_error (error);
  second = write_down (again);
  g_assert_cmpstr (first, ==, second);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const IvdConfigSource source = { .runtime_dir = RUNTIME_DIR };
  g_autoptr (IvdKeyFile) key_file = ivd_key_file_new ();
  g_autoptr (IvdConfig) config = NULL;
  g_autoptr (GError) error = NULL;

  if (!ivd_key_file_read_text (key_file, FILE_NAME, (const char *) data, size, &error))
    {
      check_error (error);
      return 0;
    }
  check_round_trip (key_file);
  config = ivd_config_new (key_file, &source, &error);
  if (config == NULL)
    check_error (error);
  return 0;
}
