/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <locale.h>
#include <signal.h>
#include <stdlib.h>

#include <glib-unix.h>

#include "daemon.h"
#include "platform/ivd-log.h"
#include "platform/ivd-process.h"

#define TLS_PRIORITY "NORMAL:%COMPAT:-VERS-TLS1.0:-VERS-TLS1.1"
#define EXIT_USAGE 2

/* The command line as GOption wants it, and what it comes to. */
typedef struct
{
  gboolean session, system, version;
  char *bus_address, *config_file, *config_dir, *state_dir;
  char **plugin_dirs, **http_listen;
} CommandLine;

typedef struct
{
  GMainLoop *loop;
  IvdDaemon *daemon;
  gboolean stopping;
  int status;
} Main;

static void
command_line_clear (CommandLine *line)
{
  g_free (line->bus_address);
  g_free (line->config_file);
  g_free (line->config_dir);
  g_free (line->state_dir);
  g_strfreev (line->plugin_dirs);
  g_strfreev (line->http_listen);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CommandLine, command_line_clear)

static gboolean
parse_command_line (int argc, char **argv, CommandLine *line, GError **error)
{
  const GOptionEntry entries[] = {
    { "session", 0, 0, G_OPTION_ARG_NONE, &line->session, "Serve on the user's session bus", NULL },
    { "system", 0, 0, G_OPTION_ARG_NONE, &line->system, "Serve on the system bus (the default)", NULL },
    { "bus-address", 0, 0, G_OPTION_ARG_STRING, &line->bus_address, "Serve on the bus at this address", "ADDRESS" },
    { "config", 0, 0, G_OPTION_ARG_FILENAME, &line->config_file, "Read this config file", "FILE" },
    { "config-dir", 0, 0, G_OPTION_ARG_FILENAME, &line->config_dir, "Read the *.conf of regions in here", "DIR" },
    { "state-dir", 0, 0, G_OPTION_ARG_FILENAME, &line->state_dir, "Keep what outlives a restart in here", "DIR" },
    { "plugin-dir", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &line->plugin_dirs,
      "Load plugins from here (may be repeated)", "DIR" },
    { "http", 0, 0, G_OPTION_ARG_STRING_ARRAY, &line->http_listen,
      "Serve HTTP there (may be repeated): unix:PATH, ADDR:PORT or [V6]:PORT; or none", "WHERE" },
    { "version", 0, 0, G_OPTION_ARG_NONE, &line->version, "Print the version and end", NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  g_option_context_set_summary (context, "Serves, attaches and watches over shared memory of QEMU guests (ivshmem).");
  g_option_context_set_description (context, "See ivshmemd(8) and ivshmemd.conf(5); ivshmemctl(1) talks to it.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, error))
    return FALSE;
  if (argc > 1)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "unexpected argument '%s'", argv[1]);
      return FALSE;
    }
  if (line->session + line->system + (line->bus_address != NULL) > 1)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
                   "only one of --session, --system and --bus-address can be given");
      return FALSE;
    }
  return TRUE;
}

static IvdDaemonOptions
daemon_options (const CommandLine *line)
{
  IvdDaemonOptions options = {
    .bus_given = line->session || line->system || line->bus_address != NULL,
    .bus = line->session ? IVD_BUS_SESSION : line->bus_address != NULL ? IVD_BUS_ADDRESS
                                                                       : IVD_BUS_SYSTEM,
    .bus_address = line->bus_address,
    .config_file = line->config_file,
    .config_dir = line->config_dir,
    .state_dir = line->state_dir,
    .plugin_dirs = (const char *const *) line->plugin_dirs,
    .http_listen = (const char *const *) line->http_listen,
  };

  return options;
}

static void
on_stopped (gpointer data)
{
  Main *self = data;

  g_main_loop_quit (self->loop);
}

static void
stop (Main *self)
{
  self->stopping = TRUE;
  ivd_daemon_stop (self->daemon, on_stopped, self);
}

static void
on_ended (const GError *error, gpointer data)
{
  Main *self = data;

  if (error != NULL)
    {
      ivd_log (IVD_LOG_ERROR, NULL, "%s", error->message);
      self->status = EXIT_FAILURE;
    }
  if (!self->stopping)
    stop (self);
}

/* The first asks to stop, the second does not wait for whoever holds that up. */
static gboolean
on_signal (gpointer data)
{
  Main *self = data;

  if (!self->stopping)
    {
      stop (self);
      return G_SOURCE_CONTINUE;
    }
  ivd_log (IVD_LOG_WARNING, NULL, "told to stop twice: not waiting any longer");
  exit (EXIT_FAILURE);
}

static int
run (const IvdDaemonOptions *options)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdDaemon) daemon = ivd_daemon_new (options, &error);
  Main self = { .loop = loop, .daemon = daemon, .status = EXIT_SUCCESS };
  guint term_id, int_id;

  if (daemon == NULL)
    {
      ivd_log (IVD_LOG_ERROR, NULL, "%s", error->message);
      return EXIT_FAILURE;
    }
  term_id = g_unix_signal_add (SIGTERM, on_signal, &self);
  int_id = g_unix_signal_add (SIGINT, on_signal, &self);
  ivd_daemon_start (daemon, on_ended, &self);
  g_main_loop_run (loop);
  g_source_remove (term_id);
  g_source_remove (int_id);
  return self.status;
}

int
main (int argc, char **argv)
{
  g_auto (CommandLine) line = { 0 };
  g_autoptr (GError) error = NULL;
  IvdDaemonOptions options;

  setlocale (LC_ALL, "");
  ivd_process_return_memory ();
  signal (SIGPIPE, SIG_IGN);
  signal (SIGXFSZ, SIG_IGN); /* a file that may not grow is an error, not the end */
  /* GIO would take TLS 1.0 and 1.1, and asks nobody but the environment. */
  g_setenv ("G_TLS_GNUTLS_PRIORITY", TLS_PRIORITY, FALSE);
  if (!parse_command_line (argc, argv, &line, &error))
    {
      g_printerr ("ivshmemd: %s\nTry 'ivshmemd --help'.\n", error->message);
      return EXIT_USAGE;
    }
  if (line.version)
    {
      g_print ("ivshmemd %s\n", IVD_VERSION);
      return EXIT_SUCCESS;
    }
  ivd_log_install ();
  options = daemon_options (&line);
  return run (&options);
}
