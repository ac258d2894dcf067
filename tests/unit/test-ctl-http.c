/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include <libsoup/soup.h>

#include "base/ivd-error.h"
#include "ctl-error.h"
#include "ctl-http.h"
#include "ctl-transport-http.h"

/*
 * ivshmemctl against what no ivshmemd does: a proxy in its place, answers that
 * lie, break off or never end, a stream that loses events. The rest is tested
 * against a daemon (tests/integration/test_ctl.py).
 */

/* What the server answers next; the last stays. */
typedef struct
{
  guint status;
  const char *type;
  const char *body;
  gboolean breaks_off; /* says that there is more */
  gboolean stays_open; /* and so it does */
} Answer;

typedef struct
{
  GMainContext *context;
  GMainLoop *loop;
  GThread *thread;
  char *address;
  const Answer *answers;
  guint n_answers, n_asked;
  GString *asked; /* "GET /path?query id;" of each request */
  GMutex mutex;
} Fixture;

/* By hand, since libsoup keeps its promises: less than the header says. */
static void
break_off (SoupServerMessage *message, const Answer *answer)
{
  g_autoptr (GIOStream) stream = soup_server_message_steal_connection (message);
  GOutputStream *output = g_io_stream_get_output_stream (stream);
  g_autofree char *text = g_strdup_printf ("HTTP/1.1 %u OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s",
                                           answer->status, answer->type, strlen (answer->body) + 1, answer->body);
  g_autoptr (GError) error = NULL;

  g_output_stream_write_all (output, text, strlen (text), NULL, NULL, &error);
  g_assert_no_error (error);
  g_io_stream_close (stream, NULL, &error);
  g_assert_no_error (error);
}

static void
on_request (SoupServer *server, SoupServerMessage *message, const char *path, GHashTable *query, gpointer data)
{
  Fixture *fixture = data;
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&fixture->mutex);
  const Answer *answer = &fixture->answers[MIN (fixture->n_asked, fixture->n_answers - 1)];
  SoupMessageHeaders *request = soup_server_message_get_request_headers (message);
  SoupMessageHeaders *response = soup_server_message_get_response_headers (message);
  SoupMessageBody *body = soup_server_message_get_response_body (message);
  const char *id = soup_message_headers_get_one (request, "Last-Event-ID");
  gsize length = strlen (answer->body);

  fixture->n_asked++;
  g_string_append_printf (fixture->asked, "%s %s%s%s;", soup_server_message_get_method (message), path,
                          id != NULL ? " after " : "", id != NULL ? id : "");
  soup_server_message_set_status (message, answer->status, NULL);
  if (answer->type != NULL)
    soup_message_headers_replace (response, "Content-Type", answer->type);
  if (answer->status == SOUP_STATUS_FOUND)
    soup_message_headers_replace (response, "Location", "/elsewhere");
  soup_message_body_append (body, SOUP_MEMORY_COPY, answer->body, length);
  if (answer->stays_open)
    soup_message_headers_set_encoding (response, SOUP_ENCODING_CHUNKED);
  else
    soup_message_body_complete (body);
  if (answer->breaks_off)
    break_off (message, answer);
}

static gpointer
run_server (gpointer data)
{
  Fixture *fixture = data;
  g_autoptr (SoupServer) server = NULL;
  g_autoptr (GError) error = NULL;
  GSList *uris;

  g_main_context_push_thread_default (fixture->context);
  server = g_object_new (SOUP_TYPE_SERVER, NULL);
  soup_server_add_handler (server, NULL, on_request, fixture, NULL);
  soup_server_listen_local (server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, &error);
  g_assert_no_error (error);
  uris = soup_server_get_uris (server);
  g_mutex_lock (&fixture->mutex);
  fixture->address = g_uri_to_string (uris->data);
  g_mutex_unlock (&fixture->mutex);
  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
  g_main_loop_run (fixture->loop);
  soup_server_disconnect (server);
  g_main_context_pop_thread_default (fixture->context);
  return NULL;
}

static Fixture *
fixture_new (const Answer *answers, guint n_answers)
{
  Fixture *fixture = g_new0 (Fixture, 1);
  gboolean started = FALSE;

  g_mutex_init (&fixture->mutex);
  fixture->context = g_main_context_new ();
  fixture->loop = g_main_loop_new (fixture->context, FALSE);
  fixture->answers = answers;
  fixture->n_answers = n_answers;
  fixture->asked = g_string_new (NULL);
  fixture->thread = g_thread_new ("server", run_server, fixture);
  while (!started)
    {
      g_thread_yield ();
      g_mutex_lock (&fixture->mutex);
      started = fixture->address != NULL;
      g_mutex_unlock (&fixture->mutex);
    }
  return fixture;
}

