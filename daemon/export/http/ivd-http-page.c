/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-page.h"

#include <xxhash.h>

#include "ivd-web.h"

#define RESOURCE_PREFIX "/org/ivshmem/Daemon1/web/"

typedef struct
{
  const char *path;
  const char *name;
  const char *content_type;
} Row;

static const Row rows[] = {
  { "/", "index.html", "text/html; charset=utf-8" },
  { "/index.html", "index.html", "text/html; charset=utf-8" },
  { "/app.js", "app.js", "text/javascript; charset=utf-8" },
  { "/app.css", "app.css", "text/css; charset=utf-8" },
  { "/favicon.svg", "favicon.svg", "image/svg+xml" },
  { "/licenses.txt", "licenses.txt", "text/plain; charset=utf-8" },
};

/* The bytes stay where they are, in the program. */
static GBytes *
look_up (const char *name, const char *suffix)
{
  g_autofree char *path = g_strconcat (RESOURCE_PREFIX, name, suffix, NULL);

  return g_resource_lookup_data (ivd_web_get_resource (), path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
}

static char *
make_etag (GBytes *bytes)
{
  gsize size = 0;
  const void *data = g_bytes_get_data (bytes, &size);
  XXH128_hash_t hash = XXH3_128bits (data, size);

  return g_strdup_printf ("\"%016" G_GINT64_MODIFIER "x%016" G_GINT64_MODIFIER "x\"", (guint64) hash.high64,
                          (guint64) hash.low64);
}

static IvdPageFile *
load (const Row *row)
{
  g_autoptr (IvdPageFile) file = g_new0 (IvdPageFile, 1);

  file->bytes = look_up (row->name, "");
  if (file->bytes == NULL)
    return NULL;
  file->content_type = row->content_type;
  file->etag = make_etag (file->bytes);
  file->gzip = look_up (row->name, ".gz");
  if (file->gzip != NULL)
    file->gzip_etag = make_etag (file->gzip);
  return g_steal_pointer (&file);
}

IvdPageFile *
ivd_http_page_find (const char *path)
{
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (g_str_equal (rows[i].path, path))
      return load (&rows[i]);
  return NULL;
}

void
ivd_page_file_free (IvdPageFile *file)
{
  g_clear_pointer (&file->bytes, g_bytes_unref);
  g_clear_pointer (&file->gzip, g_bytes_unref);
  g_free (file->etag);
  g_free (file->gzip_etag);
  g_free (file);
}
