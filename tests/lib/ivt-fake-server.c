/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "lib/ivt-fake-server.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ivshmem/wire.h"

#define ACCEPT_MSEC (60 * 1000)
#define FDS_MAX 64

struct _IvtFakeServer
{
  char *path;
  int fd;
};

struct _IvtFakeClient
{
  int fd;
  GHashTable *peers; /* id → GArray of int */
};

static void
close_vector (gpointer element)
{
  close (*(int *) element);
}

IvtFakeServer *
ivt_fake_server_new (const char *path, int backlog)
{
  IvtFakeServer *server = g_new0 (IvtFakeServer, 1);
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  g_assert_cmpuint (strlen (path), <, sizeof address.sun_path);
  memcpy (address.sun_path, path, strlen (path));
  server->path = g_strdup (path);
  server->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (server->fd, >=, 0);
  unlink (path);
  g_assert_cmpint (bind (server->fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (listen (server->fd, backlog), ==, 0);
  return server;
}

void
ivt_fake_server_free (IvtFakeServer *server)
{
  if (server == NULL)
    return;

  unlink (server->path);
  close (server->fd);
  g_free (server->path);
  g_free (server);
}

gboolean
ivt_fake_server_is_called (IvtFakeServer *server)
{
  struct pollfd item = { .fd = server->fd, .events = POLLIN };

  return poll (&item, 1, 0) == 1;
}

IvtFakeClient *
ivt_fake_server_accept (IvtFakeServer *server)
{
  struct pollfd item = { .fd = server->fd, .events = POLLIN };
  IvtFakeClient *client = g_new0 (IvtFakeClient, 1);

  g_assert_cmpint (poll (&item, 1, ACCEPT_MSEC), ==, 1);
  client->fd = accept4 (server->fd, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (client->fd, >=, 0);
  client->peers = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_array_unref);
  return client;
}

void
ivt_fake_client_hang_up (IvtFakeClient *client)
{
  if (client->fd >= 0)
    close (client->fd);
  client->fd = -1;
}

void
ivt_fake_client_free (IvtFakeClient *client)
{
  if (client == NULL)
    return;

  ivt_fake_client_hang_up (client);
  g_hash_table_unref (client->peers);
  g_free (client);
}

gboolean
ivt_fake_client_is_left (IvtFakeClient *client)
{
  char byte;

  return recv (client->fd, &byte, 1, MSG_DONTWAIT) == 0;
}

void
ivt_fake_client_send_bytes (IvtFakeClient *client, const void *bytes, gsize n_bytes, const int *fds,
                            gsize n_fds)
{
  union
  {
    char bytes[CMSG_SPACE (FDS_MAX * sizeof (int))];
    struct cmsghdr align;
  } control;
  struct iovec vector = { .iov_base = (void *) bytes, .iov_len = n_bytes };
  struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };

  g_assert_cmpuint (n_fds, <=, FDS_MAX);
  if (n_fds > 0)
    {
      memset (&control, 0, sizeof control);
      message.msg_control = control.bytes;
      message.msg_controllen = CMSG_SPACE (n_fds * sizeof (int));
      control.align.cmsg_level = SOL_SOCKET;
      control.align.cmsg_type = SCM_RIGHTS;
      control.align.cmsg_len = CMSG_LEN (n_fds * sizeof (int));
      memcpy (CMSG_DATA (&control.align), fds, n_fds * sizeof (int));
    }
  /* A client that has gone is for the test to notice. */
  if (sendmsg (client->fd, &message, MSG_NOSIGNAL) != (gssize) n_bytes)
    g_assert_cmpint (errno, ==, EPIPE);
}

void
ivt_fake_client_send (IvtFakeClient *client, gint64 value, int fd)
{
  guint64 raw = GUINT64_TO_LE ((guint64) value);

  ivt_fake_client_send_bytes (client, &raw, sizeof raw, &fd, fd < 0 ? 0 : 1);
}

static GArray *
vectors_of (IvtFakeClient *client, guint id)
{
  GArray *vectors = g_hash_table_lookup (client->peers, GUINT_TO_POINTER (id));

  if (vectors == NULL)
    {
      vectors = g_array_new (FALSE, FALSE, sizeof (int));
      g_array_set_clear_func (vectors, close_vector);
      g_hash_table_insert (client->peers, GUINT_TO_POINTER (id), vectors);
    }
  return vectors;
}

guint
ivt_fake_client_send_vector (IvtFakeClient *client, guint id)
{
  GArray *vectors = vectors_of (client, id);
  int fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);

  g_assert_cmpint (fd, >=, 0);
  g_array_append_val (vectors, fd);
  ivt_fake_client_send (client, id, fd);
  return vectors->len - 1;
}

void
ivt_fake_client_send_vectors (IvtFakeClient *client, guint id, guint n)
{
  while (n-- > 0)
    ivt_fake_client_send_vector (client, id);
}

void
ivt_fake_client_send_leave (IvtFakeClient *client, guint id)
{
  ivt_fake_client_send (client, id, -1);
  g_hash_table_remove (client->peers, GUINT_TO_POINTER (id));
}

void
ivt_fake_client_send_start (IvtFakeClient *client, guint own_id, guint64 size)
{
  int fd = memfd_create ("fake-server", MFD_CLOEXEC);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (ftruncate (fd, (off_t) size), ==, 0);
  ivt_fake_client_send (client, IVSHMEM_WIRE_VERSION, -1);
  ivt_fake_client_send (client, own_id, -1);
  ivt_fake_client_send (client, IVSHMEM_WIRE_MEMORY, fd);
  close (fd);
}

int
ivt_fake_client_vector (IvtFakeClient *client, guint id, guint vector)
{
  GArray *vectors = vectors_of (client, id);

  g_assert_cmpuint (vector, <, vectors->len);
  return g_array_index (vectors, int, vector);
}

guint64
ivt_fake_client_take (IvtFakeClient *client, guint id, guint vector)
{
  guint64 count = 0;
  gssize length = read (ivt_fake_client_vector (client, id, vector), &count, sizeof count);

  g_assert_true (length == sizeof count || (length < 0 && errno == EAGAIN));
  return count;
}
