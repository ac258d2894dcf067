/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-follow-dbus.h"

#include "base/ivd-error.h"
#include "base/ivd-names.h"

#include "ctl-error.h"
#include "ctl-path.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"

struct _CtlFollow
{
  GDBusConnection *connection;
  char **names;
  CtlEventFunc func;
  gpointer data;

  guint name_watch, objects_subscription, signals_subscription, manager_subscription;
  gulong closed_handler;
  GHashTable *regions;       /* the names that are followed */
  GCancellable *cancellable; /* of this life of the daemon */
  guint pending;             /* calls whose answer is still to come */
  gboolean was_up, was_gone; /* the daemon, at least once */
  gboolean listed, told_ready;
};

typedef struct
{
  CtlFollow *follow;
  GCancellable *cancellable;
  char *region; /* NULL: the listing */
} Pending;

static void
pending_free (Pending *pending)
{
  pending->follow->pending--;
  g_object_unref (pending->cancellable);
  g_free (pending->region);
  g_free (pending);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Pending, pending_free)

static Pending *
pending_new (CtlFollow *follow, const char *region)
{
  Pending *pending = g_new0 (Pending, 1);

  pending->follow = follow;
  pending->cancellable = g_object_ref (follow->cancellable);
  pending->region = g_strdup (region);
  follow->pending++;
  return pending;
}

static void
tell (CtlFollow *follow, CtlEventType type, const char *region, GVariant *properties, const GError *error)
{
  CtlEvent event = { .type = type, .region = region, .properties = properties, .error = error };

  follow->func (&event, follow->data);
}

static gboolean
is_wanted (CtlFollow *follow, const char *region)
{
  return follow->names == NULL || g_strv_contains ((const char *const *) follow->names, region);
}

/* All that was there from the start has answered. */
static void
maybe_tell_ready (CtlFollow *follow)
{
  if (follow->told_ready || !follow->listed || follow->pending > 0)
    return;
  follow->told_ready = TRUE;
  tell (follow, CTL_EVENT_READY, NULL, NULL, NULL);
}

static void
on_subscribed (GObject *source, GAsyncResult *result, gpointer data)
{
  Pending *pending = data;
  CtlFollow *follow = pending->follow;
  gboolean cancelled = g_cancellable_is_cancelled (pending->cancellable);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (error != NULL && !cancelled)
    {
      g_autofree char *name = g_dbus_error_get_remote_error (error);
      g_autoptr (GError) told = NULL;

      g_dbus_error_strip_remote_error (error);
      told = ctl_error_new_for_dbus (name, error->message);
      tell (follow, CTL_EVENT_REFUSED, pending->region, NULL, told);
    }
  pending_free (pending);
  if (!cancelled)
    maybe_tell_ready (follow);
}

static void
add_region (CtlFollow *follow, const char *region, GVariant *properties, CtlEventType type)
{
  g_autofree char *path = ctl_path_of_region (region);

  if (!is_wanted (follow, region) || !g_hash_table_add (follow->regions, g_strdup (region)))
    return;
  tell (follow, type, region, properties, NULL);
  g_dbus_connection_call (follow->connection, IVD_BUS_NAME, path, IVD_INTERFACE_REGION, "Subscribe", NULL,
                          G_VARIANT_TYPE_UNIT, G_DBUS_CALL_FLAGS_NO_AUTO_START, CTL_TIMEOUT_DEFAULT,
                          follow->cancellable, on_subscribed, pending_new (follow, region));
}

GVariant *
ctl_follow_regions_of_objects (GVariant *answer)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{sa{sv}}"));
  g_autoptr (GVariant) objects = g_variant_get_child_value (answer, 0);
  GVariantIter iter;
  GVariant *interfaces;
  const char *path;

  g_variant_iter_init (&iter, objects);
  while (g_variant_iter_loop (&iter, "{&o@a{sa{sv}}}", &path, &interfaces))
    {
      g_autofree char *name = ctl_path_to_region (path);
      g_autoptr (GVariant) properties = g_variant_lookup_value (interfaces, IVD_INTERFACE_REGION,
                                                                G_VARIANT_TYPE_VARDICT);

      if (name != NULL && properties != NULL && g_utf8_validate (name, -1, NULL))
        g_variant_builder_add (&builder, "{s@a{sv}}", name, properties);
    }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static void
