/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <glib.h>

#include "doorbell/protocol.h"
#include "ivshmem/wire.h"

#define MS G_GINT64_CONSTANT (1000)
#define ENOUGH 100000

/* What a test feeds, and what it has seen, as text:
 * "READY PEER(3,2) GONE(3) CHANGED NOTE FAILED(closed)". */
typedef struct
{
  DoorbellProtocol *protocol;
  gint64 now;
  guint fds_before;
  char *last_text; /* of the last NOTE or FAILED */
} Fixture;

static guint
count_fds (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->fds_before = count_fds ();
  fixture->protocol = doorbell_protocol_new (ENOUGH);
  fixture->now = 1000 * MS;
}

static void
start_over (Fixture *fixture)
{
  doorbell_protocol_free (fixture->protocol);
  g_clear_pointer (&fixture->last_text, g_free);
  g_assert_cmpuint (count_fds (), ==, fixture->fds_before);
  fixture->protocol = doorbell_protocol_new (ENOUGH);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  doorbell_protocol_free (fixture->protocol);
  g_free (fixture->last_text);
  g_assert_cmpuint (count_fds (), ==, fixture->fds_before);
}

static DoorbellDescriptor
vector_descriptor (void)
{
  DoorbellDescriptor descriptor = { .fd = eventfd (0, EFD_CLOEXEC), .kind = DOORBELL_KIND_EVENTFD };

  g_assert_cmpint (descriptor.fd, >=, 0);
  return descriptor;
}

static DoorbellDescriptor
memory_descriptor (guint64 size)
{
  DoorbellDescriptor descriptor = {
    .fd = memfd_create ("test", MFD_CLOEXEC),
    .kind = DOORBELL_KIND_FILE,
    .size = size,
  };

  g_assert_cmpint (descriptor.fd, >=, 0);
  return descriptor;
}

static void
send_with (Fixture *fixture, gint64 value, DoorbellDescriptor descriptor)
{
  guint64 raw = GUINT64_TO_LE ((guint64) value);

  doorbell_protocol_feed (fixture->protocol, (guint8 *) &raw, sizeof raw, &descriptor, 1, fixture->now);
}

static void
send_bare (Fixture *fixture, gint64 value)
{
  guint64 raw = GUINT64_TO_LE ((guint64) value);

  doorbell_protocol_feed (fixture->protocol, (guint8 *) &raw, sizeof raw, NULL, 0, fixture->now);
}

static void
send_vectors (Fixture *fixture, gint64 id, guint n)
{
  for (guint i = 0; i < n; i++)
    send_with (fixture, id, vector_descriptor ());
}

static void
send_start (Fixture *fixture, gint64 own_id)
{
  send_bare (fixture, IVSHMEM_WIRE_VERSION);
  send_bare (fixture, own_id);
  send_with (fixture, IVSHMEM_WIRE_MEMORY, memory_descriptor (4096));
}

static void
pass (Fixture *fixture, gint64 usec)
{
  fixture->now += usec;
  doorbell_protocol_advance (fixture->protocol, fixture->now);
}

static const char *
failure_name (DoorbellFailure failure)
{
  static const char *const names[] = {
    [DOORBELL_FAILURE_NONE] = "none",
    [DOORBELL_FAILURE_CLOSED] = "closed",
    [DOORBELL_FAILURE_REFUSED] = "refused",
    [DOORBELL_FAILURE_UNSUPPORTED] = "unsupported",
    [DOORBELL_FAILURE_INVALID] = "invalid",
    [DOORBELL_FAILURE_LIMIT] = "limit",
  };

  g_assert_cmpuint (failure, <, G_N_ELEMENTS (names));
  return names[failure];
}

