/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "plugin/ivd-plugin-host.h"

#include "base/ivd-limits.h"
#include "plugin/ivd-backend-private.h"

/* One settling, and nothing else, is ever on its way for a backend. */
#define CHORES_PER_BACKEND 1

static void
deliver_chore (IvdMailboxSender *sender, IvdMailboxFunc func, gpointer data)
{
  func (data);
}

IvdPluginHost *
ivd_plugin_host_new (GMainContext *context, IvdRegistry *registry, IvdPoller *poller, IvdCopyPool *pool,
                     const char *runtime_dir)
{
  IvdPluginHost *self = g_new0 (IvdPluginHost, 1);

  g_atomic_ref_count_init (&self->references);
  self->thread = g_thread_self ();
  self->context = g_main_context_ref (context != NULL ? context : g_main_context_default ());
  self->registry = registry;
  self->poller = poller;
  self->pool = pool;
  self->runtime_dir = g_strdup (runtime_dir);
  self->timers = ivd_timer_queue_new (self->context);
  self->posts
      = ivd_mailbox_new (self->context, G_PRIORITY_DEFAULT, IVD_LIMIT_PLUGIN_POSTS, ivd_service_deliver);
  self->chores = ivd_mailbox_new (self->context, G_PRIORITY_HIGH, CHORES_PER_BACKEND, deliver_chore);

  self->table.struct_size = sizeof self->table;
  self->table.abi_minor = IVSHMEM_PLUGIN_ABI_MINOR;
  self->table.runtime_dir = self->runtime_dir;
  ivd_report_fill_table (&self->table);
  ivd_service_fill_table (&self->table);
  ivd_probe_fill_table (&self->table);
  return self;
}

IvdPluginHost *
ivd_plugin_host_ref (IvdPluginHost *host)
{
  g_atomic_ref_count_inc (&host->references);
  return host;
}

void
ivd_plugin_host_unref (IvdPluginHost *self)
{
  if (!g_atomic_ref_count_dec (&self->references))
    return;
  ivd_timer_queue_free (self->timers);
  ivd_mailbox_free (self->posts);
  ivd_mailbox_free (self->chores);
  g_main_context_unref (self->context);
  g_free (self->runtime_dir);
  g_free (self);
}

guint
ivd_plugin_host_count (IvdPluginHost *host)
{
  return host->n_backends;
}