on_listed (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Pending) pending = data;
  CtlFollow *follow = pending->follow;
  g_autoptr (GVariant) regions = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  GVariantIter iter;
  GVariant *properties;
  const char *region;

  if (g_cancellable_is_cancelled (pending->cancellable))
    return;
  if (answer == NULL)
    {
      g_autofree char *name = g_dbus_error_get_remote_error (error);
      g_autoptr (GError) told = NULL;

      g_dbus_error_strip_remote_error (error);
      told = ctl_error_new_for_dbus (name, error->message);
      tell (follow, CTL_EVENT_CLOSED, NULL, NULL, told);
      return;
    }

  regions = ctl_follow_regions_of_objects (answer);
  g_variant_iter_init (&iter, regions);
  while (g_variant_iter_loop (&iter, "{&s@a{sv}}", &region, &properties))
    add_region (follow, region, properties, follow->was_gone ? CTL_EVENT_ADDED : CTL_EVENT_FOUND);
  follow->listed = TRUE;
  g_clear_pointer (&pending, pending_free);
  maybe_tell_ready (follow);
}

static void
on_daemon_appeared (GDBusConnection *connection, const char *name, const char *owner, gpointer data)
{
  CtlFollow *follow = data;

  if (follow->was_gone)
    tell (follow, CTL_EVENT_DAEMON_BACK, NULL, NULL, NULL);
  follow->was_up = TRUE;
  g_dbus_connection_call (connection, IVD_BUS_NAME, IVD_OBJECT_PATH, OBJECT_MANAGER, "GetManagedObjects",
                          NULL, G_VARIANT_TYPE ("(a{oa{sa{sv}}})"), G_DBUS_CALL_FLAGS_NO_AUTO_START,
                          CTL_TIMEOUT_DEFAULT, follow->cancellable, on_listed, pending_new (follow, NULL));
}

static void
on_daemon_vanished (GDBusConnection *connection, const char *name, gpointer data)
{
  CtlFollow *follow = data;

  /* Also called once at the start, when the daemon is not there. */
  if (follow->was_up && !g_dbus_connection_is_closed (follow->connection))
    tell (follow, CTL_EVENT_DAEMON_GONE, NULL, NULL, NULL);
  follow->was_up = FALSE;
  follow->was_gone = TRUE;
  g_cancellable_cancel (follow->cancellable);
  g_object_unref (follow->cancellable);
  follow->cancellable = g_cancellable_new ();
  g_hash_table_remove_all (follow->regions);
}

