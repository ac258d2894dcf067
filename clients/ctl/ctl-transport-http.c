/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-transport-http.h"

#include <string.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"

#include "ctl-error.h"
#include "ctl-follow-http.h"
#include "ctl-http-call.h"
#include "ctl-json-read.h"

#define TOKEN_VARIABLE "IVSHMEM_TOKEN"
#define TOKEN_BYTES_MAX 4096

/* A watch that was begun, and is to be ended: over HTTP it belongs to who we
 * are and not to a connection. */
typedef struct
{
  char *region;
  guint32 watch;
} Watch;

typedef struct
{
  CtlTransport base;
  CtlHttp *http;
  CtlFollowHttp *follow;
  GArray *watches; /* of Watch */
} Http;

static void
watch_clear (gpointer data)
{
  g_free (((Watch *) data)->region);
}

static void
end_watches (Http *self)
{
  for (guint i = 0; i < self->watches->len; i++)
    {
      const Watch *watch = &g_array_index (self->watches, Watch, i);
      g_autoptr (GVariant) parameters = g_variant_ref_sink (g_variant_new ("(u)", watch->watch));
      CtlCall call = { .region = watch->region, .method = "Unwatch", .parameters = parameters };
      g_autoptr (GVariant) answer = ctl_http_call (self->http, &call, NULL);
    }
}

static void
http_free (CtlTransport *transport)
{
  Http *self = (Http *) transport;

  ctl_follow_http_free (self->follow);
  end_watches (self);
  g_array_unref (self->watches);
  ctl_http_free (self->http);
  g_free (self);
}

static GVariant *
http_call (CtlTransport *transport, const CtlCall *call, int *ret_fd, GError **error)
{
  Http *self = (Http *) transport;
  g_autoptr (GVariant) parameters
      = g_variant_ref_sink (call->parameters != NULL ? call->parameters : g_variant_new ("()"));
  CtlCall held = *call;
  g_autoptr (GVariant) answer = NULL;

  held.parameters = parameters;
  answer = ctl_http_call (self->http, &held, error);
  if (answer == NULL)
    return NULL;
  if (!g_variant_is_of_type (answer, call->answer != NULL ? call->answer : G_VARIANT_TYPE_UNIT))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INTERNAL, "%s answers something else", call->method);
      return NULL;
    }
  if (g_str_equal (call->method, "Watch"))
    {
      Watch watch = { .region = g_strdup (call->region) };

      g_variant_get (answer, "(u)", &watch.watch);
      g_array_append_val (self->watches, watch);
    }
  return g_steal_pointer (&answer);
}

/* NULL, or floating: the daemon tells where it listens. */
static GVariant *
read_addresses (JsonObject *daemon)
{
  JsonNode *http = json_object_get_member (daemon, "http");

  if (http == NULL || !JSON_NODE_HOLDS_OBJECT (http))
    return NULL;
  return ctl_json_read_member (json_node_get_object (http), "addresses", "as");
}

/* Those of the manager come from two resources. */
static GVariant *
get_manager (Http *self, GError **error)
{
  g_autoptr (JsonNode) daemon = ctl_http_get_json (self->http, "/v1/daemon", error);
  g_autoptr (JsonNode) plugins = daemon != NULL ? ctl_http_get_json (self->http, "/v1/plugins", error) : NULL;
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);
  GVariant *version, *addresses, *list;

  if (plugins == NULL)
    return NULL;
  version = ctl_json_read_member (json_node_get_object (daemon), "version", "s");
  addresses = read_addresses (json_node_get_object (daemon));
  list = ctl_json_read_member (json_node_get_object (plugins), "plugins", "aa{sv}");
  if (version != NULL)
    g_variant_dict_insert_value (&dict, "Version", version);
  if (addresses != NULL)
    g_variant_dict_insert_value (&dict, "HttpAddresses", addresses);
  if (list != NULL)
    g_variant_dict_insert_value (&dict, "Plugins", list);
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static GVariant *
http_properties (CtlTransport *transport, const char *region, GError **error)
{
  Http *self = (Http *) transport;
  g_autofree char *path = region != NULL ? ctl_http_region_path (region, NULL) : NULL;
  g_autoptr (JsonNode) root = NULL;

  if (region == NULL)
    return get_manager (self, error);
  if (!ivd_name_check ("region", region, error))
    return NULL;
  root = ctl_http_get_json (self->http, path, error);
  return root != NULL ? ctl_json_read_region (json_node_get_object (root), error) : NULL;
}

