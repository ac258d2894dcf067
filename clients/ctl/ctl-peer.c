/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-peer.h"

#include <glib-unix.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "doorbell/connection.h"
#include "doorbell/protocol.h"
#include "platform/ivd-eventfd.h"
#include "platform/ivd-process.h"

#include "ctl-event.h"
#include "ctl-loop.h"
#include "ctl-output.h"
#include "ctl-size.h"

#define USEC_PER_MSEC 1000
/* The protocol does not say where a greeting ends. */
#define GREETING_QUIET_MS 200
#define MESSAGES_AT_ONCE 256

typedef struct
{
  CtlCommand *command;
  CtlLoop *loop;
  const char *region;
  int fd;
  DoorbellProtocol *protocol;
  guint expected_vectors; /* 0: not known */
  guint socket_source, deadline_source, greet_source;
  GArray *vector_sources; /* guint, one per own vector that is watched */
  GHashTable *peers;      /* id -> vectors, of those that are there */
  gboolean ready, greeted;
} Peer;

typedef struct
{
  Peer *peer;
  guint vector;
} Vector;

static void
print_line (Peer *peer, CtlEventLine *line)
{
  g_autofree char *text = ctl_event_line_finish (line);

  ctl_output_text (text);
  ctl_loop_flush_output (peer->loop);
}

static gboolean
on_vector (gint fd, GIOCondition condition, gpointer data)
{
  Vector *vector = data;
  guint64 count = ivd_eventfd_take (fd);
  g_autoptr (CtlEventLine) line = NULL;

  if (count == 0)
    return G_SOURCE_CONTINUE;
  line = ctl_event_line_new (vector->peer->command->json, vector->peer->region, "interrupt");
  ctl_event_line_uint (line, "vector", vector->vector);
  ctl_event_line_uint (line, "count", count);
  print_line (vector->peer, line);
  return G_SOURCE_CONTINUE;
}

static void
watch_vectors (Peer *peer)
{
  guint n = doorbell_protocol_get_own_vectors (peer->protocol);
  guint32 id = (guint32) doorbell_protocol_get_own_id (peer->protocol);

  for (guint i = peer->vector_sources->len; i < n; i++)
    {
      Vector *vector = g_new0 (Vector, 1);
      guint source;

      vector->peer = peer;
      vector->vector = i;
      source = g_unix_fd_add_full (G_PRIORITY_DEFAULT, doorbell_protocol_get_vector (peer->protocol, id, i),
                                   G_IO_IN, on_vector, vector, g_free);
      g_array_append_val (peer->vector_sources, source);
    }
}

static void
write_peers (Peer *peer, CtlJson *json)
{
  GHashTableIter iter;
  gpointer id, vectors;

  g_hash_table_iter_init (&iter, peer->peers);
  while (g_hash_table_iter_next (&iter, &id, &vectors))
    {
      ctl_json_begin_object (json, NULL);
      ctl_json_uint (json, "id", GPOINTER_TO_UINT (id));
      ctl_json_uint (json, "vectors", GPOINTER_TO_UINT (vectors));
      ctl_json_end_object (json);
    }
}

static void
print_greeting (Peer *peer)
{
  const DoorbellDescriptor *memory = doorbell_protocol_get_memory (peer->protocol);
  gint64 id = doorbell_protocol_get_own_id (peer->protocol);
  guint vectors = doorbell_protocol_get_own_vectors (peer->protocol);
  guint others = g_hash_table_size (peer->peers);
  guint64 bytes = memory != NULL ? memory->size : 0;
  g_autofree char *size = ctl_size_format (bytes);

  if (peer->command->json)
    {
      g_autoptr (CtlJson) json = ctl_json_new ();

      ctl_json_begin_object (json, NULL);
      ctl_json_string (json, "region", peer->region);
      ctl_json_string (json, "type", "joined");
      ctl_json_int (json, "id", id);
      ctl_json_uint (json, "size", bytes);
      ctl_json_uint (json, "vectors", vectors);
      ctl_json_begin_array (json, "peers");
      write_peers (peer, json);
      ctl_json_end_array (json);
      ctl_json_end_object (json);
      ctl_output_json (json);
    }
  else
    ctl_output_printf ("joined %s as peer %" G_GINT64_FORMAT ": %s of memory, %u vector%s, %u other peer%s\n",
                       peer->region, id, size, vectors, ctl_plural (vectors), others, ctl_plural (others));
  ctl_loop_flush_output (peer->loop);
}

static void
print_peer_event (Peer *peer, const char *type, guint32 id, guint32 vectors)
{
  g_autoptr (CtlEventLine) line = ctl_event_line_new (peer->command->json, peer->region, type);

  ctl_event_line_uint (line, "id", id);
  if (vectors > 0)
    ctl_event_line_uint (line, "vectors", vectors);
  print_line (peer, line);
}

static IvdErrorCode
code_of_failure (DoorbellFailure failure)
{
  switch (failure)
    {
    case DOORBELL_FAILURE_CLOSED:
      return IVD_ERROR_CLOSED;
    case DOORBELL_FAILURE_REFUSED:
      return IVD_ERROR_DENIED;
    case DOORBELL_FAILURE_LIMIT:
      return IVD_ERROR_LIMIT;
    case DOORBELL_FAILURE_NONE:
    case DOORBELL_FAILURE_UNSUPPORTED:
    case DOORBELL_FAILURE_INVALID:
    default:
      return IVD_ERROR_IO;
    }
}

