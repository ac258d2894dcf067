/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* A plugin that behaves: what it reports becomes the model, and back. */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "ivt-backend.h"
#include "memory/ivd-memory.h"
#include "platform/ivd-eventfd.h"

static void
assert_events (IvtBackend *f, const char *expected)
{
  g_assert_cmpstr (f->events->str, ==, expected);
  g_string_truncate (f->events, 0);
}

static void
test_attach (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", "ready");
  g_autoptr (GError) error = NULL;
  g_autofree char *options = g_variant_print (ivd_region_get_options (region), FALSE);
  char buffer[4] = "";

  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_READY);
  g_assert_cmpstr (ivd_region_get_plugin (region), ==, "fake");
  g_assert_cmpstr (options, ==, "{'script': <'ready'>}");
  g_assert_cmpuint (ivd_region_get_size (region), ==, 65536);
  g_assert_cmpuint (ivd_region_get_generation (region), ==, 1);
  g_assert_cmpint (ivd_region_get_own_id (region), ==, -1);
  g_assert_cmpuint (ivd_region_get_capabilities (region), ==, IVD_CAP_READ | IVD_CAP_WRITE);
  g_assert_true (ivd_registry_find (f->registry, "one", NULL) == region);
  assert_events (f, "region-attached; ");
  {
    g_autoptr (IvdMapping) mapping = ivd_region_ref_mapping (region, &error);

    g_assert_no_error (error);
    g_assert_true (ivd_memory_write (mapping, 100, "abc", 3, NULL));
    g_assert_true (ivd_memory_read (mapping, 100, buffer, 3, NULL));
    g_assert_cmpstr (buffer, ==, "abc");
  }
  ivt_backend_detach (f, region);
  g_assert_cmpuint (f->control->counters.detached, ==, 1);
  g_assert_cmpuint (f->control->counters.kept, ==, 0);
  g_assert_cmpuint (f->control->counters.destroyed, ==, 1);
  g_assert_cmpuint (ivd_plugin_host_count (f->host), ==, 0);
  assert_events (f, "region-detached; ");
}

static void
assert_attach_fails (IvtBackend *f, const char *script, gint code, const char *text)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (ivt_backend_attach (f, "failing", script, &error));
  g_assert_error (error, IVD_ERROR, code);
  if (strstr (error->message, text) == NULL)
    g_error ("%s: \"%s\" says nothing of \"%s\"", script, error->message, text);
  ivt_wait_until (!ivd_registry_has (f->registry, "failing") && ivd_plugin_host_count (f->host) == 0);
  g_assert_cmpuint (f->control->counters.created, ==, f->control->counters.destroyed);
  assert_events (f, "");
}

static void
test_attach_fails (IvtBackend *f, gconstpointer data)
{
  assert_attach_fails (f, "answer create -4 not for you", IVD_ERROR_DENIED, "not for you");
  assert_attach_fails (f, "answer create -2 -", IVD_ERROR_NOT_FOUND,
                       "plugin 'fake' failed in create() and did not say why (not found)");
  assert_attach_fails (f, "ready; answer create -5 after all", IVD_ERROR_BUSY, "after all");
  assert_attach_fails (f, "lost -9 the disk is full", IVD_ERROR_NO_SPACE, "the disk is full");
  assert_attach_fails (f, "ready; lost -7 at once", IVD_ERROR_IO, "at once");
  assert_attach_fails (f, "connecting; lost -7 at once", IVD_ERROR_IO, "at once");
  assert_attach_fails (f, "answer describe -7 cannot describe; ready", IVD_ERROR_IO, "cannot describe");
  assert_attach_fails (f, "answer memory -9 no memory; ready", IVD_ERROR_NO_SPACE, "no memory");
  assert_attach_fails (f, "answer memory -9 no memory; ready; lost -7 so it is lost", IVD_ERROR_NO_SPACE,
                       "no memory");
  assert_attach_fails (f, "memory 4096; say-size 8192; ready", IVD_ERROR_REGION_LOST,
                       "reported 8192 bytes of memory at offset 0, but the file has 4096");
  assert_attach_fails (f, "timer 1000 lost -8 the server is silent", IVD_ERROR_TIMEOUT,
                       "the server is silent");
}

/* However much a plugin has to say, and whatever is in it. */
static void
test_long_sentence (IvtBackend *f, gconstpointer data)
{
  g_autofree char *much = g_strnfill (2000, 'x');
  g_autofree char *script = g_strconcat ("lost -7 ", much, NULL);
  g_autoptr (GError) error = NULL;
  IvdRegion *region;

  g_assert_null (ivt_backend_attach (f, "long", script, &error));
  g_assert_cmpuint (strlen (error->message), ==, IVD_LIMIT_PLUGIN_MESSAGE_BYTES);
  region = ivt_backend_attach_or_die (f, "odd", "ready");
  ivt_backend_run (f, "odd", "lost -7 a\x1b[0m\xff");
  g_assert_cmpstr (ivd_region_get_reason (region), ==, "a\\x1b[0m\357\277\275");
}

