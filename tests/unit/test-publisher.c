/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "lib/ivt-shared.h"
#include "model/ivd-publisher.h"

#define SIZE 4096
#define MANY_PEERS 1000
/* What 1,000 joins may cost all together: 20 ms were measured, 100 ms under a
 * sanitizer; a slow machine has room. */
#define MANY_PEERS_USEC (2 * G_USEC_PER_SEC)

typedef struct
{
  IvdRegistry *registry;
  IvdPublisher *publisher;
  guint listener;
  guint told;
  guint64 told_serial;
} Fixture;

static const IvdRegionBackend no_backend = { 0 };

static void
on_published (const IvdSnapshot *snapshot, gpointer data)
{
  Fixture *fixture = data;

  fixture->told++;
  g_assert_cmpuint (snapshot->serial, >=, fixture->told_serial);
  fixture->told_serial = snapshot->serial;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->registry = ivd_registry_new (ivd_serial_new (NULL, NULL));
  fixture->publisher = ivd_publisher_new (fixture->registry);
  fixture->listener = ivd_publisher_add_listener (fixture->publisher, on_published, fixture);
}

static void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  ivd_publisher_free (fixture->publisher);
  ivd_registry_remove_all (fixture->registry, FALSE, NULL, NULL);
  g_assert_finalize_object (fixture->registry);
}

static IvdRegion *
attach (Fixture *fixture, const char *name)
{
  g_autoptr (IvdMapping) mapping = ivt_shared_mapping (SIZE, 0, NULL);
  g_autoptr (GError) error = NULL;
  GVariant *options = g_variant_new_parsed ("{'size': <'4K'>}");
  IvdRegion *region = ivd_registry_create (fixture->registry, name, "fake", options, &no_backend, fixture, &error);

  g_assert_no_error (error);
  ivd_registry_set_own (fixture->registry, region, 255, 2, IVD_CAP_READ | IVD_CAP_PEERS);
  ivd_registry_set_memory (fixture->registry, region, mapping, TRUE);
  ivd_registry_publish (fixture->registry, region);
  return region;
}

static void
detach (Fixture *fixture, IvdRegion *region)
{
  ivd_registry_remove (fixture->registry, region, FALSE, NULL, NULL);
}

static IvdSnapshot *
current (Fixture *fixture)
{
  return ivd_publisher_ref_snapshot (fixture->publisher);
}

static void
test_begins_with_what_is_there (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdPublisher) late = NULL;
  g_autoptr (IvdSnapshot) snapshot = NULL;

  attach (fixture, "b");
  attach (fixture, "a");
  late = ivd_publisher_new (fixture->registry);
  snapshot = ivd_publisher_ref_snapshot (late);
  g_assert_cmpuint (snapshot->serial, ==, 2);
  g_assert_cmpuint (snapshot->regions->len, ==, 2);
  g_assert_cmpstr (((const IvdRegionView *) snapshot->regions->pdata[0])->name, ==, "a");
  g_assert_nonnull (ivd_snapshot_find (snapshot, "b"));
  g_assert_null (ivd_snapshot_find (snapshot, "c"));
}

static void
test_view_says_what_the_region_says (Fixture *fixture, gconstpointer data)
{
  IvdRegion *region = attach (fixture, "r");
  IvdCredentials who = { 42, 1000, 100, "/usr/bin/qemu" };
  g_autoptr (IvdMapping) mapping = NULL;
  g_autoptr (IvdSnapshot) snapshot = NULL;
  const IvdRegionView *view;

  ivd_registry_peer_connected (fixture->registry, region, 7, 3, NULL);
  ivd_registry_peer_connected (fixture->registry, region, 1, 2, &who);
  ivd_registry_interrupt (fixture->registry, region, 1, 5);
  settle ();
  snapshot = current (fixture);
  view = ivd_snapshot_find (snapshot, "r");
  g_assert_cmpstr (view->plugin, ==, "fake");
  g_assert_true (g_variant_equal (view->options, ivd_region_get_options (region)));
  g_assert_cmpint (view->state, ==, IVD_REGION_READY);
  g_assert_null (view->reason);
  g_assert_cmpuint (view->size, ==, SIZE);
  g_assert_cmpuint (view->capabilities, ==, IVD_CAP_READ | IVD_CAP_PEERS);
  g_assert_cmpint (view->own_id, ==, 255);
  g_assert_cmpuint (view->vectors, ==, 2);
  g_assert_cmpuint (view->generation, ==, 1);
  g_assert_cmpuint (view->peer_count, ==, 2);
  g_assert_cmpuint (((const IvdPeer *) view->peers->pdata[0])->id, ==, 1);
  g_assert_cmpstr (ivd_region_view_find_peer (view, 1)->credentials.executable, ==, "/usr/bin/qemu");
  g_assert_cmpuint (ivd_region_view_find_peer (view, 7)->vectors, ==, 3);
  g_assert_null (ivd_region_view_find_peer (view, 2));
  g_assert_cmpuint (ivd_region_view_get_vector_count (view, 1), ==, 5);
  g_assert_cmpuint (ivd_region_view_get_vector_count (view, 2), ==, 0);
  mapping = ivd_region_view_ref_mapping (view, NULL);
  g_assert_cmpuint (ivd_mapping_get_size (mapping), ==, SIZE);
}

