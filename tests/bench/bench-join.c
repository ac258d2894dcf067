/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

/*
 * What it takes to join many peers to one server: everybody has to be told of
 * everybody, with a descriptor per vector, so that the messages are peers
 * squared times vectors whatever the server does. The limit that it is held
 * against is the kernel: the same messages through one bare socket, to the
 * same reader.
 *
 * The clients are another process: this program again, with --clients.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <glib-unix.h>

#include "ivb-bench.h"
#include "ivshmem/wire.h"
#include "ivt-server.h"

#define MESSAGES_APART 3 /* version, id, memory */
#define BATCH 64

typedef struct
{
  guint peers, vectors;
  gdouble seconds, leave_seconds;
  gdouble processor;          /* seconds of the server's */
  gdouble descriptors, bytes; /* per peer */
} Join;

static guint64
messages_per_client (guint peers, guint vectors)
{
  /* The daemon is a peer, too. */
  return MESSAGES_APART + (guint64) vectors * (peers + 1);
}

/* --- the clients ------------------------------------------------------- */

/* FALSE: nothing there. */
static gboolean
take_message (int fd)
{
  union
  {
    struct cmsghdr align;
    char bytes[CMSG_SPACE (sizeof (int))];
  } control;
  gint64 value;
  struct iovec vector = { .iov_base = &value, .iov_len = sizeof value };
  struct msghdr header = {
    .msg_iov = &vector,
    .msg_iovlen = 1,
    .msg_control = control.bytes,
    .msg_controllen = sizeof control.bytes,
  };
  gssize length = recvmsg (fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  int received;

  if (length < 0 && errno == EAGAIN)
    return FALSE;
  if (length != IVSHMEM_WIRE_MESSAGE_BYTES)
    g_error ("a client got %d bytes: %s", (int) length, g_strerror (errno));
  if (header.msg_controllen == 0)
    return TRUE;
  memcpy (&received, CMSG_DATA (CMSG_FIRSTHDR (&header)), sizeof received);
  close (received);
  return TRUE;
}

static int
connect_to (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  if (fd < 0 || connect (fd, (struct sockaddr *) &address, sizeof address) < 0)
    g_error ("%s: %s", path, g_strerror (errno));
  return fd;
}

static void
take_all (int epoll_fd, guint64 messages)
{
  struct epoll_event events[BATCH];

  while (messages > 0)
    {
      int n = epoll_wait (epoll_fd, events, BATCH, -1);

      for (int i = 0; i < n; i++)
        while (messages > 0 && take_message (events[i].data.fd))
          messages--;
    }
}

/* Says a byte when everybody knows everybody, and ends with its input. */
static int
be_clients (const char *path, guint peers, guint vectors)
{
  int epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  char byte = 0;

  for (guint i = 0; i < peers; i++)
    {
      struct epoll_event event = { .events = EPOLLIN };

      event.data.fd = connect_to (path);
      if (epoll_ctl (epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event) < 0)
        g_error ("epoll: %s", g_strerror (errno));
    }
  take_all (epoll_fd, peers * messages_per_client (peers, vectors));
  if (write (STDOUT_FILENO, &byte, 1) != 1)
    return 1;
  return read (STDIN_FILENO, &byte, 1) == 0 ? 0 : 1;
}

/* --- the server -------------------------------------------------------- */

static guint
count_descriptors (void)
{
  g_autoptr (GDir) directory = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (directory) != NULL)
    n++;
  return n;
}

static guint64
resident_bytes (void)
{
  g_autofree char *text = NULL;
  char *end = NULL;

  if (!g_file_get_contents ("/proc/self/statm", &text, NULL, NULL))
    return 0;
  (void) g_ascii_strtoull (text, &end, 10);
  return g_ascii_strtoull (end, NULL, 10) * (guint64) sysconf (_SC_PAGESIZE);
}

static gdouble
processor_seconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
  return (gdouble) now.tv_sec + (gdouble) now.tv_nsec / 1e9;
}

static gboolean
on_done (int fd, GIOCondition condition, gpointer data)
{
  gboolean *done = data;

  *done = TRUE;
  return G_SOURCE_REMOVE;
}

static void
wait_for_byte (int fd)
{
  gboolean done = FALSE;

  g_unix_fd_add (fd, G_IO_IN | G_IO_HUP, on_done, &done);
  while (!done)
    g_main_context_iteration (NULL, TRUE);
}

static void
wait_for_end (IvtServer *server)
{
  while (g_hash_table_size (server->region->peers) > 0)
    g_main_context_iteration (NULL, TRUE);
}

