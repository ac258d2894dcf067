/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "export/ivd-http-listeners.h"

#include "base/ivd-error.h"
#include "base/ivd-name.h"
#include "platform/ivd-log.h"

static gboolean
take (GPtrArray *listeners, IvdListenSocket *take_listener, GError **error)
{
  if (take_listener == NULL)
    return FALSE;
  g_ptr_array_add (listeners, take_listener);
  return TRUE;
}

/* What the config names was checked with it; what is passed in is not. */
static gboolean
check_privacy (IvdListenSocket *listener, const IvdConfigHttp *config, GError **error)
{
  if (ivd_listen_socket_is_unix (listener) || ivd_listen_socket_is_loopback (listener)
      || config->certificate != NULL || config->insecure)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_DENIED,
               "%s can be reached from other machines: set [http] tls-certificate and tls-key, or insecure=true",
               ivd_listen_socket_get_address (listener));
  return FALSE;
}

static gboolean
open_passed (GPtrArray *listeners, const IvdConfigHttp *config, IvdListenFds *fds, GError **error)
{
  int fd;

  while ((fd = ivd_listen_fds_take (fds, IVD_HTTP_FDS_NAME)) >= 0)
    {
      if (!take (listeners, ivd_listen_socket_new_for_fd (fd, error), error)
          || !check_privacy (g_ptr_array_index (listeners, listeners->len - 1), config, error))
        {
          g_prefix_error (error, "a socket of the service manager named " IVD_HTTP_FDS_NAME ": ");
          return FALSE;
        }
    }
  return TRUE;
}

/* The service manager may have been told the same as the config. */
static gboolean
is_open (GPtrArray *listeners, const IvdListenAddress *address)
{
  g_autofree char *text = ivd_listen_address_format (address);

  for (guint i = 0; i < listeners->len; i++)
    if (g_str_equal (ivd_listen_socket_get_address (g_ptr_array_index (listeners, i)), text))
      return TRUE;
  return FALSE;
}

static IvdListenSocket *
open_one (const IvdListenAddress *address, const IvdConfigHttp *config, GError **error)
{
  if (address->path != NULL)
    return ivd_listen_socket_new_unix (address->path, config->socket_mode, config->socket_gid, error);
  return ivd_listen_socket_new_tcp (G_INET_SOCKET_ADDRESS (address->address), error);
}

static gboolean
open_configured (GPtrArray *listeners, const IvdConfigHttp *config, GError **error)
{
  for (guint i = 0; i < config->listen->len; i++)
    {
      const IvdListenAddress *address = g_ptr_array_index (config->listen, i);

      if (is_open (listeners, address) || take (listeners, open_one (address, config, error), error))
        continue;
      g_prefix_error (error, "%s: ", config->listen_place);
      return FALSE;
    }
  return TRUE;
}

static void
open_default (GPtrArray *listeners, const IvdConfigHttp *config)
{
  g_autoptr (GError) error = NULL;
  IvdListenSocket *listener;

  listener = ivd_listen_socket_new_unix (config->default_path, config->socket_mode, config->socket_gid, &error);
  if (!take (listeners, listener, NULL))
    ivd_log (IVD_LOG_WARNING, NULL, "HTTP is not served: %s", error->message);
}

/* So that nobody waits for an answer on a socket that got the wrong name. */
static void
warn_of_left (const IvdListenFds *fds)
{
  const char *name = ivd_listen_fds_peek_left (fds);
  g_autofree char *safe = name != NULL ? ivd_text_safe (name) : NULL;

  if (name != NULL)
    ivd_log (IVD_LOG_WARNING, NULL,
             "the service manager passed a socket '%s' that is not served: HTTP takes those with "
             "FileDescriptorName=" IVD_HTTP_FDS_NAME,
             safe);
}

GPtrArray *
ivd_http_listeners_open (const IvdConfigHttp *config, IvdListenFds *fds, GError **error)
{
  g_autoptr (GPtrArray) listeners = g_ptr_array_new_with_free_func ((GDestroyNotify) ivd_listen_socket_free);

  if (!config->enabled)
    return g_steal_pointer (&listeners);
  if (!open_passed (listeners, config, fds, error) || !open_configured (listeners, config, error))
    return NULL;
  if (listeners->len == 0)
    open_default (listeners, config);
  warn_of_left (fds);
  return g_steal_pointer (&listeners);
}

char *
ivd_http_listeners_describe (IvdListenSocket *listener, const IvdConfigHttp *config)
{
  return ivd_listen_socket_dup_url (listener, config->certificate != NULL);
}