static GVariant *
http_regions (CtlTransport *transport, GError **error)
{
  Http *self = (Http *) transport;
  g_autoptr (JsonNode) root = ctl_http_get_json (self->http, "/v1/regions", error);

  return root != NULL ? ctl_json_read_regions (json_node_get_object (root), error) : NULL;
}

static void
http_follow (CtlTransport *transport, const char *const *names, CtlEventFunc func, gpointer data)
{
  Http *self = (Http *) transport;

  g_return_if_fail (self->follow == NULL);

  self->follow = ctl_follow_http_new (self->http, names, func, data);
}

static void
http_describe (CtlTransport *transport, GVariantDict *description)
{
  g_variant_dict_insert (description, "address", "s", ctl_http_get_address (((Http *) transport)->http));
}

static const CtlTransportClass http_class = {
  .free = http_free,
  .call = http_call,
  .properties = http_properties,
  .regions = http_regions,
  .follow = http_follow,
  .describe = http_describe,
};

/* --- the token --- */

/* It becomes part of a header: one word of visible characters. */
static gboolean
check_token (const char *token, const char *where, GError **error)
{
  gsize length = strlen (token);
  gboolean good = length > 0 && length <= TOKEN_BYTES_MAX;

  for (const char *p = token; good && *p != '\0'; p++)
    good = g_ascii_isgraph (*p);
  if (good)
    return TRUE;
  g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE,
               "%s holds no token: it is one line, as `ivshmemctl token new` has printed it", where);
  return FALSE;
}

static gboolean
read_token (const char *file, char **ret_token, GError **error)
{
  g_autofree char *safe = file != NULL ? ivd_text_safe (file) : NULL;
  g_autofree char *token = NULL;
  g_autoptr (GError) why = NULL;

  if (file == NULL)
    token = g_strdup (g_getenv (TOKEN_VARIABLE));
  else if (!g_file_get_contents (file, &token, NULL, &why))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "--token-file: %s", why->message);
      return FALSE;
    }
  /* Set and empty is as good as not set. */
  if (token != NULL && (file != NULL || *token != '\0')
      && !check_token (g_strstrip (token), file != NULL ? safe : TOKEN_VARIABLE, error))
    return FALSE;
  *ret_token = token != NULL && *token != '\0' ? g_steal_pointer (&token) : NULL;
  return TRUE;
}

CtlTransport *
ctl_transport_http_new (const CtlHttpOptions *options, GError **error)
{
  g_autoptr (CtlUrl) url = ctl_url_parse (options->url, error);
  g_autofree char *token = NULL;
  CtlHttp *http;
  Http *self;

  if (url == NULL || !read_token (options->token_file, &token, error))
    return NULL;
  /* GIO ignores SIGPIPE with its first socket: not later than now, since our
   * caller has its own mind about that. */
  g_type_class_unref (g_type_class_ref (G_TYPE_SOCKET));
  http = ctl_http_new (g_steal_pointer (&url), token, options->ca_file, error);
  if (http == NULL)
    return NULL;

  self = g_new0 (Http, 1);
  self->base.class = &http_class;
  self->http = http;
  self->watches = g_array_new (FALSE, FALSE, sizeof (Watch));
  g_array_set_clear_func (self->watches, watch_clear);
  return &self->base;
}