static void
test_one_publication_an_iteration (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdSnapshot) before = NULL;
  g_autoptr (IvdSnapshot) after = NULL;
  IvdRegion *region;

  attach (fixture, "a");
  region = attach (fixture, "b");
  g_assert_cmpuint (fixture->told, ==, 0);
  settle ();
  g_assert_cmpuint (fixture->told, ==, 1);
  before = current (fixture);
  for (guint id = 0; id < 10; id++)
    ivd_registry_peer_connected (fixture->registry, region, id, 1, NULL);
  g_assert_true (g_main_context_iteration (NULL, FALSE));
  g_assert_cmpuint (fixture->told, ==, 2);
  after = current (fixture);
  g_assert_cmpuint (after->serial, ==, before->serial + 10);
  g_assert_true (ivd_snapshot_find (after, "a") == ivd_snapshot_find (before, "a"));
  g_assert_true (ivd_snapshot_find (after, "b") != ivd_snapshot_find (before, "b"));
  g_assert_cmpuint (ivd_snapshot_find (before, "b")->peer_count, ==, 0);
  g_assert_cmpuint (ivd_snapshot_find (after, "b")->peer_count, ==, 10);
  /* And when nothing happens, nothing happens. */
  g_assert_false (g_main_context_iteration (NULL, FALSE));
  g_assert_cmpuint (fixture->told, ==, 2);
}

static void
test_interrupt_moves_the_serial_only (Fixture *fixture, gconstpointer data)
{
  IvdRegion *region = attach (fixture, "r");
  g_autoptr (IvdSnapshot) before = NULL;
  g_autoptr (IvdSnapshot) after = NULL;

  settle ();
  before = current (fixture);
  ivd_registry_interrupt (fixture->registry, region, 0, 3);
  settle ();
  after = current (fixture);
  g_assert_cmpuint (fixture->told, ==, 2);
  g_assert_cmpuint (after->serial, ==, ivd_event_log_last (ivd_registry_get_log (fixture->registry)));
  g_assert_cmpuint (after->serial, ==, before->serial + 1);
  g_assert_true (after->regions == before->regions);
}

static void
test_flush_publishes_at_once (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdSnapshot) snapshot = NULL;

  ivd_publisher_flush (fixture->publisher);
  g_assert_cmpuint (fixture->told, ==, 0);
  attach (fixture, "r");
  ivd_publisher_flush (fixture->publisher);
  g_assert_cmpuint (fixture->told, ==, 1);
  snapshot = current (fixture);
  g_assert_nonnull (ivd_snapshot_find (snapshot, "r"));
  settle ();
  g_assert_cmpuint (fixture->told, ==, 1);
}

static void
test_changes_of_an_unseen_region_are_nobodys_business (Fixture *fixture, gconstpointer data)
{
  IvdRegion *region = ivd_registry_create (fixture->registry, "r", "fake", g_variant_new ("a{sv}", NULL), &no_backend,
                                           fixture, NULL);

  ivd_registry_set_own (fixture->registry, region, 1, 1, IVD_CAP_READ);
  settle ();
  g_assert_cmpuint (fixture->told, ==, 0);
}

