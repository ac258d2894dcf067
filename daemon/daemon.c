/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "daemon.h"

#include <unistd.h>

#include "base/ivd-error.h"
#include "config/ivd-config.h"
#include "config/ivd-saved-region.h"
#include "export/ivd-bus.h"
#include "export/ivd-http-listeners.h"
#include "export/ivd-http.h"
#include "operation/ivd-activity.h"
#include "operation/ivd-boot.h"
#include "operation/ivd-handover.h"
#include "operation/ivd-hotplug.h"
#include "operation/ivd-subscriptions.h"
#include "operation/ivd-wakes.h"
#include "operation/ivd-watches.h"
#include "platform/ivd-log.h"
#include "platform/ivd-notify.h"
#include "platform/ivd-paths.h"
#include "platform/ivd-process.h"

#define SERIAL_FILE "serial"
#define SAVED_REGIONS_DIR "regions.d"

struct _IvdDaemon
{
  /* where things are */
  gboolean session; /* the user's own places, not the system's */
  IvdBusKind bus_kind;
  char *bus_address;
  char *runtime_dir;
  char *state_dir;   /* NULL: nothing is kept */
  char *regions_dir; /* in it, for saved regions; NULL likewise */
  int state_lock;

  /* the parts, in the order in which they are made */
  IvdConfig *config;
  GPtrArray *saved; /* of IvdConfigRegion, from earlier runs */
  IvdRegistry *registry;
  IvdPublisher *publisher;
  IvdCopyPool *pool;
  IvdWaiter *waiter;
  IvdPoller *poller;
  IvdPluginStore *plugins;
  IvdPluginHost *backends;
  IvdCandidates *candidates;
  IvdHandover *handover;
  IvdSubscriptions *subscriptions;
  IvdWatches *watches;
  IvdActivity *activity;
  IvdHotplug *hotplug;
  IvdWakes *wakes;
  IvdLogins *logins;
  IvdMetrics metrics;
  IvdContext context;
  IvdListenFds *listen_fds;
  GPtrArray *listeners; /* of IvdListenSocket */
  GStrv http_addresses; /* of those, for people */
  IvdHttp *http;
  IvdBus *bus;
  IvdNotify *notify;

  IvdDaemonEndedFunc ended;
  gpointer ended_data;
  IvdDaemonStoppedFunc stopped;
  gpointer stopped_data;
  gboolean stopping;
};

/* The command line wins over the config, and that over the default. */
static void
choose_bus (IvdDaemon *self, const IvdDaemonOptions *options)
{
  const char *configured = ivd_config_get_bus (self->config);

  self->bus_kind = options->bus;
  self->bus_address = g_strdup (options->bus_address);
  if (options->bus_given || configured == NULL)
    return;
  if (g_str_equal (configured, "session"))
    self->bus_kind = IVD_BUS_SESSION;
  else if (g_str_equal (configured, "system"))
    self->bus_kind = IVD_BUS_SYSTEM;
  else
    {
      self->bus_kind = IVD_BUS_ADDRESS;
      self->bus_address = g_strdup (configured);
    }
}

static gboolean
load_config (IvdDaemon *self, const IvdDaemonOptions *options, GError **error)
{
  g_autofree char *default_file = ivd_paths_config_file (self->session);
  g_autofree char *default_dir = ivd_paths_config_directory (self->session);
  IvdConfigSource source = {
    .file = options->config_file != NULL ? options->config_file : default_file,
    .file_may_miss = options->config_file == NULL,
    .directory = options->config_dir != NULL ? options->config_dir : default_dir,
    .directory_may_miss = options->config_dir == NULL,
    .runtime_dir = self->runtime_dir,
    .http_listen = options->http_listen,
  };
  IvdLogLevel level;

  self->config = ivd_config_load (&source, error);
  if (self->config == NULL)
    return FALSE;
  if (ivd_config_get_log_level (self->config, &level))
    ivd_log_set_level (level);
  return TRUE;
}

