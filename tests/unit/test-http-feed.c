/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-feed.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"

#define CAPACITY 8
#define FIRST 100

/* A log that begins at FIRST, of which all is published, and a caller that may
 * see regions whose name begins with r. */
typedef struct
{
  IvdEventLog *log;
  IvdHttpNews *news;
  IvdAccess *access;
  IvdHttpFeeds *feeds;
  IvdCaller *caller;
  IvdCaller *manager; /* sees everything */
  guint64 serial;
  gint64 begun; /* added to all times */
} Fixture;

static void
set_up_with (Fixture *f, guint capacity)
{
  static const char *const nowhere[] = { NULL };

  f->log = ivd_event_log_new (capacity, FIRST);
  f->news = ivd_http_news_new (f->log, FIRST - 1);
  f->access = ivd_access_new (ivd_path_policy_new ("/run", nowhere));
  f->feeds = ivd_http_feeds_new (f->news, f->access);
  f->caller = ivd_caller_new_granted ("one", IVD_PERMISSION_BIT (IVD_PERMISSION_SEE), "r*");
  f->manager = ivd_caller_new_granted ("manager", IVD_PERMISSION_ALL_BITS, "*");
  f->serial = FIRST - 1;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  set_up_with (f, CAPACITY);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_pointer (&f->feeds, ivd_http_feeds_free);
  g_clear_pointer (&f->news, ivd_http_news_free);
  g_clear_pointer (&f->log, ivd_event_log_free);
  g_clear_pointer (&f->access, ivd_access_unref);
  g_clear_object (&f->caller);
  g_clear_object (&f->manager);
}

/* Not published yet. */
static void
append (Fixture *f, const IvdEvent *like)
{
  IvdEvent template_ = *like;
  g_autoptr (IvdEvent) event = NULL;

  template_.serial = ++f->serial;
  template_.monotonic_usec = f->begun + (gint64) template_.serial;
  event = ivd_event_new (&template_);
  ivd_event_log_append (f->log, event);
}

static void
happen (Fixture *f, const char *region, guint count)
{
  const IvdEvent like = { .type = IVD_EVENT_INTERRUPT, .region = region, .count = 1 };

  for (guint i = 0; i < count; i++)
    append (f, &like);
  ivd_http_news_set_serial (f->news, f->serial);
}

static IvdHttpFeed *
listen_to (Fixture *f, IvdCaller *caller, const char *region, const char *type)
{
  g_autoptr (IvdHttpFilter) filter = ivd_http_filter_new ();

  g_assert_true (region == NULL || ivd_http_filter_add_region (filter, region, NULL));
  g_assert_true (type == NULL || ivd_http_filter_add_type (filter, type, NULL));
  return ivd_http_feed_new (f->feeds, caller, filter, IVD_HTTP_FEED_EVENTS);
}

/* The ids and names of what comes: "100 interrupt, 103 lost 2". All there is. */
static char *
take_all (IvdHttpFeed *feed)
{
  g_autoptr (GString) all = g_string_new (NULL);
  gboolean more = TRUE;

  while (more)
    {
      IvdHttpBatch batch;
      g_auto (GStrv) lines = NULL;
      g_autofree char *text = NULL;

      more = ivd_http_feed_take (feed, &batch);
      if (batch.bytes == NULL)
        continue;
      text = g_strndup (g_bytes_get_data (batch.bytes, NULL), g_bytes_get_size (batch.bytes));
      lines = g_strsplit (text, "\n", -1);
      for (guint i = 0; lines[i] != NULL; i++)
        {
          const char *count = strstr (lines[i], "\"type\":\"lost\",\"count\":");

          if (g_str_has_prefix (lines[i], "id: "))
            g_string_append_printf (all, "%s%s", all->len > 0 ? ", " : "", lines[i] + strlen ("id: "));
          else if (g_str_has_prefix (lines[i], "event: "))
            g_string_append_printf (all, " %s", lines[i] + strlen ("event: "));
          else if (count != NULL)
            g_string_append_printf (all, " %.*s", (int) strcspn (count + 22, "}"), count + 22);
        }
    }
  return g_string_free (g_steal_pointer (&all), FALSE);
}