static void
test_same_name_again (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdSnapshot) before = NULL;
  g_autoptr (IvdSnapshot) after = NULL;
  g_autoptr (IvdSnapshot) none = NULL;
  IvdRegion *again;

  ivd_registry_peer_connected (fixture->registry, attach (fixture, "r"), 1, 1, NULL);
  settle ();
  before = current (fixture);
  detach (fixture, ivd_registry_find (fixture->registry, "r", NULL));
  again = attach (fixture, "r");
  settle ();
  after = current (fixture);
  g_assert_cmpuint (after->regions->len, ==, 1);
  g_assert_cmpuint (ivd_snapshot_find (after, "r")->peer_count, ==, 0);
  g_assert_true (ivd_snapshot_find (after, "r")->statistics != ivd_snapshot_find (before, "r")->statistics);
  detach (fixture, again);
  settle ();
  none = current (fixture);
  g_assert_cmpuint (none->regions->len, ==, 0);
}

static void
test_view_outlives_its_region (Fixture *fixture, gconstpointer data)
{
  IvdRegion *region = attach (fixture, "r");
  g_autoptr (IvdSnapshot) snapshot = NULL;
  g_autoptr (IvdMapping) mapping = NULL;
  g_autoptr (GError) error = NULL;
  const IvdRegionView *view;

  settle ();
  snapshot = current (fixture);
  view = ivd_snapshot_find (snapshot, "r");
  ivd_statistics_add (ivd_region_get_statistics (region), IVD_STAT_READ_BYTES, 9);
  ivd_registry_interrupt (fixture->registry, region, 0, 4);
  detach (fixture, region);
  settle ();
  g_assert_cmpuint (ivd_statistics_get (view->statistics, IVD_STAT_READ_BYTES), ==, 9);
  g_assert_cmpuint (ivd_region_view_get_vector_count (view, 0), ==, 4);
  /* It looked ready then; the mapping itself knows better. */
  mapping = ivd_region_view_ref_mapping (view, &error);
  g_assert_no_error (error);
  g_assert_false (ivd_mapping_check (mapping, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_CLOSED);
}

/* Whatever a region refuses its view refuses in the same words. */
static void
assert_same_refusals (Fixture *fixture, IvdRegion *region)
{
  GError *errors[6] = { NULL };
  g_autoptr (IvdRegionView) view = ivd_region_view_new (region);

  g_assert_null (ivd_region_ref_mapping (region, &errors[0]));
  g_assert_null (ivd_region_view_ref_mapping (view, &errors[1]));
  g_assert_false (ivd_region_check_ready (region, &errors[2]));
  g_assert_false (ivd_region_view_check_ready (view, &errors[3]));
  g_assert_false (ivd_region_check_capability (region, IVD_CAP_JOIN, &errors[4]));
  g_assert_false (ivd_region_view_check_capability (view, IVD_CAP_JOIN, &errors[5]));
  for (guint i = 0; i < G_N_ELEMENTS (errors); i += 2)
    {
      g_assert_error (errors[i + 1], IVD_ERROR, errors[i]->code);
      g_assert_cmpstr (errors[i + 1]->message, ==, errors[i]->message);
    }
  for (guint i = 0; i < G_N_ELEMENTS (errors); i++)
    g_clear_error (&errors[i]);
}

static void
test_view_refuses_as_its_region (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdRegion) region = g_object_ref (attach (fixture, "r"));

  ivd_registry_set_connecting (fixture->registry, region);
  assert_same_refusals (fixture, region);
  ivd_registry_set_lost (fixture->registry, region, "the server has hung up");
  assert_same_refusals (fixture, region);
  detach (fixture, region);
  assert_same_refusals (fixture, region);
}

static void
flush_at_event (IvdRegistry *registry, const IvdEvent *event, IvdRegion *region, gpointer data)
{
  Fixture *fixture = data;
  g_autoptr (IvdSnapshot) snapshot = NULL;
  const IvdRegionView *view;

  ivd_publisher_flush (fixture->publisher);
  snapshot = current (fixture);
  g_assert_cmpuint (snapshot->serial, ==, event->serial);
  view = ivd_snapshot_find (snapshot, "r");
  if (event->type == IVD_EVENT_REGION_DETACHED)
    {
      g_assert_null (view);
      return;
    }
  g_assert_nonnull (view);
  if (event->type == IVD_EVENT_PEER_CONNECTED)
    g_assert_nonnull (ivd_region_view_find_peer (view, event->peer));
  if (event->type == IVD_EVENT_PEER_DISCONNECTED)
    g_assert_null (ivd_region_view_find_peer (view, event->peer));
  if (event->type == IVD_EVENT_STATE_CHANGED)
    g_assert_cmpstr (ivd_region_state_name (view->state), ==, event->text);
}