static void
on_objects_changed (GDBusConnection *connection,
                    const char *sender,
                    const char *path,
                    const char *interface,
                    const char *signal,
                    GVariant *parameters,
                    gpointer data)
{
  CtlFollow *follow = data;
  g_autofree char *region = NULL;
  const char *object;

  if (g_str_equal (signal, "InterfacesAdded")
      && g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(oa{sa{sv}})")))
    {
      g_autoptr (GVariant) interfaces = NULL;
      g_autoptr (GVariant) properties = NULL;

      g_variant_get (parameters, "(&o@a{sa{sv}})", &object, &interfaces);
      region = ctl_path_to_region (object);
      properties = g_variant_lookup_value (interfaces, IVD_INTERFACE_REGION, G_VARIANT_TYPE_VARDICT);
      if (region != NULL && properties != NULL)
        add_region (follow, region, properties, CTL_EVENT_ADDED);
    }
  else if (g_str_equal (signal, "InterfacesRemoved")
           && g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(oas)")))
    {
      g_autofree const char **interfaces = NULL;

      g_variant_get (parameters, "(&o^a&s)", &object, &interfaces);
      region = ctl_path_to_region (object);
      if (region != NULL && g_strv_contains (interfaces, IVD_INTERFACE_REGION)
          && g_hash_table_remove (follow->regions, region))
        tell (follow, CTL_EVENT_REMOVED, region, NULL, NULL);
    }
}

static void
on_region_signal (GDBusConnection *connection,
                  const char *sender,
                  const char *path,
                  const char *interface,
                  const char *signal,
                  GVariant *parameters,
                  gpointer data)
{
  CtlFollow *follow = data;
  g_autofree char *region = ctl_path_to_region (path);
  CtlEvent event = { .type = CTL_EVENT_SIGNAL, .signal = signal, .parameters = parameters };

  if (region == NULL || !is_wanted (follow, region))
    return;
  event.region = region;
  follow->func (&event, follow->data);
}

/* What belongs to no region: only for who follows all of them. */
static void
on_manager_signal (GDBusConnection *connection,
                   const char *sender,
                   const char *path,
                   const char *interface,
                   const char *signal,
                   GVariant *parameters,
                   gpointer data)
{
  CtlFollow *follow = data;
  CtlEvent event = { .type = CTL_EVENT_SIGNAL, .signal = signal, .parameters = parameters };

  if (follow->names == NULL)
    follow->func (&event, follow->data);
}

static void
on_closed (GDBusConnection *connection, gboolean by_peer, GError *error, gpointer data)
{
  CtlFollow *follow = data;
  g_autoptr (GError) told
      = g_error_new_literal (CTL_ERROR, CTL_ERROR_NO_DAEMON, "the bus has closed the connection");

  tell (follow, CTL_EVENT_CLOSED, NULL, NULL, told);
}

CtlFollow *
ctl_follow_new (GDBusConnection *connection, const char *const *names, CtlEventFunc func, gpointer data)
{
  CtlFollow *follow = g_new0 (CtlFollow, 1);

  follow->connection = g_object_ref (connection);
  follow->names = g_strdupv ((char **) names);
  follow->func = func;
  follow->data = data;
  follow->regions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  follow->cancellable = g_cancellable_new ();
  follow->closed_handler = g_signal_connect (connection, "closed", G_CALLBACK (on_closed), follow);
  follow->objects_subscription = g_dbus_connection_signal_subscribe (
      connection, IVD_BUS_NAME, OBJECT_MANAGER, NULL, IVD_OBJECT_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
      on_objects_changed, follow, NULL);
  follow->signals_subscription
      = g_dbus_connection_signal_subscribe (connection, IVD_BUS_NAME, IVD_INTERFACE_REGION, NULL, NULL, NULL,
                                            G_DBUS_SIGNAL_FLAGS_NONE, on_region_signal, follow, NULL);
  follow->manager_subscription
      = g_dbus_connection_signal_subscribe (connection, IVD_BUS_NAME, IVD_INTERFACE_MANAGER, NULL, IVD_OBJECT_PATH,
                                            NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_manager_signal, follow, NULL);
  follow->name_watch
      = g_bus_watch_name_on_connection (connection, IVD_BUS_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                        on_daemon_appeared, on_daemon_vanished, follow, NULL);
  return follow;
}

void
ctl_follow_free (CtlFollow *follow)
{
  if (follow == NULL)
    return;

  g_signal_handler_disconnect (follow->connection, follow->closed_handler);
  g_bus_unwatch_name (follow->name_watch);
  g_dbus_connection_signal_unsubscribe (follow->connection, follow->objects_subscription);
  g_dbus_connection_signal_unsubscribe (follow->connection, follow->signals_subscription);
  g_dbus_connection_signal_unsubscribe (follow->connection, follow->manager_subscription);
  g_cancellable_cancel (follow->cancellable);
  while (follow->pending > 0)
    g_main_context_iteration (NULL, TRUE);

  g_object_unref (follow->cancellable);
  g_hash_table_unref (follow->regions);
  g_strfreev (follow->names);
  g_object_unref (follow->connection);
  g_free (follow);
}