static void
test_attach_later (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "late", "timer 20000 ready");

  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_READY);
  region = ivt_backend_attach_or_die (f, "pending", "answer create 1 -; timer 2000 ready");
  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_READY);
  region = ivt_backend_attach_or_die (f, "connecting", "connecting");
  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_CONNECTING);
  g_assert_cmpuint (ivd_region_get_generation (region), ==, 0);
  ivt_backend_run (f, "connecting", "ready");
  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_READY);
  g_assert_cmpuint (ivd_region_get_generation (region), ==, 1);
}

static void
test_attach_times_out (IvtBackend *f, gconstpointer data)
{
  gint64 begin = g_get_monotonic_time (), usec;

  assert_attach_fails (f, "log I will never be ready", IVD_ERROR_TIMEOUT,
                       "has not opened the region within 5 s");
  usec = g_get_monotonic_time () - begin;
  g_assert_cmpint (usec, >=, IVD_LIMIT_ATTACH_USEC);
  g_assert_cmpint (usec, <, IVD_LIMIT_ATTACH_USEC + 3 * G_USEC_PER_SEC);
}

static void
on_cancelled_attach (GObject *source, GAsyncResult *result, gpointer data)
{
  GError **error = data;

  g_assert_null (ivd_backend_attach_finish (result, error));
}

static void
test_attach_cancelled (IvtBackend *f, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GVariant) given
      = g_variant_ref_sink (g_variant_new_parsed ("{'script': <'timer 9000000 ready'>}"));
  g_autoptr (IvdOptions) options = ivd_options_new (ivd_plugin_get_table (f->fake), given, NULL, NULL, NULL);
  g_autoptr (GError) error = NULL;

  ivd_backend_attach (f->host, f->fake, "stopped", options, cancellable, on_cancelled_attach, &error);
  ivt_backend_iterate ();
  g_assert_true (ivd_registry_has (f->registry, "stopped"));
  g_cancellable_cancel (cancellable);
  ivt_wait_until (error != NULL);
  g_assert_error (error, IVD_ERROR, IVD_ERROR_CLOSED);
  g_assert_false (ivd_registry_has (f->registry, "stopped"));
}

static void
on_emptied (gpointer data)
{
  *(gboolean *) data = TRUE;
}

/* The daemon stops while a region is being attached. */
static void
test_taken_away_while_attaching (IvtBackend *f, gconstpointer data)
{
  g_autoptr (GVariant) given = g_variant_ref_sink (g_variant_new_parsed ("{'script': <'timer 1000 ready'>}"));
  g_autoptr (IvdOptions) options = ivd_options_new (ivd_plugin_get_table (f->fake), given, NULL, NULL, NULL);
  g_autoptr (GError) error = NULL;
  gboolean emptied = FALSE;

  ivd_backend_attach (f->host, f->fake, "early", options, NULL, on_cancelled_attach, &error);
  ivd_registry_remove_all (f->registry, TRUE, on_emptied, &emptied);
  ivt_wait_until (emptied && error != NULL);
  g_assert_error (error, IVD_ERROR, IVD_ERROR_CLOSED);
  g_assert_cmpuint (f->control->counters.kept, ==, 1);
  g_assert_cmpuint (ivd_plugin_host_count (f->host), ==, 0);
  ivt_backend_iterate ();
}

static void
test_resolved (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", "resolved room 16M; ready");
  g_autofree char *options = g_variant_print (ivd_region_get_options (region), FALSE);

  g_assert_nonnull (strstr (options, "'room': <uint64 16777216>"));
}

/* A ready region says why it lacks what its kind has. */
static void
test_limited (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region
      = ivt_backend_attach_or_die (f, "one", "capabilities 0x3; own-id -1; ready; limited no IOMMU");
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_READY);
  g_assert_nonnull (strstr (ivd_region_get_reason (region), "IOMMU"));
  g_assert_false (ivd_region_check_capability (region, IVD_CAP_RECEIVE, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED);
  g_assert_nonnull (strstr (error->message, "'receive'"));
  g_assert_nonnull (strstr (error->message, "IOMMU"));
  ivt_backend_run (f, "one", "limited two");
  g_assert_cmpstr (ivd_region_get_reason (region), ==, "two");
  ivt_backend_run (f, "one", "ready");
  g_assert_null (ivd_region_get_reason (region));
}