/* An event whose serial is covered can be looked up. */
static void
test_flush_from_within_an_event (Fixture *fixture, gconstpointer data)
{
  IvdRegion *region;

  g_signal_connect (fixture->registry, "event", G_CALLBACK (flush_at_event), fixture);
  region = attach (fixture, "r");
  ivd_registry_peer_connected (fixture->registry, region, 1, 1, NULL);
  ivd_registry_peer_connected (fixture->registry, region, 2, 1, NULL);
  ivd_registry_peer_disconnected (fixture->registry, region, 1);
  ivd_registry_interrupt (fixture->registry, region, 0, 1);
  ivd_registry_set_lost (fixture->registry, region, "gone");
  detach (fixture, region);
  settle ();
  g_signal_handlers_disconnect_by_data (fixture->registry, fixture);
  g_assert_cmpuint (fixture->told_serial, ==, 8);
}

/* --- listeners that meddle --- */

static void
remove_both (const IvdSnapshot *snapshot, gpointer data)
{
  Fixture *fixture = data;

  ivd_publisher_remove_listener (fixture->publisher, fixture->listener);
  fixture->listener = 0;
}

static void
test_listener_removed_while_told (Fixture *fixture, gconstpointer data)
{
  guint own;

  ivd_publisher_remove_listener (fixture->publisher, fixture->listener);
  own = ivd_publisher_add_listener (fixture->publisher, remove_both, fixture);
  fixture->listener = ivd_publisher_add_listener (fixture->publisher, on_published, fixture);
  attach (fixture, "r");
  settle ();
  g_assert_cmpuint (fixture->told, ==, 0);
  ivd_publisher_remove_listener (fixture->publisher, own);
  fixture->listener = ivd_publisher_add_listener (fixture->publisher, on_published, fixture);
  attach (fixture, "s");
  settle ();
  g_assert_cmpuint (fixture->told, ==, 1);
}

static void
change_once (const IvdSnapshot *snapshot, gpointer data)
{
  Fixture *fixture = data;

  if (ivd_snapshot_find (snapshot, "more") != NULL)
    return;
  attach (fixture, "more");
  ivd_publisher_flush (fixture->publisher);
}

/* Nobody hears of the older snapshot after the newer one. */
static void
test_listener_that_flushes (Fixture *fixture, gconstpointer data)
{
  ivd_publisher_remove_listener (fixture->publisher, fixture->listener);
  ivd_publisher_add_listener (fixture->publisher, change_once, fixture);
  fixture->listener = ivd_publisher_add_listener (fixture->publisher, on_published, fixture);
  attach (fixture, "r");
  settle ();
  g_assert_cmpuint (fixture->told, ==, 1);
  g_assert_cmpuint (fixture->told_serial, ==, 2);
}

/* --- at scale --- */

static void
test_many_peers_join_one_by_one (Fixture *fixture, gconstpointer data)
{
  IvdRegion *region = attach (fixture, "r");
  g_autoptr (IvdSnapshot) snapshot = NULL;
  gint64 begin = g_get_monotonic_time (), usec;

  for (guint id = 0; id < MANY_PEERS; id++)
    {
      ivd_registry_peer_connected (fixture->registry, region, id, 1, NULL);
      ivd_publisher_flush (fixture->publisher);
    }
  usec = g_get_monotonic_time () - begin;
  snapshot = current (fixture);
  g_assert_cmpuint (ivd_snapshot_find (snapshot, "r")->peer_count, ==, MANY_PEERS);
  g_test_minimized_result ((double) usec, "%d joins, each published by itself: %" G_GINT64_FORMAT " us", MANY_PEERS,
                           usec);
  g_assert_cmpint (usec, <, MANY_PEERS_USEC);
}

