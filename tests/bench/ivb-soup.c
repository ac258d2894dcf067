/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <libsoup/soup.h>

/*
 * ivb-soup FILE: libsoup's own floor. A server that does nothing but copy what
 * ?offset=&length= asks for out of a mapping of FILE, whatever the path. Prints
 * its port.
 */

typedef struct
{
  const guint8 *bytes;
  gsize size;
} File;

static gsize
get_number (GHashTable *query, const char *key)
{
  const char *text = query != NULL ? g_hash_table_lookup (query, key) : NULL;

  return text != NULL ? (gsize) g_ascii_strtoull (text, NULL, 10) : 0;
}

static void
on_request (SoupServer *server, SoupServerMessage *message, const char *path, GHashTable *query, gpointer data)
{
  const File *file = data;
  gsize offset = get_number (query, "offset"), length = get_number (query, "length");

  if (offset > file->size || length > file->size - offset)
    {
      soup_server_message_set_status (message, SOUP_STATUS_REQUESTED_RANGE_NOT_SATISFIABLE, NULL);
      return;
    }
  soup_server_message_set_status (message, SOUP_STATUS_OK, NULL);
  soup_server_message_set_response (message, "application/octet-stream", SOUP_MEMORY_TAKE,
                                    g_memdup2 (file->bytes + offset, length), length);
}

static gboolean
map_file (const char *path, File *file)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  gpointer bytes;

  if (fd < 0 || fstat (fd, &status) < 0)
    return FALSE;
  bytes = mmap (NULL, (gsize) status.st_size, PROT_READ, MAP_SHARED, fd, 0);
  if (bytes == MAP_FAILED)
    return FALSE;
  file->bytes = bytes;
  file->size = (gsize) status.st_size;
  return TRUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (SoupServer) server = soup_server_new (NULL, NULL);
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GError) error = NULL;
  GSList *uris;
  File file;

  if (argc != 2 || !map_file (argv[1], &file)
      || !soup_server_listen_local (server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, &error))
    {
      g_printerr ("usage: ivb-soup FILE%s%s\n", error != NULL ? ": " : "", error != NULL ? error->message : "");
      return EXIT_FAILURE;
    }
  soup_server_add_handler (server, NULL, on_request, &file, NULL);
  uris = soup_server_get_uris (server);
  g_print ("%d\n", g_uri_get_port (uris->data));
  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
  g_main_loop_run (loop);
  return EXIT_SUCCESS;
}
