/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-memory.h"

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "export/http/ivd-http-buffers.h"
#include "export/http/ivd-http-parts.h"
#include "export/http/ivd-http-shared.h"
#include "export/http/ivd-query.h"
#include "export/http/ivd-range.h"
#include "memory/ivd-memory.h"
#include "platform/ivd-secret.h"

/*
 * GET and HEAD of a region's bytes. They leave in pieces through one buffer a
 * client, and a piece is copied only when the one before is with the kernel: a
 * region of any size costs the same memory, and a client that does not read
 * costs nobody anything. libsoup goes on as long as the socket takes more, so
 * a client that reads as fast as we write has to be made to wait for others.
 */

#define CONTENT_TYPE "application/octet-stream"

/* What is asked for. */
typedef struct
{
  gboolean whole; /* 200, and no word of ranges */
  IvdRanges ranges;
} Selection;

typedef struct
{
  const IvdRegionView *view;
  IvdMapping *mapping;
  guint64 size;
  IvdHttpParts *parts;
  IvdHttpBuffers *buffers;
  IvdHttpBuffer *buffer;
  gsize piece; /* bytes at once */
  gsize turn;  /* bytes since others had theirs */
} Download;

static void
download_free (gpointer data)
{
  Download *download = data;

  g_clear_pointer (&download->view, ivd_region_view_unref);
  g_clear_pointer (&download->mapping, ivd_mapping_unref);
  ivd_http_parts_free (download->parts);
  g_clear_pointer (&download->buffer, ivd_http_buffer_unref);
  g_free (download);
}

/* --- what is asked for --- */

/* ?offset=&length=; ret_found FALSE: neither is there. */
static gboolean
parse_query (IvdHttpExchange *exchange, guint64 size, IvdRange *ret_range, gboolean *ret_found, GError **error)
{
  const char *text = ivd_http_exchange_get_query (exchange);
  g_autoptr (IvdQuery) query = NULL;
  guint64 offset = 0, length;
  gboolean has_length;

  *ret_found = FALSE;
  if (text == NULL)
    return TRUE;
  query = ivd_query_new (text, error);
  if (query == NULL)
    return FALSE;
  has_length = ivd_query_has (query, "length");
  *ret_found = has_length || ivd_query_has (query, "offset");
  if (!ivd_query_take_uint64 (query, "offset", &offset, error)
      || !ivd_query_take_uint64 (query, "length", &length, error) || !ivd_query_end (query, error))
    return FALSE;
  if (!has_length)
    length = offset <= size ? size - offset : 0;
  if (!ivd_memory_check_range (size, offset, length, error))
    return FALSE;
  *ret_range = (IvdRange){ offset, length };
  return TRUE;
}

/* RFC 9110, 14.2: ranges are for GET alone; and with If-Range only for whoever
 * names the state that he has a part of (13.1.5), which shared memory has not. */
static const char *
get_range_header (IvdHttpExchange *exchange)
{
  if (ivd_http_exchange_is_head (exchange) || ivd_http_exchange_get_header (exchange, "If-Range") != NULL)
    return NULL;
  return ivd_http_exchange_get_list (exchange, "Range");
}

static gboolean
parse_selection (IvdHttpExchange *exchange, guint64 size, Selection *ret_selection, GError **error)
{
  const char *header = get_range_header (exchange);
  IvdRange queried = { 0, size };
  gboolean is_queried;

  if (!parse_query (exchange, size, &queried, &is_queried, error))
    return FALSE;
  if (is_queried && header != NULL)
    {
      g_set_error_literal (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                           "a Range header and offset or length in the query: only one of them at once");
      return FALSE;
    }
  if (!ivd_range_parse (header, size, &ret_selection->ranges, error))
    return FALSE;
  ret_selection->whole = ret_selection->ranges.n == 0;
  if (ret_selection->whole)
    ret_selection->ranges = (IvdRanges){ 1, { queried } };
  return TRUE;
}

/* --- sending --- */

static IvdHttpBuffer *
take_buffer (Download *self)
{
  gsize size = (gsize) MIN (self->piece, ivd_http_parts_get_left (self->parts));

  /* libsoup may still hold the last piece. */
  if (self->buffer != NULL && !ivd_http_buffer_is_ours (self->buffer))
    g_clear_pointer (&self->buffer, ivd_http_buffer_unref);
  if (self->buffer == NULL)
    self->buffer = ivd_http_buffers_take (self->buffers, size);
  return self->buffer;
}

/* The next bytes, given to libsoup. */
static gboolean
append_piece (Download *self, SoupServerMessage *message, GError **error)
{
  IvdHttpBuffer *buffer = take_buffer (self);
  g_autoptr (GBytes) bytes = NULL;
  gsize got, touched;

  if (!ivd_http_parts_read (self->parts, self->mapping, buffer->bytes, MIN (buffer->size, self->piece), &got, &touched,
                            error))
    return FALSE;
  ivd_statistics_add (self->view->statistics, IVD_STAT_READ_BYTES, touched);
  if (got == 0)
    return TRUE;
  bytes = ivd_http_buffer_get_bytes (buffer, got);
  soup_message_body_append_bytes (soup_server_message_get_response_body (message), bytes);
  self->turn += got;
  return TRUE;
}

