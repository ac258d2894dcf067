/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#include "base/ivd-names.h"

/*
 * A program in a guest that uses a region of the daemon's on the system bus,
 * in each of the ways that there are, for figures and tests:
 *   echo exclusive|fed REGION VECTOR PEER   answers each ring of its own VECTOR with one of PEER's, by the
 *                                           descriptors of OpenVector and OpenDoorbell and nothing else
 *   echo events REGION VECTOR PEER          the same by the signal Interrupt and the method Ring, for each vector
 *                                           from VECTOR on: of one there are only so many signals a second
 *   copy mapped|calls|http REGION ROUNDS    for each round `READ WRITE MEMORY`: MiB/s from the region, to it, and
 *                                           from anonymous memory to such; by OpenMemory, by Read and Write, or by
 *                                           HTTP on the daemon's unix socket
 *   ask REGION ROUNDS                       for each round how many microseconds an empty call takes
 * An echo says `ready`, and ends by a signal. It ends at the first error.
 */

#define CALL_MSEC 30000
#define PIECE_BYTES (1024 * 1024)
#define COPY_USEC (300 * G_TIME_SPAN_MILLISECOND)
#define ASKED 20
#define HTTP_SOCKET "/run/ivshmemd/http.sock"
#define HTTP_HEAD_BYTES 4096

typedef struct
{
  GDBusConnection *bus;
  const char *region;
  char *path; /* its object's */
  guint32 vector, peer;
} User;

static void fail (const char *what, const char *why) G_GNUC_NORETURN;

static void
fail (const char *what, const char *why)
{
  printf ("%s: %s\n", what, why);
  exit (EXIT_FAILURE);
}

static void
set_region (User *user, const char *name)
{
  user->region = name;
  user->path = g_strconcat (IVD_REGION_PATH_PREFIX, name, NULL);
}

static GVariant *
call (User *user, const char *method, GVariant *parameters, int *ret_fd)
{
  g_autoptr (GUnixFDList) handles = NULL;
  g_autoptr (GError) error = NULL;
  GVariant *answer = g_dbus_connection_call_with_unix_fd_list_sync (
      user->bus, IVD_BUS_NAME, user->path, IVD_INTERFACE_REGION, method, parameters, NULL, G_DBUS_CALL_FLAGS_NONE,
      CALL_MSEC, NULL, &handles, NULL, &error);

  if (answer != NULL && ret_fd != NULL)
    *ret_fd = g_unix_fd_list_get (handles, 0, &error);
  if (error != NULL)
    fail (method, error->message);
  return answer;
}

/* --- echoes --- */

static void
echo_by_descriptors (User *user, gboolean exclusive)
{
  GVariantBuilder options;
  eventfd_t count;
  int heard, doorbell;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  if (exclusive)
    g_variant_builder_add (&options, "{sv}", "exclusive", g_variant_new_boolean (TRUE));
  g_variant_unref (call (user, "OpenVector", g_variant_new ("(ua{sv})", user->vector, &options), &heard));
  g_variant_unref (call (user, "OpenDoorbell", g_variant_new ("(uu)", user->peer, user->vector), &doorbell));
  /* The daemon reads neither: who waits for nothing else can just wait. */
  if (fcntl (heard, F_SETFL, fcntl (heard, F_GETFL) & ~O_NONBLOCK) < 0)
    fail ("fcntl", g_strerror (errno));
  puts ("ready");
  while (eventfd_read (heard, &count) == 0 && eventfd_write (doorbell, 1) == 0)
    ;
  fail ("echo", g_strerror (errno));
}

static void
on_interrupt (GDBusConnection *bus, const char *sender, const char *path, const char *interface, const char *name,
              GVariant *parameters, gpointer data)
{
  User *user = data;
  guint32 vector;

  g_variant_get_child (parameters, 0, "u", &vector);
  if (vector >= user->vector)
    g_dbus_connection_call (bus, IVD_BUS_NAME, path, IVD_INTERFACE_REGION, "Ring",
                            g_variant_new ("(uu)", user->peer, vector), NULL, G_DBUS_CALL_FLAGS_NONE, CALL_MSEC, NULL,
                            NULL, NULL);
}

static void
echo_by_events (User *user)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);

  g_dbus_connection_signal_subscribe (user->bus, IVD_BUS_NAME, IVD_INTERFACE_REGION, "Interrupt", user->path, NULL,
                                      G_DBUS_SIGNAL_FLAGS_NONE, on_interrupt, user, NULL);
  g_variant_unref (call (user, "Subscribe", NULL, NULL));
  puts ("ready");
  g_main_loop_run (loop);
}

