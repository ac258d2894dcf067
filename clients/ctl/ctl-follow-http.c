/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-follow-http.h"

#include <string.h>

#include "base/ivd-error.h"

#include "ctl-error.h"
#include "ctl-event-stream.h"
#include "ctl-event.h"
#include "ctl-http-call.h"
#include "ctl-http-fetch.h"
#include "ctl-json-read.h"

#define READ_BYTES (16 * 1024)
#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS 2000

/*
 * One step at a time: ask for the serial of now, open the stream from there,
 * list the regions, then read. An event that needs another look (a region that
 * has come) stops the reading until that has been answered; so events keep
 * their order, and a daemon that talks too fast is not read too far.
 */
struct _CtlFollowHttp
{
  CtlHttp *http; /* borrowed */
  SoupSession *session;
  char **names;
  CtlEventFunc func;
  gpointer data;

  char *events_path;
  GHashTable *regions; /* the names that are followed */
  char *last_id;       /* of the last event; NULL: none yet */
  GInputStream *stream;
  CtlEventStream *parser;
  GQueue *records; /* JsonNode: read, and not yet told */
  GCancellable *cancellable;
  guint pending;      /* calls whose answer is still to come */
  guint retry_source; /* 0: not between two tries */
  guint retry_ms;
  gint64 stream_time; /* when the stream was opened last */
  gboolean told_ready, told_gone;
  gboolean anew; /* what is listed next was not there before */
};

/* How it goes on after a record. */
typedef enum
{
  PROGRESS_NEXT,    /* with the next one */
  PROGRESS_LISTING, /* with the next one, once the regions are listed */
  PROGRESS_ASKED,   /* with this one, once its region has been asked about */
} Progress;

static void connect_stream (CtlFollowHttp *follow);
static void list_regions (CtlFollowHttp *follow);
static void tell_records (CtlFollowHttp *follow);

static void
tell (CtlFollowHttp *follow, CtlEventType type, const char *region, GVariant *properties, const GError *error)
{
  CtlEvent event = { .type = type, .region = region, .properties = properties, .error = error };

  follow->func (&event, follow->data);
}

static gboolean
is_over (CtlFollowHttp *follow)
{
  return g_cancellable_is_cancelled (follow->cancellable);
}

static gboolean
is_wanted (CtlFollowHttp *follow, const char *region)
{
  return follow->names == NULL || g_strv_contains ((const char *const *) follow->names, region);
}

/* The call of this answer has come to its end. FALSE: so have we. */
static gboolean
take_answer (CtlFollowHttp *follow)
{
  follow->pending--;
  return !is_over (follow);
}

static void
fetch_json (CtlFollowHttp *follow, const char *path, CtlHttpFetchedFunc func)
{
  follow->pending++;
  ctl_http_fetch_json (follow->http, follow->session, path, follow->cancellable, func, follow);
}

/* --- losing the daemon, and finding it --- */

static gboolean
on_retry (gpointer data)
{
  CtlFollowHttp *follow = data;

  follow->retry_source = 0;
  connect_stream (follow);
  return G_SOURCE_REMOVE;
}

/* What no second try makes better. */
static gboolean
is_final (CtlFollowHttp *follow, const GError *error)
{
  if (!follow->told_ready)
    return TRUE;
  return g_error_matches (error, IVD_ERROR, IVD_ERROR_DENIED)
         || g_error_matches (error, IVD_ERROR, IVD_ERROR_UNAUTHENTICATED)
         || g_error_matches (error, IVD_ERROR, IVD_ERROR_NOT_FOUND);
}

static void
tell_gone (CtlFollowHttp *follow)
{
  if (!follow->told_gone)
    tell (follow, CTL_EVENT_DAEMON_GONE, NULL, NULL, NULL);
  follow->told_gone = TRUE;
}

static void
tell_back (CtlFollowHttp *follow)
{
  if (follow->told_gone)
    tell (follow, CTL_EVENT_DAEMON_BACK, NULL, NULL, NULL);
  follow->told_gone = FALSE;
}

static void
drop_stream (CtlFollowHttp *follow)
{
  g_clear_object (&follow->stream);
  g_clear_pointer (&follow->parser, ctl_event_stream_free);
}

/* The more often it comes to this, the slower. */
static void
retry (CtlFollowHttp *follow)
{
  if (g_get_monotonic_time () - follow->stream_time > RETRY_LAST_MS * 1000)
    follow->retry_ms = RETRY_FIRST_MS;
  follow->retry_source = g_timeout_add (follow->retry_ms, on_retry, follow);
  follow->retry_ms = MIN (2 * follow->retry_ms, RETRY_LAST_MS);
}

