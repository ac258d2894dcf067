/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "doorbell/protocol.h"

#include <string.h>
#include <unistd.h>

#include "ivshmem/wire.h"

typedef enum
{
  PHASE_VERSION,
  PHASE_ID,
  PHASE_RUNNING,
  PHASE_FAILED,
} Phase;

typedef struct
{
  GArray *vectors; /* int */
  guint reported;  /* vectors at the last PEER; 0: never reported */
} Peer;

struct _DoorbellProtocol
{
  Phase phase;
  gboolean ready;
  gint64 own_id;
  guint max_descriptors;
  guint n_descriptors; /* that are kept */

  /* the message that is being read */
  guint8 message[IVSHMEM_WIRE_MESSAGE_BYTES];
  gsize filled;
  DoorbellDescriptor attached;

  DoorbellDescriptor memory;
  gint64 memory_at;
  GArray *own_vectors; /* int */
  gint64 own_vector_at;
  GHashTable *peers; /* id → Peer; nobody without vectors, never the own id */

  /* Only the peer of the last message can be unsettled. */
  gint64 unsettled; /* id; -1: none */
  gint64 unsettled_at;

  GQueue events; /* DoorbellEvent */
  gboolean own_changed;
  guint n_notes;
};

static void
close_vector (gpointer element)
{
  close (*(int *) element);
}

static GArray *
vectors_new (void)
{
  GArray *vectors = g_array_new (FALSE, FALSE, sizeof (int));

  g_array_set_clear_func (vectors, close_vector);
  return vectors;
}

static void
peer_free (Peer *peer)
{
  g_array_unref (peer->vectors);
  g_free (peer);
}

void
doorbell_event_clear (DoorbellEvent *event)
{
  g_clear_pointer (&event->text, g_free);
}

static void
event_free (gpointer event)
{
  doorbell_event_clear (event);
  g_free (event);
}

DoorbellProtocol *
doorbell_protocol_new (guint max_descriptors)
{
  DoorbellProtocol *protocol = g_new0 (DoorbellProtocol, 1);

  protocol->own_id = -1;
  protocol->max_descriptors = max_descriptors;
  protocol->attached.fd = -1;
  protocol->memory.fd = -1;
  protocol->own_vectors = vectors_new ();
  protocol->peers = g_hash_table_new_full (g_direct_hash, g_direct_equal, NULL, (GDestroyNotify) peer_free);
  protocol->unsettled = -1;
  g_queue_init (&protocol->events);
  return protocol;
}

static void
clear_descriptor (DoorbellDescriptor *descriptor)
{
  if (descriptor->fd >= 0)
    close (descriptor->fd);
  descriptor->fd = -1;
}

void
doorbell_protocol_free (DoorbellProtocol *protocol)
{
  clear_descriptor (&protocol->attached);
  clear_descriptor (&protocol->memory);
  g_array_unref (protocol->own_vectors);
  g_hash_table_unref (protocol->peers);
  g_queue_clear_full (&protocol->events, event_free);
  g_free (protocol);
}

static DoorbellEvent *
push_event (DoorbellProtocol *protocol, DoorbellEventType type)
{
  DoorbellEvent *event = g_new0 (DoorbellEvent, 1);

  event->type = type;
  g_queue_push_tail (&protocol->events, event);
  return event;
}

void
doorbell_protocol_fail (DoorbellProtocol *protocol, DoorbellFailure failure, const char *text)
{
  DoorbellEvent *event;

  if (protocol->phase == PHASE_FAILED)
    return;

  event = push_event (protocol, DOORBELL_EVENT_FAILED);
  event->failure = failure;
  event->text = g_strdup (text);
  protocol->phase = PHASE_FAILED;
  protocol->own_changed = FALSE;
  clear_descriptor (&protocol->attached);
}

static void G_GNUC_PRINTF (3, 4)
    fail (DoorbellProtocol *protocol, DoorbellFailure failure, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  doorbell_protocol_fail (protocol, failure, text);
}

static void G_GNUC_PRINTF (2, 3)
    note (DoorbellProtocol *protocol, const char *format, ...)
{
  va_list arguments;

  if (protocol->n_notes++ >= DOORBELL_NOTES_MAX)
    return;

  va_start (arguments, format);
  push_event (protocol, DOORBELL_EVENT_NOTE)->text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
}

static Peer *
find_peer (DoorbellProtocol *protocol, gint64 id)
{
  return id < 0 ? NULL : g_hash_table_lookup (protocol->peers, GUINT_TO_POINTER ((guint) id));
}

