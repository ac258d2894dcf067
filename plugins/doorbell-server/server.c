/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "doorbell-server/server.h"

#include <errno.h>
#include <sys/socket.h>

#include "doorbell-server/error.h"
#include "doorbell-server/wire.h"

/* Refusals are logged once in this time, with how many there were. */
#define REFUSAL_LOG_USEC G_USEC_PER_SEC

static void on_left (gpointer data);
static void on_empty (gpointer data);

DbsServer *
dbs_server_new (const IvshmemPluginHost *host,
                IvshmemPluginRegion *region,
                const char *name,
                DbsOptions *take_options,
                GError **error)
{
  g_autoptr (DbsServer) server = g_new0 (DbsServer, 1);

  server->host = host;
  server->region = region;
  server->name = g_strdup (name);
  server->options = take_options;
  server->memory = (DbsMemory) DBS_MEMORY_NONE;
  server->listener = (DbsListener) DBS_LISTENER_NONE;
  dbs_farewell_init (&server->farewell, host, region);
  if (!dbs_roster_init (&server->roster, host, region, server->options, error))
    return NULL;
  server->roster.left = on_left;
  server->roster.empty = on_empty;
  server->roster.data = server;
  return g_steal_pointer (&server);
}

void
dbs_server_free (DbsServer *server)
{
  if (server == NULL)
    return;
  dbs_listener_close (&server->listener);
  dbs_farewell_clear (&server->farewell);
  dbs_roster_clear (&server->roster);
  dbs_memory_close (&server->memory);
  dbs_access_free (server->access);
  dbs_options_free (server->options);
  g_clear_error (&server->setup_error);
  g_free (server->name);
  g_free (server);
}

/* --- newcomers --------------------------------------------------------- */

static void
log_refusal (DbsServer *server, const GError *error)
{
  gint64 now = g_get_monotonic_time ();
  g_autofree char *message = NULL;

  server->refusals++;
  if (server->refusal_time != 0 && now - server->refusal_time < REFUSAL_LOG_USEC)
    return;
  message = server->refusals > 1
                ? g_strdup_printf ("%u clients refused, the last one: %s", server->refusals, error->message)
                : g_strdup_printf ("client refused: %s", error->message);
  server->host->log (server->region, IVSHMEM_PLUGIN_LOG_WARNING, message);
  server->refusal_time = now;
  server->refusals = 0;
}

static gboolean
admit (DbsServer *server, int *fd, DbsCredentials *credentials, GError **error)
{
  return dbs_access_check (server->access, credentials, error)
         && dbs_roster_adopt (&server->roster, fd, credentials, error) != NULL;
}

static void
on_newcomer (int take_fd, gpointer data)
{
  DbsServer *server = data;
  dbs_autofd int fd = take_fd;
  g_auto (DbsCredentials) credentials = { .pid = -1, .uid = -1, .gid = -1 };
  g_autoptr (GError) error = NULL;

  dbs_credentials_read (&credentials, fd);
  if (admit (server, &fd, &credentials, &error))
    return;
  log_refusal (server, error);
  dbs_farewell_refuse (&server->farewell, dbs_steal_fd (&fd));
}

static void
on_newcomers_done (gpointer data)
{
  DbsServer *server = data;

  dbs_roster_turn (&server->roster);
}

int
dbs_server_join (DbsServer *server, DbsCredentials *credentials, GError **error)
{
  dbs_autofd int near = -1;
  dbs_autofd int far = -1;
  int pair[2];

  if (server->state != DBS_SERVER_READY)
    {
      g_set_error_literal (error, DBS_ERROR, IVSHMEM_PLUGIN_CLOSED, "the server takes nobody in now");
      return -1;
    }
  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
    {
      dbs_error_set_errno (error, errno, "cannot make a socket for the peer");
      return -1;
    }
  near = pair[0];
  far = pair[1];
  if (!admit (server, &near, credentials, error))
    return -1;
  dbs_roster_turn (&server->roster);
  return dbs_steal_fd (&far);
}

/* --- the beginning ----------------------------------------------------- */

static void
set_up (void *data)
{
  DbsServer *server = data;

  server->access
      = dbs_access_new (server->options->allow_uids, server->options->allow_gids, &server->setup_error);
  if (server->access == NULL)
    return;
  /* The socket first: another server's memory is none of our business. */
  if (!dbs_listener_open (&server->listener, server->host, server->region, server->options,
                          &server->setup_error))
    return;
  if (!dbs_memory_open (&server->memory, server->host, server->region, server->name, server->options,
                        &server->setup_error))
    dbs_listener_close (&server->listener);
}

static void
fail (DbsServer *server, const GError *error)
{
  server->state = DBS_SERVER_FAILED;
  dbs_listener_close (&server->listener);
  if (!server->memory.found)
    dbs_memory_remove (&server->memory);
  server->host->lost (server->region, dbs_error_status (error), error->message);
}

static void
on_set_up (void *data)
{
  DbsServer *server = data;
  g_autoptr (GError) error = NULL;
  IvshmemPluginStatus status;

  server->setting_up = FALSE;
  if (server->state == DBS_SERVER_STOPPING)
    {
      dbs_server_stop (server, server->keep);
      server->host->detached (server->region);
      return;
    }
  if (server->setup_error != NULL)
    {
      fail (server, server->setup_error);
      return;
    }

  server->roster.memory_fd = server->memory.fd;
  server->state = DBS_SERVER_READY;
  if (!dbs_listener_start (&server->listener, on_newcomer, on_newcomers_done, server, &error))
    {
      fail (server, error);
      return;
    }
  status = server->host->memory_ready (server->region);
  if (status < 0 && server->state == DBS_SERVER_READY)
    {
      g_set_error_literal (&error, DBS_ERROR, status, "the daemon cannot use the memory");
      fail (server, error);
    }
}

gboolean
dbs_server_start (DbsServer *server, GError **error)
{
  IvshmemPluginStatus status;

  dbs_options_warn (server->options, server->host, server->region);
  server->setting_up = TRUE;
  status = server->host->run (server->region, set_up, on_set_up, server);
  if (status >= 0)
    return TRUE;
  server->setting_up = FALSE;
  g_set_error_literal (error, DBS_ERROR, status, "the host has no thread to open the server on");
  return FALSE;
}

/* --- the end ----------------------------------------------------------- */

static void
on_left (gpointer data)
{
  DbsServer *server = data;

  dbs_listener_resume (&server->listener);
}

static void
on_empty (gpointer data)
{
  DbsServer *server = data;

  if (server->state != DBS_SERVER_STOPPING)
    return;
  server->state = DBS_SERVER_STOPPED;
  server->host->detached (server->region);
}

gboolean
dbs_server_stop (DbsServer *server, gboolean keep)
{
  if (server->state == DBS_SERVER_STOPPED)
    return TRUE;

  server->state = DBS_SERVER_STOPPING;
  server->keep = keep;
  if (server->setting_up)
    return FALSE;

  dbs_listener_close (&server->listener);
  dbs_farewell_clear (&server->farewell);
  if (!keep)
    dbs_memory_remove (&server->memory);
  if (!dbs_roster_stop (&server->roster))
    return FALSE;
  server->state = DBS_SERVER_STOPPED;
  return TRUE;
}