static void
fail (CtlFollowHttp *follow, const GError *error)
{
  drop_stream (follow);
  if (is_final (follow, error))
    {
      tell (follow, CTL_EVENT_CLOSED, NULL, NULL, error);
      return;
    }
  tell_gone (follow);
  retry (follow);
}

/* --- the listing --- */

static gboolean
is_listed (GVariant *regions, const char *region)
{
  g_autoptr (GVariant) properties = g_variant_lookup_value (regions, region, NULL);

  return properties != NULL;
}

/* Regions that were detached unheard. */
static void
tell_missing (CtlFollowHttp *follow, GVariant *regions)
{
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, follow->regions);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    {
      g_autofree char *region = g_strdup (name);

      if (is_listed (regions, region))
        continue;
      g_hash_table_iter_remove (&iter);
      tell (follow, CTL_EVENT_REMOVED, region, NULL, NULL);
    }
}

static void
on_listed (JsonObject *answer, const GError *error, gpointer data)
{
  CtlFollowHttp *follow = data;
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GVariant) regions = answer != NULL ? ctl_json_read_regions (answer, &local_error) : NULL;
  GVariantIter iter;
  GVariant *properties;
  const char *region;

  if (!take_answer (follow))
    return;
  if (regions == NULL)
    {
      fail (follow, error != NULL ? error : local_error);
      return;
    }
  if (follow->anew)
    g_hash_table_remove_all (follow->regions);
  follow->anew = FALSE;
  tell_missing (follow, regions);
  g_variant_iter_init (&iter, regions);
  while (g_variant_iter_loop (&iter, "{&s@a{sv}}", &region, &properties))
    {
      if (is_wanted (follow, region) && g_hash_table_add (follow->regions, g_strdup (region)))
        tell (follow, follow->told_ready ? CTL_EVENT_ADDED : CTL_EVENT_FOUND, region, properties, NULL);
    }
  if (!follow->told_ready)
    {
      follow->told_ready = TRUE;
      tell (follow, CTL_EVENT_READY, NULL, NULL, NULL);
    }
  tell_records (follow);
}

static void
list_regions (CtlFollowHttp *follow)
{
  fetch_json (follow, "/v1/regions", on_listed);
}

/* --- events --- */

/* An answer to the question about the region of the first record. */
static void
on_region (JsonObject *answer, const GError *error, gpointer data)
{
  CtlFollowHttp *follow = data;
  g_autoptr (JsonNode) record = g_queue_pop_head (follow->records);
  JsonObject *event = json_node_get_object (record);
  const char *region = ctl_json_read_text (event, "region");
  g_autoptr (GVariant) properties = answer != NULL ? ctl_json_read_region (answer, NULL) : NULL;

  if (!take_answer (follow))
    return;
  /* Gone again by now: then what the event itself said is all. */
  if (properties == NULL)
    {
      const char *plugin = ctl_json_read_text (event, "plugin");
      g_auto (GVariantDict) known;

      g_variant_dict_init (&known, NULL);
      g_variant_dict_insert (&known, "Name", "s", region);
      if (plugin != NULL)
        g_variant_dict_insert (&known, "Plugin", "s", plugin);
      properties = g_variant_ref_sink (g_variant_dict_end (&known));
    }
  g_hash_table_add (follow->regions, g_strdup (region));
  tell (follow, CTL_EVENT_ADDED, region, properties, NULL);
  tell_records (follow);
}

/* What a signal of that name would carry. NULL: the event lacks some of it. */
static GVariant *
read_parameters (const CtlSignalRow *row, JsonObject *event)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_TUPLE);

  for (guint i = 0; row->arguments[i + 1] != ')'; i++)
    {
      const char type[] = { row->arguments[i + 1], '\0' };
      GVariant *value = ctl_json_read_member (event, row->names[i], type);

      if (value == NULL)
        return NULL;
      g_variant_builder_add_value (&builder, value);
    }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static void
tell_signal (CtlFollowHttp *follow, JsonObject *event, const char *region, const char *type)
{
  const CtlSignalRow *row = ctl_event_row_of_type (type);
  g_autoptr (GVariant) parameters = row != NULL ? read_parameters (row, event) : NULL;
  CtlEvent told = { .type = CTL_EVENT_SIGNAL, .region = region, .parameters = parameters };

  if (parameters == NULL)
    return;
  told.signal = row->signal;
  follow->func (&told, follow->data);
}