static void
assert_hears (IvdHttpFeed *feed, const char *wanted)
{
  g_autofree char *got = take_all (feed);

  g_assert_cmpstr (got, ==, wanted);
}

/* Exactly what stands on the wire. */
static void
test_text (Fixture *f, gconstpointer data)
{
  const IvdEvent like = { .type = IVD_EVENT_INTERRUPT, .region = "r", .vector = 3, .count = 2 };
  static const char event[] = "{\"serial\":100,\"time\":\"1970-01-01T00:00:00.000000Z\",\"monotonic_us\":100,"
                              "\"region\":\"r\",\"type\":\"interrupt\",\"vector\":3,\"count\":2}";
  g_autofree char *record = g_strdup_printf ("id: 100\nevent: interrupt\ndata: %s\n\n", event);
  g_autofree char *frame = g_strdup_printf ("\x81\x7e%c%c{\"event\":%s}", 1, 1, event);
  g_autoptr (IvdHttpFilter) filter = ivd_http_filter_new ();
  g_autoptr (IvdHttpFeed) events = ivd_http_feed_new (f->feeds, f->caller, filter, IVD_HTTP_FEED_EVENTS);
  g_autoptr (IvdHttpFeed) frames = ivd_http_feed_new (f->feeds, f->caller, filter, IVD_HTTP_FEED_FRAMES);
  IvdHttpBatch batch;

  append (f, &like);
  ivd_http_news_set_serial (f->news, f->serial);
  ivd_http_feed_take (events, &batch);
  g_assert_cmpmem (g_bytes_get_data (batch.bytes, NULL), g_bytes_get_size (batch.bytes), record, strlen (record));
  g_assert_cmpuint (batch.events, ==, 1);
  g_assert_cmpuint (batch.lost, ==, 0);
  g_assert_cmpint (batch.oldest_usec, ==, 0);

  frame[2] = (char) ((strlen (event) + 10) >> 8);
  frame[3] = (char) ((strlen (event) + 10) & 0xff);
  ivd_http_feed_take (frames, &batch);
  g_assert_cmpuint (g_bytes_get_size (batch.bytes), >, 125);
  g_assert_cmpmem ((const char *) g_bytes_get_data (batch.bytes, NULL) + 4, g_bytes_get_size (batch.bytes) - 4,
                   frame + 4, strlen (event) + 10);
}

/* Of what happens while it listens, from when on it waits. */
static void
test_oldest (Fixture *f, gconstpointer data)
{
  const IvdEvent peer = { .type = IVD_EVENT_PEER_CONNECTED, .region = "r" };
  g_autoptr (IvdHttpFeed) feed = listen_to (f, f->caller, NULL, NULL);
  gint64 begun = g_get_monotonic_time ();
  IvdHttpBatch batch;

  f->begun = begun;
  append (f, &peer);
  happen (f, "r", 2);
  ivd_http_feed_take (feed, &batch);
  g_assert_cmpuint (batch.events, ==, 3);
  g_assert_cmpint (batch.oldest_usec, ==, begun + 101);
}

/* Nobody hears of what cannot be looked up yet. */
static void
test_only_what_is_published (Fixture *f, gconstpointer data)
{
  const IvdEvent like = { .type = IVD_EVENT_INTERRUPT, .region = "r", .count = 1 };
  g_autoptr (IvdHttpFeed) feed = listen_to (f, f->caller, NULL, NULL);

  append (f, &like);
  append (f, &like);
  assert_hears (feed, "");
  ivd_http_news_set_serial (f->news, FIRST);
  assert_hears (feed, "100 interrupt");
  assert_hears (feed, "");
  ivd_http_news_set_serial (f->news, FIRST + 1);
  assert_hears (feed, "101 interrupt");
}

