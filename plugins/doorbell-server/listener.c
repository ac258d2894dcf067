/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "doorbell-server/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "doorbell-server/error.h"
#include "doorbell-server/wire.h"

#define LOCK_SUFFIX ".lock"
#define LOCK_MODE 0600
#define LOCK_TRIES 16
/* The kernel cuts it to net.core.somaxconn. */
#define BACKLOG 4096
/* Newcomers of one round; the rest wait for the next. */
#define ACCEPTS_PER_ROUND 64
#define PAUSE_USEC (500 * 1000)

/* --- the lock ---------------------------------------------------------- */

/* TRUE if fd is the file that has the name, and not one that was removed. */
static gboolean
is_named (int fd, const DbsPlace *place, struct stat *ret_file)
{
  struct stat named;

  return fstat (fd, ret_file) == 0
         && fstatat (place->directory, place->name, &named, AT_SYMLINK_NOFOLLOW) == 0
         && ret_file->st_dev == named.st_dev && ret_file->st_ino == named.st_ino;
}

static gboolean
take_lock (DbsListener *listener, GError **error)
{
  DbsPlace *place = listener->lock;
  struct stat file;

  for (guint i = 0; i < LOCK_TRIES; i++)
    {
      dbs_autofd int fd = openat (place->directory, place->name,
                                  O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, LOCK_MODE);

      if (fd < 0)
        {
          dbs_error_set_errno (error, errno, "cannot open the lock file %s", place->path);
          return FALSE;
        }
      if (flock (fd, LOCK_EX | LOCK_NB) < 0)
        {
          if (errno == EWOULDBLOCK)
            g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_BUSY,
                         "another server of ivshmemd has the socket %s", listener->socket->path);
          else
            dbs_error_set_errno (error, errno, "cannot lock %s", place->path);
          return FALSE;
        }
      if (is_named (fd, place, &file))
        {
          dbs_place_claim (place, &file);
          listener->lock_fd = dbs_steal_fd (&fd);
          return TRUE;
        }
      /* Whoever had the lock removed the file meanwhile. */
    }
  g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_BUSY, "the lock file %s comes and goes", place->path);
  return FALSE;
}

/* --- the socket file --------------------------------------------------- */

/* Through the directory as it was opened: nobody can put a link in its stead,
 * and however long the path is, only the name counts against the limit. Tools
 * show sockets by this address, so that where nobody else can change anything
 * it is the path. */
static gboolean
address_of (const DbsPlace *place, gboolean plain, struct sockaddr_un *ret_address, GError **error)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d/%s", place->directory, place->name);

  if (plain && strlen (place->path) < sizeof ret_address->sun_path)
    {
      g_free (path);
      path = g_strdup (place->path);
    }
  if (strlen (path) >= sizeof ret_address->sun_path)
    {
      g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_INVALID_ARGUMENT,
                   "the file name of the socket %s is too long: at most %d bytes", place->path,
                   (int) (sizeof ret_address->sun_path - 1 - (strlen (path) - strlen (place->name))));
      return FALSE;
    }
  *ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
  memcpy (ret_address->sun_path, path, strlen (path) + 1);
  return TRUE;
}

/* What connecting to it comes to: ECONNREFUSED when nobody listens. */
static int
try_connect (const struct sockaddr_un *address)
{
  dbs_autofd int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  if (fd < 0)
    return errno;
  return connect (fd, (const struct sockaddr *) address, sizeof *address) < 0 ? errno : 0;
}

static gboolean
remove_stale (const DbsPlace *place, const struct sockaddr_un *address, GError **error)
{
  struct stat there;
  int result;

  if (fstatat (place->directory, place->name, &there, AT_SYMLINK_NOFOLLOW) < 0)
    {
      if (errno == ENOENT)
        return TRUE;
      dbs_error_set_errno (error, errno, "the socket %s", place->path);
      return FALSE;
    }
  if (!S_ISSOCK (there.st_mode))
    {
      g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_EXISTS,
                   "%s is there and is no socket: remove it or give another path", place->path);
      return FALSE;
    }

  result = try_connect (address);
  /* EAGAIN: somebody listens and is behind with accepting. */
  if (result == 0 || result == EAGAIN)
    {
      g_set_error (error, DBS_ERROR, IVSHMEM_PLUGIN_BUSY, "another server listens on the socket %s",
                   place->path);
      return FALSE;
    }
  if (result == ECONNREFUSED && unlinkat (place->directory, place->name, 0) == 0)
    return TRUE;
  dbs_error_set_errno (
      error, result == ECONNREFUSED ? errno : result,
      "%s is there, and whether a server listens on it cannot be told, or it cannot be replaced",
      place->path);
  return FALSE;
}

