/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-http.h"

#include <string.h>

#include <gio/gunixsocketaddress.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"

#include "ctl-error.h"
#include "ctl-json-read.h"

#define PROBLEM_TYPE "application/problem+json"
#define PROBLEM_PREFIX "urn:ivshmem:error:"
#define PIECE_BYTES (64 * 1024)
/* Of what somebody else answered in the daemon's place. */
#define FOREIGN_TEXT_BYTES 200

struct _CtlHttp
{
  CtlUrl *url;
  char *authorization;
  GSocketConnectable *address; /* of a unix socket; NULL: TCP */
  GTlsDatabase *certificates;  /* NULL: the system's */
  SoupSession *session;        /* for what is answered soon */
  SoupSession *patient;
};

CtlHttp *
ctl_http_new (CtlUrl *take_url, const char *token, const char *ca_file, GError **error)
{
  g_autoptr (CtlHttp) http = g_new0 (CtlHttp, 1);
  g_autoptr (GError) why = NULL;

  http->url = take_url;
  if (token != NULL)
    http->authorization = g_strconcat ("Bearer ", token, NULL);
  if (take_url->socket_path != NULL)
    http->address = G_SOCKET_CONNECTABLE (g_unix_socket_address_new (take_url->socket_path));
  if (ca_file != NULL)
    {
      g_autofree char *absolute = g_canonicalize_filename (ca_file, NULL);
      g_autofree char *safe = ivd_text_safe (ca_file);

      http->certificates = G_TLS_DATABASE (g_tls_file_database_new (absolute, &why));
      if (http->certificates == NULL)
        {
          g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE, "--ca-file '%s': %s", safe, why->message);
          return NULL;
        }
    }
  return g_steal_pointer (&http);
}

void
ctl_http_free (CtlHttp *http)
{
  if (http == NULL)
    return;
  g_clear_object (&http->session);
  g_clear_object (&http->patient);
  g_clear_object (&http->address);
  g_clear_object (&http->certificates);
  ctl_url_free (http->url);
  g_free (http->authorization);
  g_free (http);
}

const char *
ctl_http_get_address (CtlHttp *http)
{
  return http->url->text;
}

SoupSession *
ctl_http_session_new (CtlHttp *http, guint timeout_seconds)
{
  SoupSession *session
      = soup_session_new_with_options ("remote-connectable", http->address, "proxy-resolver", NULL, "timeout",
                                       timeout_seconds, "user-agent", "ivshmemctl/" IVD_VERSION, NULL);

  if (http->certificates != NULL)
    soup_session_set_tls_database (session, http->certificates);
  /* Bytes are counted as they come. */
  soup_session_remove_feature_by_type (session, SOUP_TYPE_CONTENT_DECODER);
  return session;
}

SoupMessage *
ctl_http_message_new (CtlHttp *http, const CtlHttpRequest *request)
{
  g_autofree char *uri = g_strconcat (http->url->base, request->path, NULL);
  SoupMessage *message = soup_message_new (request->method, uri);
  SoupMessageHeaders *headers;

  /* Both parts of it have been checked or made by us. */
  g_return_val_if_fail (message != NULL, NULL);

  headers = soup_message_get_request_headers (message);
  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  if (http->authorization != NULL)
    soup_message_headers_replace (headers, "Authorization", http->authorization);
  if (request->answer_type != NULL)
    soup_message_headers_replace (headers, "Accept", request->answer_type);
  if (request->body != NULL)
    soup_message_set_request_body_from_bytes (message, request->content_type, request->body);
  else if (g_str_equal (request->method, "POST"))
    soup_message_headers_set_content_length (headers, 0);
  return message;
}

/* --- what went wrong --- */

GError *
ctl_http_translate_error (CtlHttp *http, GError *take_error)
{
  g_autoptr (GError) error = take_error;
  const char *where = http->url->text;

  if (error->domain == IVD_ERROR || error->domain == CTL_ERROR)
    return g_steal_pointer (&error);
  if (error->domain == G_TLS_ERROR)
    return g_error_new (IVD_ERROR, IVD_ERROR_IO,
                        "%s cannot be trusted: %s; --ca-file names the certificate of who vouches for it",
                        where, error->message);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    return g_error_new_literal (IVD_ERROR, IVD_ERROR_TIMEOUT,
                                "ivshmemd has not answered in time; its log may say why");
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
    return g_error_new (IVD_ERROR, IVD_ERROR_DENIED, "you may not open %s: its owner and mode say who may",
                        where);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT))
    return g_error_new_literal (IVD_ERROR, IVD_ERROR_IO, "the daemon's answer broke off");
  if (error->domain == G_IO_ERROR || error->domain == G_RESOLVER_ERROR)
    return g_error_new (CTL_ERROR, CTL_ERROR_NO_DAEMON, "no ivshmemd at %s: %s", where, error->message);
  return g_error_new (IVD_ERROR, IVD_ERROR_IO, "what answers at %s speaks no proper HTTP: %s", where,
                      error->message);
}

static gboolean
has_type (SoupMessage *message, const char *type)
{
  SoupMessageHeaders *headers = soup_message_get_response_headers (message);
  const char *given = soup_message_headers_get_content_type (headers, NULL);

  return given != NULL && g_ascii_strcasecmp (given, type) == 0;
}

/* An empty body has no data. */
static const char *
get_text (GBytes *body, gsize *ret_length)
{
  const char *text = g_bytes_get_data (body, ret_length);

  return text != NULL ? text : "";
}

