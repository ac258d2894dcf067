/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "guest-linux/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "guest-linux/error.h"
#include "guest-linux/parse.h"

char *
pci_sysfs_read (const char *path, gsize limit, gsize *ret_length)
{
  /* A FIFO or a terminal in its place must not hold us up. */
  pci_autofd int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  g_autofree char *text = NULL;
  gsize length = 0;
  gssize n = 1;

  if (fd < 0)
    return NULL;
  text = g_malloc (limit + 1);
  while (length <= limit && n > 0)
    {
      do
        n = read (fd, text + length, limit + 1 - length);
      while (n < 0 && errno == EINTR);
      if (n < 0)
        return NULL;
      length += (gsize) n;
    }
  if (length > limit)
    {
      errno = EFBIG;
      return NULL;
    }
  text[length] = '\0';
  if (ret_length != NULL)
    *ret_length = length;
  return g_steal_pointer (&text);
}

char *
pci_sysfs_clean (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, (gssize) strnlen (text, PCI_LIMIT_NAME_BYTES));
  g_autoptr (GString) out = g_string_new (NULL);

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (out->len + (gsize) (g_utf8_next_char (p) - p) > PCI_LIMIT_NAME_BYTES)
        break;
      g_string_append_unichar (out, g_unichar_isprint (c) ? c : '?');
    }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

char *
pci_sysfs_read_line (const char *path)
{
  g_autofree char *text = pci_sysfs_read (path, PCI_LIMIT_TEXT_BYTES, NULL);

  if (text == NULL)
    return NULL;
  text[strcspn (text, "\n")] = '\0';
  return pci_sysfs_clean (g_strstrip (text));
}

gboolean
pci_sysfs_read_number (const char *path, guint64 *ret_number)
{
  gsize length;
  g_autofree char *text = pci_sysfs_read (path, PCI_LIMIT_TEXT_BYTES, &length);

  return text != NULL && pci_parse_number (text, length, ret_number);
}

char *
pci_sysfs_read_link (const char *path)
{
  g_autofree char *target = g_file_read_link (path, NULL);
  g_autofree char *name = NULL;

  if (target == NULL)
    return NULL;
  name = g_path_get_basename (target);
  return pci_sysfs_clean (name);
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

GPtrArray *
pci_sysfs_list (const char *path, guint limit)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) directory = g_dir_open (path, 0, NULL);
  const char *name;

  while (directory != NULL && names->len < limit && (name = g_dir_read_name (directory)) != NULL)
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  return names;
}

int
pci_sysfs_check_access (const char *path, int mode)
{
  pci_autofd int fd = open (path, O_PATH | O_CLOEXEC);

  if (fd < 0)
    return errno;
  if (faccessat (fd, "", mode, AT_EACCESS | AT_EMPTY_PATH) == 0)
    return 0;
  /* Before Linux 5.8 the library looks at the rights, and wants a path. */
  if ((errno == EINVAL || errno == ENOSYS) && faccessat (AT_FDCWD, path, mode, AT_EACCESS) == 0)
    return 0;
  return errno;
}