static void
append_event (Fixture *fixture, GString *seen, DoorbellEvent *event)
{
  if (seen->len > 0)
    g_string_append_c (seen, ' ');
  switch (event->type)
    {
    case DOORBELL_EVENT_READY:
      g_string_append (seen, "READY");
      break;
    case DOORBELL_EVENT_CHANGED:
      g_string_append (seen, "CHANGED");
      break;
    case DOORBELL_EVENT_PEER:
      g_string_append_printf (seen, "PEER(%u,%u)", event->id, event->vectors);
      break;
    case DOORBELL_EVENT_GONE:
      g_string_append_printf (seen, "GONE(%u)", event->id);
      break;
    case DOORBELL_EVENT_NOTE:
      g_string_append (seen, "NOTE");
      break;
    case DOORBELL_EVENT_FAILED:
      g_string_append_printf (seen, "FAILED(%s)", failure_name (event->failure));
      break;
    default:
      g_assert_not_reached ();
    }
  if (event->text != NULL)
    {
      g_free (fixture->last_text);
      fixture->last_text = g_strdup (event->text);
    }
}

static void
expect (Fixture *fixture, const char *expected)
{
  g_autoptr (GString) seen = g_string_new (NULL);

  for (;;)
    {
      g_auto (DoorbellEvent) event = { 0 };

      if (!doorbell_protocol_next (fixture->protocol, &event))
        break;
      append_event (fixture, seen, &event);
    }
  g_assert_cmpstr (seen->str, ==, expected);
}

static void
expect_text (Fixture *fixture, const char *part)
{
  if (fixture->last_text == NULL || strstr (fixture->last_text, part) == NULL)
    g_error ("\"%s\" is not in \"%s\"", part, fixture->last_text);
}

/* Greeted as peer 5, with so many own vectors, and quiet since. */
static void
greet (Fixture *fixture, guint own_vectors)
{
  send_start (fixture, 5);
  send_vectors (fixture, 5, own_vectors);
  expect (fixture, "READY");
  pass (fixture, DOORBELL_PEER_SETTLES_USEC);
}

static void
test_greeting (Fixture *fixture, gconstpointer data)
{
  send_start (fixture, 5);
  send_vectors (fixture, 7, 2);
  send_vectors (fixture, 3, 4);
  expect (fixture, "");
  send_vectors (fixture, 5, 1);
  expect (fixture, "READY PEER(3,4) PEER(7,2)");
  send_vectors (fixture, 5, 3);
  expect (fixture, "CHANGED");

  g_assert_cmpint (doorbell_protocol_get_own_id (fixture->protocol), ==, 5);
  g_assert_cmpuint (doorbell_protocol_get_own_vectors (fixture->protocol), ==, 4);
  g_assert_cmpuint (doorbell_protocol_get_vectors (fixture->protocol, 7), ==, 2);
  g_assert_cmpuint (doorbell_protocol_get_vectors (fixture->protocol, 5), ==, 4);
  g_assert_cmpuint (doorbell_protocol_get_vectors (fixture->protocol, 4), ==, 0);
  g_assert_cmpint (doorbell_protocol_get_vector (fixture->protocol, 7, 1), >=, 0);
  g_assert_cmpint (doorbell_protocol_get_vector (fixture->protocol, 7, 2), ==, -1);
  g_assert_cmpint (doorbell_protocol_get_vector (fixture->protocol, 65535, 0), ==, -1);
  g_assert_cmpuint (doorbell_protocol_get_memory (fixture->protocol)->size, ==, 4096);
  g_assert_cmpint (doorbell_protocol_deadline (fixture->protocol), ==, -1);
}

static void
test_later (Fixture *fixture, gconstpointer data)
{
  greet (fixture, 2);
  send_vectors (fixture, 9, 2);
  expect (fixture, "PEER(9,2)");
  send_bare (fixture, 9);
  expect (fixture, "GONE(9)");
  g_assert_cmpuint (doorbell_protocol_get_vectors (fixture->protocol, 9), ==, 0);
}

/* The first descriptor of a message counts, whichever of its bytes it came
 * with; the others are closed. */