static void
measure (Join *join)
{
  g_autofree char *options = g_strdup_printf ("vectors=%u max-peers=%u", join->vectors, join->peers);
  g_autofree char *peers = g_strdup_printf ("%u", join->peers);
  g_autofree char *vectors = g_strdup_printf ("%u", join->vectors);
  g_autoptr (IvtServer) server = ivt_server_new (options);
  g_autoptr (GError) error = NULL;
  char *arguments[]
      = { (char *) "/proc/self/exe", (char *) "--clients", server->socket, peers, vectors, NULL };
  guint descriptors = count_descriptors ();
  guint64 bytes = resident_bytes ();
  gdouble processor = processor_seconds ();
  gdouble began = ivb_now ();
  int in, out;

  if (!g_spawn_async_with_pipes (NULL, arguments, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, &in, &out, NULL,
                                 &error))
    g_error ("%s", error->message);
  wait_for_byte (out);
  g_assert_cmpuint (g_hash_table_size (server->region->peers), ==, join->peers);
  join->seconds = ivb_now () - began;
  join->processor = processor_seconds () - processor;
  /* in and out are ours alone. */
  join->descriptors = (gdouble) (count_descriptors () - descriptors - 2) / join->peers;
  join->bytes = (gdouble) (resident_bytes () - bytes) / join->peers;

  began = ivb_now ();
  close (in);
  wait_for_end (server);
  join->leave_seconds = ivb_now () - began;
  close (out);
}

static gdouble
messages_per_second (gpointer data)
{
  Join *join = data;

  measure (join);
  return (gdouble) (join->peers * messages_per_client (join->peers, join->vectors)) / join->seconds;
}

/* --- the limit --------------------------------------------------------- */

static gpointer
take_from_socket (gpointer data)
{
  const int *fds = data;

  take_all (fds[0], (guint64) fds[1]);
  return NULL;
}

typedef struct
{
  struct mmsghdr headers[BATCH];
  struct iovec vectors[BATCH];
  gint64 value;
  union
  {
    struct cmsghdr align;
    char bytes[CMSG_SPACE (sizeof (int))];
  } control; /* last: clang wants it so */
} Messages;

static void
prepare (Messages *messages, int fd)
{
  struct cmsghdr *control = &messages->control.align;

  *messages = (Messages){ .value = 0 };
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN (sizeof (int));
  memcpy (CMSG_DATA (control), &fd, sizeof fd);
  for (guint i = 0; i < BATCH; i++)
    {
      struct msghdr *header = &messages->headers[i].msg_hdr;

      messages->vectors[i]
          = (struct iovec){ .iov_base = &messages->value, .iov_len = sizeof messages->value };
      header->msg_iov = &messages->vectors[i];
      header->msg_iovlen = 1;
      header->msg_control = messages->control.bytes;
      header->msg_controllen = sizeof messages->control.bytes;
    }
}

/* The same number of messages, a descriptor with each. */
static gdouble
bare_messages_per_second (gpointer data)
{
  const Join *join = data;
  guint64 total = join->peers * messages_per_client (join->peers, join->vectors);
  int epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  struct epoll_event event = { .events = EPOLLIN };
  int reader[] = { epoll_fd, (int) total };
  gdouble began = ivb_now ();
  Messages messages;
  GThread *thread;
  int pair[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
    g_error ("socketpair: %s", g_strerror (errno));
  event.data.fd = pair[1];
  epoll_ctl (epoll_fd, EPOLL_CTL_ADD, pair[1], &event);
  prepare (&messages, epoll_fd);
  thread = g_thread_new ("reader", take_from_socket, reader);
  for (guint64 left = total; left > 0;)
    {
      int sent = sendmmsg (pair[0], messages.headers, (guint) MIN (left, BATCH), MSG_NOSIGNAL);

      if (sent < 0)
        g_error ("sendmmsg: %s", g_strerror (errno));
      left -= (guint64) sent;
    }
  g_thread_join (thread);
  close (pair[0]);
  close (pair[1]);
  close (epoll_fd);
  return (gdouble) total / (ivb_now () - began);
}

/* --- rows -------------------------------------------------------------- */

static void
add_value (IvbBench *bench, const Join *join, const char *what, const char *unit, gdouble value)
{
  g_autofree char *name = g_strdup_printf ("%u peers, %u vectors: %s", join->peers, join->vectors, what);

  ivb_bench_value (bench, name, unit, value);
}

static void
add_join (IvbBench *bench, guint peers, guint vectors)
{
  Join join = { .peers = peers, .vectors = vectors };

  measure (&join);
  add_value (bench, &join, "all know all", "s", join.seconds);
  add_value (bench, &join, "processor time of the server", "s", join.processor);
  add_value (bench, &join, "descriptors per peer", "", join.descriptors);
  add_value (bench, &join, "memory per peer", "KiB", join.bytes / 1024);
  add_value (bench, &join, "all leave", "s", join.leave_seconds);
}

int
main (int argc, char **argv)
{
  Join small = { .peers = 200, .vectors = 4 };
  IvbBench *bench;

  if (argc == 5 && g_str_equal (argv[1], "--clients"))
    return be_clients (argv[2], (guint) atoi (argv[3]), (guint) atoi (argv[4]));

  bench = ivb_bench_new ("join", &argc, &argv);
  if (bench == NULL)
    return 2;
  ivb_bench_compare (bench, "200 peers, 4 vectors join", "messages/s", messages_per_second, "one bare socket",
                     bare_messages_per_second, &small);
  add_join (bench, 1000, 4);
  add_join (bench, 200, 64);
  return ivb_bench_end (bench);
}