static void
report_peer (DoorbellProtocol *protocol, guint32 id, Peer *peer)
{
  DoorbellEvent *event;

  if (!protocol->ready || peer->reported == peer->vectors->len)
    return;

  peer->reported = peer->vectors->len;
  event = push_event (protocol, DOORBELL_EVENT_PEER);
  event->id = id;
  event->vectors = peer->reported;
}

static void
settle (DoorbellProtocol *protocol)
{
  gint64 id = protocol->unsettled;

  protocol->unsettled = -1;
  if (id >= 0)
    report_peer (protocol, (guint32) id, find_peer (protocol, id));
}

static int
compare_ids (gconstpointer a, gconstpointer b)
{
  guint left = GPOINTER_TO_UINT (a), right = GPOINTER_TO_UINT (b);

  return (left > right) - (left < right);
}

static void
become_ready (DoorbellProtocol *protocol)
{
  g_autoptr (GList) ids = g_list_sort (g_hash_table_get_keys (protocol->peers), compare_ids);

  protocol->ready = TRUE;
  push_event (protocol, DOORBELL_EVENT_READY);
  for (GList *link = ids; link != NULL; link = link->next)
    {
      guint32 id = GPOINTER_TO_UINT (link->data);

      if (id != protocol->unsettled)
        report_peer (protocol, id, find_peer (protocol, id));
    }
}

static void
take_version (DoorbellProtocol *protocol, gint64 value)
{
  if (protocol->attached.fd >= 0)
    fail (protocol, DOORBELL_FAILURE_INVALID,
          "the server's first message, %" G_GINT64_FORMAT ", carries a descriptor; a version does not",
          value);
  else if (value == IVSHMEM_WIRE_REFUSED)
    fail (protocol, DOORBELL_FAILURE_REFUSED,
          "the server refused this client (version -1): its list of allowed users or its limit of peers");
  else if (value != IVSHMEM_WIRE_VERSION && value > 0 && value <= IVSHMEM_WIRE_ID_MAX)
    fail (protocol, DOORBELL_FAILURE_UNSUPPORTED,
          "the server's first message is %" G_GINT64_FORMAT
          ", and should be protocol version %d; a server from before "
          "QEMU 2.5 speaks an old dialect that begins with the client's id",
          value, IVSHMEM_WIRE_VERSION);
  else if (value != IVSHMEM_WIRE_VERSION)
    fail (protocol, DOORBELL_FAILURE_UNSUPPORTED,
          "the server speaks protocol version %" G_GINT64_FORMAT ", and only version %d is understood", value,
          IVSHMEM_WIRE_VERSION);
  else
    protocol->phase = PHASE_ID;
}

static void
take_own_id (DoorbellProtocol *protocol, gint64 value)
{
  if (value == IVSHMEM_WIRE_MEMORY && protocol->attached.fd >= 0)
    fail (protocol, DOORBELL_FAILURE_UNSUPPORTED,
          "the server speaks the old dialect from before QEMU 2.5 (id and memory, without a version): a "
          "newer server is needed");
  else if (value < 0 || value > IVSHMEM_WIRE_ID_MAX)
    fail (protocol, DOORBELL_FAILURE_INVALID,
          "the server gave us the id %" G_GINT64_FORMAT ", which is not in 0..%d", value,
          IVSHMEM_WIRE_ID_MAX);
  else if (protocol->attached.fd >= 0)
    fail (protocol, DOORBELL_FAILURE_INVALID,
          "the server sent our id, %" G_GINT64_FORMAT ", with a descriptor; it should come without one",
          value);
  else
    {
      protocol->own_id = value;
      protocol->phase = PHASE_RUNNING;
    }
}

static void
take_memory (DoorbellProtocol *protocol, gint64 now)
{
  const DoorbellDescriptor *attached = &protocol->attached;

  if (protocol->memory.fd >= 0)
    note (protocol, "the server sent its memory a second time: ignored");
  else if (attached->fd < 0)
    fail (protocol, DOORBELL_FAILURE_INVALID, "the server sent its memory without a descriptor");
  else if (attached->kind != DOORBELL_KIND_FILE)
    fail (protocol, DOORBELL_FAILURE_INVALID, "the server's memory is neither a regular file nor a memfd");
  else if (attached->size == 0)
    fail (protocol, DOORBELL_FAILURE_INVALID, "the server's memory has a size of 0 bytes");
  else
    {
      protocol->memory = *attached;
      protocol->attached.fd = -1;
      protocol->memory_at = now;
      protocol->n_descriptors++;
    }
}