static void
do_echo (User *user, const char *kind)
{
  if (g_str_equal (kind, "events"))
    echo_by_events (user);
  else if (g_str_equal (kind, "exclusive") || g_str_equal (kind, "fed"))
    echo_by_descriptors (user, g_str_equal (kind, "exclusive"));
  else
    fail (kind, "is no kind of echo");
}

/* --- copies --- */

typedef struct
{
  User *user;
  guint8 *region;       /* NULL: not mapped */
  guint8 *other, *near; /* anonymous, as large as the region */
  gsize size;
  int http; /* a connection; -1: none */
} Memory;

/* From the region, to it, and neither. */
#define N_COPIES 3

typedef void (*CopyFunc) (Memory *memory, gsize at);

static void
read_mapped (Memory *memory, gsize at)
{
  memcpy (memory->near + at, memory->region + at, PIECE_BYTES);
}

static void
write_mapped (Memory *memory, gsize at)
{
  memcpy (memory->region + at, memory->near + at, PIECE_BYTES);
}

static void
copy_anonymous (Memory *memory, gsize at)
{
  memcpy (memory->near + at, memory->other + at, PIECE_BYTES);
}

static void
read_by_call (Memory *memory, gsize at)
{
  g_autoptr (GVariant) answer = call (memory->user, "Read", g_variant_new ("(tt)", (guint64) at, (guint64) PIECE_BYTES),
                                      NULL);
  g_autoptr (GVariant) bytes = g_variant_get_child_value (answer, 0);

  if (g_variant_get_size (bytes) != PIECE_BYTES)
    fail ("Read", "another length");
  memcpy (memory->near + at, g_variant_get_data (bytes), PIECE_BYTES);
}

static void
write_by_call (Memory *memory, gsize at)
{
  GVariant *bytes = g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, memory->near + at, PIECE_BYTES, 1);

  g_variant_unref (call (memory->user, "Write", g_variant_new ("(t@ay)", (guint64) at, bytes), NULL));
}

static int
connect_http (void)
{
  const struct sockaddr_un address = { AF_UNIX, HTTP_SOCKET };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd < 0 || connect (fd, (const struct sockaddr *) &address, sizeof address) < 0)
    fail (HTTP_SOCKET, g_strerror (errno));
  return fd;
}

static void
send_all (int fd, const void *bytes, gsize length)
{
  for (gsize sent = 0; sent < length;)
    {
      gssize n = send (fd, (const char *) bytes + sent, length - sent, MSG_NOSIGNAL);

      if (n < 0)
        fail ("send", g_strerror (errno));
      sent += (gsize) n;
    }
}

static void
send_request (Memory *memory, const char *method, gsize at, const char *query, const char *headers)
{
  g_autofree char *head = g_strdup_printf ("%s /v1/regions/%s/memory?offset=%" G_GSIZE_FORMAT "%s HTTP/1.1\r\n"
                                           "Host: localhost\r\n%s\r\n",
                                           method, memory->user->region, at, query, headers);

  send_all (memory->http, head, strlen (head));
}

/* An answer's head, read byte by byte: its body is the caller's. */
static void
receive_head (Memory *memory, const char *status)
{
  char head[HTTP_HEAD_BYTES] = "";
  gsize got = 0;

  while (got < 4 || memcmp (head + got - 4, "\r\n\r\n", 4) != 0)
    if (got == sizeof head - 1 || recv (memory->http, head + got++, 1, 0) != 1)
      fail ("HTTP", "no answer");
  if (strstr (head, status) == NULL)
    fail ("HTTP", head);
}

static void
read_by_http (Memory *memory, gsize at)
{
  g_autofree char *query = g_strdup_printf ("&length=%d", PIECE_BYTES);

  send_request (memory, "GET", at, query, "");
  receive_head (memory, " 20");
  for (gsize got = 0; got < PIECE_BYTES;)
    {
      gssize n = recv (memory->http, memory->near + at + got, PIECE_BYTES - got, 0);

      if (n <= 0)
        fail ("HTTP", "half an answer");
      got += (gsize) n;
    }
}

static void
write_by_http (Memory *memory, gsize at)
{
  g_autofree char *headers = g_strdup_printf ("Content-Type: application/octet-stream\r\nContent-Length: %d\r\n",
                                              PIECE_BYTES);

  send_request (memory, "PUT", at, "", headers);
  send_all (memory->http, memory->near + at, PIECE_BYTES);
  receive_head (memory, " 204");
}

