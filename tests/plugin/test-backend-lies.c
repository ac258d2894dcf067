/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A plugin that lies: the region is lost, or was never attached, with a
 * sentence that names the lie; the instance is gone; the daemon goes on.
 */
#include "config.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "ivt-backend.h"

typedef struct
{
  const char *script; /* what it does once it is ready */
  const char *word;   /* of the sentence */
} Lie;

static void
assert_says (const char *script, const char *text, const char *word)
{
  if (text == NULL || strstr (text, word) == NULL || strstr (text, "plugin 'fake'") == NULL)
    g_error ("%s: \"%s\" says nothing of \"%s\"", script, text, word);
}

static void
assert_lost (IvtBackend *f, IvdRegion *region, const char *script, const char *word)
{
  g_autoptr (GError) error = NULL;
  guint sent;

  ivt_wait_until (f->control->counters.detached == f->control->counters.created);
  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_LOST);
  assert_says (script, ivd_region_get_reason (region), word);
  g_assert_false (ivd_region_ring (region, 5, 0, &sent, &error));
  g_assert_nonnull (error);
  ivt_backend_detach (f, region);
  g_assert_cmpuint (f->control->counters.destroyed, ==, f->control->counters.created);
}

/* Says it while attached; and while attaching, where the attach fails. */
static void
assert_lie (IvtBackend *f, const char *before, const Lie *lie)
{
  g_autofree char *at_once = g_strdup_printf ("%s; %s", before, lie->script);
  g_autoptr (GError) error = NULL;
  IvdRegion *region = ivt_backend_attach_or_die (f, "liar", before);

  g_assert_cmpint (f->control->run ("liar", lie->script), ==, 1);
  assert_lost (f, region, lie->script, lie->word);

  g_assert_null (ivt_backend_attach (f, "liar", at_once, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INTERNAL);
  assert_says (lie->script, error->message, lie->word);
  ivt_wait_until (!ivd_registry_has (f->registry, "liar") && ivd_plugin_host_count (f->host) == 0);
  g_assert_cmpuint (f->control->counters.destroyed, ==, f->control->counters.created);
}

static void
assert_lies (IvtBackend *f, const char *before, const Lie *lies, gsize n)
{
  for (gsize i = 0; i < n; i++)
    assert_lie (f, before, &lies[i]);
  /* Whoever comes next finds everything in order. */
  ivt_backend_attach_or_die (f, "honest", "ready");
}

static void
test_memory (IvtBackend *f, gconstpointer data)
{
  const Lie lies[] = {
    { "say-size 0; ready", "memory of no size" },
    { "say-size 0xffffffffffffffff; ready", "memory that cannot be" },
    { "say-offset 0xfffffffffffff000; ready", "memory that cannot be" },
    { "say-size 0x7fffffffffffffff; say-offset 4096; ready", "memory that cannot be" },
    { "say-offset 100; say-size 100; ready", "no multiple of a page" },
    { "say-handle 19999; ready", "handle that is not open" },
    { "say-handle -1; ready", "handle that is not open" },
    { "say-handle 0x7fffffffff; ready", "handle that is not open" },
    { "say-handle -5; ready", "handle that is not open" },
    { "answer memory 7 -; ready", "unknown status 7" },
    { "answer memory -99 -; ready", "unknown status -99" },
  };

  assert_lies (f, "connecting", lies, G_N_ELEMENTS (lies));
}

static void
test_description (IvtBackend *f, gconstpointer data)
{
  const Lie lies[] = {
    { "capabilities 0x43; own-id 65536; changed", "own id 65536: ids go from 0 to 65535" },
    { "capabilities 0x43; own-id -2; changed", "own id -2" },
    { "capabilities 0x43; own-id 0x100000001; changed", "own id 4294967297" },
    { "own-id 3; changed", "without the capability 'own-id'" },
    { "capabilities 0x63; vectors 2049; changed", "2049 vectors: there are at most 2048" },
    { "capabilities 0x63; vectors 0xffffffff; changed", "4294967295 vectors" },
    { "vectors 1; changed", "without the capability 'receive'" },
    { "capabilities 0x103; changed", "the capability 'peer-vectors', which it has not itself" },
    { "capabilities 0x1000; changed", "the unknown capabilities 0x1000" },
    { "capabilities 0xc3; peer 4 1; own-id 4; changed", "own id 4 is another peer's" },
    { "answer describe 2 -; changed", "unknown status 2" },
    { "capabilities 0x63; vectors 1; bad-handle pipe; changed", "handle for vector 0 that is no eventfd" },
    { "capabilities 0x63; vectors 1; bad-handle closed; changed", "handle for vector 0 that is no eventfd" },
  };

  assert_lies (f, "ready", lies, G_N_ELEMENTS (lies));
}

static void
test_peers (IvtBackend *f, gconstpointer data)
{
  const Lie lies[] = {
    { "peer 65536 1", "the id 65536: ids go from 0 to 65535" },
    { "peer 4294967295 1", "the id 4294967295" },
    { "peer 5 2049", "peer 5 with 2049 vectors: there are at most 2048" },
    { "peer 1 1", "its own id 1 as a peer's" },
    { "peer 5 2; peer 5 2", "peer 5 twice" },
    { "peer 5 2; peer 5 1", "peer 5 twice" },
    { "gone 5", "peer 5 has gone, who was not there" },
    { "peer 5 1; gone 5; gone 5", "peer 5 has gone, who was not there" },
    { "peer 5 1; lost -7 x; gone 5", "peer 5 has gone, who was not there" },
  };

  assert_lies (f, "capabilities 0xc3; own-id 1; ready", lies, G_N_ELEMENTS (lies));
}

/* At each limit nothing is wrong. */
static void
test_at_the_limits (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region
      = ivt_backend_attach_or_die (f, "edge", "capabilities 0xe3; own-id 65535; vectors 2048; ready");

  ivt_backend_run (f, "edge", "peer 0 2048; peer 65534 2048; interrupt 2047 18446744073709551615");
  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_READY);
  g_assert_cmpint (ivd_region_get_own_id (region), ==, IVD_LIMIT_PEER_ID);
  g_assert_cmpuint (ivd_region_get_vectors (region), ==, IVD_LIMIT_VECTORS);
  g_assert_cmpuint (ivd_region_get_peer_count (region), ==, 2);
}