static void
test_descriptors_of_split_message (Fixture *fixture, gconstpointer data)
{
  DoorbellDescriptor two[] = { vector_descriptor (), vector_descriptor () };
  DoorbellDescriptor more = vector_descriptor ();
  guint64 raw = GUINT64_TO_LE (9);
  guint64 count = 7, seen = 0;

  greet (fixture, 1);
  g_assert_cmpint (write (two[0].fd, &count, sizeof count), ==, sizeof count);
  doorbell_protocol_feed (fixture->protocol, (guint8 *) &raw, 3, NULL, 0, fixture->now);
  g_assert_cmpuint (doorbell_protocol_wanted (fixture->protocol), ==, 5);
  doorbell_protocol_feed (fixture->protocol, (guint8 *) &raw + 3, 2, two, 2, fixture->now);
  doorbell_protocol_feed (fixture->protocol, (guint8 *) &raw + 5, 3, &more, 1, fixture->now);
  expect (fixture, "PEER(9,1)");
  g_assert_cmpint (read (doorbell_protocol_get_vector (fixture->protocol, 9, 0), &seen, sizeof seen), ==,
                   sizeof seen);
  g_assert_cmpuint (seen, ==, 7);
  g_assert_cmpint (fcntl (two[1].fd, F_GETFD), ==, -1);
  g_assert_cmpint (fcntl (more.fd, F_GETFD), ==, -1);
}

static void
test_byte_by_byte (Fixture *fixture, gconstpointer data)
{
  const gint64 values[] = { 0, 5, -1, 7, 5, 5 };

  for (gsize i = 0; i < G_N_ELEMENTS (values); i++)
    for (gsize byte = 0; byte < 8; byte++)
      {
        guint8 sent = (guint8) ((guint64) values[i] >> (8 * byte));
        DoorbellDescriptor descriptor;
        gsize n = 0;

        if (byte == 0 && i >= 2)
          {
            descriptor = values[i] == -1 ? memory_descriptor (4096) : vector_descriptor ();
            n = 1;
          }
        pass (fixture, 30 * MS);
        g_assert_cmpuint (doorbell_protocol_wanted (fixture->protocol), ==, 8 - byte);
        doorbell_protocol_feed (fixture->protocol, &sent, 1, &descriptor, n, fixture->now);
      }
  /* The 200 ms after the memory were over long before the own vectors. */
  expect (fixture, "READY PEER(7,1)");
  g_assert_cmpuint (doorbell_protocol_get_own_vectors (fixture->protocol), ==, 2);
}

/* Many messages at once are told apart, with the descriptor going to the
 * first of them. */
static void
test_many_at_once (Fixture *fixture, gconstpointer data)
{
  guint64 raw[] = { GUINT64_TO_LE (9), GUINT64_TO_LE (8), GUINT64_TO_LE (9) };
  DoorbellDescriptor descriptor = vector_descriptor ();

  greet (fixture, 1);
  doorbell_protocol_feed (fixture->protocol, (guint8 *) raw, sizeof raw, &descriptor, 1, fixture->now);
  expect (fixture, "PEER(9,1) GONE(9)");
}

static void
test_end_at_every_byte (Fixture *fixture, gconstpointer data)
{
  const gint64 values[] = { 0, 5, -1, 7, 7, 5, 5, 8, 7 };
  const gsize n_bytes = G_N_ELEMENTS (values) * 8;

  for (gsize end = 0; end <= n_bytes; end++)
    {
      for (gsize at = 0; at < end; at++)
        {
          guint8 byte = (guint8) ((guint64) values[at / 8] >> (8 * (at % 8)));
          DoorbellDescriptor descriptor;
          gsize n = 0;

          if (at % 8 == 0 && at / 8 >= 2 && at / 8 < 8)
            {
              descriptor = values[at / 8] == -1 ? memory_descriptor (4096) : vector_descriptor ();
              n = 1;
            }
          doorbell_protocol_feed (fixture->protocol, &byte, 1, &descriptor, n, fixture->now);
        }
      doorbell_protocol_end (fixture->protocol);
      expect (fixture,
              end < 48   ? "FAILED(closed)"
              : end < 56 ? "READY PEER(7,2) FAILED(closed)"
              : end < 64 ? "READY PEER(7,2) FAILED(closed)"
              : end < 72 ? "READY PEER(7,2) FAILED(closed)"
                         : "READY PEER(7,2) PEER(8,1) GONE(7) FAILED(closed)");
      expect_text (fixture,
                   end < 8    ? "before its version"
                   : end < 16 ? "before our id"
                   : end < 24 ? "before its memory"
                   : end < 48 ? "within its greeting"
                              : "closed the connection");
      if (end % 8 != 0)
        {
          g_autofree char *part = g_strdup_printf ("with %u of a message's 8 bytes", (guint) (end % 8));

          expect_text (fixture, part);
        }
      start_over (fixture);
    }
}

