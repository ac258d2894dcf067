/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * One lookout per plugin goes round:
 *
 *   waiting    the monitor's handle is watched
 *   settling   it was ready: it is not watched until a timer ends. If nothing
 *              has happened meanwhile and no region is being attached, or it
 *              has gone on for too long:
 *   listing    the plugin is asked on the pool; then it waits again
 *
 * What happens while it lists makes the handle ready, and is found afterwards.
 */
#include "config.h"

#include "plugin/ivd-candidates.h"

#include "base/ivd-complaints.h"
#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "platform/ivd-log.h"
#include "plugin/ivd-backend-private.h"
#include "plugin/ivd-probe.h"

/* A handle that is hung up twice with nothing to read in between is over. */
#define HANG_UPS 2

typedef struct
{
  gatomicrefcount references; /* the list's, and that of a listing on its way */
  IvdCandidates *owner;       /* NULL: it is over */
  IvdPlugin *plugin;
  const IvshmemPluginOps *ops;
  IvshmemPluginMonitor *monitor; /* NULL: closed */
  int handle;
  guint64 watch; /* 0: not watched now */
  guint64 timer; /* 0: none */
  gint64 latest; /* when it must list, monotonic; 0: there is nothing new */
  guint hang_ups;
  GHashTable *known; /* name → its properties; NULL: not listed yet */
  IvdComplaints *complaints;
} Lookout;

struct _IvdCandidates
{
  IvdPluginHost *host;
  GPtrArray *lookouts; /* of those plugins that have a monitor that works */
  IvdCandidatesFunc func;
  gpointer data;
};

static void
lookout_unref (Lookout *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  ivd_plugin_unref (self->plugin);
  g_clear_pointer (&self->known, g_hash_table_unref);
  ivd_complaints_free (self->complaints);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Lookout, lookout_unref)

static void
close_monitor (Lookout *self)
{
  IvdPluginHost *host = self->owner->host;

  ivd_poller_remove (host->poller, self->watch);
  ivd_timer_queue_remove (host->timers, self->timer);
  self->watch = self->timer = 0;
  if (self->monitor != NULL)
    self->ops->monitor_close (g_steal_pointer (&self->monitor));
}

static void
warn (Lookout *self, const char *message)
{
  if (ivd_complaints_note (self->complaints, message))
    ivd_log (IVD_LOG_WARNING, NULL, "%s", message);
}

/* It does not tell anything from now on; what it has told stays. */
static void
give_up (Lookout *self, const char *why)
{
  g_autofree char *message
      = g_strdup_printf ("plugin '%s': devices that come and go are not noticed any more, since its monitor %s",
                         ivd_plugin_get_name (self->plugin), why);

  warn (self, message);
  close_monitor (self);
}

static void
warn_slow (Lookout *self)
{
  g_autofree char *message
      = g_strdup_printf ("plugin '%s': its monitor_take() keeps the daemon waiting", ivd_plugin_get_name (self->plugin));

  warn (self, message);
}

static gboolean
take_news (Lookout *self)
{
  const gint64 begin = g_get_monotonic_time ();
  const gboolean news = self->ops->monitor_take (self->monitor) != 0;
  const gint64 end = g_get_monotonic_time ();

  if (end - begin > IVD_LIMIT_PLUGIN_CALL_USEC)
    warn_slow (self);
  if (news && self->latest == 0)
    self->latest = end + IVD_LIMIT_CANDIDATE_DELAY_USEC;
  return news;
}

/* --- waiting --- */

static void settle (Lookout *self, gint64 when);

static void
on_ready (int fd, IvdPollFlags ready, gpointer data)
{
  Lookout *self = data;

  ivd_poller_remove (self->owner->host->poller, self->watch);
  self->watch = 0;
  self->hang_ups = (ready & IVD_POLL_IN) != 0 ? 0 : self->hang_ups + 1;
  if (self->hang_ups >= HANG_UPS)
    {
      give_up (self, "was hung up");
      return;
    }
  (void) take_news (self);
  settle (self, g_get_monotonic_time () + IVD_LIMIT_CANDIDATE_SETTLE_USEC);
}