static void
test_flood (IvtBackend *f, gconstpointer data)
{
  const Lie lie = { "flood 1000000", "reported more than 200000 times within a second" };
  IvdRegion *region = ivt_backend_attach_or_die (f, "busy", "connecting");

  ivt_backend_run (f, "busy", "flood 199000");
  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_CONNECTING);
  ivt_backend_detach (f, region);
  assert_lie (f, "connecting", &lie);
}

static void
test_interrupts (IvtBackend *f, gconstpointer data)
{
  const Lie lies[] = {
    { "interrupt 2 1", "vector 2 and has 2" },
    { "interrupt 4294967295 1", "vector 4294967295 and has 2" },
    { "interrupt 0 1", "vector 0, whose handle it has given away" },
    { "interrupt 1 0", "no interrupts on vector 1" },
    { "lost -7 x; interrupt 1 1", "while its memory was not there" },
  };

  assert_lies (f, "capabilities 0x63; vectors 2; handles 1; ready", lies, G_N_ELEMENTS (lies));
}

static void
test_states (IvtBackend *f, gconstpointer data)
{
  const Lie lies[] = {
    { "connecting", "connecting while its memory was there" },
    { "back", "is back, which had never been lost" },
    { "detached", "detached, which nobody had asked for" },
    { "lost -7 x; memory 4096; back", "the same memory is back, but it has another size" },
    { "lost -77 x", "unknown status -77" },
  };
  const Lie early = { "back", "is back, which had never been lost" };

  assert_lie (f, "connecting", &early);
  assert_lies (f, "ready", lies, G_N_ELEMENTS (lies));
}

