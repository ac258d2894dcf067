/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ivb-daemon.h"

#include <stdlib.h>

#include <gio/gunixfdlist.h>
#include <glib/gstdio.h>

#include "base/ivd-name.h"
#include "base/ivd-names.h"
#include "ivb-bench.h"

#define TIMEOUT_MS 30000

struct _IvbDaemon
{
  char *dir;
  GSubprocess *bus, *daemon;
  GDBusConnection *connection;
  gdouble start_seconds;
};

static void
must (GError *error, const char *what)
{
  if (error == NULL)
    return;
  g_printerr ("%s: %s\n", what, error->message);
  exit (EXIT_FAILURE);
}

static char *
start_bus (IvbDaemon *self)
{
  g_autoptr (GDataInputStream) output = NULL;
  GError *error = NULL;
  char *address;

  self->bus = g_subprocess_new (G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, "dbus-daemon", "--session", "--nofork",
                                "--print-address", NULL);
  must (error, "dbus-daemon");
  output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (self->bus));
  address = g_data_input_stream_read_line (output, NULL, NULL, &error);
  must (error, "dbus-daemon");
  return address;
}

static void
on_name_appeared (GDBusConnection *connection, const char *name, const char *owner, gpointer data)
{
  g_main_loop_quit (data);
}

static void
wait_for_name (IvbDaemon *self)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  guint id = g_bus_watch_name_on_connection (self->connection, IVD_BUS_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                             on_name_appeared, NULL, loop, NULL);

  g_main_loop_run (loop);
  g_bus_unwatch_name (id);
}

static void
start_daemon (IvbDaemon *self, const char *address, const char *const *arguments)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_auto (GStrv) dirs = g_strsplit (g_getenv ("IVB_PLUGIN_DIRS"), ":", -1);
  GError *error = NULL;

  g_ptr_array_add (argv, (gpointer) g_getenv ("IVB_IVSHMEMD"));
  g_ptr_array_add (argv, (gpointer) "--bus-address");
  g_ptr_array_add (argv, (gpointer) address);
  g_ptr_array_add (argv, (gpointer) "--state-dir");
  g_ptr_array_add (argv, self->dir);
  for (guint i = 0; dirs[i] != NULL; i++)
    {
      g_ptr_array_add (argv, (gpointer) "--plugin-dir");
      g_ptr_array_add (argv, dirs[i]);
    }
  for (guint i = 0; arguments[i] != NULL; i++)
    g_ptr_array_add (argv, (gpointer) arguments[i]);
  g_ptr_array_add (argv, NULL);
  g_subprocess_launcher_setenv (launcher, "RUNTIME_DIRECTORY", self->dir, TRUE);
  self->daemon = g_subprocess_launcher_spawnv (launcher, (const char *const *) argv->pdata, &error);
  must (error, "ivshmemd");
}

IvbDaemon *
ivb_daemon_new (void)
{
  const char *const none[] = { NULL };

  return ivb_daemon_new_with (none);
}

IvbDaemon *
ivb_daemon_new_with (const char *const *arguments)
{
  IvbDaemon *self = g_new0 (IvbDaemon, 1);
  g_autofree char *address = NULL;
  GError *error = NULL;
  gdouble begin;

  if (g_getenv ("IVB_IVSHMEMD") == NULL || g_getenv ("IVB_PLUGIN_DIRS") == NULL)
    {
      g_printerr ("IVB_IVSHMEMD and IVB_PLUGIN_DIRS must be set: run this with './dev bench'\n");
      exit (EXIT_FAILURE);
    }
  self->dir = g_dir_make_tmp ("ivb-XXXXXX", &error);
  must (error, "temporary directory");
  address = start_bus (self);
  self->connection = g_dbus_connection_new_for_address_sync (address,
                                                             G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                                                 | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                                             NULL, NULL, &error);
  must (error, address);
  begin = ivb_now ();
  start_daemon (self, address, arguments);
  wait_for_name (self);
  self->start_seconds = ivb_now () - begin;
  return self;
}

static void
end_process (GSubprocess *process)
{
  g_subprocess_send_signal (process, 15);
  g_subprocess_wait (process, NULL, NULL);
  g_object_unref (process);
}

void
ivb_daemon_free (IvbDaemon *daemon)
{
  const char *const remove[] = { "rm", "-rf", daemon->dir, NULL };

  end_process (daemon->daemon);
  g_dbus_connection_close_sync (daemon->connection, NULL, NULL);
  g_object_unref (daemon->connection);
  end_process (daemon->bus);
  g_spawn_sync (NULL, (char **) remove, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  g_free (daemon->dir);
  g_free (daemon);
}

GDBusConnection *
ivb_daemon_get_connection (IvbDaemon *daemon)
{
  return daemon->connection;
}

gint64
ivb_daemon_get_pid (IvbDaemon *daemon)
{
  return g_ascii_strtoll (g_subprocess_get_identifier (daemon->daemon), NULL, 10);
}

gdouble
ivb_daemon_get_start_seconds (IvbDaemon *daemon)
{
  return daemon->start_seconds;
}

static void
attach (IvbDaemon *self, const char *plugin, const char *name, GVariant *options)
{
  g_autoptr (GVariant) reply = NULL;
  GError *error = NULL;

  reply = g_dbus_connection_call_sync (self->connection, IVD_BUS_NAME, IVD_OBJECT_PATH, IVD_INTERFACE_MANAGER,
                                       "Attach", g_variant_new ("(ss@a{sv})", plugin, name, options), NULL,
                                       G_DBUS_CALL_FLAGS_NONE, TIMEOUT_MS, NULL, &error);
  must (error, name);
}

void
ivb_daemon_attach (IvbDaemon *daemon, const char *name, guint vectors)
{
  GVariantDict options;

  g_variant_dict_init (&options, NULL);
  g_variant_dict_insert (&options, "size", "s", "4M");
  g_variant_dict_insert (&options, "vectors", "u", vectors);
  attach (daemon, "doorbell-server", name, g_variant_dict_end (&options));
}

void
ivb_daemon_attach_file (IvbDaemon *daemon, const char *name, const char *path)
{
  GVariantDict options;

  g_variant_dict_init (&options, NULL);
  g_variant_dict_insert (&options, "path", "s", path);
  attach (daemon, "host-plain", name, g_variant_dict_end (&options));
}

GVariant *
ivb_daemon_call (IvbDaemon *daemon, const char *region, const char *method, GVariant *parameters, int *ret_fd)
{
  g_autofree char *path = ivd_name_to_path (IVD_REGION_PATH_PREFIX, region);
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;
  GVariant *reply = g_dbus_connection_call_with_unix_fd_list_sync (daemon->connection, IVD_BUS_NAME, path,
                                                                   IVD_INTERFACE_REGION, method, parameters, NULL,
                                                                   G_DBUS_CALL_FLAGS_NONE, TIMEOUT_MS, NULL, &fds,
                                                                   NULL, &error);

  must (error, method);
  if (ret_fd != NULL)
    *ret_fd = g_unix_fd_list_get (fds, 0, NULL);
  return reply;
}
