/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-http-call.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"
#include "base/ivd-names.h"

#include "ctl-json-read.h"
#include "ctl-json.h"
#include "ctl-path.h"

/* Where a parameter goes. */
typedef enum
{
  PLACE_NONE,    /* ends the list */
  PLACE_PATH,    /* at the %s of the path */
  PLACE_QUERY,   /* a{sv}: each of its own */
  PLACE_MEMBER,  /* of the body; 64 bits and IVD_ALL as the API writes them */
  PLACE_MEMBERS, /* a{sv}: each a member of its own */
  PLACE_TIMEOUT, /* a member in milliseconds */
  PLACE_BODY,    /* the body itself */
} Place;

typedef struct
{
  Place place;
  const char *name;
  gboolean may_be_all;
} Input;

typedef struct
{
  const char *name;
  const char *type;
} Output;

typedef struct
{
  const char *method;
  const char *verb;
  const char *path; /* behind the region, or of its own for the manager */
  Input in[7];      /* in the order of the method's parameters */
  Output out[3];    /* of a JSON answer */
  gboolean bytes;   /* the answer is bytes */
} Route;

/* The names are those of the API's description; see data/openapi.yaml. */
static const Route routes[] = {
  {
      .method = "Attach",
      .verb = "POST",
      .path = "/v1/regions",
      .in = { { PLACE_MEMBER, "plugin" }, { PLACE_MEMBER, "name" }, { PLACE_MEMBER, "options" } },
      .out = { { "name", "o" } },
  },
  {
      .method = "Detach",
      .verb = "DELETE",
      .path = "/v1/regions/%s",
      .in = { { PLACE_PATH, "name" }, { PLACE_QUERY, "options" } },
  },
  {
      .method = "ListCandidates",
      .verb = "GET",
      .path = "/v1/plugins/%s/candidates",
      .in = { { PLACE_PATH, "plugin" } },
      .out = { { "candidates", "aa{sv}" } },
  },
  {
      .method = "CreateLogin",
      .verb = "POST",
      .path = "/v1/logins",
      .out = { { "token", "s" }, { "lifetime_usec", "t" } },
  },
  {
      .method = "Read",
      .verb = "GET",
      .path = "/memory",
      .in = { { PLACE_QUERY, "offset" }, { PLACE_QUERY, "length" } },
      .bytes = TRUE,
  },
  {
      .method = "Write",
      .verb = "PUT",
      .path = "/memory",
      .in = { { PLACE_QUERY, "offset" }, { PLACE_BODY, "bytes" } },
  },
  {
      .method = "Fill",
      .verb = "POST",
      .path = "/fill",
      .in = { { PLACE_MEMBER, "offset" }, { PLACE_MEMBER, "length" }, { PLACE_MEMBER, "value" } },
  },
  {
      .method = "Atomic",
      .verb = "POST",
      .path = "/atomic",
      .in = {
          { PLACE_MEMBER, "op" },
          { PLACE_MEMBER, "offset" },
          { PLACE_MEMBER, "width" },
          { PLACE_MEMBER, "value" },
          { PLACE_MEMBER, "expected" },
      },
      .out = { { "old", "s" }, { "done", "b" } },
  },
  {
      .method = "Wait",
      .verb = "POST",
      .path = "/wait",
      .in = {
          { PLACE_MEMBER, "offset" },
          { PLACE_MEMBER, "width" },
          { PLACE_MEMBER, "op" },
          { PLACE_MEMBER, "value" },
          { PLACE_TIMEOUT, "timeout_ms" },
          { PLACE_MEMBERS, "options" },
      },
      .out = { { "met", "b" }, { "value", "s" } },
  },
  {
      .method = "Ring",
      .verb = "POST",
      .path = "/ring",
      .in = { { PLACE_MEMBER, "peer", TRUE }, { PLACE_MEMBER, "vector", TRUE } },
      .out = { { "sent", "u" } },
  },
  {
      .method = "ListPeers",
      .verb = "GET",
      .path = "/peers",
      .out = { { "peers", "aa{sv}" } },
  },
  {
      .method = "Kick",
      .verb = "DELETE",
      .path = "/peers/%s",
      .in = { { PLACE_PATH, "id" } },
  },
  {
      .method = "Watch",
      .verb = "POST",
      .path = "/watches",
      .in = { { PLACE_MEMBER, "offset" }, { PLACE_MEMBER, "length" }, { PLACE_MEMBER, "min_interval_usec" } },
      .out = { { "watch", "u" } },
  },
  {
      .method = "Unwatch",
      .verb = "DELETE",
      .path = "/watches/%s",
      .in = { { PLACE_PATH, "watch" } },
  },
};

