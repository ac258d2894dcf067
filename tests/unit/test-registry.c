/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-names.h"
#include "memory/ivd-memory.h"
#include "model/ivd-registry.h"

/* A region's backend that only remembers what it was asked for. */
typedef struct
{
  GString *rung;
  gboolean full;
  gboolean slow_detach;
  IvdDetachedFunc detached;
  gpointer detached_data;
  gboolean freed;
} FakeBackend;

static gboolean
fake_ring (gpointer data, guint peer, guint vector, GError **error)
{
  FakeBackend *fake = data;

  if (fake->full)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_BUSY, "full");
      return FALSE;
    }
  g_string_append_printf (fake->rung, "%u.%u ", peer, vector);
  return TRUE;
}

static void
fake_detach (gpointer data, gboolean keep, IvdDetachedFunc done, gpointer done_data)
{
  FakeBackend *fake = data;

  if (!fake->slow_detach)
    {
      done (done_data);
      return;
    }
  fake->detached = done;
  fake->detached_data = done_data;
}

static void
fake_free (gpointer data)
{
  ((FakeBackend *) data)->freed = TRUE;
}

static const IvdRegionBackend fake_ops = { .ring = fake_ring, .detach = fake_detach, .free = fake_free };

typedef struct
{
  IvdRegistry *registry;
  FakeBackend fake;
  GString *events;
  guint changes;
} Fixture;

static void
on_event (IvdRegistry *registry, const IvdEvent *event, IvdRegion *region, gpointer data)
{
  Fixture *fixture = data;

  g_string_append_printf (fixture->events, "%s", ivd_event_type_name (event->type));
  if (event->type == IVD_EVENT_PEER_CONNECTED || event->type == IVD_EVENT_PEER_DISCONNECTED)
    g_string_append_printf (fixture->events, ":%u", event->peer);
  if (event->type == IVD_EVENT_INTERRUPT)
    g_string_append_printf (fixture->events, ":%u*%" G_GUINT64_FORMAT, event->vector, event->count);
  if (event->type == IVD_EVENT_STATE_CHANGED)
    g_string_append_printf (fixture->events, ":%s", event->text);
  g_string_append_c (fixture->events, ' ');
}

static void
on_changed (IvdRegistry *registry, IvdRegion *region, guint changes, gpointer data)
{
  ((Fixture *) data)->changes |= changes;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->registry = ivd_registry_new (ivd_serial_new (NULL, NULL));
  fixture->fake.rung = g_string_new (NULL);
  fixture->events = g_string_new (NULL);
  g_signal_connect (fixture->registry, "event", G_CALLBACK (on_event), fixture);
  g_signal_connect (fixture->registry, "region-changed", G_CALLBACK (on_changed), fixture);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_assert_finalize_object (fixture->registry);
  g_string_free (fixture->fake.rung, TRUE);
  g_string_free (fixture->events, TRUE);
}

static IvdMapping *
make_mapping (guint64 size)
{
  g_autoptr (GError) error = NULL;
  int fd = memfd_create ("ivt", MFD_CLOEXEC);
  IvdMapping *mapping;

  g_assert_cmpint (ftruncate (fd, (off_t) size), ==, 0);
  mapping = ivd_mapping_new (fd, 0, size, 0, &error);
  g_assert_no_error (error);
  close (fd);
  return mapping;
}

static IvdRegion *
attach (Fixture *fixture, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdMapping) mapping = make_mapping (8192);
  IvdRegion *region = ivd_registry_create (fixture->registry, name, "fake", g_variant_new ("a{sv}", NULL), &fake_ops,
                                           &fixture->fake, &error);

  g_assert_no_error (error);
  ivd_registry_set_own (fixture->registry, region, 255, 2, IVD_CAP_ALL & ~IVD_CAP_JOIN);
  ivd_registry_set_memory (fixture->registry, region, mapping, TRUE);
  ivd_registry_publish (fixture->registry, region);
  return region;
}

static void
detach (Fixture *fixture, IvdRegion *region)
{
  ivd_registry_remove (fixture->registry, region, FALSE, NULL, NULL);
}

