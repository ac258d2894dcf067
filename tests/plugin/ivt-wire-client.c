/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "ivt-wire-client.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "ivshmem/wire.h"

#define MAX_DESCRIPTORS 4

static void
free_eventfds (gpointer data)
{
  GArray *eventfds = data;

  for (guint i = 0; i < eventfds->len; i++)
    if (g_array_index (eventfds, int, i) >= 0)
      close (g_array_index (eventfds, int, i));
  g_array_unref (eventfds);
}

IvtWireClient *
ivt_wire_client_new_for_fd (int take_fd)
{
  IvtWireClient *client = g_new0 (IvtWireClient, 1);

  client->fd = take_fd;
  client->version = -1;
  client->own_id = -1;
  client->memory_fd = -1;
  client->peers = g_hash_table_new_full (NULL, NULL, NULL, free_eventfds);
  client->messages = g_array_new (FALSE, FALSE, sizeof (IvtWireMessage));
  client->leavers = g_hash_table_new (NULL, NULL);
  return client;
}

/* However long the path. */
static int
connect_to (const char *path)
{
  g_autofree char *directory = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  int directory_fd = open (directory, O_PATH | O_CLOEXEC);
  g_autofree char *near = g_strdup_printf ("/proc/self/fd/%d/%s", directory_fd, name);
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int result;

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpuint (strlen (near), <, sizeof address.sun_path);
  memcpy (address.sun_path, near, strlen (near) + 1);
  result = connect (fd, (struct sockaddr *) &address, sizeof address);
  if (directory_fd >= 0)
    close (directory_fd);
  if (result == 0)
    return fd;
  close (fd);
  return -1;
}

IvtWireClient *
ivt_wire_client_new (const char *path)
{
  int fd = connect_to (path);

  return fd >= 0 ? ivt_wire_client_new_for_fd (fd) : NULL;
}

void
ivt_wire_client_hang_up (IvtWireClient *client)
{
  if (client->fd >= 0)
    close (client->fd);
  client->fd = -1;
}

void
ivt_wire_client_free (IvtWireClient *client)
{
  if (client == NULL)
    return;
  ivt_wire_client_hang_up (client);
  if (client->memory_fd >= 0)
    close (client->memory_fd);
  g_hash_table_unref (client->peers);
  g_hash_table_unref (client->leavers);
  g_array_unref (client->messages);
  g_free (client);
}

static void
take_memory (IvtWireClient *client, int fd)
{
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (client->memory_fd, ==, -1);
  client->memory_fd = fd;
}

static void
take_leave (IvtWireClient *client, guint id)
{
  g_assert_cmpint ((gint) id, !=, client->own_id);
  g_assert_true (client->own_began);
  g_assert_true (g_hash_table_remove (client->peers, GUINT_TO_POINTER (id)));
  g_assert_true (g_hash_table_add (client->leavers, GUINT_TO_POINTER (id)));
  client->n_leaves++;
}

static void
take_vector (IvtWireClient *client, guint id, int fd)
{
  GArray *eventfds = g_hash_table_lookup (client->peers, GUINT_TO_POINTER (id));

  g_assert_cmpint (client->memory_fd, >=, 0);
  g_assert_false (g_hash_table_contains (client->leavers, GUINT_TO_POINTER (id)));
  if ((gint) id == client->own_id)
    client->own_began = TRUE;
  if (eventfds == NULL)
    {
      eventfds = g_array_new (FALSE, FALSE, sizeof (int));
      g_hash_table_insert (client->peers, GUINT_TO_POINTER (id), eventfds);
    }
  if (client->max_vectors > 0)
    g_assert_cmpuint (eventfds->len, <, client->max_vectors);
  if (client->discard)
    {
      close (fd);
      fd = -1;
    }
  g_array_append_val (eventfds, fd);
}

