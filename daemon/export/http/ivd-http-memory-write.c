/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-memory.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "export/http/ivd-http-shared.h"
#include "export/http/ivd-http-stage.h"
#include "export/http/ivd-query.h"
#include "memory/ivd-copy.h"
#include "memory/ivd-memory.h"
#include "operation/ivd-request.h"
#include "platform/ivd-log.h"

/*
 * PUT of a region's bytes. What can be known before the body is checked before
 * the body. Then either all of it is kept aside and copied at once when it is
 * complete, so that one that is too long or breaks off changes nothing; or,
 * with stream=1, each piece is written as it comes. Nothing is read from the
 * client meanwhile, and after so many bytes others have their turn.
 */

#define UNKNOWN (-1)

typedef struct
{
  const IvdRegionView *view;
  IvdMapping *mapping;
  guint64 offset;
  guint64 room;      /* from there to the region's end */
  goffset announced; /* Content-Length; UNKNOWN: it comes in chunks */
  gboolean stream;
  IvdHttpStage *stage; /* NULL: stream */
  guint64 received;    /* with stream: and written */
  gsize turn;          /* bytes since others had theirs */
  gboolean ended;      /* it was complete, or has been refused */
  gboolean copying;
  guint stop_func;
  gint64 begun; /* when the body was complete, or the first piece of a stream came */
} Upload;

void
ivd_http_memory_refuse (IvdHttpExchange *exchange, const IvdRegionView *view, GError *take_error)
{
  g_autoptr (IvdSnapshot) snapshot = ivd_http_service_ref_snapshot (ivd_http_exchange_get_service (exchange));

  if (view == NULL)
    view = ivd_snapshot_find (snapshot, ivd_http_exchange_get_argument (exchange, 0));
  /* Without its time, as it says nothing. */
  ivd_request_count (NULL, view != NULL ? view->statistics : NULL, ivd_http_exchange_get_operation (exchange), 0,
                     take_error);
  ivd_http_exchange_take_error (exchange, take_error);
}

void
ivd_http_memory_count (IvdHttpExchange *exchange, const IvdRegionView *view, gint64 begun, const GError *error)
{
  IvdContext *context = ivd_http_service_get_context (ivd_http_exchange_get_service (exchange));

  ivd_request_count (context->metrics, view->statistics, ivd_http_exchange_get_operation (exchange),
                     g_get_monotonic_time () - begun, error);
}

void
ivd_http_memory_yield (IvdHttpExchange *exchange)
{
  SoupServerMessage *message = ivd_http_exchange_get_message (exchange);

  /* Goes on when the main loop has come around. */
  soup_server_message_pause (message);
  soup_server_message_unpause (message);
}

static void
upload_free (gpointer data)
{
  Upload *upload = data;

  /* The client has gone; nobody else can be told. */
  if (upload->stream && !upload->ended && upload->received > 0)
    ivd_log (IVD_LOG_NOTICE, upload->view->name,
             "an upload broke off: %" G_GUINT64_FORMAT " bytes from offset %" G_GUINT64_FORMAT " on were written",
             upload->received, upload->offset);
  g_clear_pointer (&upload->view, ivd_region_view_unref);
  g_clear_pointer (&upload->mapping, ivd_mapping_unref);
  ivd_http_stage_free (upload->stage);
  g_free (upload);
}

/* --- before the body --- */

static gboolean
parse_query (IvdHttpExchange *exchange, Upload *self, GError **error)
{
  g_autoptr (IvdQuery) query = ivd_query_new (ivd_http_exchange_get_query (exchange), error);

  if (query == NULL)
    return FALSE;
  if (!ivd_query_has (query, "offset"))
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                           "query 'offset' is missing: it says where in the region the bytes go, ?offset=0");
      return FALSE;
    }
  return ivd_query_take_uint64 (query, "offset", &self->offset, error)
         && ivd_query_take_boolean (query, "stream", &self->stream, error) && ivd_query_end (query, error);
}

/* The bytes are there, and have no tag: whatever one names is not what is there. */
static gboolean
check_conditions (IvdHttpExchange *exchange, GError **error)
{
  const char *match = ivd_http_exchange_get_list (exchange, "If-Match");
  const char *none_match = ivd_http_exchange_get_list (exchange, "If-None-Match");

  if ((match == NULL || strcmp (match, "*") == 0) && (none_match == NULL || strcmp (none_match, "*") != 0))
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_PRECONDITION,
               "%s does not hold: a region's bytes are always there, and have no ETag; /atomic compares and sets",
               match != NULL && strcmp (match, "*") != 0 ? "If-Match" : "If-None-Match: *");
  return FALSE;
}