static void
test_begins_now (Fixture *f, gconstpointer data)
{
  g_autoptr (IvdHttpFeed) feed = NULL;

  happen (f, "r", 3);
  feed = listen_to (f, f->caller, NULL, NULL);
  assert_hears (feed, "");
  happen (f, "r", 1);
  assert_hears (feed, "103 interrupt");
}

static void
test_filters (Fixture *f, gconstpointer data)
{
  const IvdEvent detached = { .type = IVD_EVENT_REGION_DETACHED, .region = "r1" };
  const IvdEvent candidate = { .type = IVD_EVENT_CANDIDATE_ADDED, .text = "c" };
  g_autoptr (IvdHttpFeed) all = listen_to (f, f->manager, NULL, NULL);
  g_autoptr (IvdHttpFeed) region = listen_to (f, f->manager, "r1", NULL);
  g_autoptr (IvdHttpFeed) type = listen_to (f, f->manager, NULL, "region-detached");
  g_autoptr (IvdHttpFeed) both = listen_to (f, f->manager, "r2", "region-detached");

  happen (f, "r1", 1);
  happen (f, "r2", 1);
  append (f, &detached);
  append (f, &candidate);
  ivd_http_news_set_serial (f->news, f->serial);
  assert_hears (all, "100 interrupt, 101 interrupt, 102 region-detached, 103 candidate-added");
  assert_hears (region, "100 interrupt, 102 region-detached");
  assert_hears (type, "102 region-detached");
  assert_hears (both, "");
}