static void
test_same_name_twice (IvtBackend *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  ivt_backend_attach_or_die (f, "one", "ready");
  g_assert_null (ivt_backend_attach (f, "one", "ready", &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_EXISTS);
  g_assert_cmpuint (f->control->counters.created, ==, 1);
}

static void
test_peers (IvtBackend *f, gconstpointer data)
{
  g_autofree char *command = g_strdup_printf ("peer-pid 7 2 %d", (gint) getpid ());
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", "capabilities 0xc3; own-id 1; ready");
  const IvdPeer *peer;

  g_assert_cmpint (ivd_region_get_own_id (region), ==, 1);
  g_string_truncate (f->events, 0);
  ivt_backend_run (f, "one", "peer 5 1; peer 5 3; peer 0 0; gone 0");
  ivt_backend_run (f, "one", command);
  assert_events (f, "peer-connected 5 1; peer-connected 5 3; peer-connected 0 0; peer-disconnected 0; "
                    "peer-connected 7 2; ");
  g_assert_cmpuint (ivd_region_get_peer_count (region), ==, 2);
  peer = ivd_region_get_peer (region, 7);
  g_assert_cmpint (peer->credentials.uid, ==, getuid ());
  g_assert_cmpint (peer->credentials.pid, ==, getpid ());
  g_assert_true (g_str_has_suffix (peer->credentials.executable, "test-backend"));
  g_assert_cmpint (ivd_region_get_peer (region, 5)->credentials.uid, ==, -1);
}

static void
test_lost_and_anew (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", "capabilities 0x83; ready; peer 5 1");
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdMapping) old = ivd_region_ref_mapping (region, NULL);

  g_string_truncate (f->events, 0);
  ivt_backend_run (f, "one", "lost -11 the server has gone");
  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_LOST);
  g_assert_cmpstr (ivd_region_get_reason (region), ==, "the server has gone");
  g_assert_cmpuint (ivd_region_get_peer_count (region), ==, 0);
  g_assert_false (ivd_mapping_check (old, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_REGION_LOST);
  ivt_backend_run (f, "one", "connecting; memory 8192; ready; peer 5 1");
  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_READY);
  g_assert_cmpuint (ivd_region_get_generation (region), ==, 2);
  g_assert_cmpuint (ivd_region_get_size (region), ==, 8192);
  assert_events (f, "peer-disconnected 5; state-changed lost; state-changed connecting; state-changed ready; "
                    "peer-connected 5 1; ");
  /* Anew without having been lost: another generation, and the peers stay. */
  ivt_backend_run (f, "one", "memory 4096; ready");
  g_assert_cmpuint (ivd_region_get_generation (region), ==, 3);
  g_assert_cmpuint (ivd_region_get_peer_count (region), ==, 1);
}

static void
test_lost_and_back (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", "ready");
  g_autoptr (IvdMapping) mapping = ivd_region_ref_mapping (region, NULL);
  char byte = 'x';

  g_assert_true (ivd_memory_write (mapping, 9, &byte, 1, NULL));
  g_clear_pointer (&mapping, ivd_mapping_unref);
  ivt_backend_run (f, "one", "lost -11 -");
  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_LOST);
  ivt_backend_run (f, "one", "back");
  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_READY);
  g_assert_cmpuint (ivd_region_get_generation (region), ==, 1);
  mapping = ivd_region_ref_mapping (region, NULL);
  byte = 0;
  g_assert_true (ivd_memory_read (mapping, 9, &byte, 1, NULL));
  g_assert_cmpint (byte, ==, 'x');
}

/* Nobody told us: it is found when the bytes are touched. The plugin goes on
 * with its peers, and they are there again with the next memory. */
static void
test_truncated (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", "capabilities 0x83; ready; peer 5 1; peer 6 1");
  g_autoptr (IvdMapping) mapping = ivd_region_ref_mapping (region, NULL);
  g_autoptr (GError) error = NULL;
  char byte;

  ivt_backend_run (f, "one", "truncate 0");
  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_READY);
  g_assert_false (ivd_memory_read (mapping, 5000, &byte, 1, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_REGION_LOST);
  ivt_wait_until (ivd_region_get_state (region) == IVD_REGION_LOST);
  g_assert_nonnull (strstr (ivd_region_get_reason (region), "truncated"));
  ivt_backend_run (f, "one", "gone 6; peer 7 1; interrupt 0 1");
  g_assert_cmpuint (ivd_region_get_peer_count (region), ==, 0);
  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_LOST);
  ivt_backend_run (f, "one", "memory 4096; ready");
  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_READY);
  g_assert_nonnull (ivd_region_get_peer (region, 5));
  g_assert_nonnull (ivd_region_get_peer (region, 7));
  g_assert_cmpuint (ivd_region_get_peer_count (region), ==, 2);
}