/* The daemon's own words. NULL: they are none. */
static GError *
read_problem (GBytes *body)
{
  gsize length;
  const char *text = get_text (body, &length);
  g_autoptr (JsonNode) root = ctl_json_read (text, length, NULL);
  JsonObject *problem = root != NULL ? json_node_get_object (root) : NULL;
  const char *type = problem != NULL ? ctl_json_read_text (problem, "type") : NULL;
  const char *detail = problem != NULL ? ctl_json_read_text (problem, "detail") : NULL;

  if (type == NULL || detail == NULL || !g_str_has_prefix (type, PROBLEM_PREFIX))
    return NULL;
  for (gint code = 0; code < IVD_ERROR_COUNT; code++)
    {
      if (g_str_equal (ivd_error_info (code)->name, type + strlen (PROBLEM_PREFIX)))
        return g_error_new_literal (IVD_ERROR, code, detail);
    }
  return g_error_new (IVD_ERROR, IVD_ERROR_INTERNAL, "%s: %s", type, detail);
}

/* Somebody between us and the daemon, or no daemon at all. */
static GError *
make_foreign_error (guint status, GBytes *body)
{
  static const IvdErrorCode by_status[]
      = { IVD_ERROR_UNAUTHENTICATED, IVD_ERROR_DENIED, IVD_ERROR_NOT_FOUND, IVD_ERROR_TOO_LARGE };
  gsize length;
  const char *begin = get_text (body, &length);
  g_autofree char *text = g_strndup (begin, MIN (length, FOREIGN_TEXT_BYTES));
  g_autofree char *safe = ivd_text_safe_bytes (g_strstrip (text), FOREIGN_TEXT_BYTES);
  IvdErrorCode code = IVD_ERROR_IO;

  for (gsize i = 0; i < G_N_ELEMENTS (by_status); i++)
    if (ivd_error_info ((gint) by_status[i])->http_status == status)
      code = by_status[i];
  return g_error_new (IVD_ERROR, (gint) code, "no answer of an ivshmemd, but status %u, %s: %s", status,
                      soup_status_get_phrase (status), *safe != '\0' ? safe : "(nothing)");
}

gboolean
ctl_http_check_answer (SoupMessage *message, GBytes *body, const char *answer_type, GError **error)
{
  guint status = soup_message_get_status (message);
  SoupMessageHeaders *headers = soup_message_get_response_headers (message);
  const char *given = soup_message_headers_get_one (headers, "Content-Type");
  GError *problem = NULL;

  if (!SOUP_STATUS_IS_SUCCESSFUL (status))
    {
      if (has_type (message, PROBLEM_TYPE))
        problem = read_problem (body);
      g_propagate_error (error, problem != NULL ? problem : make_foreign_error (status, body));
      return FALSE;
    }
  if (answer_type == NULL || has_type (message, answer_type))
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "no ivshmemd has answered: the answer is %s and not %s",
               given != NULL ? given : "of no type", answer_type);
  return FALSE;
}

/* --- asking --- */

static GBytes *
read_body (GInputStream *stream, GError **error)
{
  g_autoptr (GByteArray) body = g_byte_array_new ();

  while (body->len <= CTL_HTTP_ANSWER_BYTES_MAX)
    {
      gsize before = body->len;
      gssize got;

      g_byte_array_set_size (body, (guint) (before + PIECE_BYTES));
      got = g_input_stream_read (stream, body->data + before, PIECE_BYTES, NULL, error);
      g_byte_array_set_size (body, (guint) (before + (gsize) MAX (got, 0)));
      if (got < 0)
        return NULL;
      if (got == 0)
        return g_byte_array_free_to_bytes (g_steal_pointer (&body));
    }
  g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "the daemon's answer has more than %d bytes",
               CTL_HTTP_ANSWER_BYTES_MAX);
  return NULL;
}

static SoupSession *
get_session (CtlHttp *http, gboolean patient)
{
  SoupSession **session = patient ? &http->patient : &http->session;

  if (*session == NULL)
    *session = ctl_http_session_new (http, patient ? 0 : CTL_HTTP_TIMEOUT_SECONDS);
  return *session;
}

GBytes *
ctl_http_send (CtlHttp *http, const CtlHttpRequest *request, GError **error)
{
  g_autoptr (SoupMessage) message = ctl_http_message_new (http, request);
  GError *why = NULL;
  SoupSession *session = get_session (http, request->patient);
  g_autoptr (GInputStream) stream = soup_session_send (session, message, NULL, &why);
  g_autoptr (GBytes) body = stream != NULL ? read_body (stream, &why) : NULL;

  if (body == NULL)
    {
      g_propagate_error (error, ctl_http_translate_error (http, why));
      return NULL;
    }
  if (!ctl_http_check_answer (message, body, request->answer_type, error))
    return NULL;
  return g_steal_pointer (&body);
}

JsonNode *
ctl_http_read_json (GBytes *body, GError **error)
{
  gsize length;
  const char *text = get_text (body, &length);

  return ctl_json_read (text, length, error);
}

JsonNode *
ctl_http_get_json (CtlHttp *http, const char *path, GError **error)
{
  const CtlHttpRequest request = { .method = "GET", .path = path, .answer_type = CTL_HTTP_JSON };
  g_autoptr (GBytes) body = ctl_http_send (http, &request, error);

  return body != NULL ? ctl_http_read_json (body, error) : NULL;
}