/* What would have to be understood for the body to be what it seems to be. */
static gboolean
check_headers (IvdHttpExchange *exchange, GError **error)
{
  const char *encoding = ivd_http_exchange_get_header (exchange, "Content-Encoding");

  if (ivd_http_exchange_get_header (exchange, "Content-Range") != NULL)
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                           "Content-Range is not taken here: ?offset= says where the bytes go");
      return FALSE;
    }
  if (encoding != NULL && g_ascii_strcasecmp (encoding, "identity") != 0)
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                           "Content-Encoding: bytes are taken as they are, identity is the only one");
      return FALSE;
    }
  return TRUE;
}

/* length: of the body, as far as it is known. */
static gboolean
check_length (const Upload *self, guint64 length, GError **error)
{
  if (length > self->room)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE,
                   "%" G_GUINT64_FORMAT " bytes%s from offset %" G_GUINT64_FORMAT
                   " on do not fit: the region ends after %" G_GUINT64_FORMAT,
                   length, self->announced == UNKNOWN ? " so far" : "", self->offset, self->room);
      return FALSE;
    }
  if (self->stream || length <= IVD_LIMIT_HTTP_UPLOAD_BYTES)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_TOO_LARGE,
               "%" G_GUINT64_FORMAT " bytes%s: at most %d are written all or not at all; with stream=1 in the query"
               " there is no limit, and they are written as they come",
               length, self->announced == UNKNOWN ? " so far" : "", IVD_LIMIT_HTTP_UPLOAD_BYTES);
  return FALSE;
}

static gboolean
open_region (IvdHttpExchange *exchange, Upload *self, GError **error)
{
  guint64 size;

  self->view = ivd_http_exchange_ref_region (exchange, NULL, IVD_PERMISSION_WRITE, IVD_CAP_WRITE, error);
  if (self->view == NULL)
    return FALSE;
  self->mapping = ivd_region_view_ref_mapping (self->view, error);
  if (self->mapping == NULL || !check_headers (exchange, error)
      || !check_conditions (exchange, error) || !parse_query (exchange, self, error))
    return FALSE;
  size = ivd_mapping_get_size (self->mapping);
  if (!ivd_memory_check_range (size, self->offset, 0, error))
    return FALSE;
  self->room = size - self->offset;
  return TRUE;
}

/* Room for the body, as much as is known of it. */
static gboolean
open_stage (IvdHttpExchange *exchange, Upload *self, GError **error)
{
  SoupServerMessage *message = ivd_http_exchange_get_message (exchange);
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
  IvdHttpShared *shared = ivd_http_service_get_shared (ivd_http_exchange_get_service (exchange));
  guint64 expected;

  self->announced = soup_message_headers_get_encoding (headers) == SOUP_ENCODING_CHUNKED
                        ? UNKNOWN
                        : soup_message_headers_get_content_length (headers);
  expected = self->announced == UNKNOWN ? 0 : (guint64) self->announced;
  if (!check_length (self, expected, error))
    return FALSE;
  if (self->stream)
    return TRUE;
  self->stage = ivd_http_stage_new (shared->stages, ivd_caller_get_id (ivd_http_exchange_get_caller (exchange)),
                                    (gsize) expected, error);
  return self->stage != NULL;
}

void
ivd_http_memory_put_begin (IvdHttpExchange *exchange)
{
  Upload *self = g_new0 (Upload, 1);
  GError *error = NULL;

  ivd_http_exchange_set_data (exchange, self, upload_free);
  if (open_region (exchange, self, &error) && open_stage (exchange, self, &error))
    return;
  self->ended = TRUE;
  ivd_http_memory_refuse (exchange, self->view, error);
}

/* --- the body --- */

/* The client is told how far it got; so is the log, as the client may never
 * hear of it. */