/* --- the request --- */

typedef struct
{
  GString *path;
  char *in_path; /* what stands at the %s */
  CtlJson *members;
  GBytes *body;
} Request;

static void
request_clear (Request *request)
{
  g_string_free (request->path, TRUE);
  g_free (request->in_path);
  ctl_json_free (request->members);
  g_clear_pointer (&request->body, g_bytes_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Request, request_clear)

static char *
to_text (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_variant_dup_string (value, NULL);
  return g_variant_print (value, FALSE);
}

static void
add_query (Request *request, const char *name, GVariant *value)
{
  g_autofree char *text = to_text (value);
  g_autofree char *escaped = g_uri_escape_string (text, NULL, FALSE);

  g_string_append_printf (request->path, "%c%s=%s", request->path->len == 0 ? '?' : '&', name, escaped);
}

/* Each entry of a{sv}: in the query, or in the body. */
static void
add_entries (Request *request, GVariant *dictionary, Place place)
{
  GVariantIter iter;
  GVariant *value;
  const char *name;

  g_variant_iter_init (&iter, dictionary);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &value))
    {
      if (place == PLACE_QUERY)
        add_query (request, name, value);
      else
        ctl_json_variant (request->members, name, value, FALSE);
    }
}

/* So long that nobody sees its end is for ever, too. */
static void
add_timeout (Request *request, const char *name, guint64 usec)
{
  if (usec > CTL_JSON_NUMBER_MAX)
    ctl_json_null (request->members, name);
  else
    ctl_json_decimal (request->members, name, (gdouble) usec / 1000, 3);
}

/* What is no name would be another path. */
static gboolean
check_input (const Input *input, GVariant *value, GError **error)
{
  const char *what = g_str_equal (input->name, "plugin") ? "plugin" : "region";

  return input->place != PLACE_PATH || !g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
         || ivd_name_check (what, g_variant_get_string (value, NULL), error);
}

static void
add_input (Request *request, const Input *input, GVariant *value)
{
  switch (input->place)
    {
    case PLACE_PATH:
      {
        g_autofree char *text = to_text (value);

        request->in_path = g_uri_escape_string (text, NULL, FALSE);
      }
      break;
    case PLACE_QUERY:
      if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
        add_entries (request, value, PLACE_QUERY);
      else
        add_query (request, input->name, value);
      break;
    case PLACE_MEMBER:
      if (input->may_be_all && g_variant_get_uint32 (value) == IVD_ALL)
        ctl_json_string (request->members, input->name, "all");
      else
        ctl_json_variant (request->members, input->name, value, FALSE);
      break;
    case PLACE_MEMBERS:
      add_entries (request, value, PLACE_MEMBERS);
      break;
    case PLACE_TIMEOUT:
      add_timeout (request, input->name, g_variant_get_uint64 (value));
      break;
    case PLACE_BODY:
      request->body = g_variant_get_data_as_bytes (value);
      break;
    case PLACE_NONE:
    default:
      g_return_if_reached ();
    }
}

char *
ctl_http_region_path (const char *region, const char *rest)
{
  g_autofree char *escaped = g_uri_escape_string (region, NULL, FALSE);

  return g_strconcat ("/v1/regions/", escaped, rest, NULL);
}

