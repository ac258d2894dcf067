/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "config/ivd-http-sockets.h"

#include <string.h>

#include "base/ivd-error.h"
#include "platform/ivd-log.h"

/* The config was checked for what it says itself. */
static gboolean
check_passed (const IvdConfigHttp *http, const IvdListenSocket *socket, GError **error)
{
  if (ivd_listen_socket_is_loopback (socket) || http->certificate != NULL || http->insecure)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "the service manager passed %s, which other machines can reach, and tokens and memory would pass in "
               "plaintext: give tls-certificate and tls-key in [http], or insecure=true if you know better",
               ivd_listen_socket_get_address (socket));
  return FALSE;
}

static gboolean
take_passed (const IvdConfigHttp *http, IvdListenFds *passed, GPtrArray *sockets, GError **error)
{
  int fd;

  while ((fd = ivd_listen_fds_take (passed, IVD_HTTP_SOCKET_NAME)) >= 0)
    {
      g_autoptr (IvdListenSocket) socket = ivd_listen_socket_new_for_fd (fd, error);

      if (socket == NULL)
        {
          g_prefix_error (error, "a socket '" IVD_HTTP_SOCKET_NAME "' from the service manager: ");
          return FALSE;
        }
      if (!check_passed (http, socket, error))
        return FALSE;
      g_ptr_array_add (sockets, g_steal_pointer (&socket));
    }
  return TRUE;
}

/* The service manager may have been told the same as the config. */
static gboolean
is_there (GPtrArray *sockets, const IvdListenAddress *address)
{
  g_autofree char *text = ivd_listen_address_format (address);

  for (guint i = 0; i < sockets->len; i++)
    {
      if (strcmp (ivd_listen_socket_get_address (g_ptr_array_index (sockets, i)), text) == 0)
        return TRUE;
    }
  return FALSE;
}

static gboolean
open_one (const IvdConfigHttp *http, const IvdListenAddress *address, GPtrArray *sockets, GError **error)
{
  IvdListenSocket *socket;

  if (is_there (sockets, address))
    return TRUE;
  if (address->path != NULL)
    socket = ivd_listen_socket_new_unix (address->path, http->socket_mode, http->socket_gid, error);
  else
    socket = ivd_listen_socket_new_tcp (G_INET_SOCKET_ADDRESS (address->address), error);
  if (socket == NULL)
    return FALSE;
  g_ptr_array_add (sockets, socket);
  return TRUE;
}

static void
open_default (const IvdConfigHttp *http, GPtrArray *sockets)
{
  g_autoptr (IvdListenAddress) address = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = g_strconcat (IVD_LISTEN_UNIX_PREFIX, http->default_path, NULL);

  address = ivd_listen_address_parse (text, &error);
  if (address == NULL || !open_one (http, address, sockets, &error))
    ivd_log (IVD_LOG_WARNING, NULL, "no HTTP: %s", error->message);
}

GPtrArray *
ivd_http_sockets_open (const IvdConfigHttp *http, IvdListenFds *passed, GError **error)
{
  g_autoptr (GPtrArray) sockets = g_ptr_array_new_with_free_func ((GDestroyNotify) ivd_listen_socket_free);

  if (!http->enabled)
    return g_steal_pointer (&sockets);
  if (!take_passed (http, passed, sockets, error))
    return NULL;
  for (guint i = 0; i < http->listen->len; i++)
    {
      if (open_one (http, g_ptr_array_index (http->listen, i), sockets, error))
        continue;
      g_prefix_error (error, "%s: ", http->listen_place);
      return NULL;
    }
  if (sockets->len == 0)
    open_default (http, sockets);
  return g_steal_pointer (&sockets);
}
