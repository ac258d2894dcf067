/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-http-fetch.h"

typedef struct
{
  CtlHttp *http;
  SoupMessage *message;
  CtlHttpFetchedFunc func;
  gpointer data;
} Fetch;

static void
on_fetched (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autofree Fetch *fetch = data;
  g_autoptr (SoupMessage) message = fetch->message;
  GError *why = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) root = NULL;
  g_autoptr (GBytes) body = soup_session_send_and_read_finish (SOUP_SESSION (source), result, &why);

  if (body == NULL)
    error = ctl_http_translate_error (fetch->http, why);
  else if (ctl_http_check_answer (message, body, CTL_HTTP_JSON, &error))
    root = ctl_http_read_json (body, &error);
  fetch->func (root != NULL ? json_node_get_object (root) : NULL, error, fetch->data);
}

void
ctl_http_fetch_json (CtlHttp *http,
                     SoupSession *session,
                     const char *path,
                     GCancellable *cancellable,
                     CtlHttpFetchedFunc func,
                     gpointer data)
{
  const CtlHttpRequest request = { .method = "GET", .path = path, .answer_type = CTL_HTTP_JSON };
  Fetch *fetch = g_new0 (Fetch, 1);

  fetch->http = http;
  fetch->message = ctl_http_message_new (http, &request);
  fetch->func = func;
  fetch->data = data;
  soup_session_send_and_read_async (session, fetch->message, G_PRIORITY_DEFAULT, cancellable, on_fetched,
                                    fetch);
}
