/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ivd-names.h"
#include "ivb-bench.h"
#include "ivb-daemon.h"
#include "ivshmem/wire.h"

/*
 * The daemon as its users see it: a read over the bus against an empty call,
 * rings against a bare eventfd, its start, and what it costs when idle.
 */

#define CALLS 300
#define PINGS 5000
#define RINGS 64
#define VECTORS 64
#define IDLE_SECONDS 3
#define IDLE_REGIONS 10
#define PEER_VECTORS 2

typedef struct
{
  IvbDaemon *daemon;
  int near[2], far[2];         /* the eventfds of two programs, by which each is rung */
  int signal_vectors[VECTORS]; /* the daemon's own vectors, as a peer holds them */
  guint next_vector;
  guint64 signals;
} Bench;

/* --- calls over the bus, in microseconds --- */

static gdouble
time_calls (Bench *bench, gboolean read)
{
  gdouble begin = ivb_now ();

  for (guint i = 0; i < CALLS; i++)
    {
      g_autoptr (GVariant) reply = NULL;

      if (read)
        reply = ivb_daemon_call (bench->daemon, "bench", "Read",
                                 g_variant_new ("(tt)", (guint64) 0, (guint64) 4096), NULL);
      else
        reply = g_dbus_connection_call_sync (ivb_daemon_get_connection (bench->daemon), IVD_BUS_NAME, IVD_OBJECT_PATH,
                                             "org.freedesktop.DBus.Peer", "Ping", NULL, NULL, G_DBUS_CALL_FLAGS_NONE,
                                             -1, NULL, NULL);
      g_assert_nonnull (reply);
    }
  return (ivb_now () - begin) / CALLS * 1e6;
}

static gdouble
read_round (gpointer data)
{
  return time_calls (data, TRUE);
}

static gdouble
empty_round (gpointer data)
{
  return time_calls (data, FALSE);
}

/* --- rings between joined programs, in microseconds there and back --- */

typedef struct
{
  int wait, ring;
} Echo;

static gpointer
echo_thread (gpointer data)
{
  const Echo *echo = data;
  eventfd_t count;

  for (guint i = 0; i < PINGS; i++)
    {
      g_assert_cmpint (eventfd_read (echo->wait, &count), ==, 0);
      g_assert_cmpint (eventfd_write (echo->ring, 1), ==, 0);
    }
  return NULL;
}

static gdouble
time_pings (int there, int back)
{
  Echo echo = { there, back };
  GThread *thread = g_thread_new ("echo", echo_thread, &echo);
  gdouble begin = ivb_now ();
  eventfd_t count;

  for (guint i = 0; i < PINGS; i++)
    {
      g_assert_cmpint (eventfd_write (there, 1), ==, 0);
      g_assert_cmpint (eventfd_read (back, &count), ==, 0);
    }
  g_thread_join (thread);
  return (ivb_now () - begin) / PINGS * 1e6;
}

static gdouble
joined_round (gpointer data)
{
  Bench *bench = data;

  return time_pings (bench->near[0], bench->far[0]);
}

static gdouble
bare_round (gpointer data)
{
  int there = eventfd (0, EFD_CLOEXEC), back = eventfd (0, EFD_CLOEXEC);
  gdouble usec = time_pings (there, back);

  close (there);
  close (back);
  return usec;
}

/* --- a ring until its signal has come over the bus, in microseconds --- */

static void
on_signal (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *name, GVariant *parameters, gpointer data)
{
  ((Bench *) data)->signals++;
}

/* Another vector each time, and few of them: below the rates at which the
 * daemon begins to sum up. */
static gdouble
signal_round (gpointer data)
{
  Bench *bench = data;
  gdouble begin = ivb_now ();

  for (guint i = 0; i < RINGS / 4; i++)
    {
      guint64 before = bench->signals;

      g_assert_cmpint (eventfd_write (bench->signal_vectors[bench->next_vector++ % VECTORS], 1), ==, 0);
      while (bench->signals == before)
        g_main_context_iteration (NULL, TRUE);
    }
  return (ivb_now () - begin) / (RINGS / 4) * 1e6;
}

/* --- joining --- */

/* One message of the server protocol. */
static gint64
receive (int socket, int *ret_fd)
{
  gint64 message = 0;
  union
  {
    char bytes[CMSG_SPACE (sizeof (int))];
    struct cmsghdr align;
  } control;
  struct iovec iov = { &message, sizeof message };
  struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
  struct cmsghdr *cmsg;

  g_assert_cmpint (recvmsg (socket, &header, MSG_WAITALL | MSG_CMSG_CLOEXEC), ==, sizeof message);
  *ret_fd = -1;
  cmsg = CMSG_FIRSTHDR (&header);
  if (cmsg != NULL)
    memcpy (ret_fd, CMSG_DATA (cmsg), sizeof *ret_fd);
  return GINT64_FROM_LE (message);
}

static void
make_blocking (int fd)
{
  int flags = fcntl (fd, F_GETFL);

  g_assert_cmpint (fcntl (fd, F_SETFL, flags & ~O_NONBLOCK), ==, 0);
}

