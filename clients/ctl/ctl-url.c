/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ctl-url.h"

#include <string.h>
#include <sys/un.h>

#include "base/ivd-name.h"

#include "ctl-error.h"

#define UNIX_SCHEME "unix:"
#define HTTP_UNIX_SCHEME "http+unix:"
/* Nobody resolves it: it only stands in the requests' Host. */
#define UNIX_BASE "http://localhost"

static CtlUrl *
refuse (const char *text, const char *why, GError **error)
{
  g_autofree char *safe = ivd_text_safe (text);

  g_set_error (error, CTL_ERROR, CTL_ERROR_USAGE, "--url '%s': %s", safe, why);
  return NULL;
}

static CtlUrl *
make (const char *text, const char *base, const char *socket_path)
{
  CtlUrl *url = g_new0 (CtlUrl, 1);

  url->base = g_strdup (base);
  url->socket_path = g_strdup (socket_path);
  url->text = g_strdup (text);
  return url;
}

static CtlUrl *
make_unix (const char *text, const char *path, GError **error)
{
  if (path == NULL || *path != '/')
    return refuse (text, "the socket must be an absolute path, as in unix:/run/ivshmemd/http.sock", error);
  if (strlen (path) >= sizeof ((struct sockaddr_un *) NULL)->sun_path)
    return refuse (text, "the path of a unix socket has at most 107 bytes", error);
  return make (text, UNIX_BASE, path);
}

/* http+unix: has its path percent-encoded, be it as the host, as some programs
 * have it, or as the path. */
static CtlUrl *
parse_http_unix (const char *text, GError **error)
{
  g_autofree char *escaped = g_strdup (text + strlen (HTTP_UNIX_SCHEME));
  g_autofree char *path = NULL;

  if (g_str_has_prefix (escaped, "//"))
    memmove (escaped, escaped + 2, strlen (escaped + 2) + 1);
  /* As a host it may have the root behind it. */
  if (*escaped != '/' && g_str_has_suffix (escaped, "/"))
    escaped[strlen (escaped) - 1] = '\0';
  path = g_uri_unescape_string (escaped, NULL);
  return make_unix (text, path, error);
}

static CtlUrl *
parse_tcp (const char *text, GError **error)
{
  g_autoptr (GError) why = NULL;
  g_autoptr (GUri) uri = g_uri_parse (text, G_URI_FLAGS_ENCODED, &why);
  g_autofree char *path = NULL;
  g_autofree char *base = NULL;
  gsize length;

  if (!g_str_has_prefix (text, "http://") && !g_str_has_prefix (text, "https://"))
    return refuse (text, "it is one of http://HOST:PORT, https://HOST:PORT, unix:/PATH", error);
  if (uri == NULL)
    return refuse (text, why->message, error);
  if (g_uri_get_host (uri) == NULL || *g_uri_get_host (uri) == '\0')
    return refuse (text, "it names no host", error);
  if (g_uri_get_userinfo (uri) != NULL)
    return refuse (text, "no user and no secret belongs into it; a token has --token-file", error);
  if (g_uri_get_query (uri) != NULL || g_uri_get_fragment (uri) != NULL)
    return refuse (text, "nothing may follow its path", error);

  path = g_strdup (g_uri_get_path (uri));
  for (length = strlen (path); length > 0 && path[length - 1] == '/'; length--)
    path[length - 1] = '\0';
  base = g_uri_join (G_URI_FLAGS_ENCODED, g_uri_get_scheme (uri), NULL, g_uri_get_host (uri),
                     g_uri_get_port (uri), path, NULL, NULL);
  return make (text, base, NULL);
}

CtlUrl *
ctl_url_parse (const char *text, GError **error)
{
  if (g_str_has_prefix (text, UNIX_SCHEME))
    {
      const char *path = text + strlen (UNIX_SCHEME);

      return make_unix (text, g_str_has_prefix (path, "///") ? path + 2 : path, error);
    }
  if (g_str_has_prefix (text, HTTP_UNIX_SCHEME))
    return parse_http_unix (text, error);
  return parse_tcp (text, error);
}

void
ctl_url_free (CtlUrl *url)
{
  if (url == NULL)
    return;
  g_free (url->base);
  g_free (url->socket_path);
  g_free (url->text);
  g_free (url);
}
