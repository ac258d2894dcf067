/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-listen-address.h"

#include <string.h>
#include <sys/un.h>

#include "base/ivd-error.h"
#include "base/ivd-name.h"
#include "base/ivd-path.h"

#define LOCALHOST "localhost"
#define LOCALHOST_ADDRESS "127.0.0.1"
#define PATH_BYTES_MAX (sizeof ((struct sockaddr_un *) NULL)->sun_path - 1)
#define DECIMAL 10

IvdListenAddress *
ivd_listen_address_new_unix (const char *path)
{
  IvdListenAddress *self = g_new0 (IvdListenAddress, 1);

  self->path = g_strdup (path);
  self->loopback = TRUE;
  return self;
}

void
ivd_listen_address_free (IvdListenAddress *self)
{
  if (self == NULL)
    return;
  g_free (self->path);
  g_clear_object (&self->address);
  g_free (self);
}

static IvdListenAddress *
parse_unix (const char *path, GError **error)
{
  if (!ivd_path_check (path, error))
    return NULL;
  if (strlen (path) > PATH_BYTES_MAX)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                   "the path of the socket has %" G_GSIZE_FORMAT " bytes, and the system takes %d", strlen (path),
                   (int) PATH_BYTES_MAX);
      return NULL;
    }
  return ivd_listen_address_new_unix (path);
}

/* Of what stands before the port, without the colon. (transfer full) */
static GInetAddress *
parse_host (const char *host)
{
  gsize length = strlen (host);
  g_autofree char *inner = NULL;
  g_autoptr (GInetAddress) address = NULL;
  gboolean bracketed = length > 2 && host[0] == '[' && host[length - 1] == ']';

  if (strcmp (host, LOCALHOST) == 0)
    return g_inet_address_new_from_string (LOCALHOST_ADDRESS);
  inner = bracketed ? g_strndup (host + 1, length - 2) : g_strdup (host);
  address = g_inet_address_new_from_string (inner);
  /* The brackets of IPv6 are needed, else the port could be a part of it. */
  if (address == NULL || bracketed != (g_inet_address_get_family (address) == G_SOCKET_FAMILY_IPV6))
    return NULL;
  return g_steal_pointer (&address);
}

static gboolean
parse_port (const char *text, guint16 *ret_port, GError **error)
{
  g_autofree char *safe = NULL;
  guint64 port;

  if (g_ascii_isdigit (text[0]) && g_ascii_string_to_unsigned (text, DECIMAL, 0, G_MAXUINT16, &port, NULL))
    {
      *ret_port = (guint16) port;
      return TRUE;
    }
  safe = ivd_text_safe (text);
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "'%s' is no port: 1 to %d, or 0 for any that is free", safe, G_MAXUINT16);
  return FALSE;
}

static IvdListenAddress *
parse_tcp (const char *text, GError **error)
{
  const char *colon = strrchr (text, ':');
  g_autofree char *host = colon != NULL ? g_strndup (text, (gsize) (colon - text)) : NULL;
  g_autofree char *safe = ivd_text_safe (text);
  g_autoptr (GInetAddress) address = host != NULL ? parse_host (host) : NULL;
  IvdListenAddress *self;
  guint16 port;

  if (address == NULL)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
                   "'%s' is no address to listen on: write unix:/PATH, ADDR:PORT or [V6]:PORT, with numbers "
                   "(or localhost) and no other names",
                   safe);
      return NULL;
    }
  if (!parse_port (colon + 1, &port, error))
    {
      g_prefix_error (error, "'%s': ", safe);
      return NULL;
    }
  self = g_new0 (IvdListenAddress, 1);
  self->address = g_inet_socket_address_new (address, port);
  self->loopback = g_inet_address_get_is_loopback (address);
  return self;
}

IvdListenAddress *
ivd_listen_address_parse (const char *text, GError **error)
{
  if (g_str_has_prefix (text, IVD_LISTEN_UNIX_PREFIX))
    return parse_unix (text + strlen (IVD_LISTEN_UNIX_PREFIX), error);
  return parse_tcp (text, error);
}

char *
ivd_listen_address_format (const IvdListenAddress *self)
{
  if (self->path != NULL)
    return g_strconcat (IVD_LISTEN_UNIX_PREFIX, self->path, NULL);
  return ivd_listen_address_format_inet (G_INET_SOCKET_ADDRESS (self->address));
}

char *
ivd_listen_address_format_inet (GInetSocketAddress *address)
{
  GInetAddress *host = g_inet_socket_address_get_address (address);
  g_autofree char *text = g_inet_address_to_string (host);
  gboolean is_v6 = g_inet_address_get_family (host) == G_SOCKET_FAMILY_IPV6;

  return g_strdup_printf ("%s%s%s:%u", is_v6 ? "[" : "", text, is_v6 ? "]" : "",
                          g_inet_socket_address_get_port (address));
}