static void
test_versions (Fixture *fixture, gconstpointer data)
{
  const struct
  {
    gint64 value;
    const char *expected, *text;
  } cases[] = {
    { -1, "FAILED(refused)", "refused this client (version -1)" },
    { 1, "FAILED(unsupported)", "first message is 1, and should be protocol version 0" },
    { 65535, "FAILED(unsupported)", "before QEMU 2.5" },
    { 65536, "FAILED(unsupported)", "protocol version 65536" },
    { -2, "FAILED(unsupported)", "protocol version -2" },
    { G_MININT64, "FAILED(unsupported)", "protocol version -9223372036854775808" },
    { G_MAXINT64, "FAILED(unsupported)", "protocol version 9223372036854775807" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      send_bare (fixture, cases[i].value);
      expect (fixture, cases[i].expected);
      expect_text (fixture, cases[i].text);
      start_over (fixture);
    }

  send_with (fixture, 0, vector_descriptor ());
  expect (fixture, "FAILED(invalid)");
  expect_text (fixture, "carries a descriptor");
}

static void
test_old_dialect (Fixture *fixture, gconstpointer data)
{
  send_bare (fixture, 0);
  send_with (fixture, -1, memory_descriptor (4096));
  expect (fixture, "FAILED(unsupported)");
  expect_text (fixture, "old dialect from before QEMU 2.5");
}

static void
test_own_ids (Fixture *fixture, gconstpointer data)
{
  const gint64 bad[] = { -1, -2, 65536, 70000, G_MININT64, G_MAXINT64 };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *text = g_strdup_printf ("id %" G_GINT64_FORMAT ", which is not in 0..65535", bad[i]);

      send_bare (fixture, 0);
      send_bare (fixture, bad[i]);
      expect (fixture, "FAILED(invalid)");
      expect_text (fixture, text);
      start_over (fixture);
    }

  send_bare (fixture, 0);
  send_with (fixture, 3, vector_descriptor ());
  expect (fixture, "FAILED(invalid)");
  expect_text (fixture, "it should come without one");
  start_over (fixture);

  send_start (fixture, 65535);
  send_vectors (fixture, 65535, 1);
  send_vectors (fixture, 0, 1);
  pass (fixture, DOORBELL_PEER_SETTLES_USEC);
  expect (fixture, "READY PEER(0,1)");
  g_assert_cmpint (doorbell_protocol_get_own_id (fixture->protocol), ==, 65535);
}

static void
test_peer_ids (Fixture *fixture, gconstpointer data)
{
  const gint64 bad[] = { -2, 65536, 70000, G_MININT64, G_MAXINT64 };

  greet (fixture, 1);
  send_vectors (fixture, 65535, 1);
  expect (fixture, "PEER(65535,1)");

  for (gsize i = 0; i < 2 * G_N_ELEMENTS (bad); i++)
    {
      start_over (fixture);
      greet (fixture, 1);
      if (i % 2 == 0)
        send_bare (fixture, bad[i / 2]);
      else
        send_vectors (fixture, bad[i / 2], 1);
      expect (fixture, "FAILED(invalid)");
      expect_text (fixture, "which is not in 0..65535");
    }
}

