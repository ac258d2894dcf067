/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/dbus/ivd-dbus-signals.h"

#include "base/ivd-name.h"
#include "base/ivd-names.h"
#include "export/dbus/ivd-dbus-properties.h"
#include "operation/ivd-subscriptions.h"
#include "operation/ivd-watches.h"

struct _IvdDbusSignals
{
  GDBusConnection *connection;
  IvdContext *context;
  IvdDbusCallers *callers;
  gboolean broadcast;
  GHashTable *changed; /* IvdRegion → its IvdRegionChange bits, not told yet */
  guint idle;
};

static void
emit (IvdDbusSignals *self, const char *destination, const char *path, const char *interface, const char *name,
      GVariant *parameters)
{
  g_autoptr (GError) error = NULL;

  if (!g_dbus_connection_emit_signal (self->connection, destination, path, interface, name, parameters, &error))
    g_debug ("cannot send %s: %s", name, error->message);
}

/* To everybody, or to each known caller that may see the region; NULL: what
 * belongs to none. */
static void
publish (IvdDbusSignals *self, const char *region, const char *path, const char *interface, const char *name,
         GVariant *parameters)
{
  g_autoptr (GVariant) sunk = g_variant_ref_sink (parameters);
  g_autoptr (GPtrArray) callers = NULL;

  if (self->broadcast)
    {
      emit (self, NULL, path, interface, name, sunk);
      return;
    }
  callers = ivd_dbus_callers_list (self->callers);
  for (guint i = 0; i < callers->len; i++)
    {
      IvdCaller *caller = g_ptr_array_index (callers, i);

      if (ivd_access_allows (self->context->access, caller, IVD_PERMISSION_SEE, region))
        emit (self, ivd_caller_get_label (caller), path, interface, name, sunk);
    }
}

static char *
region_path (IvdRegion *region)
{
  return ivd_name_to_path (IVD_REGION_PATH_PREFIX, ivd_region_get_name (region));
}

static gboolean
on_idle (gpointer data)
{
  IvdDbusSignals *self = data;
  GHashTableIter iter;
  gpointer key, value;

  self->idle = 0;
  g_hash_table_iter_init (&iter, self->changed);
  while (g_hash_table_iter_next (&iter, &key, &value))
    {
      IvdRegion *region = key;
      g_autofree char *path = region_path (region);

      publish (self, ivd_region_get_name (region), path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
               g_variant_new ("(s@a{sv}as)", IVD_INTERFACE_REGION,
                              ivd_dbus_region_changed_properties (region, GPOINTER_TO_UINT (value)), NULL));
    }
  g_hash_table_remove_all (self->changed);
  return G_SOURCE_REMOVE;
}

/* The signal of an event and its arguments; NULL: it has none on the bus. */
static const char *
event_signal (const IvdEvent *event, GVariant **ret_parameters)
{
  switch (event->type)
    {
    case IVD_EVENT_INTERRUPT:
      *ret_parameters = g_variant_new ("(ut)", event->vector, event->count);
      return "Interrupt";
    case IVD_EVENT_PEER_CONNECTED:
      *ret_parameters = g_variant_new ("(uu)", event->peer, event->vectors);
      return "PeerConnected";
    case IVD_EVENT_PEER_DISCONNECTED:
      *ret_parameters = g_variant_new ("(u)", event->peer);
      return "PeerDisconnected";
    case IVD_EVENT_STATE_CHANGED:
      *ret_parameters = g_variant_new ("(s)", event->text);
      return "StateChanged";
    case IVD_EVENT_CHANGED:
      *ret_parameters = g_variant_new ("(utt)", event->watch, event->offset, event->length);
      return "Changed";
    case IVD_EVENT_REGION_DETACHED:
      *ret_parameters = g_variant_new ("(s)", ivd_region_state_name (IVD_REGION_CLOSED));
      return "StateChanged";
    case IVD_EVENT_REGION_ATTACHED:
    case IVD_EVENT_CANDIDATE_ADDED:
    case IVD_EVENT_CANDIDATE_REMOVED:
    case IVD_EVENT_BRIDGE_STATE:
    case IVD_EVENT_LOST:
    default:
      return NULL;
    }
}