static void
test_options (IvtBackend *f, gconstpointer data)
{
  const Lie lies[] = {
    { "resolved script ready", "an option that it does not have, or that was given" },
    { "resolved colour blue", "an option that it does not have, or that was given" },
    { "resolved room -", "option 'room' came to what it cannot be" },
    { "resolved room blue", "option 'room' came to what it cannot be" },
    { "resolved room 16M", "what an option came to when the region had been attached already" },
    { "resolved room \xff", "option 'room' came to what it cannot be" },
    { "thread resolved room 5", "what an option came to on another thread" },
    { "limited -", "nothing of what its region cannot do" },
    { "lost -7 x; limited y", "what its region cannot do before it had memory" },
    { "thread limited y", "what its region cannot do on another thread" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (lies); i++)
    {
      IvdRegion *region = ivt_backend_attach_or_die (f, "liar", "ready");

      g_assert_cmpint (f->control->run ("liar", lies[i].script), ==, 1);
      assert_lost (f, region, lies[i].script, lies[i].word);
    }
}

static void
test_threads (IvtBackend *f, gconstpointer data)
{
  const Lie lies[] = {
    { "thread ready", "reported memory on another thread than the main one" },
    { "thread connecting", "connecting on another thread" },
    { "thread changed", "has changed on another thread" },
    { "thread peer 5 1", "reported a peer on another thread" },
    { "thread gone 5", "a peer has gone on another thread" },
    { "thread interrupt 0 1", "reported an interrupt on another thread" },
    { "thread lost -7 x", "is lost on another thread" },
    { "thread back", "is back on another thread" },
    { "thread detached", "has detached on another thread" },
    { "thread watch", "called watch() on another thread" },
    { "thread unwatch", "called unwatch() on another thread" },
    { "thread timer 5 ready", "called timer() on another thread" },
    { "thread work ready", "called run() on another thread" },
    { "post-flood 65537", "posted more than it may have on its way" },
  };

  assert_lies (f, "capabilities 0xc3; ready", lies, G_N_ELEMENTS (lies));
}

static void
test_calls (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "ringer", "capabilities 0x893; ready; peer 5 1");
  IvdCredentials who = IVD_CREDENTIALS_UNKNOWN;
  g_autoptr (GError) error = NULL;
  guint sent;

  ivt_backend_run (f, "ringer", "in ring peer 6 1");
  g_assert_true (ivd_region_ring (region, 5, 0, &sent, &error));
  assert_lost (f, region, "in ring peer 6 1", "reported a peer from within ring()");

  region = ivt_backend_attach_or_die (f, "ringer", "capabilities 0x893; ready; peer 5 1; answer ring 99 -");
  g_assert_false (ivd_region_ring (region, 5, 0, &sent, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INTERNAL);
  assert_lost (f, region, "answer ring 99", "answered ring() with the unknown status 99");
  g_clear_error (&error);

  region = ivt_backend_attach_or_die (f, "joiner", "capabilities 0x893; ready; join pipe");
  g_assert_cmpint (ivd_region_join (region, &who, &error), ==, -1);
  g_assert_nonnull (strstr (error->message, "no connected socket"));
  assert_lost (f, region, "join pipe", "answered join() with a handle that is no connected socket");
}

static void
test_create (IvtBackend *f, gconstpointer data)
{
  const Lie lies[] = {
    { "no-instance; ready", "reported memory before it had set its instance" },
    { "no-instance; changed", "has changed before it had set its instance" },
    { "no-instance", "created an instance and did not say which" },
    { "answer create 5 -", "answered create() with the unknown status 5" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (lies); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (ivt_backend_attach (f, "unborn", lies[i].script, &error));
      g_assert_error (error, IVD_ERROR, IVD_ERROR_INTERNAL);
      assert_says (lies[i].script, error->message, lies[i].word);
      ivt_wait_until (!ivd_registry_has (f->registry, "unborn"));
    }
}

/* It is condemned and detaches in its own time; then somebody detaches it. */
static void
test_condemned_detaches_later (IvtBackend *f, gconstpointer data)
{
  IvdRegion *region = ivt_backend_attach_or_die (f, "slow", "capabilities 0xc3; detach-later; ready");

  ivt_backend_run (f, "slow", "gone 5; gone 6; ready");
  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_LOST);
  g_assert_cmpuint (f->control->counters.detached, ==, 1);
  ivd_registry_remove (f->registry, region, FALSE, NULL, NULL);
  ivt_backend_iterate ();
  g_assert_true (ivd_registry_has (f->registry, "slow"));
  ivt_backend_run (f, "slow", "detached");
  ivt_wait_until (!ivd_registry_has (f->registry, "slow"));
  g_assert_cmpuint (f->control->counters.detached, ==, 1);
}

#define ADD(name, func) \
  g_test_add ("/ivd/backend-lies/" name, IvtBackend, NULL, ivt_backend_set_up, func, ivt_backend_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("memory", test_memory);
  ADD ("description", test_description);
  ADD ("peers", test_peers);
  ADD ("at-the-limits", test_at_the_limits);
  ADD ("flood", test_flood);
  ADD ("interrupts", test_interrupts);
  ADD ("states", test_states);
  ADD ("options", test_options);
  ADD ("threads", test_threads);
  ADD ("calls", test_calls);
  ADD ("create", test_create);
  ADD ("condemned-detaches-later", test_condemned_detaches_later);
  return g_test_run ();
}
