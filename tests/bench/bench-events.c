/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ivb-bench.h"
#include "ivb-daemon.h"
#include "ivb-web.h"
#include "ivt-wire-client.h"

/*
 * Live events: from a ring to a listener of server-sent events, against a bare
 * ping-pong over TCP; and many listeners to many events, against whoever
 * writes the same bytes to as many sockets and does nothing else.
 */

#define SECRET "ivs_bench-bench-bench-bench-bench-bench-bench12"
#define VECTORS 64
#define DAEMON_ID 255
#define PINGS 500
#define LISTENERS 1000
#define EVENTS 1000 /* in a round, which takes a second */
#define BARE_EVENTS 100
#define PATIENCE_SECONDS 30
#define RECORD_LINES 4
#define RECORD_BYTES 210

typedef struct
{
  IvbDaemon *daemon;
  IvtWireClient *guest;
  guint16 port;
  guint next_vector;

  int listener; /* the one by which latency is told */
  int echo[2];  /* both ends of a connection */

  int *listeners, *bare[2];
  int poller, bare_poller; /* of those who read */
  gboolean ended;          /* atomic */
  guint64 lines;           /* atomic: read by all listeners */
  guint64 bare_bytes;      /* atomic */
} Bench;

static void
must (gboolean good, const char *what)
{
  if (good)
    return;
  g_printerr ("%s: %s\n", what, g_strerror (errno));
  exit (EXIT_FAILURE);
}

/* --- sockets --- */

static int
connect_to (guint16 port)
{
  const struct sockaddr_in address = { AF_INET, htons (port), { htonl (INADDR_LOOPBACK) }, { 0 } };
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

  must (fd >= 0 && connect (fd, (const struct sockaddr *) &address, sizeof address) == 0, "connect");
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return fd;
}