/* FALSE: it was not a vector that can be kept, and the machine has failed. */
static gboolean
keep_vector (DoorbellProtocol *protocol, GArray *vectors, gint64 id)
{
  if (protocol->attached.kind != DOORBELL_KIND_EVENTFD)
    fail (protocol, DOORBELL_FAILURE_INVALID,
          "what the server sent as vector %u of peer %" G_GINT64_FORMAT " is not an eventfd", vectors->len,
          id);
  else if (vectors->len >= IVSHMEM_WIRE_VECTORS_MAX)
    fail (protocol, DOORBELL_FAILURE_LIMIT,
          "the server sent more than %d vectors of peer %" G_GINT64_FORMAT, IVSHMEM_WIRE_VECTORS_MAX, id);
  else if (protocol->n_descriptors >= protocol->max_descriptors)
    fail (protocol, DOORBELL_FAILURE_LIMIT,
          "the server sent more than the %u descriptors that one region may hold: raise the limit of this "
          "process "
          "(LimitNOFILE=, ulimit -n), or give the server fewer peers or vectors",
          protocol->max_descriptors);
  else
    {
      g_array_append_val (vectors, protocol->attached.fd);
      protocol->attached.fd = -1;
      protocol->n_descriptors++;
      return TRUE;
    }

  return FALSE;
}

static void
take_own_vector (DoorbellProtocol *protocol, gint64 now)
{
  settle (protocol);
  if (protocol->attached.fd < 0)
    note (protocol, "the server says that we, peer %" G_GINT64_FORMAT ", have left: ignored",
          protocol->own_id);
  else if (keep_vector (protocol, protocol->own_vectors, protocol->own_id))
    {
      protocol->own_vector_at = now;
      protocol->own_changed = protocol->ready;
    }
}

static void
take_peer_vector (DoorbellProtocol *protocol, guint32 id, gint64 now)
{
  Peer *peer;

  if (protocol->unsettled != id)
    settle (protocol);

  peer = find_peer (protocol, id);
  if (peer == NULL)
    {
      peer = g_new0 (Peer, 1);
      peer->vectors = vectors_new ();
      g_hash_table_insert (protocol->peers, GUINT_TO_POINTER (id), peer);
    }
  if (!keep_vector (protocol, peer->vectors, id))
    return;

  protocol->unsettled = id;
  protocol->unsettled_at = now;
  /* Our own count says something about the peer's only if it grows no more. */
  if (peer->vectors->len == protocol->own_vectors->len
      && now - protocol->own_vector_at >= DOORBELL_PEER_SETTLES_USEC)
    settle (protocol);
}

static void
take_leave (DoorbellProtocol *protocol, guint32 id)
{
  Peer *peer;

  settle (protocol);
  peer = find_peer (protocol, id);
  /* QEMU's own server announces the leave of a client whose connect it could
   * not send, and a repeated version reads like a leave of peer 0. */
  if (peer == NULL)
    return;

  if (peer->reported > 0)
    push_event (protocol, DOORBELL_EVENT_GONE)->id = id;
  protocol->n_descriptors -= peer->vectors->len;
  g_hash_table_remove (protocol->peers, GUINT_TO_POINTER (id));
}

static void
take_running (DoorbellProtocol *protocol, gint64 value, gint64 now)
{
  if (value == IVSHMEM_WIRE_MEMORY)
    take_memory (protocol, now);
  else if (value < 0 || value > IVSHMEM_WIRE_ID_MAX)
    fail (protocol, DOORBELL_FAILURE_INVALID,
          "the server sent the id %" G_GINT64_FORMAT ", which is not in 0..%d", value, IVSHMEM_WIRE_ID_MAX);
  else if (value == protocol->own_id)
    take_own_vector (protocol, now);
  else if (protocol->attached.fd >= 0)
    take_peer_vector (protocol, (guint32) value, now);
  else
    take_leave (protocol, (guint32) value);

  if (protocol->phase == PHASE_RUNNING && !protocol->ready && protocol->memory.fd >= 0
      && protocol->own_vectors->len > 0)
    become_ready (protocol);
}

static void
take_message (DoorbellProtocol *protocol, gint64 now)
{
  guint64 raw;
  gint64 value;

  memcpy (&raw, protocol->message, sizeof raw);
  value = (gint64) GUINT64_FROM_LE (raw);
  switch (protocol->phase)
    {
    case PHASE_VERSION:
      take_version (protocol, value);
      break;
    case PHASE_ID:
      take_own_id (protocol, value);
      break;
    case PHASE_RUNNING:
      take_running (protocol, value, now);
      break;
    case PHASE_FAILED:
    default:
      break;
    }
  clear_descriptor (&protocol->attached);
  protocol->filled = 0;
}

gsize
doorbell_protocol_wanted (DoorbellProtocol *protocol)
{
  return sizeof protocol->message - protocol->filled;
}