static void
test_options_come_to_something (Fixture *fixture, gconstpointer data)
{
  GVariant *options = g_variant_new_parsed ("{'size': <'1M'>, 'socket': <'?'>}");
  IvdRegion *region = ivd_registry_create (fixture->registry, "r", "fake", options, &fake_ops, &fixture->fake, NULL);
  g_autofree char *text = NULL;

  ivd_registry_set_option (fixture->registry, region, "socket", g_variant_new_string ("/run/r.sock"));
  text = g_variant_print (ivd_region_get_options (region), FALSE);
  g_assert_cmpstr (text, ==, "{'size': <'1M'>, 'socket': <'/run/r.sock'>}");
  detach (fixture, region);
}

static void
test_nobody_sees_a_region_before_it_is_published (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) list = NULL;
  g_autoptr (GError) error = NULL;
  IvdRegion *region = ivd_registry_create (fixture->registry, "r", "fake", g_variant_new ("a{sv}", NULL), &fake_ops,
                                           &fixture->fake, &error);

  g_assert_nonnull (region);
  ivd_registry_peer_connected (fixture->registry, region, 3, 1, NULL);
  g_assert_true (ivd_registry_has (fixture->registry, "r"));
  g_assert_null (ivd_registry_find (fixture->registry, "r", &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND);
  list = ivd_registry_list (fixture->registry);
  g_assert_cmpuint (list->len, ==, 0);
  ivd_registry_remove (fixture->registry, region, FALSE, NULL, NULL);
  g_assert_cmpstr (fixture->events->str, ==, "");
  g_assert_true (fixture->fake.freed);
}

