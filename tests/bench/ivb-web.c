/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ivb-web.h"

#include <stdlib.h>
#include <string.h>

#include <gio/gio.h>

#include "ivb-bench.h"

#define START_SECONDS 10
#define WRK_SECONDS 1

struct _IvbWeb
{
  GSubprocess *process; /* NULL: somebody else's */
  gint64 pid;
  guint16 port;
  char *dir; /* for nginx's own files; NULL: none */
};

static void
must (GError *error, const char *what)
{
  if (error == NULL)
    return;
  g_printerr ("%s: %s\n", what, error->message);
  exit (EXIT_FAILURE);
}

guint16
ivb_free_port (void)
{
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GSocket) socket = NULL;
  GError *error = NULL;

  socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error);
  must (error, "socket");
  (void) g_socket_bind (socket, any, TRUE, &error);
  must (error, "bind");
  bound = g_socket_get_local_address (socket, &error);
  must (error, "getsockname");
  return g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
}

static void
wait_for_port (guint16 port)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  gdouble end = ivb_now () + START_SECONDS;

  while (ivb_now () < end)
    {
      g_autoptr (GSocketConnection) connection = g_socket_client_connect_to_host (client, "127.0.0.1", port, NULL,
                                                                                  NULL);

      if (connection != NULL)
        return;
      g_usleep (G_USEC_PER_SEC / 100);
    }
  g_printerr ("nobody listens on port %u\n", port);
  exit (EXIT_FAILURE);
}

IvbWeb *
ivb_web_new_for_process (gint64 pid, guint16 port)
{
  IvbWeb *self = g_new0 (IvbWeb, 1);

  self->pid = pid;
  self->port = port;
  wait_for_port (port);
  return self;
}

static IvbWeb *
web_new_for_child (GSubprocess *take_process, guint16 port)
{
  gint64 pid = g_ascii_strtoll (g_subprocess_get_identifier (take_process), NULL, 10);
  IvbWeb *self = ivb_web_new_for_process (pid, port);

  self->process = take_process;
  return self;
}

/* One process is the whole of it, so that its time is all that it costs. */
static const char nginx_config[] = "daemon off; master_process off; worker_processes 1; pid %s/pid;\n"
                                   "error_log stderr warn;\n"
                                   "events { worker_connections 1024; }\n"
                                   "http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;\n"
                                   "  client_body_temp_path %s/a; proxy_temp_path %s/b; fastcgi_temp_path %s/c;\n"
                                   "  uwsgi_temp_path %s/d; scgi_temp_path %s/e;\n"
                                   "  server { listen 127.0.0.1:%u; root %s; } }\n";

IvbWeb *
ivb_web_new_nginx (const char *directory)
{
  g_autofree char *program = g_find_program_in_path ("nginx");
  g_autofree char *dir = NULL, *path = NULL, *text = NULL;
  guint16 port = ivb_free_port ();
  GSubprocess *process;
  GError *error = NULL;
  IvbWeb *self;

  dir = g_dir_make_tmp ("ivb-nginx-XXXXXX", &error);
  must (error, "temporary directory");
  path = g_build_filename (dir, "nginx.conf", NULL);
  text = g_strdup_printf (nginx_config, dir, dir, dir, dir, dir, dir, port, directory);
  (void) g_file_set_contents (path, text, -1, &error);
  must (error, path);
  process = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, &error, program != NULL ? program : "/usr/sbin/nginx", "-p", dir, "-e", "stderr", "-c", path, NULL);
  must (error, "nginx");
  self = web_new_for_child (process, port);
  self->dir = g_steal_pointer (&dir);
  return self;
}

IvbWeb *
ivb_web_new_soup (const char *file)
{
  g_autoptr (GDataInputStream) output = NULL;
  g_autofree char *line = NULL;
  const char *program = g_getenv ("IVB_SOUP");
  GSubprocess *process;
  GError *error = NULL;

  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, program != NULL ? program : "ivb-soup", file,
                              NULL);
  must (error, "ivb-soup");
  output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (process));
  line = g_data_input_stream_read_line (output, NULL, NULL, &error);
  must (error, "ivb-soup");
  if (line == NULL)
    exit (EXIT_FAILURE);
  return web_new_for_child (process, (guint16) g_ascii_strtoull (line, NULL, 10));
}

void
ivb_web_free (IvbWeb *web)
{
  if (web->process != NULL)
    {
      g_subprocess_force_exit (web->process);
      g_subprocess_wait (web->process, NULL, NULL);
      g_object_unref (web->process);
    }
  if (web->dir != NULL)
    {
      const char *const remove[] = { "rm", "-rf", web->dir, NULL };

      g_spawn_sync (NULL, (char **) remove, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
    }
  g_free (web->dir);
  g_free (web);
}

/* Microseconds on a processor so far, of all threads. */
static gdouble
processor_time (IvbWeb *self)
{
  g_autofree char *path = g_strdup_printf ("/proc/%" G_GINT64_FORMAT "/task", self->pid);
  g_autoptr (GDir) tasks = NULL;
  GError *error = NULL;
  gdouble sum = 0;
  const char *name;

  tasks = g_dir_open (path, 0, &error);
  must (error, path);
  while ((name = g_dir_read_name (tasks)) != NULL)
    {
      g_autofree char *file = g_build_filename (path, name, "schedstat", NULL);
      g_autofree char *text = NULL;

      if (g_file_get_contents (file, &text, NULL, NULL))
        sum += (gdouble) g_ascii_strtoull (text, NULL, 10) / 1e3;
    }
  return sum;
}

/* The number that stands before or after a word of wrk's report. */
static gdouble
find_number (const char *report, const char *pattern)
{
  g_autoptr (GRegex) regex = g_regex_new (pattern, G_REGEX_DEFAULT, G_REGEX_MATCH_DEFAULT, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  g_autofree char *number = NULL;

  if (!g_regex_match (regex, report, G_REGEX_MATCH_DEFAULT, &match))
    {
      g_printerr ("wrk said:\n%s", report);
      exit (EXIT_FAILURE);
    }
  number = g_match_info_fetch (match, 1);
  return g_ascii_strtod (number, NULL);
}

void
ivb_web_measure (IvbWeb *web, const char *path, const char *header, guint connections, gdouble *ret_rate, gdouble *ret_cost)
{
  g_autofree char *url = g_strdup_printf ("http://127.0.0.1:%u%s", web->port, path);
  g_autofree char *connections_text = g_strdup_printf ("-c%u", connections);
  g_autofree char *duration = g_strdup_printf ("-d%u", WRK_SECONDS);
  const char *argv[] = { "wrk", "-t1", connections_text, duration, "-H", header, url, NULL };
  g_autofree char *report = NULL;
  gdouble before = processor_time (web);
  GError *error = NULL;

  (void) g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &report, NULL, NULL, &error);
  must (error, "wrk");
  if (strstr (report, "Non-2xx") != NULL || strstr (report, "Socket errors") != NULL)
    {
      g_printerr ("%s: wrk said:\n%s", url, report);
      exit (EXIT_FAILURE);
    }
  *ret_cost = (processor_time (web) - before) / find_number (report, "([0-9]+) requests in");
  *ret_rate = find_number (report, "Requests/sec: *([0-9.]+)");
}
