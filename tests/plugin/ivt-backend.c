/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ivt-backend.h"

#include <string.h>

#include <gmodule.h>

static void
on_event (IvdRegistry *registry, const IvdEvent *event, IvdRegion *region, gpointer data)
{
  IvtBackend *self = data;

  g_string_append (self->events, ivd_event_type_name (event->type));
  if (event->type == IVD_EVENT_STATE_CHANGED)
    g_string_append_printf (self->events, " %s", event->text);
  else if (event->type == IVD_EVENT_INTERRUPT)
    g_string_append_printf (self->events, " %u %" G_GUINT64_FORMAT, event->vector, event->count);
  else if (event->type == IVD_EVENT_PEER_CONNECTED)
    g_string_append_printf (self->events, " %u %u", event->peer, event->vectors);
  else if (event->type == IVD_EVENT_PEER_DISCONNECTED)
    g_string_append_printf (self->events, " %u", event->peer);
  else if (event->type == IVD_EVENT_CANDIDATE_ADDED || event->type == IVD_EVENT_CANDIDATE_REMOVED)
    g_string_append_printf (self->events, " %s %s", event->plugin, event->text);
  g_string_append (self->events, "; ");
}

static void
find_control (IvtBackend *self)
{
  GModule *module = g_module_open (IVT_FAKE, G_MODULE_BIND_LOCAL);
  gpointer symbol = NULL;

  g_assert_nonnull (module);
  g_assert_true (g_module_symbol (module, "fake_control", &symbol));
  self->control = symbol;
  self->control->counters = (FakeCounters){ .ring_fd = -1 };
  self->control->probe = self->control->candidates = self->control->monitor = NULL;
  g_module_close (module); /* the daemon has made it resident */
}

void
ivt_backend_set_up_bare (IvtBackend *self, const char *runtime_dir)
{
  g_autoptr (GError) error = NULL;

  self->events = g_string_new (NULL);
  self->poller = ivd_poller_new (NULL, &error);
  g_assert_no_error (error);
  self->pool = ivd_copy_pool_new ();
  self->registry = ivd_registry_new (ivd_serial_new (NULL, NULL));
  g_signal_connect (self->registry, "event", G_CALLBACK (on_event), self);
  self->host = ivd_plugin_host_new (NULL, self->registry, self->poller, self->pool, runtime_dir);
}

void
ivt_backend_set_up (IvtBackend *self, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  ivt_backend_set_up_bare (self, "/run/ivt");
  self->fake = ivd_plugin_load (IVT_FAKE, &error);
  g_assert_no_error (error);
  find_control (self);
}

void
ivt_backend_tear_down (IvtBackend *self, gconstpointer data)
{
  g_autoptr (GPtrArray) regions = ivd_registry_list (self->registry);

  for (guint i = 0; i < regions->len; i++)
    ivd_registry_remove (self->registry, g_ptr_array_index (regions, i), FALSE, NULL, NULL);
  ivt_wait_until (ivd_registry_count (self->registry) == 0 && ivd_plugin_host_count (self->host) == 0);
  ivt_backend_iterate ();
  if (self->control != NULL)
    g_assert_cmpuint (self->control->counters.created, ==, self->control->counters.destroyed);
  g_clear_pointer (&self->fake, ivd_plugin_unref);
  ivd_plugin_host_unref (self->host);
  g_object_unref (self->registry);
  ivd_copy_pool_free (self->pool);
  ivd_poller_free (self->poller);
  g_string_free (self->events, TRUE);
}

void
ivt_backend_iterate (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

static gboolean
wake_up (gpointer data)
{
  return G_SOURCE_REMOVE;
}

gboolean
ivt_backend_iterate_until (gint64 end)
{
  /* What another thread does to the process is looked for in steps. */
  guint id = g_timeout_add (20, wake_up, NULL);

  if (g_main_context_iteration (NULL, TRUE) && g_main_context_find_source_by_id (NULL, id) == NULL)
    id = 0;
  if (id != 0)
    g_source_remove (id);
  return g_get_monotonic_time () < end;
}

typedef struct
{
  gboolean answered;
  IvdRegion *region;
  GError *error;
} Answer;

static void
on_attached (GObject *source, GAsyncResult *result, gpointer data)
{
  Answer *answer = data;

  answer->answered = TRUE;
  answer->region = ivd_backend_attach_finish (result, &answer->error);
}

IvdRegion *
ivt_backend_attach_options (IvtBackend *self, IvdPlugin *plugin, const char *name, GVariant *options,
                            GError **error)
{
  g_autoptr (IvdOptions) parsed = NULL;
  Answer answer = { FALSE };

  parsed = ivd_options_new (ivd_plugin_get_table (plugin), options, NULL, NULL, error);
  if (parsed == NULL)
    return NULL;
  ivd_backend_attach (self->host, plugin, name, parsed, NULL, on_attached, &answer);
  ivt_wait_until (answer.answered);
  if (answer.error != NULL)
    g_propagate_error (error, answer.error);
  else
    g_object_unref (answer.region); /* the registry holds it */
  return answer.region;
}

IvdRegion *
ivt_backend_attach_plugin (IvtBackend *self, IvdPlugin *plugin, const char *name, const char *options,
                           GError **error)
{
  g_autoptr (GVariant) given = g_variant_parse (G_VARIANT_TYPE_VARDICT, options, NULL, NULL, NULL);

  g_assert_nonnull (given);
  return ivt_backend_attach_options (self, plugin, name, given, error);
}

IvdRegion *
ivt_backend_attach (IvtBackend *self, const char *name, const char *script, GError **error)
{
  g_autoptr (GVariant) options = g_variant_ref_sink (g_variant_new_parsed ("{'script': <%s>}", script));

  return ivt_backend_attach_options (self, self->fake, name, options, error);
}

IvdRegion *
ivt_backend_attach_or_die (IvtBackend *self, const char *name, const char *script)
{
  g_autoptr (GError) error = NULL;
  IvdRegion *region = ivt_backend_attach (self, name, script, &error);

  g_assert_no_error (error);
  g_assert_nonnull (region);
  return region;
}

static void
on_removed (gpointer data)
{
  *(gboolean *) data = TRUE;
}

void
ivt_backend_detach (IvtBackend *self, IvdRegion *region)
{
  gboolean removed = FALSE;

  ivd_registry_remove (self->registry, region, FALSE, on_removed, &removed);
  ivt_wait_until (removed);
}

void
ivt_backend_run (IvtBackend *self, const char *name, const char *commands)
{
  g_assert_cmpint (self->control->run (name, commands), ==, 1);
  ivt_backend_iterate ();
}