static void
send_event (IvdDbusSignals *self, IvdCaller *caller, IvdRegion *region, const IvdEvent *event)
{
  g_autofree char *path = NULL;
  GVariant *parameters = NULL;
  const char *name = event_signal (event, &parameters);

  if (name == NULL)
    return;
  path = region_path (region);
  emit (self, ivd_caller_get_label (caller), path, IVD_INTERFACE_REGION, name, parameters);
}

static void
on_subscribed_event (IvdCaller *caller, IvdRegion *region, const IvdEvent *event, gpointer data)
{
  send_event (data, caller, region, event);
}

IvdDbusSignals *
ivd_dbus_signals_new (GDBusConnection *connection, IvdContext *context, IvdDbusCallers *callers, gboolean broadcast)
{
  IvdDbusSignals *self = g_new0 (IvdDbusSignals, 1);

  self->connection = g_object_ref (connection);
  self->context = context;
  self->callers = callers;
  self->broadcast = broadcast;
  self->changed = g_hash_table_new_full (NULL, NULL, g_object_unref, NULL);
  ivd_subscriptions_set_func (context->subscriptions, on_subscribed_event, self);
  return self;
}

void
ivd_dbus_signals_free (IvdDbusSignals *signals)
{
  if (signals == NULL)
    return;
  ivd_subscriptions_set_func (signals->context->subscriptions, NULL, NULL);
  g_clear_handle_id (&signals->idle, g_source_remove);
  g_hash_table_unref (signals->changed);
  g_object_unref (signals->connection);
  g_free (signals);
}

void
ivd_dbus_signals_region_added (IvdDbusSignals *signals, IvdRegion *region)
{
  g_autofree char *path = region_path (region);
  GVariantBuilder interfaces = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{sa{sv}}"));

  g_variant_builder_add (&interfaces, "{s@a{sv}}", IVD_INTERFACE_REGION, ivd_dbus_region_properties (region));
  publish (signals, ivd_region_get_name (region), IVD_OBJECT_PATH, "org.freedesktop.DBus.ObjectManager", "InterfacesAdded",
           g_variant_new ("(oa{sa{sv}})", path, &interfaces));
}

void
ivd_dbus_signals_region_removed (IvdDbusSignals *signals, IvdRegion *region)
{
  g_autofree char *path = region_path (region);
  const char *const interfaces[] = { IVD_INTERFACE_REGION, NULL };

  g_hash_table_remove (signals->changed, region);
  publish (signals, ivd_region_get_name (region), IVD_OBJECT_PATH, "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved",
           g_variant_new ("(o^as)", path, interfaces));
}

void
ivd_dbus_signals_region_changed (IvdDbusSignals *signals, IvdRegion *region, guint changes)
{
  guint before = GPOINTER_TO_UINT (g_hash_table_lookup (signals->changed, region));

  g_hash_table_insert (signals->changed, g_object_ref (region), GUINT_TO_POINTER (before | changes));
  if (signals->idle == 0)
    signals->idle = g_idle_add (on_idle, signals);
}

void
ivd_dbus_signals_event (IvdDbusSignals *signals, const IvdEvent *event, IvdRegion *region)
{
  const gboolean added = event->type == IVD_EVENT_CANDIDATE_ADDED;
  IvdCaller *owner;

  if (added || event->type == IVD_EVENT_CANDIDATE_REMOVED)
    {
      publish (signals, NULL, IVD_OBJECT_PATH, IVD_INTERFACE_MANAGER, added ? "CandidateAdded" : "CandidateRemoved",
               g_variant_new ("(ss)", event->plugin, event->text));
      return;
    }
  if (event->type != IVD_EVENT_CHANGED)
    return;
  owner = ivd_watches_get_caller (signals->context->watches, event->watch);
  if (owner != NULL && ivd_dbus_callers_has (signals->callers, owner))
    send_event (signals, owner, region, event);
}