static void
test_memory (Fixture *fixture, gconstpointer data)
{
  send_bare (fixture, 0);
  send_bare (fixture, 5);
  send_bare (fixture, -1);
  expect (fixture, "FAILED(invalid)");
  expect_text (fixture, "memory without a descriptor");
  start_over (fixture);

  send_bare (fixture, 0);
  send_bare (fixture, 5);
  send_with (fixture, -1, memory_descriptor (0));
  expect (fixture, "FAILED(invalid)");
  expect_text (fixture, "a size of 0 bytes");
  start_over (fixture);

  send_bare (fixture, 0);
  send_bare (fixture, 5);
  send_with (fixture, -1, vector_descriptor ());
  expect (fixture, "FAILED(invalid)");
  expect_text (fixture, "neither a regular file nor a memfd");
}

static void
test_vector_is_no_eventfd (Fixture *fixture, gconstpointer data)
{
  greet (fixture, 1);
  send_with (fixture, 9, memory_descriptor (4096));
  expect (fixture, "FAILED(invalid)");
  expect_text (fixture, "vector 0 of peer 9 is not an eventfd");
  start_over (fixture);

  send_start (fixture, 5);
  send_with (fixture, 5, memory_descriptor (4096));
  expect (fixture, "FAILED(invalid)");
}

/* No time limit but the one for those who have no vectors at all. */
static void
test_own_vectors_are_late (Fixture *fixture, gconstpointer data)
{
  send_start (fixture, 5);
  g_assert_cmpint (doorbell_protocol_deadline (fixture->protocol), ==,
                   fixture->now + DOORBELL_READY_WITHOUT_VECTORS_USEC);
  pass (fixture, DOORBELL_READY_WITHOUT_VECTORS_USEC - 1);
  expect (fixture, "");
  pass (fixture, 1);
  expect (fixture, "READY");
  g_assert_cmpuint (doorbell_protocol_get_own_vectors (fixture->protocol), ==, 0);
  g_assert_cmpint (doorbell_protocol_deadline (fixture->protocol), ==, -1);

  pass (fixture, 3600 * 1000 * MS);
  send_vectors (fixture, 5, 2);
  expect (fixture, "CHANGED");
  g_assert_cmpuint (doorbell_protocol_get_own_vectors (fixture->protocol), ==, 2);
}

/* A region without own vectors knows its peers all the same. */
static void
test_no_own_vectors (Fixture *fixture, gconstpointer data)
{
  send_start (fixture, 5);
  send_vectors (fixture, 7, 3);
  pass (fixture, DOORBELL_READY_WITHOUT_VECTORS_USEC);
  expect (fixture, "READY PEER(7,3)");
  send_vectors (fixture, 8, 1);
  expect (fixture, "");
  pass (fixture, DOORBELL_PEER_SETTLES_USEC);
  expect (fixture, "PEER(8,1)");
}

static void
test_interleaved (Fixture *fixture, gconstpointer data)
{
  send_start (fixture, 5);
  send_vectors (fixture, 1, 2);
  send_vectors (fixture, 5, 1);
  send_vectors (fixture, 9, 1);
  send_vectors (fixture, 5, 1);
  send_vectors (fixture, 9, 1);
  send_vectors (fixture, 5, 1);
  expect (fixture, "READY PEER(1,2) PEER(9,1) PEER(9,2)");
  g_assert_cmpuint (doorbell_protocol_get_own_vectors (fixture->protocol), ==, 3);
}

static void
test_counts_differ (Fixture *fixture, gconstpointer data)
{
  greet (fixture, 2);
  send_vectors (fixture, 1, 1);
  send_vectors (fixture, 2, 7);
  expect (fixture, "PEER(1,1) PEER(2,2)");
  pass (fixture, DOORBELL_PEER_SETTLES_USEC - 1);
  expect (fixture, "");
  pass (fixture, 1);
  expect (fixture, "PEER(2,7)");
  g_assert_cmpint (doorbell_protocol_deadline (fixture->protocol), ==, -1);
}