/* The state directory is worth having, but a daemon without one still serves:
 * only when it was asked for by name must it be had. */
static gboolean
open_state (IvdDaemon *self, const IvdDaemonOptions *options, GError **error)
{
  const char *given = options->state_dir != NULL ? options->state_dir : ivd_config_get_state_dir (self->config);
  g_autoptr (GError) local = NULL;

  self->state_dir = ivd_paths_make_state_dir (self->session, given, &local);
  if (self->state_dir != NULL)
    self->state_lock = ivd_paths_lock_state (self->state_dir, &local);
  if (local == NULL)
    {
      self->regions_dir = ivd_paths_make_child (self->state_dir, SAVED_REGIONS_DIR, error);
      return self->regions_dir != NULL;
    }
  if (given != NULL && !g_error_matches (local, IVD_ERROR, IVD_ERROR_BUSY))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  ivd_log (IVD_LOG_WARNING, NULL, "nothing is kept over a restart: %s", local->message);
  g_clear_pointer (&self->state_dir, g_free);
  return TRUE;
}

static gboolean
make_registry (IvdDaemon *self, GError **error)
{
  g_autofree char *path = self->state_dir != NULL ? g_build_filename (self->state_dir, SERIAL_FILE, NULL) : NULL;
  IvdSerial *serial = ivd_serial_new (path, error);

  if (serial == NULL)
    return FALSE;
  self->registry = ivd_registry_new (serial);
  self->publisher = ivd_publisher_new (self->registry);
  return TRUE;
}

static gboolean
load_plugins (IvdDaemon *self, const IvdDaemonOptions *options, GError **error)
{
  const char *const installed[] = { IVD_PLUGIN_DIR, NULL };
  const char *const *dirs = options->plugin_dirs != NULL ? options->plugin_dirs : installed;

  self->plugins = ivd_plugin_store_new ();
  for (; *dirs != NULL; dirs++)
    if (!ivd_plugin_store_load (self->plugins, *dirs, error))
      {
        g_prefix_error (error, "cannot load plugins from %s: ", *dirs);
        return FALSE;
      }
  return TRUE;
}

static void
read_saved_regions (IvdDaemon *self)
{
  g_autoptr (GPtrArray) errors = NULL;

  if (self->regions_dir == NULL)
    return;
  self->saved = ivd_saved_region_read_all (self->regions_dir, &errors);
  for (guint i = 0; errors != NULL && i < errors->len; i++)
    ivd_log (IVD_LOG_ERROR, NULL, "a saved region is left out: %s",
             ((const GError *) g_ptr_array_index (errors, i))->message);
}

static void
fill_context (IvdDaemon *self)
{
  self->context = (IvdContext){
    .registry = self->registry,
    .publisher = self->publisher,
    .plugins = self->plugins,
    .backends = self->backends,
    .candidates = self->candidates,
    .access = ivd_config_get_access (self->config),
    .pool = self->pool,
    .waiter = self->waiter,
    .handover = self->handover,
    .subscriptions = self->subscriptions,
    .watches = self->watches,
    .metrics = &self->metrics,
    .logins = self->logins,
    .state_dir = self->regions_dir,
  };
}

static gboolean
make_parts (IvdDaemon *self, const IvdDaemonOptions *options, GError **error)
{
  const IvdConfigHttp *http = ivd_config_get_http (self->config);

  if (!make_registry (self, error) || !load_plugins (self, options, error))
    return FALSE;
  self->poller = ivd_poller_new (NULL, error);
  if (self->poller == NULL)
    return FALSE;
  self->pool = ivd_copy_pool_new ();
  self->waiter = ivd_waiter_new ();
  self->backends = ivd_plugin_host_new (NULL, self->registry, self->poller, self->pool, self->runtime_dir);
  self->candidates = ivd_candidates_new (self->backends, self->plugins);
  self->wakes = ivd_wakes_new (self->registry, self->waiter);
  self->handover = ivd_handover_new (self->registry);
  self->subscriptions = ivd_subscriptions_new (self->registry);
  self->watches = ivd_watches_new (self->registry, self->pool);
  self->activity = ivd_activity_new (self->registry, self->pool, self->watches);
  if (IVD_WITH_HTTP && http->enabled && http->sessions)
    self->logins = ivd_logins_new ();
  fill_context (self);
  self->hotplug = self->context.hotplug = ivd_hotplug_new (&self->context);
  return TRUE;
}

