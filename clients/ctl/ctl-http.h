/* SPDX-License-Identifier: LGPL-3.0-or-later */
#pragma once

#include <json-glib/json-glib.h>
#include <libsoup/soup.h>

#include "ctl-url.h"

/*
 * HTTP to one daemon: its address, who we are, and what its refusals mean.
 * Answers are read to a limit, redirections are not followed (a token is for
 * this daemon alone), and proxies are not asked.
 */

typedef struct _CtlHttp CtlHttp;

/* The most that an answer may have: a region's piece, or a long list. */
#define CTL_HTTP_ANSWER_BYTES_MAX (64 * 1024 * 1024)
/* Silence after which the daemon is taken for stuck: as long as on D-Bus. */
#define CTL_HTTP_TIMEOUT_SECONDS 25
/* The same on the stream of events, where it says something every 15 s. */
#define CTL_HTTP_STREAM_TIMEOUT_SECONDS 45

#define CTL_HTTP_JSON "application/json"
#define CTL_HTTP_BYTES "application/octet-stream"
#define CTL_HTTP_EVENTS "text/event-stream"

typedef struct
{
  const char *method;
  const char *path;         /* as the description of the API has it, with its query, encoded */
  const char *content_type; /* of body; NULL: none */
  GBytes *body;
  const char *answer_type; /* NULL: the answer has no body */
  gboolean patient;        /* it may take any time */
} CtlHttpRequest;

/* Takes url. token and ca_file may be NULL. Errors: usage, when ca_file is no
 * file of certificates. */
CtlHttp *ctl_http_new (CtlUrl *take_url, const char *token, const char *ca_file, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
void ctl_http_free (CtlHttp *http);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CtlHttp, ctl_http_free)

const char *ctl_http_get_address (CtlHttp *http);

/* Waits for the answer, and gives its body. Errors: those of the daemon,
 * no-daemon, timeout, io. */
GBytes *ctl_http_send (CtlHttp *http, const CtlHttpRequest *request, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
/* The same for a GET that answers with a JSON object. */
JsonNode *ctl_http_get_json (CtlHttp *http, const char *path, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* --- for those who do not wait --- */

/* A session of its own, whose connections are silent for so long at most. */
SoupSession *ctl_http_session_new (CtlHttp *http, guint timeout_seconds);
SoupMessage *ctl_http_message_new (CtlHttp *http, const CtlHttpRequest *request);
/* What it means that nothing was answered. Takes error. */
GError *ctl_http_translate_error (CtlHttp *http, GError *take_error);
/* Checks the status of an answer, and its type, whose body has been read. */
gboolean ctl_http_check_answer (SoupMessage *message, GBytes *body, const char *answer_type, GError **error)
    G_GNUC_WARN_UNUSED_RESULT;
JsonNode *ctl_http_read_json (GBytes *body, GError **error) G_GNUC_WARN_UNUSED_RESULT;