static void
take_message (IvtWireClient *client, gint64 value, int fd)
{
  const IvtWireMessage message = { .value = value, .has_fd = fd >= 0 };
  guint position = client->messages->len;

  g_array_append_val (client->messages, message);

  if (position == 0 && value == IVSHMEM_WIRE_REFUSED)
    {
      g_assert_cmpint (fd, ==, -1);
      client->refused = TRUE;
      return;
    }
  g_assert_false (client->refused);
  if (position == 0)
    {
      g_assert_cmpint (value, ==, IVSHMEM_WIRE_VERSION);
      g_assert_cmpint (fd, ==, -1);
      client->version = (gint) value;
      return;
    }
  if (value == IVSHMEM_WIRE_MEMORY)
    {
      g_assert_cmpuint (position, ==, 2);
      take_memory (client, fd);
      return;
    }

  g_assert_cmpint (value, >=, 0);
  g_assert_cmpint (value, <=, IVSHMEM_WIRE_ID_MAX);
  if (position == 1)
    {
      g_assert_cmpint (fd, ==, -1);
      client->own_id = (gint) value;
    }
  else if (fd >= 0)
    take_vector (client, (guint) value, fd);
  else
    take_leave (client, (guint) value);
}

/* The only descriptor, or -1. */
static int
descriptor_of (struct msghdr *header)
{
  struct cmsghdr *control = CMSG_FIRSTHDR (header);
  int fd;

  g_assert_cmpint (header->msg_flags & MSG_CTRUNC, ==, 0);
  if (control == NULL)
    return -1;
  g_assert_cmpint (control->cmsg_level, ==, SOL_SOCKET);
  g_assert_cmpint (control->cmsg_type, ==, SCM_RIGHTS);
  g_assert_cmpuint (control->cmsg_len, ==, CMSG_LEN (sizeof (int)));
  g_assert_null (CMSG_NXTHDR (header, control));
  memcpy (&fd, CMSG_DATA (control), sizeof fd);
  return fd;
}

/* FALSE: there is none now. */
static gboolean
read_message (IvtWireClient *client)
{
  union
  {
    struct cmsghdr align;
    char bytes[CMSG_SPACE (sizeof (int) * MAX_DESCRIPTORS)];
  } control;
  gint64 value = 0;
  struct iovec vector = { .iov_base = &value, .iov_len = sizeof value };
  struct msghdr header = {
    .msg_iov = &vector,
    .msg_iovlen = 1,
    .msg_control = control.bytes,
    .msg_controllen = sizeof control.bytes,
  };
  gssize length = recvmsg (client->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

  if (length < 0 && (errno == EAGAIN || errno == EINTR))
    return FALSE;
  if (length <= 0)
    {
      client->ended = TRUE;
      client->reset = length < 0;
      return FALSE;
    }
  g_assert_cmpint (length, ==, IVSHMEM_WIRE_MESSAGE_BYTES);
  take_message (client, GINT64_FROM_LE (value), descriptor_of (&header));
  return TRUE;
}

guint
ivt_wire_client_read (IvtWireClient *client, guint max)
{
  guint n = 0;

  while (client->fd >= 0 && !client->ended && n < max && read_message (client))
    n++;
  return n;
}

guint
ivt_wire_client_vectors (const IvtWireClient *client, guint id)
{
  const GArray *eventfds = g_hash_table_lookup (client->peers, GUINT_TO_POINTER (id));

  return eventfds != NULL ? eventfds->len : 0;
}

guint
ivt_wire_client_n_peers (const IvtWireClient *client)
{
  return g_hash_table_size (client->peers) - (client->own_began ? 1 : 0);
}

int
ivt_wire_client_eventfd (const IvtWireClient *client, guint id, guint vector)
{
  const GArray *eventfds = g_hash_table_lookup (client->peers, GUINT_TO_POINTER (id));

  g_assert_nonnull (eventfds);
  g_assert_cmpuint (vector, <, eventfds->len);
  return g_array_index (eventfds, int, vector);
}

void
ivt_wire_client_ring (const IvtWireClient *client, guint id, guint vector)
{
  const guint64 one = 1;

  g_assert_cmpint (write (ivt_wire_client_eventfd (client, id, vector), &one, sizeof one), ==, sizeof one);
}

guint64
ivt_wire_client_take (const IvtWireClient *client, guint vector)
{
  guint64 count = 0;
  struct iovec into = { .iov_base = &count, .iov_len = sizeof count };

  if (preadv2 (ivt_wire_client_eventfd (client, (guint) client->own_id, vector), &into, 1, -1, RWF_NOWAIT)
      < 0)
    return 0;
  return count;
}