static void
describe_listeners (IvdDaemon *self)
{
  const IvdConfigHttp *config = ivd_config_get_http (self->config);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (guint i = 0; i < self->listeners->len; i++)
    {
      g_autofree char *address = ivd_http_listeners_describe (g_ptr_array_index (self->listeners, i), config);

      g_strv_builder_add (builder, address);
    }
  self->http_addresses = g_strv_builder_end (builder);
  self->context.http_addresses = (const char *const *) self->http_addresses;
}

/* Whoever connects waits until it is served. */
static gboolean
open_listeners (IvdDaemon *self, GError **error)
{
  const IvdConfigHttp *config = ivd_config_get_http (self->config);

  if (IVD_WITH_HTTP || !config->enabled)
    self->listeners = ivd_http_listeners_open (config, self->listen_fds, error);
  else if (config->listen->len == 0)
    self->listeners = g_ptr_array_new ();
  else
    g_set_error_literal (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED, "HTTP was left out of this build");
  if (self->listeners == NULL)
    return FALSE;
  describe_listeners (self);
  return TRUE;
}

IvdDaemon *
ivd_daemon_new (const IvdDaemonOptions *options, GError **error)
{
  g_autoptr (IvdDaemon) self = g_new0 (IvdDaemon, 1);

  self->state_lock = -1;
  self->listen_fds = ivd_listen_fds_new ();
  self->metrics.began_usec = g_get_real_time ();
  self->session = options->bus_given && options->bus != IVD_BUS_SYSTEM;
  ivd_process_raise_descriptor_limit ();
  self->runtime_dir = ivd_paths_make_runtime_dir (self->session, error);
  if (self->runtime_dir == NULL
      || !load_config (self, options, error)
      || !open_state (self, options, error)
      || !make_parts (self, options, error)
      || !ivd_boot_check (&self->context, ivd_config_get_regions (self->config), error)
      || !open_listeners (self, error))
    return NULL;
  choose_bus (self, options);
  read_saved_regions (self);
  self->notify = ivd_notify_new ();
  return g_steal_pointer (&self);
}

static gboolean
start_http (IvdDaemon *self, GError **error)
{
  const IvdConfigHttp *config = ivd_config_get_http (self->config);
  g_autoptr (GPtrArray) sockets = g_ptr_array_new ();
  const IvdHttpSetup setup = {
    .sockets = sockets,
    .certificate = config->certificate,
    .tokens = config->tokens,
    .host_names = (const char *const *) config->allowed_hosts,
  };

  if (self->listeners->len == 0)
    return TRUE;
  for (guint i = 0; i < self->listeners->len; i++)
    {
      g_ptr_array_add (sockets, ivd_listen_socket_get_socket (g_ptr_array_index (self->listeners, i)));
      ivd_log (IVD_LOG_NOTICE, NULL, "listening on %s", self->http_addresses[i]);
    }
  self->http = ivd_http_new (&setup, &self->context, error);
  return self->http != NULL;
}

static void
on_bus (IvdBusState state, const GError *error, gpointer data)
{
  IvdDaemon *self = data;
  g_autofree char *status = NULL;

  if (state != IVD_BUS_NAMED)
    {
      self->ended (state == IVD_BUS_FAILED ? error : NULL, self->ended_data);
      return;
    }
  if (self->http != NULL)
    ivd_http_set_ready (self->http);
  status = g_strdup_printf ("Serving %u regions", ivd_registry_count (self->registry));
  ivd_log (IVD_LOG_INFO, NULL, "ready with %u regions", ivd_registry_count (self->registry));
  ivd_notify_status (self->notify, status);
  ivd_notify_ready (self->notify);
}