void
doorbell_protocol_feed (DoorbellProtocol *protocol,
                        const guint8 *bytes,
                        gsize n_bytes,
                        const DoorbellDescriptor *take_descriptors,
                        gsize n_descriptors,
                        gint64 now)
{
  /* A message has one descriptor: the first; whatever else came is closed. */
  for (gsize i = 0; i < n_descriptors; i++)
    {
      DoorbellDescriptor descriptor = take_descriptors[i];

      if (protocol->phase != PHASE_FAILED && protocol->attached.fd < 0)
        protocol->attached = descriptor;
      else
        clear_descriptor (&descriptor);
    }

  while (n_bytes > 0 && protocol->phase != PHASE_FAILED)
    {
      gsize length = MIN (n_bytes, doorbell_protocol_wanted (protocol));

      memcpy (protocol->message + protocol->filled, bytes, length);
      protocol->filled += length;
      bytes += length;
      n_bytes -= length;
      if (protocol->filled == sizeof protocol->message)
        take_message (protocol, now);
    }
}

void
doorbell_protocol_end (DoorbellProtocol *protocol)
{
  const char *where = protocol->phase == PHASE_VERSION ? "before its version"
                      : protocol->phase == PHASE_ID    ? "before our id"
                      : protocol->memory.fd < 0        ? "before its memory"
                      : !protocol->ready               ? "within its greeting"
                                                       : "after its greeting";

  if (protocol->filled > 0)
    fail (protocol, DOORBELL_FAILURE_CLOSED,
          "the server closed the connection %s, with %u of a message's %d bytes", where,
          (guint) protocol->filled, IVSHMEM_WIRE_MESSAGE_BYTES);
  else if (protocol->ready)
    fail (protocol, DOORBELL_FAILURE_CLOSED, "the server closed the connection");
  else
    fail (protocol, DOORBELL_FAILURE_CLOSED, "the server closed the connection %s", where);
}

gint64
doorbell_protocol_deadline (DoorbellProtocol *protocol)
{
  gint64 deadline = G_MAXINT64;

  if (protocol->phase != PHASE_RUNNING)
    return -1;

  if (!protocol->ready && protocol->memory.fd >= 0)
    deadline = protocol->memory_at + DOORBELL_READY_WITHOUT_VECTORS_USEC;
  if (protocol->ready && protocol->unsettled >= 0)
    deadline = protocol->unsettled_at + DOORBELL_PEER_SETTLES_USEC;
  return deadline == G_MAXINT64 ? -1 : deadline;
}

void
doorbell_protocol_advance (DoorbellProtocol *protocol, gint64 now)
{
  gint64 deadline = doorbell_protocol_deadline (protocol);

  if (deadline < 0 || now < deadline)
    return;

  if (!protocol->ready)
    become_ready (protocol);
  if (protocol->unsettled >= 0 && now - protocol->unsettled_at >= DOORBELL_PEER_SETTLES_USEC)
    settle (protocol);
}

gboolean
doorbell_protocol_next (DoorbellProtocol *protocol, DoorbellEvent *ret_event)
{
  g_autofree DoorbellEvent *event = g_queue_pop_head (&protocol->events);

  if (event != NULL)
    {
      /* Whoever hears of READY only now sees all own vectors at once. */
      if (event->type == DOORBELL_EVENT_READY)
        protocol->own_changed = FALSE;
      *ret_event = *event;
      return TRUE;
    }
  if (!protocol->own_changed)
    return FALSE;

  protocol->own_changed = FALSE;
  *ret_event = (DoorbellEvent){ .type = DOORBELL_EVENT_CHANGED };
  return TRUE;
}

gint64
doorbell_protocol_get_own_id (DoorbellProtocol *protocol)
{
  return protocol->own_id;
}

guint
doorbell_protocol_get_own_vectors (DoorbellProtocol *protocol)
{
  return protocol->own_vectors->len;
}

const DoorbellDescriptor *
doorbell_protocol_get_memory (DoorbellProtocol *protocol)
{
  return protocol->memory.fd < 0 ? NULL : &protocol->memory;
}

static GArray *
find_vectors (DoorbellProtocol *protocol, guint32 id)
{
  Peer *peer;

  if (id == protocol->own_id)
    return protocol->own_vectors;

  peer = find_peer (protocol, id);
  return peer == NULL ? NULL : peer->vectors;
}

guint
doorbell_protocol_get_vectors (DoorbellProtocol *protocol, guint32 id)
{
  GArray *vectors = find_vectors (protocol, id);

  return vectors == NULL ? 0 : vectors->len;
}

int
doorbell_protocol_get_vector (DoorbellProtocol *protocol, guint32 id, guint32 vector)
{
  GArray *vectors = find_vectors (protocol, id);

  return vectors == NULL || vector >= vectors->len ? -1 : g_array_index (vectors, int, vector);
}