static void
on_wrote_chunk (SoupServerMessage *message, gpointer data)
{
  IvdHttpExchange *exchange = data;
  Download *self = ivd_http_exchange_get_data (exchange);
  g_autoptr (GError) error = NULL;

  if (ivd_http_parts_get_left (self->parts) == 0)
    return;
  if (!append_piece (self, message, &error))
    {
      /* What was promised cannot be kept, and can no more be taken back. */
      ivd_statistics_add_error (self->view->statistics, error);
      ivd_http_exchange_abort (exchange);
      return;
    }
  ivd_http_connection_set_activity (ivd_http_exchange_get_connection (exchange), IVD_HTTP_WRITING);
  if (self->turn <= self->piece * IVD_LIMIT_HTTP_TURN_PIECES)
    return;
  self->turn = 0;
  ivd_http_memory_yield (exchange);
}

static void
set_headers (Download *self, SoupServerMessage *message, const Selection *selection, const char *boundary)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (message);

  soup_message_headers_replace (headers, "Accept-Ranges", "bytes");
  /* A guest may have written a page or a script there. */
  soup_message_headers_replace (headers, "X-Content-Type-Options", "nosniff");
  if (boundary != NULL)
    {
      g_autofree char *type = g_strdup_printf ("multipart/byteranges; boundary=%s", boundary);

      soup_message_headers_replace (headers, "Content-Type", type);
    }
  else
    soup_message_headers_replace (headers, "Content-Type", CONTENT_TYPE);
  if (!selection->whole && boundary == NULL)
    {
      g_autofree char *range = ivd_range_content_range (&selection->ranges.ranges[0], self->size);

      soup_message_headers_replace (headers, "Content-Range", range);
    }
  soup_message_headers_set_content_length (headers, (goffset) ivd_http_parts_get_length (self->parts));
}

/* The first piece is read before anything is promised. */
static gboolean
start (IvdHttpExchange *exchange, Download *self, const Selection *selection, GError **error)
{
  SoupServerMessage *message = ivd_http_exchange_get_message (exchange);
  const IvdRanges *ranges = &selection->ranges;
  g_autofree char *boundary = NULL;

  if (ranges->n > 1)
    {
      boundary = ivd_secret_generate ("", error);
      if (boundary == NULL)
        return FALSE;
      self->parts = ivd_http_parts_new_multipart (ranges, self->size, boundary);
    }
  else
    self->parts = ivd_http_parts_new (ranges->ranges[0].offset, ranges->ranges[0].length);
  /* libsoup would make ranges of its own out of a body that it keeps. */
  soup_message_body_set_accumulate (soup_server_message_get_response_body (message), FALSE);
  if (!ivd_http_exchange_is_head (exchange) && !append_piece (self, message, error))
    return FALSE;
  if (!ivd_http_exchange_is_head (exchange) && ivd_http_parts_get_left (self->parts) > 0)
    g_signal_connect (message, "wrote-chunk", G_CALLBACK (on_wrote_chunk), exchange);
  set_headers (self, message, selection, boundary);
  soup_server_message_set_status (message, selection->whole ? SOUP_STATUS_OK : SOUP_STATUS_PARTIAL_CONTENT, NULL);
  return TRUE;
}

/* Who asked for too much is told how much there is. */
static void
tell_size (IvdHttpExchange *exchange, guint64 size)
{
  SoupServerMessage *message = ivd_http_exchange_get_message (exchange);
  g_autofree char *range = ivd_range_unsatisfied (size);

  soup_message_headers_replace (soup_server_message_get_response_headers (message), "Content-Range", range);
}

static gboolean
open_region (IvdHttpExchange *exchange, Download *self, GError **error)
{
  self->view = ivd_http_exchange_ref_region (exchange, NULL, IVD_PERMISSION_READ, IVD_CAP_READ, error);
  if (self->view == NULL)
    return FALSE;
  self->mapping = ivd_region_view_ref_mapping (self->view, error);
  if (self->mapping == NULL)
    return FALSE;
  self->size = ivd_mapping_get_size (self->mapping);
  self->piece = (ivd_mapping_get_flags (self->mapping) & (IVD_MAPPING_UNCACHED | IVD_MAPPING_WRITE_COMBINED)) != 0
                    ? IVD_LIMIT_HTTP_DEVICE_PIECE_BYTES
                    : IVD_LIMIT_HTTP_PIECE_BYTES;
  return TRUE;
}

void
ivd_http_memory_get (IvdHttpExchange *exchange)
{
  gint64 begun = g_get_monotonic_time ();
  Download *self = g_new0 (Download, 1);
  Selection selection;
  GError *error = NULL;

  self->buffers = ivd_http_service_get_shared (ivd_http_exchange_get_service (exchange))->buffers;
  ivd_http_exchange_set_data (exchange, self, download_free);
  if (!open_region (exchange, self, &error) || !parse_selection (exchange, self->size, &selection, &error)
      || !start (exchange, self, &selection, &error))
    {
      if (g_error_matches (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE))
        tell_size (exchange, self->size);
      ivd_http_memory_refuse (exchange, self->view, error);
      return;
    }
  ivd_http_memory_count (exchange, self->view, begun, NULL);
  ivd_http_exchange_begin_answer (exchange);
}