static void
on_booted_saved (gpointer data)
{
  IvdDaemon *self = data;
  g_autoptr (GError) error = NULL;

  if (self->stopping)
    return;
  if (!start_http (self, &error))
    {
      self->ended (error, self->ended_data);
      return;
    }
  if (ivd_config_get_dbus_enabled (self->config))
    self->bus = ivd_bus_new (self->bus_kind, self->bus_address, &self->context, on_bus, self);
  else
    on_bus (IVD_BUS_NAMED, NULL, self);
}

static void
on_booted_config (gpointer data)
{
  IvdDaemon *self = data;

  if (self->stopping)
    return;
  if (self->saved != NULL)
    ivd_boot_attach (&self->context, self->saved, on_booted_saved, self);
  else
    on_booted_saved (self);
}

void
ivd_daemon_start (IvdDaemon *daemon, IvdDaemonEndedFunc ended, gpointer data)
{
  daemon->ended = ended;
  daemon->ended_data = data;
  ivd_boot_attach (&daemon->context, ivd_config_get_regions (daemon->config), on_booted_config, daemon);
}

static void
on_emptied (gpointer data)
{
  IvdDaemon *self = data;

  self->stopped (self->stopped_data);
}

void
ivd_daemon_stop (IvdDaemon *daemon, IvdDaemonStoppedFunc stopped, gpointer data)
{
  daemon->stopping = TRUE;
  daemon->stopped = stopped;
  daemon->stopped_data = data;
  ivd_notify_stopping (daemon->notify);
  g_clear_pointer (&daemon->http, ivd_http_free);
  g_clear_pointer (&daemon->bus, ivd_bus_free);
  ivd_hotplug_stop (daemon->hotplug);
  ivd_registry_remove_all (daemon->registry, TRUE, on_emptied, daemon);
}

void
ivd_daemon_free (IvdDaemon *daemon)
{
  if (daemon == NULL)
    return;
  g_clear_pointer (&daemon->http, ivd_http_free);
  g_clear_pointer (&daemon->http_addresses, g_strfreev);
  g_clear_pointer (&daemon->listeners, g_ptr_array_unref);
  g_clear_pointer (&daemon->listen_fds, ivd_listen_fds_free);
  g_clear_pointer (&daemon->bus, ivd_bus_free);
  g_clear_pointer (&daemon->notify, ivd_notify_free);
  g_clear_pointer (&daemon->logins, ivd_logins_unref);
  g_clear_pointer (&daemon->hotplug, ivd_hotplug_free);
  g_clear_pointer (&daemon->activity, ivd_activity_free);
  g_clear_pointer (&daemon->watches, ivd_watches_free);
  g_clear_pointer (&daemon->subscriptions, ivd_subscriptions_free);
  g_clear_pointer (&daemon->handover, ivd_handover_free);
  g_clear_pointer (&daemon->wakes, ivd_wakes_free);
  g_clear_pointer (&daemon->candidates, ivd_candidates_free);
  g_clear_pointer (&daemon->backends, ivd_plugin_host_unref);
  g_clear_pointer (&daemon->waiter, ivd_waiter_free);
  g_clear_pointer (&daemon->pool, ivd_copy_pool_free);
  g_clear_pointer (&daemon->poller, ivd_poller_free);
  g_clear_pointer (&daemon->plugins, ivd_plugin_store_free);
  g_clear_pointer (&daemon->publisher, ivd_publisher_free);
  g_clear_object (&daemon->registry);
  g_clear_pointer (&daemon->saved, g_ptr_array_unref);
  g_clear_pointer (&daemon->config, ivd_config_unref);
  if (daemon->state_lock >= 0)
    close (daemon->state_lock);
  g_free (daemon->regions_dir);
  g_free (daemon->state_dir);
  g_free (daemon->runtime_dir);
  g_free (daemon->bus_address);
  g_free (daemon);
}