static gboolean
on_quit (gpointer data)
{
  g_main_loop_quit (data);
  return G_SOURCE_REMOVE;
}

static void
fixture_free (Fixture *fixture)
{
  /* After the loop has begun to run, whenever that is. */
  g_main_context_invoke (fixture->context, on_quit, fixture->loop);
  g_thread_join (fixture->thread);
  g_main_loop_unref (fixture->loop);
  g_main_context_unref (fixture->context);
  g_string_free (fixture->asked, TRUE);
  g_free (fixture->address);
  g_mutex_clear (&fixture->mutex);
  g_free (fixture);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Fixture, fixture_free)

static CtlTransport *
connect_to (Fixture *fixture)
{
  const CtlHttpOptions options = { .url = fixture->address };
  g_autoptr (GError) error = NULL;
  CtlTransport *transport = ctl_transport_http_new (&options, &error);

  g_assert_no_error (error);
  return transport;
}

/* What the daemon's list of regions is answered with, and what is made of it. */
static void
assert_refused (const Answer *answer, gint code, const char *complaint)
{
  g_autoptr (Fixture) fixture = fixture_new (answer, 1);
  g_autoptr (CtlTransport) transport = connect_to (fixture);
  g_autoptr (GError) error = NULL;

  g_assert_null (ctl_transport_regions (transport, &error));
  g_assert_error (error, IVD_ERROR, code);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, complaint));
}