/* While our own vectors still come, their count says nothing about others. */
static void
test_own_count_is_young (Fixture *fixture, gconstpointer data)
{
  send_start (fixture, 5);
  send_vectors (fixture, 5, 1);
  send_vectors (fixture, 9, 1);
  expect (fixture, "READY");
  g_assert_cmpint (doorbell_protocol_deadline (fixture->protocol), ==,
                   fixture->now + DOORBELL_PEER_SETTLES_USEC);
  send_vectors (fixture, 9, 1);
  pass (fixture, DOORBELL_PEER_SETTLES_USEC);
  expect (fixture, "PEER(9,2)");
}

static void
test_peer_grows (Fixture *fixture, gconstpointer data)
{
  greet (fixture, 1);
  send_vectors (fixture, 7, 1);
  expect (fixture, "PEER(7,1)");
  pass (fixture, 5000 * MS);
  send_vectors (fixture, 7, 2);
  expect (fixture, "");
  pass (fixture, DOORBELL_PEER_SETTLES_USEC);
  expect (fixture, "PEER(7,3)");
}

static void
test_gone_in_greeting (Fixture *fixture, gconstpointer data)
{
  send_start (fixture, 5);
  send_vectors (fixture, 1, 2);
  send_vectors (fixture, 2, 2);
  send_bare (fixture, 1);
  send_vectors (fixture, 3, 1);
  send_bare (fixture, 3);
  send_vectors (fixture, 5, 1);
  expect (fixture, "READY PEER(2,2)");
  send_bare (fixture, 1);
  expect (fixture, "");
}

/* A peer that leaves before it is settled was there all the same. */
static void
test_gone_unsettled (Fixture *fixture, gconstpointer data)
{
  greet (fixture, 4);
  send_vectors (fixture, 7, 2);
  send_bare (fixture, 7);
  expect (fixture, "PEER(7,2) GONE(7)");
  g_assert_cmpint (doorbell_protocol_deadline (fixture->protocol), ==, -1);
  send_bare (fixture, 7);
  send_bare (fixture, 8);
  expect (fixture, "");
}

static void
test_id_reuse (Fixture *fixture, gconstpointer data)
{
  int first, second;

  greet (fixture, 2);
  send_vectors (fixture, 7, 2);
  first = doorbell_protocol_get_vector (fixture->protocol, 7, 0);
  send_bare (fixture, 7);
  g_assert_cmpint (fcntl (first, F_GETFD), ==, -1);
  send_vectors (fixture, 7, 1);
  second = doorbell_protocol_get_vector (fixture->protocol, 7, 0);
  g_assert_cmpint (fcntl (second, F_GETFD), !=, -1);
  pass (fixture, DOORBELL_PEER_SETTLES_USEC);
  expect (fixture, "PEER(7,2) GONE(7) PEER(7,1)");
  g_assert_cmpuint (doorbell_protocol_get_vectors (fixture->protocol, 7), ==, 1);
}

static void
test_duplicate_greeting (Fixture *fixture, gconstpointer data)
{
  greet (fixture, 1);
  send_bare (fixture, 0);
  send_bare (fixture, 5);
  send_with (fixture, -1, memory_descriptor (8192));
  expect (fixture, "NOTE NOTE");
  expect_text (fixture, "a second time");
  send_bare (fixture, -1);
  expect (fixture, "NOTE");
  g_assert_cmpuint (doorbell_protocol_get_memory (fixture->protocol)->size, ==, 4096);
  g_assert_cmpuint (doorbell_protocol_get_own_vectors (fixture->protocol), ==, 1);
}

static void
test_notes_end (Fixture *fixture, gconstpointer data)
{
  greet (fixture, 1);
  for (guint i = 0; i < DOORBELL_NOTES_MAX; i++)
    {
      send_bare (fixture, 5);
      expect (fixture, "NOTE");
    }
  send_bare (fixture, 5);
  expect (fixture, "");
}

/* In no order that a server should have, but QEMU takes it too. */
static void
test_vectors_before_memory (Fixture *fixture, gconstpointer data)
{
  send_bare (fixture, 0);
  send_bare (fixture, 5);
  send_vectors (fixture, 5, 1);
  send_vectors (fixture, 7, 1);
  pass (fixture, 10000 * MS);
  expect (fixture, "");
  send_with (fixture, -1, memory_descriptor (4096));
  expect (fixture, "READY");
  pass (fixture, 0);
  expect (fixture, "PEER(7,1)");
}

