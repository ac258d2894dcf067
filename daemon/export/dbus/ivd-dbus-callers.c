/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/dbus/ivd-dbus-callers.h"

#include "base/ivd-error.h"

#define DBUS_NAME "org.freedesktop.DBus"
#define DBUS_PATH "/org/freedesktop/DBus"

typedef struct
{
  IvdDbusCallerFunc func;
  gpointer data;
} Question;

/* One connection to the bus. */
typedef struct
{
  IvdDbusCallers *owner;
  char *name;
  guint vanish_id;
  GCancellable *cancellable;
  IvdCaller *caller; /* NULL until the bus has answered */
  GArray *questions; /* of Question, while it has not */
} Sender;

struct _IvdDbusCallers
{
  GDBusConnection *connection;
  GHashTable *senders; /* unique name → Sender */
};

static void
sender_free (gpointer data)
{
  Sender *sender = data;
  g_autoptr (GError) error = g_error_new (IVD_ERROR, IVD_ERROR_CLOSED, "%s has left the bus", sender->name);

  g_dbus_connection_signal_unsubscribe (sender->owner->connection, sender->vanish_id);
  g_cancellable_cancel (sender->cancellable);
  g_object_unref (sender->cancellable);
  for (guint i = 0; i < sender->questions->len; i++)
    {
      const Question *question = &g_array_index (sender->questions, Question, i);

      question->func (NULL, error, question->data);
    }
  g_array_unref (sender->questions);
  if (sender->caller != NULL)
    ivd_caller_leave (sender->caller);
  g_clear_object (&sender->caller);
  g_free (sender->name);
  g_free (sender);
}

/* Takes it out of the table before it ends, so that whoever is told can ask
 * for others. */
static void
sender_remove (Sender *sender)
{
  g_hash_table_steal (sender->owner->senders, sender->name);
  sender_free (sender);
}

static void
on_name_owner_changed (GDBusConnection *connection, const char *bus, const char *path, const char *interface,
                       const char *signal, GVariant *parameters, gpointer data)
{
  const char *new_owner;

  g_variant_get (parameters, "(&s&s&s)", NULL, NULL, &new_owner);
  if (*new_owner == '\0')
    sender_remove (data);
}

/* What the bus says of a connection; what it does not say stays unknown. */
static IvdCaller *
caller_from_credentials (const char *name, GVariant *reply)
{
  g_autoptr (GVariant) dict = g_variant_get_child_value (reply, 0);
  g_autoptr (GVariant) group_list = g_variant_lookup_value (dict, "UnixGroupIDs", G_VARIANT_TYPE ("au"));
  IvdCredentials credentials = IVD_CREDENTIALS_UNKNOWN;
  const guint32 *groups = NULL;
  gsize n_groups = 0;
  guint32 number;

  if (g_variant_lookup (dict, "ProcessID", "u", &number))
    credentials.pid = number;
  if (g_variant_lookup (dict, "UnixUserID", "u", &number))
    credentials.uid = number;
  if (group_list != NULL)
    groups = g_variant_get_fixed_array (group_list, &n_groups, sizeof *groups);
  /* The primary group comes first in what the bus hands out. */
  if (n_groups > 0)
    credentials.gid = groups[0];
  return ivd_caller_new (name, &credentials, groups, n_groups);
}

static void
answer_questions (Sender *sender)
{
  g_autoptr (GArray) questions = g_steal_pointer (&sender->questions);
  g_autoptr (IvdCaller) caller = g_object_ref (sender->caller);

  sender->questions = g_array_new (FALSE, FALSE, sizeof (Question));
  for (guint i = 0; i < questions->len; i++)
    {
      const Question *question = &g_array_index (questions, Question, i);

      question->func (caller, NULL, question->data);
    }
}

static void
on_credentials (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  Sender *sender = data;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return; /* the sender is no more */
  if (reply == NULL)
    {
      sender_remove (sender);
      return;
    }
  sender->caller = caller_from_credentials (sender->name, reply);
  answer_questions (sender);
}

static Sender *
sender_new (IvdDbusCallers *self, const char *name)
{
  Sender *sender = g_new0 (Sender, 1);

  sender->owner = self;
  sender->name = g_strdup (name);
  sender->cancellable = g_cancellable_new ();
  sender->questions = g_array_new (FALSE, FALSE, sizeof (Question));
  /* First the watch, then the question: whoever leaves between is not missed. */
  sender->vanish_id = g_dbus_connection_signal_subscribe (self->connection, DBUS_NAME, DBUS_NAME, "NameOwnerChanged",
                                                          DBUS_PATH, name, G_DBUS_SIGNAL_FLAGS_NONE,
                                                          on_name_owner_changed, sender, NULL);
  g_dbus_connection_call (self->connection, DBUS_NAME, DBUS_PATH, DBUS_NAME, "GetConnectionCredentials",
                          g_variant_new ("(s)", name), G_VARIANT_TYPE ("(a{sv})"), G_DBUS_CALL_FLAGS_NONE, -1,
                          sender->cancellable, on_credentials, sender);
  return sender;
}

IvdDbusCallers *
ivd_dbus_callers_new (GDBusConnection *connection)
{
  IvdDbusCallers *self = g_new0 (IvdDbusCallers, 1);

  self->connection = g_object_ref (connection);
  self->senders = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, sender_free);
  return self;
}

void
ivd_dbus_callers_free (IvdDbusCallers *callers)
{
  if (callers == NULL)
    return;
  g_hash_table_unref (callers->senders);
  g_object_unref (callers->connection);
  g_free (callers);
}

void
ivd_dbus_callers_get (IvdDbusCallers *callers, const char *sender_name, IvdDbusCallerFunc func, gpointer data)
{
  Sender *sender = g_hash_table_lookup (callers->senders, sender_name);
  Question question = { func, data };

  if (sender == NULL)
    {
      sender = sender_new (callers, sender_name);
      g_hash_table_insert (callers->senders, sender->name, sender);
    }
  if (sender->caller != NULL)
    func (sender->caller, NULL, data);
  else
    g_array_append_val (sender->questions, question);
}

GPtrArray *
ivd_dbus_callers_list (IvdDbusCallers *callers)
{
  GPtrArray *list = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, callers->senders);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((Sender *) value)->caller != NULL)
      g_ptr_array_add (list, ((Sender *) value)->caller);
  return list;
}

gboolean
ivd_dbus_callers_has (IvdDbusCallers *callers, IvdCaller *caller)
{
  const Sender *sender = g_hash_table_lookup (callers->senders, ivd_caller_get_label (caller));

  return sender != NULL && sender->caller == caller;
}