static void
test_ring (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", "capabilities 0x93; ready; peer 5 2");
  g_autoptr (GError) error = NULL;
  guint sent;

  g_assert_true (ivd_region_ring (region, 5, 1, &sent, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (f->control->counters.last_peer, ==, 5);
  g_assert_cmpuint (f->control->counters.last_vector, ==, 1);
  ivt_backend_run (f, "one", "answer ring -5 it is full");
  g_assert_false (ivd_region_ring (region, 5, 1, &sent, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_BUSY);
  g_assert_cmpstr (error->message, ==, "it is full");
  g_clear_error (&error);
  g_assert_true (ivd_region_kick (region, 5, &error));
  g_assert_cmpuint (f->control->counters.last_kick, ==, 5);
  g_assert_cmpuint (ivd_region_get_peer_count (region), ==, 0);
}

static void
test_join (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", "capabilities 0x803; ready");
  IvdCredentials who = { 1, 4711, 12, "/bin/x" };
  g_autoptr (GError) error = NULL;
  int fd = ivd_region_join (region, &who, &error);

  g_assert_no_error (error);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
  g_assert_cmpint (f->control->counters.join_uid, ==, 4711);
  close (fd);
  ivt_backend_run (f, "one", "answer join -10 too many");
  g_assert_cmpint (ivd_region_join (region, &who, &error), ==, -1);
  g_assert_error (error, IVD_ERROR, IVD_ERROR_LIMIT);
}

/* An eventfd of the plugin's, copied; one that is none is a lie. A module that
 * knows no peers is believed in what can be rung. */
static void
test_doorbell (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", "capabilities 0x73; own-id 1; vectors 2; handles 2; ready");
  g_autoptr (GError) error = NULL;
  int fd = ivd_region_open_doorbell (region, 7, 1, &error);

  g_assert_no_error (error);
  g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
  g_assert_cmpuint (f->control->counters.last_peer, ==, 7);
  close (fd);
  g_assert_cmpint (ivd_region_open_doorbell (region, 1, 2, &error), ==, -1);
  g_assert_error (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE);
  g_clear_error (&error);
  g_assert_cmpint (ivd_region_open_doorbell (region, IVD_LIMIT_PEER_ID + 1, 0, &error), ==, -1);
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND);
  g_clear_error (&error);
  ivt_backend_run (f, "one", "answer vector -6 no descriptors here");
  g_assert_cmpint (ivd_region_open_doorbell (region, 7, 1, &error), ==, -1);
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED);
  g_clear_error (&error);
  ivt_backend_run (f, "one", "answer vector 0; bad-handle pipe");
  g_assert_cmpint (ivd_region_open_doorbell (region, 7, 1, &error), ==, -1);
  g_assert_error (error, IVD_ERROR, IVD_ERROR_REGION_LOST);
  g_assert_nonnull (strstr (error->message, "no eventfd"));
}

static void
test_capabilities (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", "capabilities 0x247; own-id -1; ready");
  guint atomic = IVD_CAP_ATOMIC | (ivd_memory_has_atomic16 () ? IVD_CAP_ATOMIC16 : 0);
  g_autoptr (IvdMapping) mapping = NULL;
  g_autoptr (GError) error = NULL;
  guint64 offset;

  /* What is claimed without the thing behind it is not there. */
  g_assert_cmpuint (ivd_region_get_capabilities (region), ==,
                    IVD_CAP_READ | IVD_CAP_WRITE | IVD_CAP_MEMORY_FD | atomic);
  ivt_backend_run (f, "one", "own-id 9; changed");
  g_assert_cmpint (ivd_region_get_own_id (region), ==, 9);
  g_assert_true (ivd_region_get_capabilities (region) & IVD_CAP_OWN_ID);
  ivt_backend_run (f, "one", "say-flags 9; ready");
  g_assert_cmpuint (ivd_region_get_capabilities (region), ==, IVD_CAP_READ | IVD_CAP_OWN_ID);
  mapping = ivd_region_ref_mapping (region, NULL);
  g_assert_true (ivd_mapping_get_flags (mapping) & IVD_MAPPING_READ_ONLY);
  g_assert_false (ivd_memory_write (mapping, 0, "x", 1, &error));
  g_clear_pointer (&mapping, ivd_mapping_unref);
  ivt_backend_run (f, "one", "memory 8192; say-offset 4096; say-size 4096; ready");
  mapping = ivd_region_ref_mapping (region, NULL);
  g_assert_cmpuint (ivd_mapping_get_size (mapping), ==, 4096);
  close (ivd_mapping_open (mapping, TRUE, &offset, NULL));
  g_assert_cmpuint (offset, ==, 4096);
}

/* Memory that only the plugin can unmap: it lives until the last user is gone,
 * on whatever thread that happens. */
static gpointer
use_and_drop (gpointer data)
{
  IvdMapping *mapping = data;

  ivd_mapping_unref (mapping);
  return NULL;
}

static void
test_address (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", "capabilities 0x203; address; ready");
  IvdMapping *mapping = ivd_region_ref_mapping (region, NULL);
  char byte = 'x';

  g_assert_cmpuint (ivd_region_get_capabilities (region), ==, IVD_CAP_READ | IVD_CAP_WRITE);
  g_assert_true (ivd_memory_write (mapping, 65535, &byte, 1, NULL));
  ivt_backend_detach (f, region);
  ivt_backend_iterate ();
  g_assert_cmpuint (f->control->counters.detached, ==, 1);
  g_assert_cmpuint (f->control->counters.destroyed, ==, 0);
  g_assert_cmpuint (ivd_plugin_host_count (f->host), ==, 1);
  g_thread_join (g_thread_new ("user", use_and_drop, mapping));
  ivt_wait_until (f->control->counters.destroyed == 1);
  g_assert_cmpuint (ivd_plugin_host_count (f->host), ==, 0);
}

/* The daemon's own mapping of a handle counts, too: a device cannot be given
 * back while its memory is mapped. */
static void
test_handle_keeps_instance (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", "ready");
  IvdMapping *mapping = ivd_region_ref_mapping (region, NULL);

  ivt_backend_detach (f, region);
  g_assert_cmpuint (f->control->counters.destroyed, ==, 0);
  g_assert_false (ivd_mapping_check (mapping, NULL));
  ivd_mapping_unref (mapping);
  g_assert_cmpuint (f->control->counters.destroyed, ==, 1);
}

static void
test_detach_later (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", "detach-later; ready; watch; timer 1000 feed");

  ivd_registry_remove (f->registry, region, TRUE, NULL, NULL);
  ivt_backend_iterate ();
  g_assert_cmpuint (f->control->counters.detached, ==, 1);
  g_assert_cmpuint (f->control->counters.kept, ==, 1);
  g_assert_true (ivd_registry_has (f->registry, "one"));
  /* Its watches and timers go on meanwhile; its reports are not heard. */
  ivt_wait_until (f->control->counters.watch_calls == 1);
  ivt_backend_run (f, "one", "ready; lost -1 x; peer 70000 1");
  ivt_backend_run (f, "one", "detached");
  g_assert_false (ivd_registry_has (f->registry, "one"));
  g_assert_cmpuint (f->control->counters.destroyed, ==, 1);
}

static void
test_detach_answered_inside (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "one", "detach-later; in detach detached; ready");

  ivt_backend_detach (f, region);
  g_assert_cmpuint (f->control->counters.destroyed, ==, 1);
  region = ivt_backend_attach_or_die (f, "two", "answer detach -7 oh no; ready");
  ivt_backend_detach (f, region);
  g_assert_cmpuint (f->control->counters.destroyed, ==, 2);
}