/* What belongs to no region is for who follows all of them. */
static void
tell_daemon_signal (CtlFollowHttp *follow, JsonObject *event, const char *type)
{
  const CtlSignalRow *row = ctl_event_row_of_type (type);

  if (follow->names == NULL && row != NULL && row->is_of_daemon)
    tell_signal (follow, event, NULL, type);
}

/* Events were missed: a count says so of this run of the daemon, none that it
 * is another run. Which regions there are must be asked again. */
static void
tell_lost (CtlFollowHttp *follow, JsonObject *event)
{
  JsonNode *count = json_object_get_member (event, "count");

  if (count != NULL && !JSON_NODE_HOLDS_NULL (count))
    tell_signal (follow, event, NULL, "lost");
  else
    {
      follow->anew = TRUE;
      tell_gone (follow);
      tell_back (follow);
    }
  list_regions (follow);
}

static Progress
tell_record (CtlFollowHttp *follow, JsonObject *event)
{
  const char *type = ctl_json_read_text (event, "type");
  const char *region = ctl_json_read_text (event, "region");
  g_autofree char *path = NULL;

  if (type == NULL)
    return PROGRESS_NEXT;
  if (g_str_equal (type, "lost"))
    {
      tell_lost (follow, event);
      return PROGRESS_LISTING;
    }
  if (region == NULL)
    {
      tell_daemon_signal (follow, event, type);
      return PROGRESS_NEXT;
    }
  if (!is_wanted (follow, region))
    return PROGRESS_NEXT;
  if (g_str_equal (type, "region-detached"))
    {
      if (g_hash_table_remove (follow->regions, region))
        tell (follow, CTL_EVENT_REMOVED, region, NULL, NULL);
      return PROGRESS_NEXT;
    }
  if (!g_str_equal (type, "region-attached"))
    {
      tell_signal (follow, event, region, type);
      return PROGRESS_NEXT;
    }
  /* Listed already: the event is older than the listing. */
  if (g_hash_table_contains (follow->regions, region))
    return PROGRESS_NEXT;
  path = ctl_http_region_path (region, NULL);
  fetch_json (follow, path, on_region);
  return PROGRESS_ASKED;
}

static void
on_record (const CtlEventRecord *record, gpointer data)
{
  CtlFollowHttp *follow = data;
  JsonNode *root = ctl_json_read (record->data, strlen (record->data), NULL);

  if (*record->id != '\0')
    {
      g_free (follow->last_id);
      follow->last_id = g_strdup (record->id);
    }
  if (root != NULL)
    g_queue_push_tail (follow->records, root);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer data)
{
  CtlFollowHttp *follow = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, NULL);

  follow->pending--;
  if (is_over (follow))
    return;
  /* A connection may break and the daemon be well: no word of that yet. */
  if (bytes == NULL || g_bytes_get_size (bytes) == 0)
    {
      drop_stream (follow);
      retry (follow);
    }
  else if (ctl_event_stream_feed (follow->parser, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes),
                                  &error))
    tell_records (follow);
  else
    tell (follow, CTL_EVENT_CLOSED, NULL, NULL, error);
}

/* As far as that goes; then it reads on. */
static void
tell_records (CtlFollowHttp *follow)
{
  JsonNode *record;

  while (!is_over (follow) && (record = g_queue_peek_head (follow->records)) != NULL)
    {
      Progress progress = tell_record (follow, json_node_get_object (record));

      if (progress == PROGRESS_ASKED)
        return;
      json_node_unref (g_queue_pop_head (follow->records));
      if (progress == PROGRESS_LISTING)
        return;
    }
  if (is_over (follow) || follow->stream == NULL)
    return;
  follow->pending++;
  g_input_stream_read_bytes_async (follow->stream, READ_BYTES, G_PRIORITY_DEFAULT, follow->cancellable,
                                   on_read, follow);
}

/* --- the stream --- */

/* The stream before its answer has come. */
typedef struct
{
  CtlFollowHttp *follow;
  SoupMessage *message;
  char refusal[READ_BYTES];
} Opening;

static void
opening_free (Opening *opening)
{
  g_object_unref (opening->message);
  g_free (opening);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Opening, opening_free)