/* Joins, and takes the eventfds of one peer (the daemon's id 255), and its own. */
static int
join (Bench *bench, const char *region, guint vectors, int *daemon_vectors, int *own_vectors)
{
  guint n_daemon = 0, n_own = 0;
  gint64 own_id;
  int socket, fd;

  g_variant_unref (ivb_daemon_call (bench->daemon, region, "Join", NULL, &socket));
  receive (socket, &fd);
  own_id = receive (socket, &fd);
  g_assert_cmpint (receive (socket, &fd), ==, IVSHMEM_WIRE_MEMORY);
  close (fd);
  while (n_own < vectors)
    {
      gint64 id = receive (socket, &fd);

      if (id == own_id)
        own_vectors[n_own++] = fd;
      else if (id == 255 && daemon_vectors != NULL)
        daemon_vectors[n_daemon++] = fd;
      else
        close (fd);
    }
  return socket;
}

/* --- what it costs to be there --- */

static guint64
status_number (gint64 pid, const char *key)
{
  g_autofree char *path = g_strdup_printf ("/proc/%" G_GINT64_FORMAT "/status", pid);
  g_autofree char *text = NULL;
  const char *at;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  at = strstr (text, key);
  g_assert_nonnull (at);
  return g_ascii_strtoull (at + strlen (key), NULL, 10);
}

/* Of all threads: each time one of them went to sleep by itself. */
static guint64
wake_ups (gint64 pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%" G_GINT64_FORMAT "/task", pid);
  g_autoptr (GDir) tasks = g_dir_open (path, 0, NULL);
  guint64 sum = 0;
  const char *name;

  while ((name = g_dir_read_name (tasks)) != NULL)
    {
      g_autofree char *status = g_build_filename (path, name, "status", NULL);
      g_autofree char *text = NULL;
      const char *key = "\nvoluntary_ctxt_switches:";

      if (g_file_get_contents (status, &text, NULL, NULL))
        sum += g_ascii_strtoull (strstr (text, key) + strlen (key), NULL, 10);
    }
  return sum;
}

static void
measure_idle (IvbBench *table, Bench *bench)
{
  gint64 pid = ivb_daemon_get_pid (bench->daemon);
  guint64 before;

  for (guint i = 1; i < IDLE_REGIONS; i++)
    {
      g_autofree char *name = g_strdup_printf ("idle%u", i);

      ivb_daemon_attach (bench->daemon, name, 4);
    }
  g_usleep (G_USEC_PER_SEC);
  before = wake_ups (pid);
  g_usleep (IDLE_SECONDS * G_USEC_PER_SEC);
  ivb_bench_value (table, "idle with 10 regions: wake-ups", "1/s",
                   (gdouble) (wake_ups (pid) - before) / IDLE_SECONDS);
  ivb_bench_value (table, "idle with 10 regions: resident", "MiB",
                   (gdouble) status_number (pid, "VmRSS:") / 1024);
}

/* --- start --- */

static gdouble
start_round (gpointer data)
{
  g_autoptr (IvbDaemon) daemon = ivb_daemon_new ();

  return ivb_daemon_get_start_seconds (daemon) * 1e3;
}

static gdouble
true_round (gpointer data)
{
  gdouble begin = ivb_now ();
  g_autoptr (GSubprocess) process = g_subprocess_new (G_SUBPROCESS_FLAGS_NONE, NULL, "true", NULL);

  g_subprocess_wait (process, NULL, NULL);
  return (ivb_now () - begin) * 1e3;
}

int
main (int argc, char **argv)
{
  IvbBench *table = ivb_bench_new ("daemon", &argc, &argv);
  Bench bench = { 0 };
  int sockets[3], own[VECTORS];

  if (table == NULL)
    return 2;
  bench.daemon = ivb_daemon_new ();
  ivb_daemon_attach (bench.daemon, "bench", PEER_VECTORS);
  sockets[0] = join (&bench, "bench", PEER_VECTORS, NULL, bench.near);
  sockets[1] = join (&bench, "bench", PEER_VECTORS, NULL, bench.far);
  for (guint v = 0; v < PEER_VECTORS; v++)
    {
      make_blocking (bench.near[v]);
      make_blocking (bench.far[v]);
    }
  ivb_bench_compare (table, "Read of 4 KiB", "us", read_round, "empty call on the same bus", empty_round, &bench);
  ivb_bench_compare (table, "ring and back, joined programs", "us", joined_round, "bare eventfd pair", bare_round,
                     &bench);

  ivb_daemon_attach (bench.daemon, "signals", VECTORS);
  sockets[2] = join (&bench, "signals", VECTORS, bench.signal_vectors, own);
  g_dbus_connection_signal_subscribe (ivb_daemon_get_connection (bench.daemon), IVD_BUS_NAME, IVD_INTERFACE_REGION,
                                      "Interrupt", NULL, NULL, G_DBUS_SIGNAL_FLAGS_NONE, on_signal, &bench, NULL);
  g_variant_unref (ivb_daemon_call (bench.daemon, "signals", "Subscribe", NULL, NULL));
  ivb_bench_compare (table, "ring until its Interrupt signal", "us", signal_round, "empty call on the same bus",
                     empty_round, &bench);
  for (guint i = 0; i < G_N_ELEMENTS (sockets); i++)
    close (sockets[i]);

  measure_idle (table, &bench);
  ivb_daemon_free (bench.daemon);
  ivb_bench_compare (table, "start until named on the bus", "ms", start_round, "fork, exec and wait for true",
                     true_round, &bench);
  return ivb_bench_end (table);
}