#define ADD(name, func) \
  g_test_add ("/ivd/backend/" name, IvtBackend, NULL, ivt_backend_set_up, func, ivt_backend_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("attach", test_attach);
  ADD ("attach-fails", test_attach_fails);
  ADD ("long-sentence", test_long_sentence);
  ADD ("attach-later", test_attach_later);
  ADD ("attach-times-out", test_attach_times_out);
  ADD ("attach-cancelled", test_attach_cancelled);
  ADD ("taken-away-while-attaching", test_taken_away_while_attaching);
  ADD ("resolved", test_resolved);
  ADD ("limited", test_limited);
  ADD ("same-name-twice", test_same_name_twice);
  ADD ("peers", test_peers);
  ADD ("lost-and-anew", test_lost_and_anew);
  ADD ("lost-and-back", test_lost_and_back);
  ADD ("truncated", test_truncated);
  ADD ("ring", test_ring);
  ADD ("join", test_join);
  ADD ("doorbell", test_doorbell);
  ADD ("capabilities", test_capabilities);
  ADD ("address", test_address);
  ADD ("handle-keeps-instance", test_handle_keeps_instance);
  ADD ("detach-later", test_detach_later);
  ADD ("detach-answered-inside", test_detach_answered_inside);
  return g_test_run ();
}