static void
refuse_rest (IvdHttpExchange *exchange, Upload *self, GError *take_error)
{
  g_autoptr (GError) error = take_error;

  self->ended = TRUE;
  if (!self->stream)
    {
      ivd_http_memory_refuse (exchange, self->view, g_steal_pointer (&error));
      return;
    }
  ivd_log (IVD_LOG_NOTICE, self->view->name,
           "an upload failed: %s; %" G_GUINT64_FORMAT " bytes from offset %" G_GUINT64_FORMAT " on were written",
           error->message, self->received, self->offset);
  ivd_http_memory_refuse (exchange, self->view,
                          g_error_new (error->domain, error->code,
                                       "%s; %" G_GUINT64_FORMAT " bytes from offset %" G_GUINT64_FORMAT
                                       " on have been written",
                                       error->message, self->received, self->offset));
}

static gboolean
take_piece (Upload *self, GBytes *bytes, GError **error)
{
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);

  if (!check_length (self, self->received + size, error))
    return FALSE;
  if (!self->stream)
    return ivd_http_stage_add (self->stage, bytes, error);
  if (self->begun == 0)
    self->begun = g_get_monotonic_time ();
  if (!ivd_memory_write (self->mapping, self->offset + self->received, data, size, error))
    return FALSE;
  ivd_statistics_add (self->view->statistics, IVD_STAT_WRITTEN_BYTES, size);
  return TRUE;
}

void
ivd_http_memory_put_chunk (IvdHttpExchange *exchange, GBytes *bytes)
{
  Upload *self = ivd_http_exchange_get_data (exchange);
  GError *error = NULL;

  if (!take_piece (self, bytes, &error))
    {
      refuse_rest (exchange, self, error);
      return;
    }
  self->received += g_bytes_get_size (bytes);
  self->turn += g_bytes_get_size (bytes);
  if (self->turn < IVD_LIMIT_HTTP_PIECE_BYTES * IVD_LIMIT_HTTP_TURN_PIECES)
    return;
  self->turn = 0;
  ivd_http_memory_yield (exchange);
}

/* --- after the body --- */

static void
end (IvdHttpExchange *exchange, Upload *self, GError *take_error)
{
  g_autoptr (GError) error = take_error;

  ivd_http_memory_count (exchange, self->view, self->begun, error);
  if (error != NULL)
    {
      ivd_http_exchange_fail (exchange, error);
      return;
    }
  if (!self->stream)
    ivd_statistics_add (self->view->statistics, IVD_STAT_WRITTEN_BYTES, self->received);
  ivd_http_exchange_answer (exchange, SOUP_STATUS_NO_CONTENT, NULL, NULL);
}

static void
on_copied (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (IvdHttpExchange) exchange = data;
  Upload *self = ivd_http_exchange_get_data (exchange);
  GError *error = NULL;

  self->copying = FALSE;
  ivd_http_service_remove_stop_func (ivd_http_exchange_get_service (exchange), self->stop_func);
  (void) !ivd_copy_finish (result, &error);
  end (exchange, self, error);
}

/* The thread must not end under a copy, which comes back to it. */
static void
on_stop (gpointer data)
{
  g_autoptr (IvdHttpExchange) exchange = ivd_http_exchange_ref (data);
  const Upload *self = ivd_http_exchange_get_data (exchange);

  while (self->copying)
    g_main_context_iteration (g_main_context_get_thread_default (), TRUE);
}

void
ivd_http_memory_put (IvdHttpExchange *exchange)
{
  IvdHttpService *service = ivd_http_exchange_get_service (exchange);
  Upload *self = ivd_http_exchange_get_data (exchange);
  g_autoptr (GBytes) bytes = NULL;
  GError *error = NULL;

  self->ended = TRUE;
  if (self->begun == 0)
    self->begun = g_get_monotonic_time ();
  if (self->stream)
    {
      end (exchange, self, NULL);
      return;
    }
  bytes = ivd_http_stage_get_bytes (self->stage);
  if (self->received <= IVD_LIMIT_INLINE_COPY_BYTES)
    {
      (void) !ivd_memory_write (self->mapping, self->offset, g_bytes_get_data (bytes, NULL),
                                (gsize) self->received, &error);
      end (exchange, self, error);
      return;
    }
  self->copying = TRUE;
  self->stop_func = ivd_http_service_add_stop_func (service, on_stop, exchange);
  ivd_copy_write (ivd_http_service_get_context (service)->pool, self->mapping, self->offset, bytes, on_copied,
                  ivd_http_exchange_ref (exchange));
}