static void
test_name_is_taken_once (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  IvdRegion *region = attach (fixture, "r");

  g_assert_null (ivd_registry_create (fixture->registry, "r", "fake", g_variant_new ("a{sv}", NULL), &fake_ops, NULL,
                                      &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_EXISTS);
  detach (fixture, region);
}

static void
test_name_is_free_when_the_backend_has_gone (Fixture *fixture, gconstpointer data)
{
  IvdRegion *region = attach (fixture, "r");

  fixture->fake.slow_detach = TRUE;
  detach (fixture, region);
  g_assert_true (ivd_registry_has (fixture->registry, "r"));
  g_assert_null (ivd_registry_find (fixture->registry, "r", NULL));
  g_assert_false (fixture->fake.freed);
  fixture->fake.detached (fixture->fake.detached_data);
  g_assert_false (ivd_registry_has (fixture->registry, "r"));
  g_assert_true (fixture->fake.freed);
}

static void
test_events_have_no_gaps (Fixture *fixture, gconstpointer data)
{
  IvdRegion *region = attach (fixture, "r");
  IvdEventLog *log = ivd_registry_get_log (fixture->registry);
  guint64 missed, after = 0;
  guint n = 0;

  ivd_registry_peer_connected (fixture->registry, region, 1, 2, NULL);
  ivd_registry_interrupt (fixture->registry, region, 1, 7);
  ivd_registry_peer_disconnected (fixture->registry, region, 1);
  ivd_registry_set_lost (fixture->registry, region, "gone");
  detach (fixture, region);
  g_assert_cmpstr (fixture->events->str, ==,
                   "region-attached peer-connected:1 interrupt:1*7 peer-disconnected:1 state-changed:lost "
                   "region-detached ");
  for (;;)
    {
      g_autoptr (IvdEvent) event = ivd_event_log_next (log, after, &missed);

      if (event == NULL)
        break;
      g_assert_cmpuint (event->serial, ==, after + 1);
      g_assert_cmpuint (missed, ==, 0);
      g_assert_cmpint (event->monotonic_usec, >, 0);
      after = event->serial;
      n++;
    }
  g_assert_cmpuint (n, ==, 6);
}

static void
test_lost_region_forgets_peers_and_says_so (Fixture *fixture, gconstpointer data)
{
  IvdRegion *region = attach (fixture, "r");
  g_autoptr (IvdMapping) before = ivd_region_ref_mapping (region, NULL);
  g_autoptr (IvdMapping) again = make_mapping (4096);
  g_autoptr (GError) error = NULL;

  ivd_registry_peer_connected (fixture->registry, region, 1, 2, NULL);
  ivd_registry_peer_connected (fixture->registry, region, 2, 2, NULL);
  ivd_registry_set_lost (fixture->registry, region, "the file was truncated");
  g_assert_cmpuint (ivd_region_get_peer_count (region), ==, 0);
  g_assert_null (ivd_region_ref_mapping (region, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_REGION_LOST);
  g_assert_nonnull (strstr (error->message, "truncated"));
  g_clear_error (&error);
  g_assert_false (ivd_mapping_check (before, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_REGION_LOST);

  ivd_registry_set_memory (fixture->registry, region, again, TRUE);
  g_assert_cmpuint (ivd_region_get_generation (region), ==, 2);
  g_assert_cmpuint (ivd_region_get_size (region), ==, 4096);
  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_READY);
  detach (fixture, region);
}

static void
test_closed_region_keeps_its_users_safe (Fixture *fixture, gconstpointer data)
{
  IvdRegion *region = attach (fixture, "r");
  g_autoptr (IvdRegion) kept = g_object_ref (region);
  g_autoptr (IvdMapping) mapping = ivd_region_ref_mapping (region, NULL);
  g_autoptr (GError) error = NULL;
  guint8 byte;

  detach (fixture, region);
  g_assert_false (ivd_memory_read (mapping, 0, &byte, 1, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_CLOSED);
  g_clear_error (&error);
  g_assert_null (ivd_region_ref_mapping (kept, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_CLOSED);
}

static void
assert_ring (Fixture *fixture, IvdRegion *region, guint peer, guint vector, const char *rung)
{
  g_autoptr (GError) error = NULL;
  guint sent = 99;

  g_string_truncate (fixture->fake.rung, 0);
  g_assert_true (ivd_region_ring (region, peer, vector, &sent, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (fixture->fake.rung->str, ==, rung);
}

static void
assert_ring_fails (IvdRegion *region, guint peer, guint vector, gint code)
{
  g_autoptr (GError) error = NULL;
  guint sent = 99;

  g_assert_false (ivd_region_ring (region, peer, vector, &sent, &error));
  g_assert_error (error, IVD_ERROR, code);
  g_assert_cmpuint (sent, ==, 99);
}

static void
test_ring (Fixture *fixture, gconstpointer data)
{
  IvdRegion *region = attach (fixture, "r");

  ivd_registry_peer_connected (fixture->registry, region, 7, 3, NULL);
  ivd_registry_peer_connected (fixture->registry, region, 1, 1, NULL);
  assert_ring (fixture, region, 7, 2, "7.2 ");
  assert_ring (fixture, region, 7, IVD_ALL, "7.0 7.1 7.2 ");
  assert_ring (fixture, region, IVD_ALL, 0, "1.0 7.0 ");
  assert_ring (fixture, region, IVD_ALL, 2, "7.2 ");
  assert_ring (fixture, region, IVD_ALL, IVD_ALL, "1.0 7.0 7.1 7.2 ");
  assert_ring (fixture, region, 255, 1, "255.1 "); /* oneself */
  assert_ring_fails (region, 7, 3, IVD_ERROR_OUT_OF_RANGE);
  assert_ring_fails (region, 255, 2, IVD_ERROR_OUT_OF_RANGE);
  assert_ring_fails (region, 8, 0, IVD_ERROR_NOT_FOUND);
  assert_ring_fails (region, 65536, 0, IVD_ERROR_NOT_FOUND);
  g_assert_cmpuint (ivd_statistics_get (ivd_region_get_statistics (region), IVD_STAT_INTERRUPTS_SENT), ==,
                    1 + 3 + 2 + 1 + 4 + 1);
  fixture->fake.full = TRUE;
  assert_ring_fails (region, 7, 0, IVD_ERROR_BUSY);
  assert_ring (fixture, region, IVD_ALL, IVD_ALL, "");
  detach (fixture, region);
}

static void
test_missing_capability_is_named (Fixture *fixture, gconstpointer data)
{
  IvdRegion *region = attach (fixture, "r");
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (ivd_region_join (region, NULL, &error), ==, -1);
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED);
  g_assert_nonnull (strstr (error->message, "'join'"));
  detach (fixture, region);
}

static void
test_peer_that_grows (Fixture *fixture, gconstpointer data)
{
  IvdRegion *region = attach (fixture, "r");
  IvdCredentials who = { 42, 1000, 1000, "/usr/bin/x" };

  ivd_registry_peer_connected (fixture->registry, region, 1, 1, &who);
  ivd_registry_peer_connected (fixture->registry, region, 1, 1, &who);
  ivd_registry_peer_connected (fixture->registry, region, 1, 4, NULL);
  g_assert_cmpuint (ivd_region_get_peer (region, 1)->vectors, ==, 4);
  g_assert_cmpstr (ivd_region_get_peer (region, 1)->credentials.executable, ==, "/usr/bin/x");
  g_assert_cmpstr (fixture->events->str, ==, "region-attached peer-connected:1 peer-connected:1 ");
  g_assert_cmpuint (ivd_statistics_get (ivd_region_get_statistics (region), IVD_STAT_PEERS_CONNECTED), ==, 1);
  detach (fixture, region);
}

static void
on_emptied (gpointer data)
{
  *(guint *) data += 1;
}

static void
test_remove_all_waits_for_the_last (Fixture *fixture, gconstpointer data)
{
  IvdRegion *going = attach (fixture, "going");
  guint emptied = 0;

  attach (fixture, "here");
  ivd_registry_create (fixture->registry, "coming", "fake", g_variant_new ("a{sv}", NULL), &fake_ops, &fixture->fake,
                       NULL);
  fixture->fake.slow_detach = TRUE;
  detach (fixture, going);
  fixture->fake.slow_detach = FALSE;
  ivd_registry_remove_all (fixture->registry, TRUE, on_emptied, &emptied);
  g_assert_cmpuint (ivd_registry_count (fixture->registry), ==, 1);
  g_assert_cmpuint (emptied, ==, 0);
  fixture->fake.detached (fixture->fake.detached_data);
  g_assert_cmpuint (emptied, ==, 1);
  ivd_registry_remove_all (fixture->registry, TRUE, on_emptied, &emptied);
  g_assert_cmpuint (emptied, ==, 2);
}

static void
test_limit_of_regions (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GPtrArray) regions = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < IVD_LIMIT_REGIONS; i++)
    {
      g_autofree char *name = g_strdup_printf ("r%u", i);

      g_ptr_array_add (regions, ivd_registry_create (fixture->registry, name, "fake", g_variant_new ("a{sv}", NULL),
                                                     &fake_ops, &fixture->fake, &error));
      g_assert_no_error (error);
    }
  g_assert_null (ivd_registry_create (fixture->registry, "more", "fake", g_variant_new ("a{sv}", NULL), &fake_ops,
                                      &fixture->fake, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_LIMIT);
  for (guint i = 0; i < regions->len; i++)
    detach (fixture, g_ptr_array_index (regions, i));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/ivd/registry/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("options-come-to-something", test_options_come_to_something);
  ADD ("nobody-sees-a-region-before-it-is-published", test_nobody_sees_a_region_before_it_is_published);
  ADD ("name-is-taken-once", test_name_is_taken_once);
  ADD ("name-is-free-when-the-backend-has-gone", test_name_is_free_when_the_backend_has_gone);
  ADD ("events-have-no-gaps", test_events_have_no_gaps);
  ADD ("lost-region-forgets-peers-and-says-so", test_lost_region_forgets_peers_and_says_so);
  ADD ("closed-region-keeps-its-users-safe", test_closed_region_keeps_its_users_safe);
  ADD ("a6-5-ring", test_ring);
  ADD ("missing-capability-is-named", test_missing_capability_is_named);
  ADD ("peer-that-grows", test_peer_that_grows);
  ADD ("remove-all-waits-for-the-last", test_remove_all_waits_for_the_last);
  ADD ("limit-of-regions", test_limit_of_regions);
#undef ADD
  return g_test_run ();
}
