/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "doorbell/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ivshmem/wire.h"

/* The status, with the sentence to it. */
static IvshmemPluginStatus
explain (IvshmemPluginStatus status, char **ret_text, char *take_text)
{
  *ret_text = take_text;
  return status;
}

static IvshmemPluginStatus
explain_open (int number, const char *path, char **ret_text)
{
  if (number == ENOENT)
    return explain (IVSHMEM_PLUGIN_NOT_FOUND, ret_text,
                    g_strdup_printf ("no server: %s does not exist", path));
  if (number == EMFILE || number == ENFILE)
    return explain (IVSHMEM_PLUGIN_LIMIT, ret_text,
                    g_strdup_printf ("cannot open %s: out of descriptors (LimitNOFILE=, ulimit -n)", path));
  return explain (number == EACCES ? IVSHMEM_PLUGIN_DENIED : IVSHMEM_PLUGIN_IO,
                  ret_text,
                  g_strdup_printf ("cannot open %s: %s", path, g_strerror (number)));
}

static IvshmemPluginStatus
explain_connect (int number, const char *path, char **ret_text)
{
  switch (number)
    {
    case ECONNREFUSED:
      return explain (IVSHMEM_PLUGIN_NOT_FOUND, ret_text,
                      g_strdup_printf ("no server: nobody listens at %s (left behind by one that has ended)",
                                       path));
    case EAGAIN:
      return explain (IVSHMEM_PLUGIN_BUSY, ret_text,
                      g_strdup_printf ("the server at %s is busy: its queue of connections is full", path));
    case EACCES:
    case EPERM:
      return explain (IVSHMEM_PLUGIN_DENIED, ret_text,
                      g_strdup_printf ("not allowed to connect to %s: that takes write permission on it",
                                       path));
    case EPROTOTYPE:
      return explain (IVSHMEM_PLUGIN_INVALID_ARGUMENT, ret_text,
                      g_strdup_printf ("%s is not a stream socket, so no ivshmem server", path));
    default:
      return explain (IVSHMEM_PLUGIN_IO, ret_text,
                      g_strdup_printf ("cannot connect to %s: %s", path, g_strerror (number)));
    }
}

/* The socket itself, by a descriptor that can only name it: what is connected
 * to is then what was looked at, and its path may be of any length. */
static IvshmemPluginStatus
open_socket (const IvshmemPluginHost *host,
             IvshmemPluginRegion *region,
             const char *path,
             int *ret_fd,
             char **ret_text)
{
  g_autofree char *directory = g_path_get_dirname (path);
  g_autofree char *name = g_path_get_basename (path);
  IvshmemPluginHandle handle;
  IvshmemPluginStatus status;
  struct stat info;
  int fd, number;

  status = host->open_path (region, directory, IVSHMEM_PLUGIN_OPEN_DIRECTORY, 0, &handle);
  if (status < 0)
    return explain (status, ret_text,
                    g_strdup_printf ("no server at %s: the directory %s %s", path, directory,
                                     status == IVSHMEM_PLUGIN_NOT_FOUND ? "does not exist"
                                     : status == IVSHMEM_PLUGIN_DENIED
                                         ? "may not be opened, or a part of it is a symbolic link, and none "
                                           "is followed"
                                         : "cannot be opened"));

  fd = openat ((int) handle, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  number = errno;
  close ((int) handle);
  if (fd < 0)
    return explain_open (number, path, ret_text);

  if (fstat (fd, &info) < 0 || !S_ISSOCK (info.st_mode))
    {
      close (fd);
      return explain (IVSHMEM_PLUGIN_INVALID_ARGUMENT, ret_text,
                      g_strdup_printf ("%s is not a socket (nor may it be a symbolic link to one)", path));
    }

  *ret_fd = fd;
  return IVSHMEM_PLUGIN_OK;
}

IvshmemPluginStatus
doorbell_connect (const IvshmemPluginHost *host,
                  IvshmemPluginRegion *region,
                  const char *path,
                  int *ret_fd,
                  char **ret_text)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  IvshmemPluginStatus status;
  int target = -1, fd, number = 0;

  status = open_socket (host, region, path, &target, ret_text);
  if (status < 0)
    return status;

  g_snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", target);
  fd = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect (fd, (struct sockaddr *) &address, sizeof address) < 0)
    number = errno;
  close (target);
  if (fd < 0)
    return explain_open (number, path, ret_text);
  if (number != 0)
    {
      close (fd);
      return explain_connect (number, path, ret_text);
    }

  *ret_fd = fd;
  return IVSHMEM_PLUGIN_OK;
}