static void
end_with_failure (Peer *peer, const DoorbellEvent *event)
{
  g_autoptr (GError) error
      = g_error_new_literal (IVD_ERROR, (gint) code_of_failure (event->failure), event->text);

  ctl_loop_end (peer->loop, error);
}

static void
take_event (Peer *peer, const DoorbellEvent *event)
{
  switch (event->type)
    {
    case DOORBELL_EVENT_PEER:
      /* Told again when it grows. */
      if (g_hash_table_insert (peer->peers, GUINT_TO_POINTER (event->id), GUINT_TO_POINTER (event->vectors))
          && peer->greeted)
        print_peer_event (peer, "peer-connected", event->id, event->vectors);
      break;
    case DOORBELL_EVENT_GONE:
      g_hash_table_remove (peer->peers, GUINT_TO_POINTER (event->id));
      if (peer->greeted)
        print_peer_event (peer, "peer-disconnected", event->id, 0);
      break;
    case DOORBELL_EVENT_NOTE:
      ctl_command_note (peer->command, "%s", event->text);
      break;
    case DOORBELL_EVENT_FAILED:
      end_with_failure (peer, event);
      break;
    case DOORBELL_EVENT_READY:
      peer->ready = TRUE;
      break;
    case DOORBELL_EVENT_CHANGED:
    default:
      break;
    }
}

static void
greet (Peer *peer)
{
  g_clear_handle_id (&peer->greet_source, g_source_remove);
  peer->greeted = TRUE;
  print_greeting (peer);
  watch_vectors (peer);
}

static gboolean
on_quiet (gpointer data)
{
  Peer *peer = data;

  peer->greet_source = 0;
  greet (peer);
  return G_SOURCE_REMOVE;
}

static void
maybe_greet (Peer *peer)
{
  if (doorbell_protocol_get_own_vectors (peer->protocol) >= peer->expected_vectors
      && peer->expected_vectors > 0)
    greet (peer);
  else if (peer->greet_source == 0)
    peer->greet_source = g_timeout_add (GREETING_QUIET_MS, on_quiet, peer);
}

static gboolean on_deadline (gpointer data);

/* After whatever has happened: what the machine has to say, and when it wants
 * to be asked again. */
static void
settle (Peer *peer)
{
  gint64 deadline, left;
  g_auto (DoorbellEvent) event = { 0 };

  while (doorbell_protocol_next (peer->protocol, &event))
    {
      take_event (peer, &event);
      doorbell_event_clear (&event);
    }
  if (ctl_loop_is_over (peer->loop))
    return;
  if (peer->greeted)
    watch_vectors (peer);
  else if (peer->ready)
    maybe_greet (peer);

  g_clear_handle_id (&peer->deadline_source, g_source_remove);
  deadline = doorbell_protocol_deadline (peer->protocol);
  if (deadline < 0)
    return;
  left = MAX (deadline - g_get_monotonic_time (), 0);
  peer->deadline_source = g_timeout_add ((guint) (left / USEC_PER_MSEC + 1), on_deadline, peer);
}

static gboolean
on_deadline (gpointer data)
{
  Peer *peer = data;

  peer->deadline_source = 0;
  doorbell_protocol_advance (peer->protocol, g_get_monotonic_time ());
  settle (peer);
  return G_SOURCE_REMOVE;
}

static gboolean
on_socket (gint fd, GIOCondition condition, gpointer data)
{
  Peer *peer = data;

  for (guint i = 0; i < MESSAGES_AT_ONCE; i++)
    {
      if (!doorbell_receive (fd, peer->protocol, g_get_monotonic_time ()))
        break;
    }
  settle (peer);
  return G_SOURCE_CONTINUE;
}

static void
peer_clear (Peer *peer)
{
  for (guint i = 0; i < peer->vector_sources->len; i++)
    g_source_remove (g_array_index (peer->vector_sources, guint, i));
  g_array_unref (peer->vector_sources);
  g_source_remove (peer->socket_source);
  g_clear_handle_id (&peer->deadline_source, g_source_remove);
  g_clear_handle_id (&peer->greet_source, g_source_remove);
  doorbell_protocol_free (peer->protocol);
  g_hash_table_unref (peer->peers);
  close (peer->fd);
}

gboolean
ctl_peer_run (CtlCommand *command, const char *region, guint expected_vectors, int take_fd, GError **error)
{
  g_autoptr (CtlLoop) loop = ctl_loop_new ();
  guint64 descriptors = ivd_process_free_descriptors ();
  Peer peer = { .command = command, .loop = loop, .region = region, .fd = take_fd };
  gboolean good;

  peer.expected_vectors = expected_vectors;
  peer.protocol = doorbell_protocol_new ((guint) MIN (descriptors, G_MAXINT));
  peer.peers = g_hash_table_new (g_direct_hash, g_direct_equal);
  peer.vector_sources = g_array_new (FALSE, FALSE, sizeof (guint));
  peer.socket_source = g_unix_fd_add (take_fd, G_IO_IN | G_IO_HUP, on_socket, &peer);
  good = ctl_loop_run (loop, error);
  peer_clear (&peer);
  return good;
}