static void
test_vector_limit (Fixture *fixture, gconstpointer data)
{
  greet (fixture, 1);
  send_vectors (fixture, 7, IVSHMEM_WIRE_VECTORS_MAX);
  pass (fixture, DOORBELL_PEER_SETTLES_USEC);
  expect (fixture, "PEER(7,1) PEER(7,2048)");
  send_vectors (fixture, 7, 1);
  expect (fixture, "FAILED(limit)");
  expect_text (fixture, "more than 2048 vectors of peer 7");
}

static void
test_descriptor_limit (Fixture *fixture, gconstpointer data)
{
  doorbell_protocol_free (fixture->protocol);
  fixture->protocol = doorbell_protocol_new (4);
  greet (fixture, 1);
  send_vectors (fixture, 7, 1);
  send_vectors (fixture, 8, 1);
  expect (fixture, "PEER(7,1) PEER(8,1)");
  /* whoever leaves makes room */
  send_bare (fixture, 7);
  send_vectors (fixture, 9, 1);
  expect (fixture, "GONE(7) PEER(9,1)");
  send_vectors (fixture, 10, 1);
  expect (fixture, "FAILED(limit)");
  expect_text (fixture, "more than the 4 descriptors");
}

static void
test_nothing_after_failure (Fixture *fixture, gconstpointer data)
{
  greet (fixture, 1);
  doorbell_protocol_fail (fixture->protocol, DOORBELL_FAILURE_CLOSED, "broken");
  send_vectors (fixture, 9, 2);
  send_vectors (fixture, 5, 2);
  pass (fixture, 1000 * MS);
  doorbell_protocol_end (fixture->protocol);
  expect (fixture, "FAILED(closed)");
  expect_text (fixture, "broken");
  g_assert_cmpint (doorbell_protocol_deadline (fixture->protocol), ==, -1);
}

int
main (int argc, char **argv)
{
  const struct
  {
    const char *path;
    void (*func) (Fixture *fixture, gconstpointer data);
  } tests[] = {
    { "b3-greeting", test_greeting },
    { "b3-later-joins-and-leaves", test_later },
    { "b3-descriptors-of-a-split-message", test_descriptors_of_split_message },
    { "b3-old-dialect", test_old_dialect },
    { "b3-versions", test_versions },
    { "b3-own-ids", test_own_ids },
    { "b3-peer-ids", test_peer_ids },
    { "b3-memory", test_memory },
    { "b3-vector-is-no-eventfd", test_vector_is_no_eventfd },
    { "b3-vectors-before-memory", test_vectors_before_memory },
    { "b5-byte-by-byte", test_byte_by_byte },
    { "b5-many-messages-at-once", test_many_at_once },
    { "b5-end-at-every-byte", test_end_at_every_byte },
    { "b5-interleaved-newcomers", test_interleaved },
    { "b5-counts-differ", test_counts_differ },
    { "b5-own-count-is-young", test_own_count_is_young },
    { "b5-peer-grows", test_peer_grows },
    { "b5-gone-in-greeting", test_gone_in_greeting },
    { "b5-gone-unsettled", test_gone_unsettled },
    { "b5-id-reuse", test_id_reuse },
    { "b5-duplicate-greeting", test_duplicate_greeting },
    { "a6-6-no-own-vectors", test_no_own_vectors },
    { "a6-7-late-own-vectors", test_own_vectors_are_late },
    { "limit-notes", test_notes_end },
    { "limit-vectors", test_vector_limit },
    { "limit-descriptors", test_descriptor_limit },
    { "nothing-after-failure", test_nothing_after_failure },
  };

  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strconcat ("/doorbell-protocol/", tests[i].path, NULL);

      g_test_add (path, Fixture, NULL, set_up, tests[i].func, tear_down);
    }
  return g_test_run ();
}
