/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <glib.h>

#include "doorbell/protocol.h"
#include "fuzz.h"
#include "ivshmem/wire.h"

/*
 * The server's messages as the client sees them. The input is a script of
 * steps: whole messages, torn ones with any bytes, time, and the end; then
 * the promises of protocol.h are checked on every event, and that every
 * descriptor was closed exactly once.
 */

#define MAX_DESCRIPTORS 48
#define PEERS (IVSHMEM_WIRE_ID_MAX + 1)

typedef struct
{
  const guint8 *data;
  gsize size;

  DoorbellProtocol *protocol;
  gint64 now;
  gboolean ready;
  gboolean failed;
  GHashTable *reported; /* id → vectors */
} Script;

static guint8
take_byte (Script *script)
{
  if (script->size == 0)
    return 0;

  script->size--;
  return *script->data++;
}

static DoorbellDescriptor
make_descriptor (guint8 kind)
{
  DoorbellDescriptor descriptor = { .fd = eventfd (0, EFD_CLOEXEC) };

  g_assert_cmpint (descriptor.fd, >=, 0);
  descriptor.kind = kind % 8 == 7   ? DOORBELL_KIND_OTHER
                    : kind % 8 >= 5 ? DOORBELL_KIND_FILE
                                    : DOORBELL_KIND_EVENTFD;
  descriptor.size = descriptor.kind == DOORBELL_KIND_FILE ? (guint64) (kind >> 3) << 12 : 0;
  return descriptor;
}

static void
check_peer (Script *script, const DoorbellEvent *event)
{
  guint before = GPOINTER_TO_UINT (g_hash_table_lookup (script->reported, GUINT_TO_POINTER (event->id)));

  g_assert_true (script->ready);
  g_assert_cmpuint (event->id, <, PEERS);
  g_assert_cmpint (event->id, !=, doorbell_protocol_get_own_id (script->protocol));
  if (event->type == DOORBELL_EVENT_GONE)
    {
      g_assert_cmpuint (before, >, 0);
      g_hash_table_remove (script->reported, GUINT_TO_POINTER (event->id));
      return;
    }

  g_assert_cmpuint (event->vectors, >, before);
  g_assert_cmpuint (event->vectors, <=, IVSHMEM_WIRE_VECTORS_MAX);
  g_hash_table_insert (script->reported, GUINT_TO_POINTER (event->id), GUINT_TO_POINTER (event->vectors));
}

static void
check_event (Script *script, const DoorbellEvent *event)
{
  g_assert_false (script->failed);
  switch (event->type)
    {
    case DOORBELL_EVENT_READY:
      g_assert_false (script->ready);
      g_assert_nonnull (doorbell_protocol_get_memory (script->protocol));
      g_assert_cmpuint (doorbell_protocol_get_memory (script->protocol)->size, >, 0);
      script->ready = TRUE;
      break;
    case DOORBELL_EVENT_CHANGED:
      g_assert_true (script->ready);
      g_assert_cmpuint (doorbell_protocol_get_own_vectors (script->protocol), >, 0);
      break;
    case DOORBELL_EVENT_PEER:
    case DOORBELL_EVENT_GONE:
      check_peer (script, event);
      break;
    case DOORBELL_EVENT_NOTE:
      g_assert_nonnull (event->text);
      break;
    case DOORBELL_EVENT_FAILED:
      g_assert_nonnull (event->text);
      g_assert_cmpint (event->failure, !=, DOORBELL_FAILURE_NONE);
      script->failed = TRUE;
      break;
    default:
      g_assert_not_reached ();
    }
}

static void
drain (Script *script)
{
  for (;;)
    {
      g_auto (DoorbellEvent) event = { 0 };

      if (!doorbell_protocol_next (script->protocol, &event))
        break;
      check_event (script, &event);
    }
}

/* What is reported is what can be rung. */
static void
check_state (Script *script)
{
  GHashTableIter iter;
  gpointer id, vectors;

  if (script->failed)
    return;

  g_hash_table_iter_init (&iter, script->reported);
  while (g_hash_table_iter_next (&iter, &id, &vectors))
    {
      guint n = doorbell_protocol_get_vectors (script->protocol, GPOINTER_TO_UINT (id));

      g_assert_cmpuint (n, >=, GPOINTER_TO_UINT (vectors));
      g_assert_cmpint (doorbell_protocol_get_vector (script->protocol, GPOINTER_TO_UINT (id), n - 1), >=, 0);
      g_assert_cmpint (doorbell_protocol_get_vector (script->protocol, GPOINTER_TO_UINT (id), n), ==, -1);
    }
}

/* A message of a plausible value: bits 0..3 of what say its descriptors. */
static void
step_message (Script *script, guint8 what)
{
  gint64 value = (gint8) take_byte (script);
  guint64 raw = GUINT64_TO_LE ((guint64) value);
  DoorbellDescriptor descriptors[3];
  gsize n = what % 4;

  for (gsize i = 0; i < n; i++)
    descriptors[i] = make_descriptor (value == IVSHMEM_WIRE_MEMORY ? take_byte (script) | 5 : what >> 2);
  doorbell_protocol_feed (script->protocol, (guint8 *) &raw, sizeof raw, descriptors, n, script->now);
}

static void
step_bytes (Script *script, guint8 what)
{
  gsize length = MIN (script->size, 1u + what % 16);
  DoorbellDescriptor descriptor;
  gsize n = what >= 32 ? 1 : 0;

  if (n > 0)
    descriptor = make_descriptor (take_byte (script));
  length = MIN (length, script->size);
  doorbell_protocol_feed (script->protocol, script->data, length, &descriptor, n, script->now);
  script->data += length;
  script->size -= length;
}

static void
step (Script *script)
{
  guint8 what = take_byte (script);

  switch (what >> 6)
    {
    case 0:
      step_message (script, what & 63);
      break;
    case 1:
      step_bytes (script, what & 63);
      break;
    case 2:
      script->now += (what & 63) * 7000;
      doorbell_protocol_advance (script->protocol, script->now);
      break;
    default:
      if ((what & 63) == 63)
        doorbell_protocol_end (script->protocol);
      else if ((what & 63) == 62)
        doorbell_protocol_fail (script->protocol, DOORBELL_FAILURE_LIMIT, "broken");
      else
        drain (script);
      break;
    }
  g_assert_cmpuint (doorbell_protocol_wanted (script->protocol), >=, 1);
  g_assert_cmpuint (doorbell_protocol_wanted (script->protocol), <=, IVSHMEM_WIRE_MESSAGE_BYTES);
}

/* The lowest free number: the same again only if nothing was left open. */
static int
lowest_descriptor (void)
{
  int fd = eventfd (0, EFD_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  close (fd);
  return fd;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  int lowest = lowest_descriptor ();
  Script script = { .data = data, .size = size, .now = 1000000 };

  script.protocol = doorbell_protocol_new (MAX_DESCRIPTORS);
  script.reported = g_hash_table_new (g_direct_hash, g_direct_equal);
  while (script.size > 0)
    step (&script);
  drain (&script);
  check_state (&script);
  g_hash_table_unref (script.reported);
  doorbell_protocol_free (script.protocol);

  g_assert_cmpint (lowest_descriptor (), ==, lowest);
  return 0;
}