static void
test_somebody_else (void)
{
  static const struct
  {
    Answer answer;
    gint code;
    const char *complaint;
  } cases[] = {
    { { 502, "text/html", "<h1>Bad\tGateway</h1>" }, IVD_ERROR_IO, "502, Bad Gateway: <h1>Bad" },
    { { 401, "text/plain", "who?" }, IVD_ERROR_UNAUTHENTICATED, "401" },
    { { 403, NULL, "" }, IVD_ERROR_DENIED, "(nothing)" },
    { { 404, "text/html", "no such page" }, IVD_ERROR_NOT_FOUND, "no such page" },
    { { 413, "text/plain", "" }, IVD_ERROR_TOO_LARGE, "413" },
    { { 302, "text/plain", "over there" }, IVD_ERROR_IO, "302" },
    { { 200, "text/html", "<h1>Welcome</h1>" }, IVD_ERROR_IO, "text/html and not application/json" },
    { { 200, NULL, "{}" }, IVD_ERROR_IO, "of no type" },
    { { 404, "application/problem+json", "{\"type\":\"about:blank\"}" }, IVD_ERROR_NOT_FOUND, "about:blank" },
    { { 400, "application/problem+json", "{\"type\":\"urn:ivshmem:error:new\",\"detail\":\"d\"}" },
      IVD_ERROR_INTERNAL,
      "urn:ivshmem:error:new: d" },
    { { 503, "application/problem+json", "{\"type\":\"urn:ivshmem:error:region-lost\",\"detail\":\"d\"}" },
      IVD_ERROR_REGION_LOST,
      "d" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_refused (&cases[i].answer, cases[i].code, cases[i].complaint);
}

static void
test_lies (void)
{
  static const struct
  {
    Answer answer;
    const char *complaint;
  } cases[] = {
    { { 200, CTL_HTTP_JSON, "" }, "no JSON" },
    { { 200, CTL_HTTP_JSON, "[]" }, "no JSON object" },
    { { 200, CTL_HTTP_JSON, "{\"regions\":7}" }, "no list of regions" },
    { { 200, CTL_HTTP_JSON, "{\"regions\":[{\"name\":\"a\"}]}" }, "without a proper 'plugin'" },
    { { 200, CTL_HTTP_JSON, "{\"regions\":[]", .breaks_off = TRUE }, "broke off" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_refused (&cases[i].answer, IVD_ERROR_IO, cases[i].complaint);
}

static void
test_answer_without_end (void)
{
  g_autofree char *body = g_strnfill (CTL_HTTP_ANSWER_BYTES_MAX + 1, ' ');
  const Answer answer = { 200, CTL_HTTP_JSON, body };

  assert_refused (&answer, IVD_ERROR_IO, "more than");
}

/* A token is for the daemon alone: nothing is sent after a redirection. */
static void
test_redirection (void)
{
  static const Answer answer = { 302, "text/plain", "over there" };
  g_autoptr (Fixture) fixture = fixture_new (&answer, 1);
  g_autoptr (CtlTransport) transport = connect_to (fixture);
  g_autoptr (GVariant) regions = ctl_transport_regions (transport, NULL);

  g_assert_null (regions);
  g_assert_cmpstr (fixture->asked->str, ==, "GET /v1/regions;");
}

static void
test_call_that_is_d_bus_alone (void)
{
  static const Answer answer = { 200, CTL_HTTP_JSON, "{}" };
  g_autoptr (Fixture) fixture = fixture_new (&answer, 1);
  g_autoptr (CtlTransport) transport = connect_to (fixture);
  const CtlCall call = { .region = "demo", .method = "Join", .answer = G_VARIANT_TYPE ("(h)") };
  g_autoptr (GError) error = NULL;
  int fd = -1;

  g_assert_null (ctl_transport_call (transport, &call, &fd, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED);
  g_assert_nonnull (strstr (error->message, "D-Bus"));
  g_assert_cmpuint (fixture->n_asked, ==, 0);
}

/* --- following --- */

typedef struct
{
  GString *told;
  GMainLoop *loop;
  guint left;
} Told;

static void
on_event (const CtlEvent *event, gpointer data)
{
  static const char *const names[]
      = { "found", "ready", "added", "removed", "signal", "refused", "gone", "back", "closed" };
  Told *told = data;
  g_autofree char *parameters = event->parameters != NULL ? g_variant_print (event->parameters, FALSE) : NULL;

  g_string_append_printf (told->told, "%s%s%s%s%s;", names[event->type], event->region != NULL ? " " : "",
                          event->region != NULL ? event->region : "", event->signal != NULL ? " " : "",
                          event->signal != NULL ? event->signal : "");
  if (parameters != NULL)
    g_string_append_printf (told->told, "%s;", parameters);
  if (told->left > 0 && --told->left == 0)
    g_main_loop_quit (told->loop);
}

#define DAEMON                                  \
  {                                             \
    200, CTL_HTTP_JSON, "{\"event_serial\":41}" \
  }
#define STREAM(text)                                                 \
  {                                                                  \
    200, CTL_HTTP_EVENTS, "retry: 1000\n\n" text, .breaks_off = TRUE \
  }
#define LAST_STREAM(text)                                            \
  {                                                                  \
    200, CTL_HTTP_EVENTS, "retry: 1000\n\n" text, .stays_open = TRUE \
  }
#define REGIONS(text)                              \
  {                                                \
    200, CTL_HTTP_JSON, "{\"regions\":[" text "]}" \
  }
#define EVENT(id, text) "id: " id "\nevent: x\ndata: {\"serial\":" id "," text "}\n\n"
#define A                                                                                \
  "{\"name\":\"a\",\"plugin\":\"p\",\"state\":\"ready\",\"reason\":null,\"size\":4096,"  \
  "\"capabilities\":[],\"own_id\":null,\"vectors\":0,\"generation\":1,\"peer_count\":0," \
  "\"statistics\":{},\"options\":{}}"

static void
assert_told (const Answer *answers, guint n_answers, guint n_events, const char *expected, const char *asked)
{
  g_autoptr (Fixture) fixture = fixture_new (answers, n_answers);
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GString) text = g_string_new (NULL);
  Told told = { .told = text, .loop = loop, .left = n_events };
  CtlTransport *transport = connect_to (fixture);

  ctl_transport_follow (transport, NULL, on_event, &told);
  g_main_loop_run (loop);
  g_assert_cmpstr (text->str, ==, expected);
  ctl_transport_free (transport);
  g_assert_cmpstr (text->str, ==, expected);
  g_mutex_lock (&fixture->mutex);
  g_assert_cmpstr (fixture->asked->str, ==, asked);
  g_mutex_unlock (&fixture->mutex);
}

/* A connection that breaks is taken up at the last event, and nobody is told. */
static void
test_follow_taken_up (void)
{
  static const Answer answers[] = {
    DAEMON,
    STREAM (EVENT ("42", "\"type\":\"interrupt\",\"region\":\"a\",\"vector\":3,\"count\":2")),
    REGIONS (A),
    LAST_STREAM (EVENT ("43", "\"type\":\"peer-connected\",\"region\":\"a\",\"id\":1,\"vectors\":4")),
    REGIONS (A),
  };

  assert_told (answers, G_N_ELEMENTS (answers), 4,
               "found a;ready;signal a Interrupt;(3, 2);signal a PeerConnected;(1, 4);",
               "GET /v1/daemon;GET /v1/events after 41;GET /v1/regions;"
               "GET /v1/events after 42;GET /v1/regions;");
}

/* Events were missed in this run of the daemon: that many, and the regions are
 * compared with what was known. */
static void
test_follow_lost_some (void)
{
  static const Answer answers[] = {
    DAEMON,
    LAST_STREAM (EVENT ("60", "\"type\":\"lost\",\"count\":18")),
    REGIONS (A),
    REGIONS (""),
  };

  assert_told (answers, G_N_ELEMENTS (answers), 4, "found a;ready;signal Lost;(18,);removed a;",
               "GET /v1/daemon;GET /v1/events after 41;GET /v1/regions;GET /v1/regions;");
}

/* It is another run of the daemon, whose regions are new. */
static void
test_follow_lost_all (void)
{
  static const Answer answers[] = {
    DAEMON,
    LAST_STREAM (EVENT ("60", "\"type\":\"lost\",\"count\":null")),
    REGIONS (A),
    REGIONS (A),
  };

  assert_told (answers, G_N_ELEMENTS (answers), 5, "found a;ready;gone;back;added a;",
               "GET /v1/daemon;GET /v1/events after 41;GET /v1/regions;GET /v1/regions;");
}

/* A region that has come is asked about; one that has gone again by then is
 * told with what the event said, and in its turn. */
static void
test_follow_added (void)
{
  static const Answer answers[] = {
    DAEMON,
    LAST_STREAM (EVENT ("42", "\"type\":\"region-attached\",\"region\":\"b\",\"plugin\":\"p\"")
                     EVENT ("43", "\"type\":\"region-detached\",\"region\":\"b\"")
                         EVENT ("44", "\"type\":\"region-attached\",\"region\":\"a\",\"plugin\":\"p\"")
                             EVENT ("45", "\"type\":\"state-changed\",\"region\":\"a\",\"state\":\"lost\",\"reason\":\"r\"")),
    REGIONS (""),
    { 404, "application/problem+json", "{\"type\":\"urn:ivshmem:error:not-found\",\"detail\":\"d\"}" },
    { 200, CTL_HTTP_JSON, A },
  };

  assert_told (answers, G_N_ELEMENTS (answers), 5,
               "ready;added b;removed b;added a;signal a StateChanged;('lost',);",
               "GET /v1/daemon;GET /v1/events after 41;GET /v1/regions;GET /v1/regions/b;GET /v1/regions/a;");
}

/* What this client does not know, or cannot read, is passed over. */
static void
test_follow_unknown (void)
{
  static const Answer answers[] = {
    DAEMON,
    LAST_STREAM ("data: no json\n\n" EVENT ("42", "\"type\":\"weather\",\"region\":\"a\"")
                     EVENT ("43", "\"type\":\"interrupt\",\"region\":\"a\",\"vector\":-1,\"count\":2")
                         EVENT ("44", "\"type\":\"interrupt\",\"vector\":1,\"count\":2") EVENT ("45", "\"a\":1")
                             EVENT ("46", "\"type\":\"peer-disconnected\",\"region\":\"a\",\"id\":1")),
    REGIONS (A),
  };

  assert_told (answers, G_N_ELEMENTS (answers), 3, "found a;ready;signal a PeerDisconnected;(1,);",
               "GET /v1/daemon;GET /v1/events after 41;GET /v1/regions;");
}

static void
test_follow_refused (void)
{
  static const Answer answers[] = {
    DAEMON,
    { 429, "application/problem+json", "{\"type\":\"urn:ivshmem:error:limit\",\"detail\":\"d\"}" },
  };

  assert_told (answers, G_N_ELEMENTS (answers), 1, "closed;", "GET /v1/daemon;GET /v1/events after 41;");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ctl/http/somebody-else", test_somebody_else);
  g_test_add_func ("/ctl/http/lies", test_lies);
  g_test_add_func ("/ctl/http/answer-without-end", test_answer_without_end);
  g_test_add_func ("/ctl/http/redirection", test_redirection);
  g_test_add_func ("/ctl/http/call-that-is-d-bus-alone", test_call_that_is_d_bus_alone);
  g_test_add_func ("/ctl/http/follow/taken-up", test_follow_taken_up);
  g_test_add_func ("/ctl/http/follow/lost-some", test_follow_lost_some);
  g_test_add_func ("/ctl/http/follow/lost-all", test_follow_lost_all);
  g_test_add_func ("/ctl/http/follow/added", test_follow_added);
  g_test_add_func ("/ctl/http/follow/unknown", test_follow_unknown);
  g_test_add_func ("/ctl/http/follow/refused", test_follow_refused);
  return g_test_run ();
}
