/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include <glib.h>

#include "export/http/ivd-json-event.h"
#include "export/http/ivd-json.h"

/* 2026-03-01T12:34:56.000789Z */
#define REALTIME G_GINT64_CONSTANT (1772368496000789)
#define HEAD "{\"serial\":5,\"time\":\"2026-03-01T12:34:56.000789Z\",\"monotonic_us\":1234567"

#define EVENT(event_type, ...)                                                                         \
  (IvdEvent)                                                                                           \
  {                                                                                                    \
    .serial = 5, .monotonic_usec = 1234567, .realtime_usec = REALTIME, .type = event_type, __VA_ARGS__ \
  }

static void
assert_event (IvdEvent event, const char *expected)
{
  g_autoptr (GString) json = g_string_new (NULL);
  g_autoptr (JsonObject) object = NULL;

  ivd_json_event_append (json, &event);
  object = ivd_json_parse (json->str, json->len, NULL);
  g_assert_cmpstr (json->str, ==, expected);
  g_assert_nonnull (object);
}

static void
test_types (void)
{
  assert_event (EVENT (IVD_EVENT_INTERRUPT, .region = "r", .vector = 3, .count = 17),
                HEAD ",\"region\":\"r\",\"type\":\"interrupt\",\"vector\":3,\"count\":17}");
  assert_event (EVENT (IVD_EVENT_PEER_CONNECTED, .region = "r", .peer = 65535, .vectors = 2048),
                HEAD ",\"region\":\"r\",\"type\":\"peer-connected\",\"id\":65535,\"vectors\":2048}");
  assert_event (EVENT (IVD_EVENT_PEER_DISCONNECTED, .region = "r", .peer = 0),
                HEAD ",\"region\":\"r\",\"type\":\"peer-disconnected\",\"id\":0}");
  assert_event (EVENT (IVD_EVENT_REGION_ATTACHED, .region = "r", .text = "host-plain"),
                HEAD ",\"region\":\"r\",\"type\":\"region-attached\",\"plugin\":\"host-plain\"}");
  assert_event (EVENT (IVD_EVENT_REGION_DETACHED, .region = "r"),
                HEAD ",\"region\":\"r\",\"type\":\"region-detached\"}");
  assert_event (EVENT (IVD_EVENT_STATE_CHANGED, .region = "r", .text = "ready"),
                HEAD ",\"region\":\"r\",\"type\":\"state-changed\",\"state\":\"ready\"}");
  assert_event (EVENT (IVD_EVENT_STATE_CHANGED, .region = "r", .text = "lost", .reason = "it's \"gone\"\n"),
                HEAD ",\"region\":\"r\",\"type\":\"state-changed\",\"state\":\"lost\","
                     "\"reason\":\"it's \\\"gone\\\"\\n\"}");
  assert_event (EVENT (IVD_EVENT_CHANGED, .region = "r", .watch = 2, .offset = G_MAXUINT64, .length = 8),
                HEAD ",\"region\":\"r\",\"type\":\"changed\",\"watch\":2,\"offset\":\"18446744073709551615\","
                     "\"length\":8}");
  assert_event (EVENT (IVD_EVENT_LOST, .count = 12), HEAD ",\"type\":\"lost\",\"count\":12}");
  assert_event (EVENT (IVD_EVENT_LOST, .count = -1), HEAD ",\"type\":\"lost\",\"count\":null}");
  assert_event (EVENT (IVD_EVENT_CANDIDATE_ADDED, .plugin = "guest-linux", .text = "0000:00:03.0"),
                HEAD ",\"type\":\"candidate-added\",\"plugin\":\"guest-linux\",\"candidate\":\"0000:00:03.0\"}");
}

static void
assert_time (gint64 usec, const char *expected)
{
  g_autoptr (GString) text = g_string_new (NULL);

  ivd_json_append_time (text, usec);
  g_assert_cmpstr (text->str, ==, expected);
}

static void
test_time (void)
{
  assert_time (0, "1970-01-01T00:00:00.000000Z");
  assert_time (-1, "1970-01-01T00:00:00.000000Z");
  assert_time (G_MININT64, "1970-01-01T00:00:00.000000Z");
  assert_time (951827696999999, "2000-02-29T12:34:56.999999Z");
  assert_time (253402300799000000, "9999-12-31T23:59:59.000000Z");
  assert_time (G_MAXINT64, "9999-12-31T23:59:59.000000Z");
}

/* Every day for 400 years, against GLib's calendar. */
static void
test_time_calendar (void)
{
  for (gint64 day = 0; day < 146097; day += 13)
    {
      gint64 usec = (day * 86400 + day % 86400) * G_USEC_PER_SEC + day;
      g_autoptr (GDateTime) when = g_date_time_new_from_unix_utc (usec / G_USEC_PER_SEC);
      g_autofree char *seconds = g_date_time_format (when, "%Y-%m-%dT%H:%M:%S");
      g_autofree char *expected
          = g_strdup_printf ("%s.%06" G_GINT64_FORMAT "Z", seconds, usec % G_USEC_PER_SEC);

      assert_time (usec, expected);
    }
}

/* How long one takes: printed, not judged. */
static void
test_speed (void)
{
  IvdEvent event = EVENT (IVD_EVENT_INTERRUPT, .region = "region", .vector = 3, .count = 17);
  g_autoptr (GString) json = g_string_new (NULL);
  gint64 start = g_get_monotonic_time ();

  for (guint i = 0; i < 100000; i++)
    {
      g_string_truncate (json, 0);
      ivd_json_event_append (json, &event);
    }
  g_test_message ("%.3f us an event", (double) (g_get_monotonic_time () - start) / 100000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/json-event/types", test_types);
  g_test_add_func ("/ivd/json-event/time", test_time);
  g_test_add_func ("/ivd/json-event/time-calendar", test_time_calendar);
  if (g_test_perf ())
    g_test_add_func ("/ivd/json-event/speed", test_speed);
  return g_test_run ();
}