static void
wait_for_news (Lookout *self)
{
  g_autoptr (GError) error = NULL;

  self->watch = ivd_poller_add (self->owner->host->poller, self->handle, IVD_POLL_IN, on_ready, self, &error);
  if (self->watch != 0)
    return;
  g_prefix_error (&error, "has a handle that is no good: ");
  give_up (self, error->message);
}

/* --- listing --- */

/* Of two of one name the first counts. */
static GHashTable *
table_of (GVariant *candidates)
{
  GHashTable *table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_variant_unref);

  for (gsize i = 0; i < g_variant_n_children (candidates); i++)
    {
      g_autoptr (GVariant) candidate = g_variant_get_child_value (candidates, i);
      g_autofree char *name = NULL;

      if (g_variant_lookup (candidate, "name", "s", &name) && !g_hash_table_contains (table, name))
        g_hash_table_insert (table, g_steal_pointer (&name), g_steal_pointer (&candidate));
    }
  return table;
}

static guint
tell_removed (Lookout *self, GHashTable *now)
{
  guint changes = 0;
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, self->known);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    {
      if (g_hash_table_contains (now, name))
        continue;
      ivd_registry_candidate (self->owner->host->registry, FALSE, ivd_plugin_get_name (self->plugin), name);
      changes |= IVD_CANDIDATES_REMOVED;
    }
  return changes;
}

static guint
tell_added (Lookout *self, GHashTable *now)
{
  guint changes = 0;
  GHashTableIter iter;
  gpointer name, properties;

  g_hash_table_iter_init (&iter, now);
  while (g_hash_table_iter_next (&iter, &name, &properties))
    {
      GVariant *before = g_hash_table_lookup (self->known, name);

      if (before == NULL)
        {
          ivd_registry_candidate (self->owner->host->registry, TRUE, ivd_plugin_get_name (self->plugin), name);
          changes |= IVD_CANDIDATES_ADDED;
        }
      else if (!g_variant_equal (before, properties))
        changes |= IVD_CANDIDATES_CHANGED;
    }
  return changes;
}

static void
compare (Lookout *self, GVariant *candidates)
{
  IvdCandidates *owner = self->owner;
  g_autoptr (GHashTable) now = table_of (candidates);
  guint changes = IVD_CANDIDATES_FIRST;

  if (self->known != NULL)
    changes = tell_removed (self, now) | tell_added (self, now);
  g_clear_pointer (&self->known, g_hash_table_unref);
  self->known = g_steal_pointer (&now);
  if (owner->func != NULL)
    owner->func (ivd_plugin_get_name (self->plugin), changes, owner->data);
}

static void
on_listed (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Lookout) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) candidates = ivd_probe_finish (result, &error);

  if (self->owner == NULL)
    return;
  if (candidates == NULL)
    warn (self, error->message);
  else
    {
      ivd_complaints_forget (self->complaints);
      compare (self, candidates);
    }
  wait_for_news (self);
}

static void
list (Lookout *self)
{
  self->latest = 0;
  g_atomic_ref_count_inc (&self->references);
  ivd_probe_start (self->owner->host, self->plugin, on_listed, self);
}

/* --- settling --- */

static void
on_settled (guint64 id, gpointer data)
{
  Lookout *self = data;
  const gboolean news = take_news (self);
  const gint64 now = g_get_monotonic_time ();
  /* An attach binds its device, and gives it back when it fails: no change. */
  const gboolean attaching = self->owner->host->n_attaching > 0;

  self->timer = 0;
  if (self->latest == 0)
    wait_for_news (self);
  else if ((news || attaching) && now < self->latest)
    settle (self, MIN (now + IVD_LIMIT_CANDIDATE_SETTLE_USEC, self->latest));
  else
    list (self);
}

static void
settle (Lookout *self, gint64 when)
{
  self->timer = ivd_timer_queue_add (self->owner->host->timers, when, on_settled, self);
}

/* --- all of them --- */

static void
warn_no_monitor (IvdPlugin *plugin, const char *why)
{
  ivd_log (IVD_LOG_WARNING, NULL, "plugin '%s': devices that come and go are not noticed, since its monitor %s",
           ivd_plugin_get_name (plugin), why);
}