/* No write may ever be made to a descriptor that only claims to be an
 * eventfd: a pipe or a file of a stranger can stop its writer for ever. */
static gboolean
is_eventfd (int fd)
{
  char link[64], target[64];
  gssize length;

  g_snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  length = readlink (link, target, sizeof target - 1);
  if (length < 0)
    return FALSE;

  target[length] = '\0';
  return g_str_equal (target, "anon_inode:[eventfd]");
}

static DoorbellDescriptor
inspect (int take_fd)
{
  DoorbellDescriptor descriptor = { .fd = take_fd, .kind = DOORBELL_KIND_OTHER };
  struct stat info;
  int flags, seals;

  if (is_eventfd (take_fd))
    {
      descriptor.kind = DOORBELL_KIND_EVENTFD;
      return descriptor;
    }
  if (fstat (take_fd, &info) < 0 || !S_ISREG (info.st_mode))
    return descriptor;

  flags = fcntl (take_fd, F_GETFL);
  seals = fcntl (take_fd, F_GET_SEALS);
  descriptor.kind = DOORBELL_KIND_FILE;
  descriptor.size = (guint64) info.st_size;
  descriptor.read_only = (flags & O_ACCMODE) != O_RDWR
                         || (seals >= 0 && (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0);
  return descriptor;
}

gsize
doorbell_take_descriptors (struct msghdr *message, DoorbellDescriptor *ret_descriptors, gsize max)
{
  gsize n = 0;

  for (struct cmsghdr *control = CMSG_FIRSTHDR (message); control != NULL;
       control = CMSG_NXTHDR (message, control))
    {
      gsize count;

      if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
        continue;

      count = (control->cmsg_len - CMSG_LEN (0)) / sizeof (int);
      for (gsize i = 0; i < count; i++)
        {
          int fd;

          memcpy (&fd, CMSG_DATA (control) + i * sizeof fd, sizeof fd);
          if (n < max)
            ret_descriptors[n++] = inspect (fd);
          else
            close (fd);
        }
    }
  return n;
}

/* The kernel cuts when there is no room for the descriptors, or when it could
 * not install them: then there are fewer than fit. */
static void
fail_cut (DoorbellProtocol *protocol, gsize n_descriptors)
{
  if (n_descriptors < DOORBELL_DESCRIPTORS_PER_READ)
    doorbell_protocol_fail (protocol, DOORBELL_FAILURE_LIMIT,
                            "a descriptor from the server could not be received (MSG_CTRUNC): this process "
                            "is out of "
                            "descriptors: raise its limit (LimitNOFILE=, ulimit -n)");
  else
    doorbell_protocol_fail (protocol, DOORBELL_FAILURE_INVALID,
                            "the server sent more descriptors in one message than there is room for "
                            "(MSG_CTRUNC); "
                            "the protocol has one");
}

gboolean
doorbell_receive (int fd, DoorbellProtocol *protocol, gint64 now)
{
  union
  {
    char bytes[CMSG_SPACE (DOORBELL_DESCRIPTORS_PER_READ * sizeof (int))];
    struct cmsghdr align;
  } control;
  guint8 bytes[IVSHMEM_WIRE_MESSAGE_BYTES];
  DoorbellDescriptor descriptors[DOORBELL_DESCRIPTORS_PER_READ];
  struct iovec vector = { .iov_base = bytes, .iov_len = doorbell_protocol_wanted (protocol) };
  struct msghdr message = {
    .msg_iov = &vector,
    .msg_iovlen = 1,
    .msg_control = control.bytes,
    .msg_controllen = sizeof control.bytes,
  };
  gsize n_descriptors;
  gssize length;

  do
    length = recvmsg (fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  while (length < 0 && errno == EINTR);

  if (length < 0 && errno == EAGAIN)
    return FALSE;
  if (length < 0 && errno != ECONNRESET)
    {
      g_autofree char *text = g_strdup_printf ("cannot receive from the server: %s", g_strerror (errno));

      doorbell_protocol_fail (protocol, DOORBELL_FAILURE_CLOSED, text);
      return FALSE;
    }
  if (length <= 0)
    {
      doorbell_protocol_end (protocol);
      return FALSE;
    }

  n_descriptors = doorbell_take_descriptors (&message, descriptors, G_N_ELEMENTS (descriptors));
  if (message.msg_flags & MSG_CTRUNC)
    fail_cut (protocol, n_descriptors);
  doorbell_protocol_feed (protocol, bytes, (gsize) length, descriptors, n_descriptors, now);
  return TRUE;
}
