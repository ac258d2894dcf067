/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-listen-socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gio/gunixsocketaddress.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "base/ivd-name.h"
#include "platform/ivd-listen-address.h"

struct _IvdListenSocket
{
  GSocket *socket;
  char *address;
  gboolean is_unix;
  gboolean loopback;
  char *own_path; /* the file that we made; NULL: none */
  dev_t device;   /* which file that is, should another have taken its place */
  ino_t inode;
};

static IvdErrorCode
code_of_errno (int number)
{
  switch (number)
    {
    case EACCES:
    case EPERM:
    case EROFS:
      return IVD_ERROR_DENIED;
    case ENOENT:
    case ENOTDIR:
      return IVD_ERROR_NOT_FOUND;
    case EADDRINUSE:
      return IVD_ERROR_BUSY;
    case EMFILE:
    case ENFILE:
      return IVD_ERROR_LIMIT;
    default:
      return IVD_ERROR_IO;
    }
}

/* Returns FALSE, always. number: an errno. */
static gboolean
fail (const char *doing, const char *path, int number, GError **error)
{
  g_autofree char *safe = ivd_text_safe_bytes (path, IVD_LIMIT_PATH_BYTES);

  g_set_error (error, IVD_ERROR, code_of_errno (number), "cannot %s %s: %s", doing, safe, g_strerror (number));
  return FALSE;
}

static void
remove_own_file (IvdListenSocket *self)
{
  struct stat now;

  if (self->own_path != NULL && lstat (self->own_path, &now) == 0 && now.st_dev == self->device
      && now.st_ino == self->inode)
    unlink (self->own_path);
}

void
ivd_listen_socket_free (IvdListenSocket *self)
{
  if (self == NULL)
    return;
  /* First the name: who finds it can still connect, and is then hung up on. */
  remove_own_file (self);
  if (self->socket != NULL)
    g_socket_close (self->socket, NULL);
  g_clear_object (&self->socket);
  g_free (self->own_path);
  g_free (self->address);
  g_free (self);
}

/* --- unix --- */

static void
fill_address (const char *path, struct sockaddr_un *ret_address)
{
  *ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
  g_strlcpy (ret_address->sun_path, path, sizeof ret_address->sun_path);
}

/* What connecting to it comes to: ECONNREFUSED when nobody listens. */
static int
try_connect (const char *path)
{
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  struct sockaddr_un address;
  int result;

  if (fd < 0)
    return errno;
  fill_address (path, &address);
  result = connect (fd, (const struct sockaddr *) &address, sizeof address) < 0 ? errno : 0;
  close (fd);
  return result;
}

static gboolean
remove_stale (const char *path, GError **error)
{
  g_autofree char *safe = ivd_text_safe_bytes (path, IVD_LIMIT_PATH_BYTES);
  struct stat there;
  int result;

  if (lstat (path, &there) < 0)
    return errno == ENOENT || fail ("look at", path, errno, error);
  if (!S_ISSOCK (there.st_mode))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_EXISTS, "%s is there and is no socket: remove it, or listen elsewhere",
                   safe);
      return FALSE;
    }
  result = try_connect (path);
  /* EAGAIN: somebody listens and is behind with accepting. */
  if (result == 0 || result == EAGAIN)
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_BUSY,
                   "another process listens on %s: end it, or listen elsewhere (listen= in [http], option --http)",
                   safe);
      return FALSE;
    }
  if (result != ECONNREFUSED)
    return fail ("tell whether somebody listens on", path, result, error);
  return unlink (path) == 0 || fail ("replace the socket", path, errno, error);
}