/* FALSE: it has none here, and the log says so. */
static gboolean
open_monitor (IvdPluginHost *host, IvdPlugin *plugin, IvshmemPluginMonitor **ret_monitor, int *ret_handle)
{
  const IvshmemPluginOps *ops = ivd_plugin_get_table (plugin)->ops;
  IvshmemPluginHandle handle = IVSHMEM_PLUGIN_NO_HANDLE;
  IvshmemPluginMonitor *monitor = NULL;
  const IvshmemPluginStatus status = ops->monitor_open (&host->table, &monitor, &handle);

  if (status == IVSHMEM_PLUGIN_NOT_SUPPORTED)
    ivd_log (IVD_LOG_INFO, NULL, "plugin '%s' cannot tell here when devices come and go",
             ivd_plugin_get_name (plugin));
  else if (status != IVSHMEM_PLUGIN_OK)
    warn_no_monitor (plugin, "could not be opened");
  else if (monitor == NULL)
    warn_no_monitor (plugin, "was opened and is not there");
  else if (handle < 0 || handle > G_MAXINT)
    {
      warn_no_monitor (plugin, "has no handle");
      ops->monitor_close (monitor);
    }
  else
    {
      *ret_monitor = monitor;
      *ret_handle = (int) handle;
      return TRUE;
    }
  return FALSE;
}

/* NULL: its handle is of no use, and the log says so. The first list is asked
 * for when the monitor listens, so that nothing can happen in between. */
static Lookout *
lookout_new (IvdCandidates *owner, IvdPlugin *plugin, IvshmemPluginMonitor *take_monitor, int handle)
{
  g_autoptr (Lookout) self = g_new0 (Lookout, 1);

  g_atomic_ref_count_init (&self->references);
  self->owner = owner;
  self->plugin = ivd_plugin_ref (plugin);
  self->ops = ivd_plugin_get_table (plugin)->ops;
  self->monitor = take_monitor;
  self->handle = handle;
  self->complaints = ivd_complaints_new ();
  wait_for_news (self);
  if (self->watch == 0)
    return NULL;
  ivd_poller_remove (owner->host->poller, self->watch);
  self->watch = 0;
  list (self);
  return g_steal_pointer (&self);
}

static void
lookout_end (gpointer data)
{
  Lookout *self = data;

  close_monitor (self);
  self->owner = NULL;
  lookout_unref (self);
}

IvdCandidates *
ivd_candidates_new (IvdPluginHost *host, IvdPluginStore *plugins)
{
  IvdCandidates *self = g_new0 (IvdCandidates, 1);
  const GPtrArray *rows = ivd_plugin_store_list (plugins);

  self->host = ivd_plugin_host_ref (host);
  self->lookouts = g_ptr_array_new_with_free_func (lookout_end);
  for (guint i = 0; i < rows->len; i++)
    {
      IvdPlugin *plugin = ((const IvdPluginRow *) g_ptr_array_index (rows, i))->plugin;
      IvshmemPluginMonitor *monitor;
      Lookout *lookout;
      int handle;

      if (plugin == NULL || !ivd_plugin_can_monitor (plugin) || !open_monitor (host, plugin, &monitor, &handle))
        continue;
      lookout = lookout_new (self, plugin, monitor, handle);
      if (lookout != NULL)
        g_ptr_array_add (self->lookouts, lookout);
    }
  return self;
}

void
ivd_candidates_free (IvdCandidates *self)
{
  if (self == NULL)
    return;
  g_ptr_array_unref (self->lookouts);
  ivd_plugin_host_unref (self->host);
  g_free (self);
}

void
ivd_candidates_set_func (IvdCandidates *self, IvdCandidatesFunc func, gpointer data)
{
  self->func = func;
  self->data = data;
}

gboolean
ivd_candidates_check (IvdCandidates *self, const char *plugin, GError **error)
{
  for (guint i = 0; i < self->lookouts->len; i++)
    {
      const Lookout *lookout = g_ptr_array_index (self->lookouts, i);

      if (lookout->monitor != NULL && g_str_equal (ivd_plugin_get_name (lookout->plugin), plugin))
        return TRUE;
    }
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "plugin '%s' cannot tell here when devices come and go: leave hotplug=true out", plugin);
  return FALSE;
}