/* Why there is none: a body that says so is short. */
static void
on_refusal_read (GObject *source, GAsyncResult *result, gpointer data)
{
  Opening *opening = data;
  CtlFollowHttp *follow = opening->follow;
  g_autoptr (GBytes) body = NULL;
  g_autoptr (GError) error = NULL;
  gsize length = 0;

  follow->pending--;
  (void) g_input_stream_read_all_finish (G_INPUT_STREAM (source), result, &length, NULL);
  body = g_bytes_new (opening->refusal, length);
  if (!is_over (follow) && !ctl_http_check_answer (opening->message, body, CTL_HTTP_EVENTS, &error))
    fail (follow, error);
  opening_free (opening);
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (Opening) opening = data;
  CtlFollowHttp *follow = opening->follow;
  GError *why = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) nothing = g_bytes_new (NULL, 0);
  g_autoptr (GInputStream) stream = soup_session_send_finish (SOUP_SESSION (source), result, &why);

  follow->pending--;
  if (stream == NULL)
    error = ctl_http_translate_error (follow->http, why);
  if (is_over (follow))
    return;
  if (stream == NULL)
    fail (follow, error);
  else if (ctl_http_check_answer (opening->message, nothing, CTL_HTTP_EVENTS, NULL))
    {
      follow->stream = g_steal_pointer (&stream);
      follow->parser = ctl_event_stream_new (on_record, follow);
      follow->stream_time = g_get_monotonic_time ();
      tell_back (follow);
      list_regions (follow);
    }
  else
    {
      follow->pending++;
      g_input_stream_read_all_async (stream, opening->refusal, sizeof opening->refusal, G_PRIORITY_DEFAULT,
                                     follow->cancellable, on_refusal_read, opening);
      opening = NULL;
    }
}

static void
open_stream (CtlFollowHttp *follow)
{
  const CtlHttpRequest request
      = { .method = "GET", .path = follow->events_path, .answer_type = CTL_HTTP_EVENTS };
  Opening *opening = g_new0 (Opening, 1);

  opening->follow = follow;
  opening->message = ctl_http_message_new (follow->http, &request);
  soup_message_headers_replace (soup_message_get_request_headers (opening->message), "Last-Event-ID",
                                follow->last_id);
  follow->pending++;
  soup_session_send_async (follow->session, opening->message, G_PRIORITY_DEFAULT, follow->cancellable,
                           on_connected, opening);
}

static void
on_serial (JsonObject *answer, const GError *error, gpointer data)
{
  CtlFollowHttp *follow = data;
  GVariant *member = answer != NULL ? ctl_json_read_member (answer, "event_serial", "t") : NULL;
  g_autoptr (GVariant) serial = member != NULL ? g_variant_ref_sink (member) : NULL;
  g_autoptr (GError) none = NULL;

  if (!take_answer (follow))
    return;
  if (serial == NULL)
    {
      none = g_error_new_literal (IVD_ERROR, IVD_ERROR_IO, "the daemon has told no serial of its events");
      fail (follow, error != NULL ? error : none);
      return;
    }
  follow->last_id = g_strdup_printf ("%" G_GUINT64_FORMAT, g_variant_get_uint64 (serial));
  open_stream (follow);
}

/* From the first moment on nothing is missed: the stream begins at a serial
 * that is older than the listing. */
static void
connect_stream (CtlFollowHttp *follow)
{
  if (follow->last_id != NULL)
    open_stream (follow);
  else
    fetch_json (follow, "/v1/daemon", on_serial);
}

CtlFollowHttp *
ctl_follow_http_new (CtlHttp *http, const char *const *names, CtlEventFunc func, gpointer data)
{
  CtlFollowHttp *follow = g_new0 (CtlFollowHttp, 1);
  g_autoptr (GString) path = g_string_new ("/v1/events");

  follow->http = http;
  follow->session = ctl_http_session_new (http, CTL_HTTP_STREAM_TIMEOUT_SECONDS);
  follow->names = g_strdupv ((char **) names);
  follow->func = func;
  follow->data = data;
  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    {
      g_autofree char *escaped = g_uri_escape_string (names[i], NULL, FALSE);

      g_string_append_printf (path, "%cregion=%s", i == 0 ? '?' : '&', escaped);
    }
  follow->events_path = g_string_free (g_steal_pointer (&path), FALSE);
  follow->regions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  follow->records = g_queue_new ();
  follow->cancellable = g_cancellable_new ();
  follow->retry_ms = RETRY_FIRST_MS;
  connect_stream (follow);
  return follow;
}

void
ctl_follow_http_free (CtlFollowHttp *follow)
{
  if (follow == NULL)
    return;

  g_cancellable_cancel (follow->cancellable);
  while (follow->pending > 0)
    g_main_context_iteration (NULL, TRUE);
  g_clear_handle_id (&follow->retry_source, g_source_remove);
  drop_stream (follow);
  g_queue_free_full (follow->records, (GDestroyNotify) json_node_unref);
  g_object_unref (follow->cancellable);
  g_object_unref (follow->session);
  g_hash_table_unref (follow->regions);
  g_strfreev (follow->names);
  g_free (follow->events_path);
  g_free (follow->last_id);
  g_free (follow);
}