/* Of the file as it is, so that no link can be put in its stead. */
static gboolean
set_permissions (IvdListenSocket *self, const char *path, guint mode, gint64 gid, GError **error)
{
  int fd = open (path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  g_autofree char *itself = g_strdup_printf ("/proc/self/fd/%d", fd);
  struct stat file;
  gboolean done;

  if (fd < 0 || fstat (fd, &file) < 0)
    {
      fail ("open the socket", path, errno, error);
      if (fd >= 0)
        close (fd);
      return FALSE;
    }
  self->own_path = g_strdup (path);
  self->device = file.st_dev;
  self->inode = file.st_ino;
  done = (gid < 0 || fchownat (fd, "", (uid_t) -1, (gid_t) gid, AT_EMPTY_PATH) == 0
          || fail ("change the group of", path, errno, error))
         /* After the group, whose change may take bits away. */
         && (chmod (itself, mode) == 0 || fail ("change the mode of", path, errno, error));
  close (fd);
  return done;
}

static gboolean
bind_unix (int fd, const char *path, guint mode, GError **error)
{
  struct sockaddr_un address;

  fill_address (path, &address);
  /* The file is born with the socket's own mode. */
  return (fchmod (fd, mode) == 0 && bind (fd, (const struct sockaddr *) &address, sizeof address) == 0)
         || fail ("make the socket", path, errno, error);
}

IvdListenSocket *
ivd_listen_socket_new_unix (const char *path, guint mode, gint64 gid, GError **error)
{
  g_autoptr (IvdListenSocket) self = g_new0 (IvdListenSocket, 1);
  int fd;

  if (strlen (path) >= sizeof ((struct sockaddr_un *) NULL)->sun_path)
    {
      fail ("make the socket", path, ENAMETOOLONG, error);
      return NULL;
    }
  if (!remove_stale (path, error))
    return NULL;
  fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    {
      fail ("make the socket", path, errno, error);
      return NULL;
    }
  if (!bind_unix (fd, path, mode, error) || !set_permissions (self, path, mode, gid, error))
    {
      close (fd);
      return NULL;
    }
  /* From here on one can connect. */
  if (listen (fd, IVD_LIMIT_LISTEN_BACKLOG) < 0)
    {
      fail ("listen on", path, errno, error);
      close (fd);
      return NULL;
    }
  self->socket = g_socket_new_from_fd (fd, error);
  if (self->socket == NULL)
    {
      close (fd);
      return NULL;
    }
  g_socket_set_blocking (self->socket, FALSE);
  self->is_unix = TRUE;
  self->loopback = TRUE;
  self->address = g_strconcat (IVD_LISTEN_UNIX_PREFIX, path, NULL);
  return g_steal_pointer (&self);
}

/* --- TCP --- */

/* What it is bound to, which with port 0 one does not know before. */
static gboolean
take_inet_address (IvdListenSocket *self, GError **error)
{
  g_autoptr (GSocketAddress) bound = g_socket_get_local_address (self->socket, error);
  GInetSocketAddress *inet;

  if (bound == NULL)
    return FALSE;
  inet = G_INET_SOCKET_ADDRESS (bound);
  self->address = ivd_listen_address_format_inet (inet);
  self->loopback = g_inet_address_get_is_loopback (g_inet_socket_address_get_address (inet));
  return TRUE;
}

static gboolean
listen_tcp (IvdListenSocket *self, GSocketAddress *address, GError **error)
{
  GSocketFamily family = g_socket_address_get_family (address);

  self->socket = g_socket_new (family, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);
  if (self->socket == NULL)
    return FALSE;
  g_socket_set_blocking (self->socket, FALSE);
  g_socket_set_listen_backlog (self->socket, IVD_LIMIT_LISTEN_BACKLOG);
  if (family == G_SOCKET_FAMILY_IPV6 && !g_socket_set_option (self->socket, IPPROTO_IPV6, IPV6_V6ONLY, TRUE, error))
    return FALSE;
  /* In use again at once after a restart. */
  return g_socket_bind (self->socket, address, TRUE, error) && g_socket_listen (self->socket, error)
         && take_inet_address (self, error);
}

IvdListenSocket *
ivd_listen_socket_new_tcp (GInetSocketAddress *address, GError **error)
{
  g_autoptr (IvdListenSocket) self = g_new0 (IvdListenSocket, 1);
  g_autofree char *text = ivd_listen_address_format_inet (address);
  g_autoptr (GError) failure = NULL;

  if (listen_tcp (self, G_SOCKET_ADDRESS (address), &failure))
    return g_steal_pointer (&self);
  g_set_error (error, IVD_ERROR, ivd_error_code (failure), "cannot listen on %s: %s", text, failure->message);
  return NULL;
}

/* --- somebody else's --- */

static gboolean
get_number (int fd, int option, int *ret_value)
{
  socklen_t length = sizeof *ret_value;

  return getsockopt (fd, SOL_SOCKET, option, ret_value, &length) == 0;
}

static gboolean
check_fd (int fd, GError **error)
{
  int domain, type, listens;

  if (!get_number (fd, SO_DOMAIN, &domain) || !get_number (fd, SO_TYPE, &type)
      || !get_number (fd, SO_ACCEPTCONN, &listens))
    {
      g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "descriptor %d is no socket: %s", fd,
                   g_strerror (errno));
      return FALSE;
    }
  if (type == SOCK_STREAM && listens && (domain == AF_UNIX || domain == AF_INET || domain == AF_INET6))
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT,
               "descriptor %d is no unix or TCP socket that listens for streams: give ListenStream= without Accept=",
               fd);
  return FALSE;
}

static gboolean
take_unix_address (IvdListenSocket *self, GError **error)
{
  g_autoptr (GSocketAddress) bound = g_socket_get_local_address (self->socket, error);
  g_autofree char *safe = NULL;

  if (bound == NULL)
    return FALSE;
  safe = ivd_text_safe_bytes (g_unix_socket_address_get_path (G_UNIX_SOCKET_ADDRESS (bound)), IVD_LIMIT_PATH_BYTES);
  self->address = g_strconcat (IVD_LISTEN_UNIX_PREFIX, safe, NULL);
  self->is_unix = TRUE;
  self->loopback = TRUE;
  return TRUE;
}

IvdListenSocket *
ivd_listen_socket_new_for_fd (int take_fd, GError **error)
{
  g_autoptr (IvdListenSocket) self = g_new0 (IvdListenSocket, 1);

  if (check_fd (take_fd, error))
    self->socket = g_socket_new_from_fd (take_fd, error);
  if (self->socket == NULL)
    {
      close (take_fd);
      return NULL;
    }
  if (g_socket_get_family (self->socket) == G_SOCKET_FAMILY_UNIX ? !take_unix_address (self, error)
                                                                 : !take_inet_address (self, error))
    return NULL;
  g_socket_set_blocking (self->socket, FALSE);
  return g_steal_pointer (&self);
}

GSocket *
ivd_listen_socket_get_socket (IvdListenSocket *self)
{
  return self->socket;
}

gboolean
ivd_listen_socket_is_unix (const IvdListenSocket *self)
{
  return self->is_unix;
}

gboolean
ivd_listen_socket_is_loopback (const IvdListenSocket *self)
{
  return self->loopback;
}

const char *
ivd_listen_socket_get_address (const IvdListenSocket *self)
{
  return self->address;
}

char *
ivd_listen_socket_dup_url (const IvdListenSocket *self, gboolean tls)
{
  if (self->is_unix)
    return g_strdup (self->address);
  return g_strconcat (tls ? "https://" : "http://", self->address, NULL);
}
