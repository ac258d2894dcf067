/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include <glib.h>

#include "base/ivd-error.h"
#include "ctl-event-stream.h"

/* "id=data;" of each record. */
static void
on_record (const CtlEventRecord *record, gpointer data)
{
  g_string_append_printf (data, "%s=%s;", record->id, record->data);
}

static void
assert_records (const char *input, const char *expected)
{
  /* Whole, and byte by byte: what the network cuts is the same. */
  for (gsize piece = 1; piece <= strlen (input); piece = piece == 1 ? strlen (input) : piece + 1)
    {
      g_autoptr (GString) found = g_string_new (NULL);
      g_autoptr (CtlEventStream) stream = ctl_event_stream_new (on_record, found);
      g_autoptr (GError) error = NULL;

      for (gsize done = 0; done < strlen (input); done += piece)
        {
          g_assert_true (ctl_event_stream_feed (stream, input + done, piece, &error));
          g_assert_no_error (error);
        }
      g_assert_cmpstr (found->str, ==, expected);
    }
}

static void
test_records (void)
{
  assert_records ("id: 1\nevent: interrupt\ndata: {}\n\n", "1={};");
  assert_records ("retry: 1000\n\nid: 1\ndata: a\n\n:\n\n: beat\n\nid: 2\ndata: b\n\n", "1=a;2=b;");
  assert_records ("data: no id yet\n\nid: 7\ndata: a\n\ndata: the same id\n\n",
                  "=no id yet;7=a;7=the same id;");
  assert_records ("data: two\ndata: lines\n\n", "=two\nlines;");
  assert_records ("data:no blank\n\ndata:  two\n\ndata\ndata\n\n", "=no blank;= two;=\n;");
  assert_records ("id: 3\n\ndata: x\n\n", "3=x;");
}

static void
test_line_ends (void)
{
  assert_records ("id: 1\r\ndata: a\r\n\r\nid: 2\rdata: b\r\r", "1=a;2=b;");
}

static void
test_what_is_passed_over (void)
{
  assert_records ("ids: 1\ndatas: a\nunknown\n: data: b\ndata: a\n\n", "=a;");
  assert_records ("data: never ended\n", "");
}

/* A line or a record without end does not fill the memory. */
static void
test_limit (void)
{
  g_autofree char *line = g_strnfill (CTL_EVENT_STREAM_BYTES_MAX, 'x');
  static const char *const begins[] = { "", "data: a\n" };

  memcpy (line, "data: ", 6);
  for (gsize i = 0; i < G_N_ELEMENTS (begins); i++)
    {
      g_autoptr (GString) found = g_string_new (NULL);
      g_autoptr (CtlEventStream) stream = ctl_event_stream_new (on_record, found);
      g_autoptr (GError) error = NULL;
      gboolean fits = *begins[i] == '\0';

      g_assert_true (ctl_event_stream_feed (stream, begins[i], strlen (begins[i]), NULL));
      g_assert_cmpint (ctl_event_stream_feed (stream, line, CTL_EVENT_STREAM_BYTES_MAX, &error), ==, fits);
      if (fits)
        g_assert_false (ctl_event_stream_feed (stream, "x", 1, &error));
      g_assert_error (error, IVD_ERROR, IVD_ERROR_IO);
      g_assert_cmpstr (found->str, ==, "");
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ctl/event-stream/records", test_records);
  g_test_add_func ("/ctl/event-stream/line-ends", test_line_ends);
  g_test_add_func ("/ctl/event-stream/what-is-passed-over", test_what_is_passed_over);
  g_test_add_func ("/ctl/event-stream/limit", test_limit);
  return g_test_run ();
}
