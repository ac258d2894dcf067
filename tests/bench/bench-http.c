/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <glib/gstdio.h>

#include "ivb-bench.h"
#include "ivb-daemon.h"
#include "ivb-web.h"

/*
 * A region's bytes over HTTP, against nginx that sends the same file, and
 * against a bare libsoup server that copies the same bytes out of the same
 * file: how many answers, and what each costs. All three take turns within
 * each round.
 */

#define SMALL_BYTES 64
#define LARGE_BYTES (1024 * 1024)
#define PATH "/v1/regions/bench/memory?offset=0&length="
#define SECRET "ivs_bench-bench-bench-bench-bench-bench-bench12"
/* The others get it too, and do not look at it. */
#define HEADER "Authorization: Bearer " SECRET

enum
{
  OURS,
  NGINX,
  SOUP,
  SERVERS,
};

static const char *const peers[SERVERS] = { NULL, "nginx, 1 worker, sendfile", "bare SoupServer handler" };

/* One thing to ask for, as each server calls it. */
typedef struct
{
  const char *name, *unit;
  const char *paths[SERVERS];
} Object;

static const Object objects[] = {
  { "GET of 64 bytes", "1/s", { PATH "64", "/small", PATH "64" } },
  { "GET of 1 MiB", "MiB/s", { PATH "1048576", "/large", PATH "1048576" } },
};

static const guint connection_counts[] = { 1, 64 };

static void
write_file (const char *dir, const char *name, const void *data, gsize size, char **ret_path)
{
  char *path = g_build_filename (dir, name, NULL);
  g_autoptr (GError) error = NULL;

  if (!g_file_set_contents_full (path, data, (gssize) size, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
    {
      g_printerr ("%s\n", error->message);
      exit (EXIT_FAILURE);
    }
  *ret_path = path;
}

/* Bytes that are not all the same. */
static void
write_objects (const char *dir, char **ret_large)
{
  g_autofree guint8 *bytes = g_malloc (LARGE_BYTES);
  g_autofree char *small = NULL;

  for (gsize i = 0; i < LARGE_BYTES; i++)
    bytes[i] = (guint8) (i * 31 >> 3);
  write_file (dir, "small", bytes, SMALL_BYTES, &small);
  write_file (dir, "large", bytes, LARGE_BYTES, ret_large);
}

static IvbDaemon *
start_daemon (const char *dir, guint16 port)
{
  g_autofree char *hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, SECRET, -1);
  g_autofree char *line = g_strdup_printf ("bench sha256:%s reader\n", hash);
  g_autofree char *listen = g_strdup_printf ("127.0.0.1:%u", port);
  g_autofree char *tokens = NULL, *config = NULL, *text = NULL;

  write_file (dir, "tokens", line, strlen (line), &tokens);
  text = g_strdup_printf ("[http]\ntokens=%s\n", tokens);
  write_file (dir, "config", text, strlen (text), &config);
  return ivb_daemon_new_with ((const char *const[]){ "--config", config, "--http", listen, NULL });
}

/* Each round asks all servers in turn; one that does not count comes first. */
static void
measure (IvbBench *table, IvbWeb **servers, const Object *object, guint connections)
{
  guint n = ivb_bench_get_rounds (table);
  g_autofree char *name = g_strdup_printf ("%s, %u connection%s", object->name, connections,
                                           connections > 1 ? "s" : "");
  g_autofree char *cost_name = g_strconcat (name, ": processor time", NULL);
  g_autofree gdouble *rates = g_new (gdouble, (n + 1) * SERVERS);
  g_autofree gdouble *costs = g_new (gdouble, (n + 1) * SERVERS);

  for (guint round = 0; round <= n; round++)
    for (guint server = 0; server < SERVERS; server++)
      {
        guint place = server * (n + 1) + (round + n) % (n + 1);

        ivb_web_measure (servers[server], object->paths[server], HEADER, connections, &rates[place], &costs[place]);
      }
  for (guint server = OURS + 1; server < SERVERS; server++)
    {
      ivb_bench_compare_values (table, name, object->unit, rates, peers[server], rates + server * (n + 1));
      ivb_bench_compare_values (table, cost_name, "us", costs, peers[server], costs + server * (n + 1));
    }
}

int
main (int argc, char **argv)
{
  IvbBench *table = ivb_bench_new ("http", &argc, &argv);
  g_autofree char *dir = g_strdup ("/dev/shm/ivb-XXXXXX"), *large = NULL;
  const char *const remove[] = { "rm", "-rf", dir, NULL };
  guint16 port = ivb_free_port ();
  IvbWeb *servers[SERVERS];
  IvbDaemon *daemon;

  if (table == NULL)
    return 2;
  if (g_mkdtemp (dir) == NULL)
    {
      g_printerr ("%s: it cannot be made\n", dir);
      return EXIT_FAILURE;
    }
  write_objects (dir, &large);
  daemon = start_daemon (dir, port);
  ivb_daemon_attach_file (daemon, "bench", large);
  servers[OURS] = ivb_web_new_for_process (ivb_daemon_get_pid (daemon), port);
  servers[NGINX] = ivb_web_new_nginx (dir);
  servers[SOUP] = ivb_web_new_soup (large);

  for (guint i = 0; i < G_N_ELEMENTS (objects); i++)
    for (guint c = 0; c < G_N_ELEMENTS (connection_counts); c++)
      measure (table, servers, &objects[i], connection_counts[c]);

  for (guint i = 0; i < SERVERS; i++)
    ivb_web_free (servers[i]);
  ivb_daemon_free (daemon);
  g_spawn_sync (NULL, (char **) remove, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  return ivb_bench_end (table);
}