/* Both ends of so many connections. */
static void
connect_pairs (guint n, int *near, int *far)
{
  struct sockaddr_in address = { AF_INET, 0, { htonl (INADDR_LOOPBACK) }, { 0 } };
  int server = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
  socklen_t length = sizeof address;

  must (bind (server, (struct sockaddr *) &address, sizeof address) == 0 && listen (server, 16) == 0
            && getsockname (server, (struct sockaddr *) &address, &length) == 0,
        "listen");
  for (guint i = 0; i < n; i++)
    {
      near[i] = connect_to (ntohs (address.sin_port));
      far[i] = accept4 (server, NULL, NULL, SOCK_CLOEXEC);
      must (far[i] >= 0, "accept");
      setsockopt (far[i], IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    }
  close (server);
}

/* What a record or a head ends with. */
static void
read_to_blank_line (int fd)
{
  static const char end[] = "\n\n";
  char buffer[4096];
  gsize got = 0;

  while (got < 2 || memcmp (buffer + got - 2, end, 2) != 0)
    {
      gssize count = recv (fd, buffer + got, sizeof buffer - got, 0);

      must (count > 0, "an event");
      got += (gsize) count;
    }
}

static int
listen_to (guint16 port)
{
  static const char request[] = "GET /v1/events?type=interrupt HTTP/1.1\r\nHost: localhost\r\n"
                                "Authorization: Bearer " SECRET "\r\n\r\n";
  int fd = connect_to (port);

  must (send (fd, request, strlen (request), 0) == (gssize) strlen (request), "a request");
  read_to_blank_line (fd);
  return fd;
}

/* --- latency, in microseconds --- */

static void
ring (Bench *bench)
{
  ivt_wire_client_ring (bench->guest, DAEMON_ID, bench->next_vector++ % VECTORS);
}

static gdouble
event_round (gpointer data)
{
  Bench *bench = data;
  gdouble begin = ivb_now ();

  for (guint i = 0; i < PINGS; i++)
    {
      ring (bench);
      read_to_blank_line (bench->listener);
    }
  return (ivb_now () - begin) / PINGS * 1e6;
}

static gpointer
echo_thread (gpointer data)
{
  Bench *bench = data;
  char byte;

  for (guint i = 0; i < PINGS; i++)
    must (recv (bench->echo[1], &byte, 1, 0) == 1 && send (bench->echo[1], &byte, 1, 0) == 1, "echo");
  return NULL;
}

static gdouble
ping_round (gpointer data)
{
  Bench *bench = data;
  GThread *thread = g_thread_new ("echo", echo_thread, bench);
  gdouble begin = ivb_now ();
  char byte = 0;

  for (guint i = 0; i < PINGS; i++)
    must (send (bench->echo[0], &byte, 1, 0) == 1 && recv (bench->echo[0], &byte, 1, 0) == 1, "ping");
  g_thread_join (thread);
  return (ivb_now () - begin) / PINGS * 1e6;
}

/* --- many listeners: nanoseconds of processor time for one event to one of them --- */

static guint64
count_lines (const char *bytes, gsize length)
{
  guint64 lines = 0;

  for (gsize i = 0; i < length; i++)
    lines += bytes[i] == '\n';
  return lines;
}

static gpointer
reader_thread (gpointer data)
{
  Bench *bench = data;
  g_autofree char *buffer = g_malloc (64 * 1024);

  while (!g_atomic_int_get (&bench->ended))
    {
      struct epoll_event events[256];
      int n = epoll_wait (bench->poller, events, G_N_ELEMENTS (events), 100);

      for (int i = 0; i < n; i++)
        {
          gssize count = recv (events[i].data.fd, buffer, 64 * 1024, MSG_DONTWAIT);

          must (count != 0, "a listener");
          if (count > 0)
            __atomic_fetch_add (&bench->lines, count_lines (buffer, (gsize) count), __ATOMIC_RELAXED);
        }
    }
  return NULL;
}

static gpointer
bare_reader_thread (gpointer data)
{
  Bench *bench = data;
  g_autofree char *buffer = g_malloc (64 * 1024);

  while (!g_atomic_int_get (&bench->ended))
    {
      struct epoll_event events[256];
      int n = epoll_wait (bench->bare_poller, events, G_N_ELEMENTS (events), 100);

      for (int i = 0; i < n; i++)
        {
          gssize count = recv (events[i].data.fd, buffer, 64 * 1024, MSG_DONTWAIT);

          if (count > 0)
            __atomic_fetch_add (&bench->bare_bytes, (guint64) count, __ATOMIC_RELAXED);
        }
    }
  return NULL;
}

static int
watch_all (const int *fds)
{
  int poller = epoll_create1 (EPOLL_CLOEXEC);

  for (guint i = 0; i < LISTENERS; i++)
    {
      struct epoll_event event = { .events = EPOLLIN, .data.fd = fds[i] };

      must (epoll_ctl (poller, EPOLL_CTL_ADD, fds[i], &event) == 0, "epoll");
    }
  return poller;
}

/* Nanoseconds that the daemon has used. */
static gdouble
daemon_time (Bench *bench)
{
  g_autofree char *path = g_strdup_printf ("/proc/%" G_GINT64_FORMAT "/schedstat", ivb_daemon_get_pid (bench->daemon));
  g_autofree char *dir = g_strdup_printf ("/proc/%" G_GINT64_FORMAT "/task", ivb_daemon_get_pid (bench->daemon));
  g_autoptr (GDir) tasks = g_dir_open (dir, 0, NULL);
  gdouble total = 0;
  const char *name;

  while ((name = g_dir_read_name (tasks)) != NULL)
    {
      g_autofree char *file = g_build_filename (dir, name, "schedstat", NULL);
      g_autofree char *text = NULL;

      if (g_file_get_contents (file, &text, NULL, NULL))
        total += g_ascii_strtod (text, NULL);
    }
  return total;
}

static gdouble
daemon_memory (Bench *bench)
{
  g_autofree char *path = g_strdup_printf ("/proc/%" G_GINT64_FORMAT "/statm", ivb_daemon_get_pid (bench->daemon));
  g_autofree char *text = NULL;
  const char *resident;

  must (g_file_get_contents (path, &text, NULL, NULL), path);
  resident = strchr (text, ' ');
  return g_ascii_strtod (resident, NULL) * (gdouble) sysconf (_SC_PAGESIZE) / 1024;
}

/* One ring each millisecond. FALSE: not all has come to everybody. */
static gboolean
ring_for_a_second (Bench *bench)
{
  guint64 wanted = __atomic_load_n (&bench->lines, __ATOMIC_RELAXED) + (guint64) EVENTS * LISTENERS * RECORD_LINES;
  struct timespec next;
  gdouble begin;

  clock_gettime (CLOCK_MONOTONIC, &next);
  for (guint i = 0; i < EVENTS; i++)
    {
      ring (bench);
      next.tv_nsec += 1000000;
      next.tv_sec += next.tv_nsec / 1000000000;
      next.tv_nsec %= 1000000000;
      clock_nanosleep (CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
  for (begin = ivb_now (); __atomic_load_n (&bench->lines, __ATOMIC_RELAXED) < wanted;)
    {
      if (ivb_now () - begin > PATIENCE_SECONDS)
        return FALSE;
      g_usleep (1000);
    }
  return TRUE;
}

static gdouble
listeners_round (gpointer data)
{
  Bench *bench = data;
  gdouble before = daemon_time (bench);

  must (ring_for_a_second (bench), "not every listener heard every event");
  return (daemon_time (bench) - before) / EVENTS / LISTENERS;
}

static gdouble
thread_time (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (gdouble) now.tv_sec * 1e9 + (gdouble) now.tv_nsec;
}

/* A write for each event and listener. */
static gdouble
bare_round (gpointer data)
{
  Bench *bench = data;
  guint64 wanted = __atomic_load_n (&bench->bare_bytes, __ATOMIC_RELAXED)
                   + (guint64) BARE_EVENTS * LISTENERS * RECORD_BYTES;
  char record[RECORD_BYTES] = { 0 };
  gdouble before = thread_time (), used;

  for (guint event = 0; event < BARE_EVENTS; event++)
    for (guint i = 0; i < LISTENERS; i++)
      must (send (bench->bare[0][i], record, sizeof record, 0) == sizeof record, "send");
  used = thread_time () - before;
  while (__atomic_load_n (&bench->bare_bytes, __ATOMIC_RELAXED) < wanted)
    g_usleep (1000);
  return used / BARE_EVENTS / LISTENERS;
}

/* --- the whole --- */

static void
start (Bench *bench, const char *dir)
{
  g_autofree char *hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, SECRET, -1);
  g_autofree char *line = g_strdup_printf ("bench sha256:%s viewer\n", hash);
  g_autofree char *tokens = g_build_filename (dir, "tokens", NULL);
  g_autofree char *config = g_build_filename (dir, "config", NULL);
  g_autofree char *text = g_strdup_printf ("[http]\ntokens=%s\n", tokens);
  g_autofree char *listen = g_strdup_printf ("127.0.0.1:%u", bench->port = ivb_free_port ());
  g_autoptr (GVariant) reply = NULL;
  int fd = -1;

  must (g_file_set_contents_full (tokens, line, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL)
            && g_file_set_contents_full (config, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL),
        dir);
  bench->daemon = ivb_daemon_new_with ((const char *const[]){ "--config", config, "--http", listen, NULL });
  ivb_daemon_attach (bench->daemon, "bench", VECTORS);
  reply = ivb_daemon_call (bench->daemon, "bench", "Join", NULL, &fd);
  bench->guest = ivt_wire_client_new_for_fd (fd);
  while (ivt_wire_client_vectors (bench->guest, DAEMON_ID) < VECTORS)
    ivt_wire_client_read (bench->guest, G_MAXUINT);
}

static void
measure_many (Bench *bench, IvbBench *table)
{
  GThread *readers[2];
  gdouble alone = daemon_memory (bench), idle, before, used;

  bench->listeners = g_new (int, LISTENERS);
  bench->bare[0] = g_new (int, LISTENERS);
  bench->bare[1] = g_new (int, LISTENERS);
  for (guint i = 0; i < LISTENERS; i++)
    bench->listeners[i] = listen_to (bench->port);
  connect_pairs (LISTENERS, bench->bare[0], bench->bare[1]);
  bench->poller = watch_all (bench->listeners);
  bench->bare_poller = watch_all (bench->bare[1]);
  readers[0] = g_thread_new ("listeners", reader_thread, bench);
  readers[1] = g_thread_new ("bare", bare_reader_thread, bench);

  idle = daemon_memory (bench);
  ivb_bench_compare (table, "1,000 listeners, 1,000 events/s: time for each", "ns", listeners_round,
                     "a bare write for each", bare_round, bench);
  before = daemon_time (bench);
  must (ring_for_a_second (bench), "not every listener heard every event");
  used = daemon_time (bench) - before;
  ivb_bench_value (table, "... of one processor", "%", used / 1e7);
  ivb_bench_value (table, "... memory of an idle listener", "KiB", (idle - alone) / LISTENERS);
  ivb_bench_value (table, "... more memory after all that", "KiB", daemon_memory (bench) - idle);
  ivb_bench_value (table, "... events lost", "", 0); /* or it would not have come so far */

  g_atomic_int_set (&bench->ended, TRUE);
  g_thread_join (readers[0]);
  g_thread_join (readers[1]);
}

int
main (int argc, char **argv)
{
  IvbBench *table = ivb_bench_new ("events", &argc, &argv);
  g_autofree char *dir = g_dir_make_tmp ("ivb-XXXXXX", NULL);
  const char *const remove[] = { "rm", "-rf", dir, NULL };
  struct rlimit files;
  Bench bench = { 0 };

  if (table == NULL)
    return 2;
  getrlimit (RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit (RLIMIT_NOFILE, &files);
  start (&bench, dir);
  bench.listener = listen_to (bench.port);
  connect_pairs (1, &bench.echo[0], &bench.echo[1]);

  ivb_bench_compare (table, "ring to listener", "us", event_round, "TCP ping-pong", ping_round, &bench);
  close (bench.listener);
  measure_many (&bench, table);

  ivt_wire_client_free (bench.guest);
  ivb_daemon_free (bench.daemon);
  g_spawn_sync (NULL, (char **) remove, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
  return ivb_bench_end (table);
}