/* The path with the region before it, and what belongs in its middle. */
static char *
finish_path (const CtlCall *call, const Route *route, const Request *request)
{
  const char *gap = strstr (route->path, "%s");
  g_autofree char *begin
      = g_strndup (route->path, gap != NULL ? (gsize) (gap - route->path) : strlen (route->path));
  g_autofree char *path = g_strconcat (begin, gap != NULL ? request->in_path : "", gap != NULL ? gap + 2 : "",
                                       request->path->str, NULL);

  return call->region != NULL ? ctl_http_region_path (call->region, path) : g_steal_pointer (&path);
}

static GBytes *
send_request (CtlHttp *http, const CtlCall *call, const Route *route, GError **error)
{
  g_auto (Request) request = { .path = g_string_new (NULL), .members = ctl_json_new () };
  g_autofree char *path = NULL;
  CtlHttpRequest sent = { .method = route->verb, .patient = call->timeout_ms == CTL_TIMEOUT_NONE };
  gboolean has_members = g_str_equal (route->verb, "POST") && route->in[0].place != PLACE_NONE;

  ctl_json_begin_object (request.members, NULL);
  for (gsize i = 0; route->in[i].place != PLACE_NONE; i++)
    {
      g_autoptr (GVariant) value = g_variant_get_child_value (call->parameters, i);

      if (!check_input (&route->in[i], value, error))
        return NULL;
      add_input (&request, &route->in[i], value);
    }
  ctl_json_end_object (request.members);

  if (has_members)
    {
      char *text = ctl_json_to_line (request.members);

      request.body = g_bytes_new_take (text, strlen (text));
    }
  path = finish_path (call, route, &request);
  sent.path = path;
  sent.body = request.body;
  sent.content_type = has_members ? CTL_HTTP_JSON : CTL_HTTP_BYTES;
  if (route->bytes)
    sent.answer_type = CTL_HTTP_BYTES;
  else if (route->out[0].name != NULL)
    sent.answer_type = CTL_HTTP_JSON;
  return ctl_http_send (http, &sent, error);
}

/* --- the answer --- */

static GVariant *
read_output (JsonObject *answer, const Output *output, GError **error)
{
  GVariant *value;

  if (g_str_equal (output->type, "o"))
    {
      const char *name = ctl_json_read_text (answer, output->name);
      g_autofree char *path = name != NULL ? ctl_path_of_region (name) : NULL;

      value = path != NULL ? g_variant_new_object_path (path) : NULL;
    }
  else
    value = ctl_json_read_member (answer, output->name, output->type);
  if (value == NULL)
    g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "the daemon's answer has no proper '%s'", output->name);
  return value;
}

static GVariant *
read_answer (const Route *route, GBytes *body, GError **error)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_TUPLE);
  g_autoptr (JsonNode) root = NULL;

  if (route->bytes)
    g_variant_builder_add_value (&builder, g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, body, TRUE));
  else if (route->out[0].name != NULL)
    {
      root = ctl_http_read_json (body, error);
      if (root == NULL)
        return NULL;
    }
  for (gsize i = 0; route->out[i].name != NULL; i++)
    {
      GVariant *value = read_output (json_node_get_object (root), &route->out[i], error);

      if (value == NULL)
        return NULL;
      /* Plugins name what they tell with dashes, and D-Bus hands that on. */
      if (g_str_equal (route->out[i].name, "candidates"))
        {
          g_autoptr (GVariant) taken = g_variant_ref_sink (value);

          value = ctl_json_dash_keys (taken);
        }
      g_variant_builder_add_value (&builder, value);
    }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

GVariant *
ctl_http_call (CtlHttp *http, const CtlCall *call, GError **error)
{
  if (call->region != NULL && !ivd_name_check ("region", call->region, error))
    return NULL;
  for (gsize i = 0; i < G_N_ELEMENTS (routes); i++)
    {
      g_autoptr (GBytes) body = NULL;

      if (!g_str_equal (routes[i].method, call->method))
        continue;
      body = send_request (http, call, &routes[i], error);
      return body != NULL ? read_answer (&routes[i], body, error) : NULL;
    }
  g_set_error (error, IVD_ERROR, IVD_ERROR_NOT_SUPPORTED,
               "%s hands over a descriptor, which only D-Bus can do: leave --url out", call->method);
  return NULL;
}