static gboolean
set_permissions (DbsListener *listener, const DbsOptions *options, GError **error)
{
  DbsPlace *place = listener->socket;
  dbs_autofd int fd = openat (place->directory, place->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  g_autofree char *itself = g_strdup_printf ("/proc/self/fd/%d", fd);
  struct stat file;

  if (fd < 0 || fstat (fd, &file) < 0)
    {
      dbs_error_set_errno (error, errno, "the socket %s", place->path);
      return FALSE;
    }
  dbs_place_claim (place, &file);
  if ((options->owner >= 0 || options->group >= 0)
      && fchownat (fd, "", (uid_t) options->owner, (gid_t) options->group, AT_EMPTY_PATH) < 0)
    {
      dbs_error_set_errno (error, errno, "owner and group of the socket %s", place->path);
      return FALSE;
    }
  /* After the owner, whose change may take bits away. The process's umask is
   * everybody's, so it is not the way. */
  if (!S_ISSOCK (file.st_mode) || chmod (itself, options->mode) < 0)
    {
      dbs_error_set_errno (error, errno, "mode of the socket %s", place->path);
      return FALSE;
    }
  return TRUE;
}

static gboolean
bind_socket (DbsListener *listener, const DbsOptions *options, GError **error)
{
  DbsPlace *place = listener->socket;
  struct sockaddr_un address;

  if (!address_of (place, options->socket_is_default, &address, error)
      || !remove_stale (place, &address, error))
    return FALSE;

  listener->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  /* The file is born with the socket's own mode, which must not be more. */
  if (listener->fd < 0 || fchmod (listener->fd, options->mode) < 0
      || bind (listener->fd, (const struct sockaddr *) &address, sizeof address) < 0)
    {
      dbs_error_set_errno (error, errno, "cannot make the socket %s", place->path);
      return FALSE;
    }
  if (!set_permissions (listener, options, error))
    return FALSE;
  /* From here on one can connect. */
  if (listen (listener->fd, BACKLOG) < 0)
    {
      dbs_error_set_errno (error, errno, "cannot listen on %s", place->path);
      return FALSE;
    }
  return TRUE;
}

static int
open_spare (void)
{
  return open ("/dev/null", O_RDONLY | O_CLOEXEC);
}

gboolean
dbs_listener_open (DbsListener *listener,
                   const IvshmemPluginHost *host,
                   IvshmemPluginRegion *region,
                   const DbsOptions *options,
                   GError **error)
{
  g_autofree char *lock_path = g_strconcat (options->socket_path, LOCK_SUFFIX, NULL);

  listener->host = host;
  listener->region = region;
  listener->socket = dbs_place_new (host, region, options->socket_path, error);
  if (listener->socket == NULL)
    return FALSE;
  listener->lock = dbs_place_new (host, region, lock_path, error);
  if (listener->lock == NULL || !take_lock (listener, error) || !bind_socket (listener, options, error))
    {
      dbs_listener_close (listener);
      return FALSE;
    }
  listener->spare = open_spare ();
  return TRUE;
}

/* --- accepting --------------------------------------------------------- */

static void
on_pause_over (void *data)
{
  DbsListener *listener = data;

  listener->pause = 0;
  dbs_listener_resume (listener);
}

/* Nobody is taken in for a while, else a listener that is ready and cannot be
 * served would be called for ever. */
static void
pause_accepting (DbsListener *listener)
{
  listener->paused = TRUE;
  listener->host->rewatch (listener->region, listener->watch, 0);
  listener->host->log (
      listener->region, IVSHMEM_PLUGIN_LOG_WARNING,
      "no descriptor to take a client in: it has to wait; raise LimitNOFILE or lower max-peers");
  if (listener->host->timer (listener->region, PAUSE_USEC, on_pause_over, listener, &listener->pause) < 0)
    listener->pause = 0;
}

void
dbs_listener_resume (DbsListener *listener)
{
  if (listener->watch == 0)
    return;
  if (listener->spare < 0)
    listener->spare = open_spare ();
  if (!listener->paused)
    return;
  if (listener->pause != 0)
    listener->host->cancel_timer (listener->region, listener->pause);
  listener->pause = 0;
  listener->paused = FALSE;
  listener->host->rewatch (listener->region, listener->watch, IVSHMEM_PLUGIN_READABLE);
}

/* Takes one in at the price of the spare descriptor, to send it away. */
static gboolean
refuse_one (DbsListener *listener)
{
  int fd;

  if (listener->spare < 0)
    return FALSE;
  dbs_close (&listener->spare);
  fd = accept4 (listener->fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd >= 0)
    {
      dbs_wire_refuse (fd);
      close (fd);
    }
  listener->spare = open_spare ();
  return fd >= 0;
}

static gboolean
lacks_descriptors (int number)
{
  return number == EMFILE || number == ENFILE || number == ENOMEM || number == ENOBUFS;
}

static void
on_newcomers (void *data, uint32_t conditions)
{
  DbsListener *listener = data;

  for (guint i = 0; i < ACCEPTS_PER_ROUND && listener->fd >= 0; i++)
    {
      int fd = accept4 (listener->fd, NULL, NULL, SOCK_CLOEXEC);

      if (fd >= 0)
        {
          listener->func (fd, listener->data);
          continue;
        }
      if (errno == EINTR || errno == ECONNABORTED)
        continue;
      if (!lacks_descriptors (errno))
        break;
      if (!refuse_one (listener))
        {
          pause_accepting (listener);
          break;
        }
    }
  listener->done (listener->data);
}

gboolean
dbs_listener_start (DbsListener *listener,
                    DbsListenerFunc func,
                    DbsListenerDoneFunc done,
                    gpointer data,
                    GError **error)
{
  IvshmemPluginStatus status;

  listener->func = func;
  listener->done = done;
  listener->data = data;
  status = listener->host->watch (listener->region, listener->fd, IVSHMEM_PLUGIN_READABLE, on_newcomers,
                                  listener, &listener->watch);
  if (status >= 0)
    return TRUE;
  listener->watch = 0;
  g_set_error (error, DBS_ERROR, status, "the host cannot watch the socket %s", listener->socket->path);
  return FALSE;
}

/* Whoever connected and was not taken in: closing alone would leave a QEMU
 * spinning in mid-greeting for ever. */
static void
refuse_waiting (DbsListener *listener)
{
  for (;;)
    {
      dbs_autofd int fd = accept4 (listener->fd, NULL, NULL, SOCK_CLOEXEC);

      if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
        continue;
      if (fd < 0 && lacks_descriptors (errno) && listener->spare >= 0)
        {
          dbs_close (&listener->spare);
          continue;
        }
      if (fd < 0)
        return;
      dbs_wire_refuse (fd);
    }
}

void
dbs_listener_close (DbsListener *listener)
{
  if (listener->watch != 0)
    listener->host->unwatch (listener->region, listener->watch);
  if (listener->pause != 0)
    listener->host->cancel_timer (listener->region, listener->pause);
  listener->watch = 0;
  listener->pause = 0;
  listener->paused = FALSE;

  if (listener->socket != NULL)
    dbs_place_remove (listener->socket);
  if (listener->fd >= 0)
    refuse_waiting (listener);
  dbs_close (&listener->fd);
  dbs_close (&listener->spare);
  /* The lock goes last, and its file while it is still held. */
  if (listener->lock != NULL && listener->lock_fd >= 0)
    dbs_place_remove (listener->lock);
  dbs_close (&listener->lock_fd);
  g_clear_pointer (&listener->socket, dbs_place_free);
  g_clear_pointer (&listener->lock, dbs_place_free);
}