static void
test_many_regions_come_and_go (Fixture *fixture, gconstpointer data)
{
  g_autoptr (IvdSnapshot) snapshot = NULL;

  for (guint i = 0; i < 1000; i++)
    {
      g_autofree char *name = g_strdup_printf ("r%03u", (i * 7) % 1000);

      attach (fixture, name);
    }
  ivd_publisher_flush (fixture->publisher);
  snapshot = current (fixture);
  g_assert_cmpuint (snapshot->regions->len, ==, 1000);
  for (guint i = 0; i < 1000; i++)
    {
      g_autofree char *name = g_strdup_printf ("r%03u", i);

      g_assert_true (ivd_snapshot_find (snapshot, name) == snapshot->regions->pdata[i]);
      if (i % 2 == 0)
        detach (fixture, ivd_registry_find (fixture->registry, name, NULL));
    }
  ivd_publisher_flush (fixture->publisher);
  g_clear_pointer (&snapshot, ivd_snapshot_unref);
  snapshot = current (fixture);
  g_assert_cmpuint (snapshot->regions->len, ==, 500);
  g_assert_null (ivd_snapshot_find (snapshot, "r000"));
  g_assert_nonnull (ivd_snapshot_find (snapshot, "r001"));
}

/* --- read by others --- */

typedef struct
{
  IvdPublisher *publisher;
  gint stop;
  guint64 looks;
} Reader;

static gpointer
read_on (gpointer data)
{
  Reader *reader = data;
  guint64 last_serial = 0, last_count = 0;

  while (!g_atomic_int_get (&reader->stop))
    {
      g_autoptr (IvdSnapshot) snapshot = ivd_publisher_ref_snapshot (reader->publisher);
      const IvdRegionView *view = ivd_snapshot_find (snapshot, "r");
      guint64 count = 0;

      g_assert_cmpuint (snapshot->serial, >=, last_serial);
      last_serial = snapshot->serial;
      g_assert_nonnull (view);
      g_assert_cmpuint (view->peers->len, ==, view->peer_count);
      for (guint i = 0; i < view->peer_count; i++)
        g_assert_cmpuint (((const IvdPeer *) view->peers->pdata[i])->vectors, ==, 1);
      for (guint vector = 0; vector < IVD_LIMIT_VECTORS; vector++)
        count += ivd_statistics_get_interrupts (view->statistics, vector);
      g_assert_cmpuint (count, >=, last_count);
      last_count = count;
      reader->looks++;
    }
  return NULL;
}

static void
test_read_from_another_thread (Fixture *fixture, gconstpointer data)
{
  IvdRegion *region = attach (fixture, "r");
  Reader reader = { .publisher = fixture->publisher };
  g_autoptr (GThread) thread = NULL;

  ivd_publisher_flush (fixture->publisher);
  thread = g_thread_new ("reader", read_on, &reader);
  for (guint vectors = 1; vectors <= IVD_LIMIT_VECTORS; vectors++)
    {
      ivd_registry_set_own (fixture->registry, region, 255, vectors, IVD_CAP_READ);
      ivd_registry_interrupt (fixture->registry, region, vectors - 1, 1);
      ivd_registry_peer_connected (fixture->registry, region, vectors % 16, 1, NULL);
      ivd_registry_peer_disconnected (fixture->registry, region, (vectors + 8) % 16);
      settle ();
    }
  g_atomic_int_set (&reader.stop, TRUE);
  g_thread_join (g_steal_pointer (&thread));
  g_assert_cmpuint (reader.looks, >, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/ivd/publisher/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("begins-with-what-is-there", test_begins_with_what_is_there);
  ADD ("view-says-what-the-region-says", test_view_says_what_the_region_says);
  ADD ("one-publication-an-iteration", test_one_publication_an_iteration);
  ADD ("interrupt-moves-the-serial-only", test_interrupt_moves_the_serial_only);
  ADD ("flush-publishes-at-once", test_flush_publishes_at_once);
  ADD ("changes-of-an-unseen-region", test_changes_of_an_unseen_region_are_nobodys_business);
  ADD ("same-name-again", test_same_name_again);
  ADD ("view-outlives-its-region", test_view_outlives_its_region);
  ADD ("view-refuses-as-its-region", test_view_refuses_as_its_region);
  ADD ("flush-from-within-an-event", test_flush_from_within_an_event);
  ADD ("listener-removed-while-told", test_listener_removed_while_told);
  ADD ("listener-that-flushes", test_listener_that_flushes);
  ADD ("many-peers-join-one-by-one", test_many_peers_join_one_by_one);
  ADD ("many-regions-come-and-go", test_many_regions_come_and_go);
  ADD ("read-from-another-thread", test_read_from_another_thread);
#undef ADD
  return g_test_run ();
}