static void
test_bad_filters (Fixture *f, gconstpointer data)
{
  g_autoptr (IvdHttpFilter) filter = ivd_http_filter_new ();
  g_autoptr (GError) bad_region = NULL;
  g_autoptr (GError) bad_type = NULL;
  g_autoptr (GError) too_many = NULL;

  g_assert_false (ivd_http_filter_add_region (filter, "../r", &bad_region));
  g_assert_error (bad_region, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  g_assert_false (ivd_http_filter_add_type (filter, "interrupts", &bad_type));
  g_assert_error (bad_type, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (bad_type->message, "interrupt, peer-connected"));
  for (guint i = 0; i < IVD_LIMIT_REGIONS; i++)
    {
      g_autofree char *name = g_strdup_printf ("r%u", i);

      g_assert_true (ivd_http_filter_add_region (filter, name, NULL));
    }
  g_assert_false (ivd_http_filter_add_region (filter, "more", &too_many));
  g_assert_error (too_many, IVD_ERROR, IVD_ERROR_LIMIT);
}

/* Also of regions that are gone, and of what belongs to none. */
static void
test_permission (Fixture *f, gconstpointer data)
{
  const IvdEvent candidate = { .type = IVD_EVENT_CANDIDATE_ADDED, .text = "c" };
  const IvdEvent detached = { .type = IVD_EVENT_REGION_DETACHED, .region = "secret" };
  g_autoptr (IvdHttpFeed) some = listen_to (f, f->caller, NULL, NULL);
  g_autoptr (IvdHttpFeed) asked = listen_to (f, f->caller, "secret", NULL);
  g_autoptr (IvdHttpFeed) all = listen_to (f, f->manager, NULL, NULL);

  happen (f, "secret", 1);
  happen (f, "r", 1);
  append (f, &candidate);
  append (f, &detached);
  ivd_http_news_set_serial (f->news, f->serial);
  assert_hears (some, "101 interrupt");
  assert_hears (asked, "");
  assert_hears (all, "100 interrupt, 101 interrupt, 102 candidate-added, 103 region-detached");
}

/* What a watch finds is its owner's alone, whatever others may. */
static void
test_changed_is_its_owners (Fixture *f, gconstpointer data)
{
  const IvdEvent own = { .type = IVD_EVENT_CHANGED, .region = "r", .owner = ivd_caller_get_id (f->caller), .watch = 1 };
  const IvdEvent nobodys = { .type = IVD_EVENT_CHANGED, .region = "r", .watch = 2 };
  g_autoptr (IvdHttpFeed) owner = listen_to (f, f->caller, NULL, NULL);
  g_autoptr (IvdHttpFeed) other = listen_to (f, f->manager, NULL, NULL);

  append (f, &own);
  append (f, &nobodys);
  ivd_http_news_set_serial (f->news, f->serial);
  assert_hears (owner, "100 changed");
  assert_hears (other, "");
}

/* At the log's size nothing is lost; one past it one is, and it is told first. */
static void
test_lost (Fixture *f, gconstpointer data)
{
  g_autoptr (IvdHttpFeed) feed = listen_to (f, f->caller, NULL, "peer-connected");
  const IvdEvent wanted = { .type = IVD_EVENT_PEER_CONNECTED, .region = "r" };
  IvdHttpBatch batch;

  append (f, &wanted);
  happen (f, "r", CAPACITY - 1);
  assert_hears (feed, "100 peer-connected");
  happen (f, "r", CAPACITY);
  assert_hears (feed, "");
  happen (f, "r", CAPACITY + 1);
  append (f, &wanted);
  ivd_http_news_set_serial (f->news, f->serial);
  ivd_http_feed_take (feed, &batch);
  g_assert_cmpuint (batch.lost, ==, 2);
  g_assert_cmpuint (batch.events, ==, 1);
  ivd_http_feed_set_serial (feed, FIRST + 2 * CAPACITY - 1);
  assert_hears (feed, "117 lost 2, 125 peer-connected");
}

/* Listeners at different places of one kind, each with its own loss. */
static void
test_each_its_own_loss (Fixture *f, gconstpointer data)
{
  g_autoptr (IvdHttpFeed) early = listen_to (f, f->caller, NULL, NULL);
  g_autoptr (IvdHttpFeed) twin = listen_to (f, f->caller, NULL, NULL);
  g_autoptr (IvdHttpFeed) late = NULL;

  happen (f, "r", 1);
  late = listen_to (f, f->caller, NULL, NULL);
  happen (f, "q", CAPACITY + 1);
  assert_hears (early, "101 lost 2");
  assert_hears (late, "101 lost 1");
  happen (f, "q", 1);
  assert_hears (twin, "102 lost 3");
}

/* The end of a lost record is a place from which to go on. */
static void
test_resume (Fixture *f, gconstpointer data)
{
  g_autoptr (IvdHttpFeed) feed = listen_to (f, f->caller, NULL, NULL);

  happen (f, "r", 3);
  ivd_http_feed_set_serial (feed, 100);
  assert_hears (feed, "101 interrupt, 102 interrupt");
  ivd_http_feed_set_serial (feed, 102);
  assert_hears (feed, "");
  ivd_http_feed_set_serial (feed, FIRST - 1);
  assert_hears (feed, "100 interrupt, 101 interrupt, 102 interrupt");
}

/* From another run or from the future: how many were lost nobody knows. */
static void
test_resume_from_elsewhere (Fixture *f, gconstpointer data)
{
  static const guint64 elsewhere[] = { 0, 1, FIRST - 2, FIRST + 1, G_MAXUINT64 - 1, G_MAXUINT64 };

  for (guint i = 0; i < G_N_ELEMENTS (elsewhere); i++)
    {
      g_autoptr (IvdHttpFeed) feed = listen_to (f, f->caller, NULL, NULL);

      ivd_http_feed_set_serial (feed, elsewhere[i]);
      assert_hears (feed, "99 lost null");
      assert_hears (feed, "");
    }
  happen (f, "r", 1);
  for (guint i = 0; i < G_N_ELEMENTS (elsewhere); i++)
    {
      g_autoptr (IvdHttpFeed) feed = listen_to (f, f->caller, NULL, NULL);

      ivd_http_feed_set_serial (feed, elsewhere[i]);
      assert_hears (feed, "99 lost null, 100 interrupt");
    }
}

/* It exists but cannot be looked up yet: it is waited for, and not in a loop. */
static void
test_resume_from_unpublished (Fixture *f, gconstpointer data)
{
  const IvdEvent like = { .type = IVD_EVENT_INTERRUPT, .region = "r", .count = 1 };
  g_autoptr (IvdHttpFeed) feed = listen_to (f, f->caller, NULL, NULL);

  append (f, &like);
  append (f, &like);
  ivd_http_feed_set_serial (feed, FIRST);
  assert_hears (feed, "");
  ivd_http_news_set_serial (f->news, f->serial);
  assert_hears (feed, "101 interrupt");
}

/* What came to be lost before it was published is told once it is. */
static void
test_overrun_before_publication (Fixture *f, gconstpointer data)
{
  const IvdEvent like = { .type = IVD_EVENT_INTERRUPT, .region = "r", .count = 1 };
  g_autoptr (IvdHttpFeed) feed = listen_to (f, f->caller, NULL, NULL);

  for (guint i = 0; i < CAPACITY + 3; i++)
    append (f, &like);
  ivd_http_news_set_serial (f->news, FIRST + 1);
  assert_hears (feed, "");
  ivd_http_news_set_serial (f->news, FIRST + 2);
  assert_hears (feed, "102 lost 3");
  ivd_http_news_set_serial (f->news, FIRST + 3);
  assert_hears (feed, "103 interrupt");
}

/* A batch is about as long as its limit, whatever there is to tell; and one
 * made for one listener is another's too. */
static void
test_batches (Fixture *f, gconstpointer data)
{
  g_autoptr (IvdHttpFeed) feed = NULL;
  g_autoptr (IvdHttpFeed) twin = NULL;
  g_autoptr (GBytes) first = NULL;
  IvdHttpBatch batch;
  guint events = 0;

  tear_down (f, NULL);
  set_up_with (f, 4096);
  feed = listen_to (f, f->caller, NULL, NULL);
  twin = listen_to (f, f->caller, NULL, NULL);
  happen (f, "r", 3000);
  while (ivd_http_feed_take (feed, &batch))
    {
      events += batch.events;
      g_assert_cmpuint (g_bytes_get_size (batch.bytes), <, IVD_LIMIT_STREAM_BATCH_BYTES + 256);
      if (first == NULL)
        {
          first = g_bytes_ref (batch.bytes);
          ivd_http_feed_take (twin, &batch);
          g_assert_true (first == batch.bytes);
        }
    }
  g_assert_cmpuint (events + batch.events, ==, 3000);
}

/* A reader that wants little looks at much, and gets there. */
static void
test_long_way_to_little (Fixture *f, gconstpointer data)
{
  const IvdEvent wanted = { .type = IVD_EVENT_PEER_CONNECTED, .region = "r" };
  g_autoptr (IvdHttpFeed) feed = NULL;
  IvdHttpBatch batch;

  tear_down (f, NULL);
  set_up_with (f, IVD_LIMIT_EVENTS);
  feed = listen_to (f, f->caller, NULL, "peer-connected");
  happen (f, "r", IVD_LIMIT_EVENTS - 1);
  append (f, &wanted);
  ivd_http_news_set_serial (f->news, f->serial);
  g_assert_true (ivd_http_feed_take (feed, &batch));
  g_assert_null (batch.bytes);
  assert_hears (feed, "16483 peer-connected");
}

#define ADD(name, func) g_test_add ("/ivd/http-feed/" name, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  ADD ("text", test_text);
  ADD ("oldest", test_oldest);
  ADD ("only-what-is-published", test_only_what_is_published);
  ADD ("begins-now", test_begins_now);
  ADD ("filters", test_filters);
  ADD ("bad-filters", test_bad_filters);
  ADD ("permission", test_permission);
  ADD ("changed-is-its-owners", test_changed_is_its_owners);
  ADD ("lost", test_lost);
  ADD ("each-its-own-loss", test_each_its_own_loss);
  ADD ("resume", test_resume);
  ADD ("resume-from-elsewhere", test_resume_from_elsewhere);
  ADD ("resume-from-unpublished", test_resume_from_unpublished);
  ADD ("overrun-before-publication", test_overrun_before_publication);
  ADD ("batches", test_batches);
  ADD ("long-way-to-little", test_long_way_to_little);
  return g_test_run ();
}