/* A piece by each way in turn, until all that has taken a while. */
static void
measure (Memory *memory, const CopyFunc *copies, gdouble *ret_rates)
{
  gint64 spent[N_COPIES] = { 0 }, begin = g_get_monotonic_time ();
  gsize pieces = 0;

  do
    {
      for (guint i = 0; i < N_COPIES; i++)
        {
          gint64 from = g_get_monotonic_time ();

          copies[i](memory, pieces * PIECE_BYTES % memory->size);
          spent[i] += g_get_monotonic_time () - from;
        }
      pieces++;
    }
  while (g_get_monotonic_time () - begin < COPY_USEC);
  for (guint i = 0; i < N_COPIES; i++)
    ret_rates[i] = (gdouble) (pieces * PIECE_BYTES) / (1024 * 1024) / ((gdouble) spent[i] / G_USEC_PER_SEC);
}

static void
map_region (Memory *memory)
{
  GVariantBuilder options;
  g_autoptr (GVariant) answer = NULL;
  guint64 offset, size;
  int fd;

  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  answer = call (memory->user, "OpenMemory", g_variant_new ("(a{sv})", &options), &fd);
  g_variant_get (answer, "(htt)", NULL, &offset, &size);
  if (size < memory->size)
    fail ("OpenMemory", "the region is too small");
  memory->region = mmap (NULL, memory->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t) offset);
  if (memory->region == MAP_FAILED)
    fail ("mmap", g_strerror (errno));
  close (fd);
}

static void
do_copy (User *user, const char *how, guint rounds)
{
  static const CopyFunc mapped[N_COPIES] = { read_mapped, write_mapped, copy_anonymous };
  static const CopyFunc calls[N_COPIES] = { read_by_call, write_by_call, copy_anonymous };
  static const CopyFunc http[N_COPIES] = { read_by_http, write_by_http, copy_anonymous };
  const CopyFunc *copies = g_str_equal (how, "mapped") ? mapped : g_str_equal (how, "http") ? http
                                                                                            : calls;
  Memory memory = { .user = user, .size = 4 * PIECE_BYTES, .http = -1 };

  memory.other = g_malloc0 (memory.size);
  memory.near = g_malloc0 (memory.size);
  if (copies == mapped)
    map_region (&memory);
  if (copies == http)
    memory.http = connect_http ();
  /* The first round does not count: pages are touched for the first time. */
  for (guint i = 0; i <= rounds; i++)
    {
      gdouble rates[N_COPIES];

      measure (&memory, copies, rates);
      if (i > 0)
        printf ("%.6g %.6g %.6g\n", rates[0], rates[1], rates[2]);
    }
  if (memory.region != NULL)
    munmap (memory.region, memory.size);
  if (memory.http >= 0)
    close (memory.http);
  g_free (memory.other);
  g_free (memory.near);
}

/* --- calls --- */

static void
do_ask (User *user, guint rounds)
{
  for (guint i = 0; i <= rounds; i++)
    {
      gint64 begin = g_get_monotonic_time ();

      for (guint j = 0; j < ASKED; j++)
        {
          g_autoptr (GError) error = NULL;
          g_autoptr (GVariant) answer = g_dbus_connection_call_sync (
              user->bus, IVD_BUS_NAME, user->path, "org.freedesktop.DBus.Peer", "Ping", NULL, NULL,
              G_DBUS_CALL_FLAGS_NONE, CALL_MSEC, NULL, &error);

          if (answer == NULL)
            fail ("Ping", error->message);
        }
      if (i > 0)
        printf ("%.6g\n", (gdouble) (g_get_monotonic_time () - begin) / ASKED);
    }
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  User user = { 0 };

  setvbuf (stdout, NULL, _IOLBF, 0);
  user.bus = g_bus_get_sync (G_BUS_TYPE_SYSTEM, NULL, &error);
  if (user.bus == NULL)
    fail ("bus", error->message);
  if (argc == 6 && g_str_equal (argv[1], "echo"))
    {
      set_region (&user, argv[3]);
      user.vector = (guint32) g_ascii_strtoull (argv[4], NULL, 0);
      user.peer = (guint32) g_ascii_strtoull (argv[5], NULL, 0);
      do_echo (&user, argv[2]);
    }
  else if (argc == 5 && g_str_equal (argv[1], "copy"))
    {
      set_region (&user, argv[3]);
      do_copy (&user, argv[2], (guint) g_ascii_strtoull (argv[4], NULL, 0));
    }
  else if (argc == 4 && g_str_equal (argv[1], "ask"))
    {
      set_region (&user, argv[2]);
      do_ask (&user, (guint) g_ascii_strtoull (argv[3], NULL, 0));
    }
  else
    fail ("usage", "echo exclusive|fed|events REGION VECTOR PEER, copy mapped|calls|http REGION ROUNDS, or ask "
                   "REGION ROUNDS");
  g_free (user.path);
  g_object_unref (user.bus);
  return EXIT_SUCCESS;
}
