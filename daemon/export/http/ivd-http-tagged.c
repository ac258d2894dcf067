/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/http/ivd-http-exchange.h"

#include <string.h>

/* Answers with an ETag: who has what it stands for already is told so, and not
 * sent it again. */

/* RFC 9110, 13.1.2: a list of tags, weak ones match as well, or a star. */
static gboolean
is_known (IvdHttpExchange *self, const char *tag)
{
  const char *known = ivd_http_exchange_get_list (self, "If-None-Match");

  return known != NULL && (strcmp (known, "*") == 0 || strstr (known, tag) != NULL);
}

void
ivd_http_exchange_answer_tagged (IvdHttpExchange *exchange, const char *content_type, GBytes *body)
{
  g_autofree char *hash = g_compute_checksum_for_bytes (G_CHECKSUM_SHA1, body);
  g_autofree char *tag = g_strdup_printf ("\"%.20s\"", hash);

  ivd_http_exchange_answer_tagged_as (exchange, tag, content_type, body);
}

void
ivd_http_exchange_answer_tagged_as (IvdHttpExchange *exchange, const char *tag, const char *content_type, GBytes *body)
{
  SoupServerMessage *message = ivd_http_exchange_get_message (exchange);
  gboolean known = is_known (exchange, tag);
  SoupMessageHeaders *headers;

  if (message != NULL)
    {
      headers = soup_server_message_get_response_headers (message);
      soup_message_headers_replace (headers, "ETag", tag);
      /* The length is that of what is not sent (RFC 9110, 8.6); libsoup would say 0. */
      if (known)
        soup_message_headers_set_content_length (headers, (goffset) g_bytes_get_size (body));
    }
  if (known)
    ivd_http_exchange_answer (exchange, SOUP_STATUS_NOT_MODIFIED, NULL, NULL);
  else
    ivd_http_exchange_answer (exchange, SOUP_STATUS_OK, content_type, body);
}
