/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "doorbell/protocol.h"
#include "ivt-plugin-host.h"
#include "lib/ivt-fake-server.h"

/*
 * The plugin "doorbell" against a server that does what it is told. Names
 * begin with the fact of ivshmem-facts that a test is about.
 */

#define NOBODY 65534
#define MIB G_GUINT64_CONSTANT (1048576)
/* What a client can leave unread before its server must wait. */
#define MESSAGES_IN_FLIGHT 100

typedef struct
{
  char *dir;
  char *path;
  char *options;
  guint fds_before;
  IvtPluginHost *host;
  IvtFakeServer *server;
  IvtFakeClient *client; /* the server's end of the region's connection */
  IvtRegion *region;
  GError *error;
} Fixture;

static guint
count_fds (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->dir = g_dir_make_tmp ("ivt-doorbell-XXXXXX", NULL);
  g_assert_nonnull (fixture->dir);
  fixture->path = g_build_filename (fixture->dir, "server.sock", NULL);
  fixture->options = g_strdup_printf ("socket=%s", fixture->path);
  fixture->host = ivt_plugin_host_new (IVT_DOORBELL, NULL);
  fixture->fds_before = count_fds ();
}

static void
let_go (Fixture *fixture)
{
  if (fixture->region != NULL)
    ivt_region_close (fixture->region, FALSE);
  fixture->region = NULL;
  g_clear_pointer (&fixture->client, ivt_fake_client_free);
  g_clear_error (&fixture->error);
}

/* Nothing that came over a socket may stay open. */
static void
tear_down (Fixture *fixture, gconstpointer data)
{
  let_go (fixture);
  ivt_fake_server_free (fixture->server);
  g_assert_cmpuint (count_fds (), ==, fixture->fds_before);
  ivt_plugin_host_free (fixture->host);
  g_assert_cmpint (g_rmdir (fixture->dir), ==, 0);
  g_free (fixture->options);
  g_free (fixture->path);
  g_free (fixture->dir);
}

static void
serve (Fixture *fixture)
{
  fixture->server = ivt_fake_server_new (fixture->path, 16);
}

/* A server that listens, a region that has connected, nothing greeted yet. */
static void
connect_region (Fixture *fixture, const char *more)
{
  g_autofree char *options = g_strdup_printf ("%s %s", fixture->options, more);

  if (fixture->server == NULL)
    serve (fixture);
  fixture->region = ivt_region_create (fixture->host, "r", options, &fixture->error);
  g_assert_no_error (fixture->error);
  fixture->client = ivt_fake_server_accept (fixture->server);
}

static gboolean
is_told (gpointer data)
{
  Fixture *fixture = data;

  return fixture->region->lost || fixture->region->n_ready > 0;
}

static gboolean
is_lost (gpointer data)
{
  Fixture *fixture = data;

  return fixture->region->lost;
}

static void
wait_for (Fixture *fixture, GSourceFunc condition)
{
  g_assert_true (ivt_plugin_host_wait (fixture->host, condition, fixture));
}

static const char *wanted_reports;

static gboolean
has_reported (gpointer data)
{
  Fixture *fixture = data;

  return g_str_equal (fixture->region->reports->str, wanted_reports);
}

/* All that was reported so far, in order. */
static void
expect_reports (Fixture *fixture, const char *reports)
{
  wanted_reports = reports;
  if (!ivt_plugin_host_wait (fixture->host, has_reported, fixture))
    g_assert_cmpstr (fixture->region->reports->str, ==, reports);
}

static gboolean
is_past (gpointer data)
{
  return g_get_monotonic_time () >= *(const gint64 *) data;
}

/* As peer 5 with a MiB and so many vectors, which are known to be all. */
static void
attach (Fixture *fixture, guint own_vectors, const char *more)
{
  gint64 settled;

  connect_region (fixture, more);
  ivt_fake_client_send_start (fixture->client, 5, MIB);
  ivt_fake_client_send_vectors (fixture->client, 5, own_vectors);
  wait_for (fixture, is_told);
  settled = g_get_monotonic_time () + DOORBELL_PEER_SETTLES_USEC;
  g_assert_true (ivt_plugin_host_wait (fixture->host, is_past, &settled));
  g_assert_cmpstr (fixture->region->reports->str, ==, "ready");
  g_assert_cmpuint (fixture->region->description.own_vectors, ==, own_vectors);
}

static void
expect_lost (Fixture *fixture, IvshmemPluginStatus status, const char *part)
{
  wait_for (fixture, is_told);
  g_assert_true (fixture->region->lost);
  g_assert_cmpint (fixture->region->lost_status, ==, status);
  if (strstr (fixture->region->message, part) == NULL)
    g_error ("\"%s\" is not in \"%s\"", part, fixture->region->message);
}

static void
expect_error (Fixture *fixture, gint code, const char *part)
{
  g_assert_error (fixture->error, IVT_PLUGIN_ERROR, code);
  if (strstr (fixture->error->message, part) == NULL)
    g_error ("\"%s\" is not in \"%s\"", part, fixture->error->message);
  g_clear_error (&fixture->error);
}

static void
expect_attach_error (Fixture *fixture, const char *options, gint code, const char *part)
{
  fixture->region = ivt_region_create (fixture->host, "r", options, &fixture->error);
  g_assert_null (fixture->region);
  expect_error (fixture, code, part);
}

/* --- attaching ---------------------------------------------------------- */

static void
test_attach (Fixture *fixture, gconstpointer data)
{
  struct stat info;

  connect_region (fixture, "");
  ivt_fake_client_send_start (fixture->client, 5, MIB);
  ivt_fake_client_send_vectors (fixture->client, 7, 2);
  ivt_fake_client_send_vectors (fixture->client, 3, 4);
  ivt_fake_client_send_vectors (fixture->client, 5, 3);
  expect_reports (fixture, "ready peer(3,4) peer(7,2)");

  g_assert_cmpint (fixture->region->description.own_id, ==, 5);
  g_assert_cmpuint (fixture->region->description.own_vectors, ==, 3);
  g_assert_cmpuint (fixture->region->memory.size, ==, MIB);
  g_assert_cmpuint (fixture->region->memory.flags, ==, 0);
  g_assert_cmpint (fstat ((int) fixture->region->memory.handle, &info), ==, 0);
  g_assert_cmpint (info.st_size, ==, MIB);
}

static void
test_capabilities (Fixture *fixture, gconstpointer data)
{
  const guint64 always = IVSHMEM_PLUGIN_CAP_READ | IVSHMEM_PLUGIN_CAP_WRITE | IVSHMEM_PLUGIN_CAP_ATOMIC
                         | IVSHMEM_PLUGIN_CAP_RING | IVSHMEM_PLUGIN_CAP_OWN_ID | IVSHMEM_PLUGIN_CAP_PEERS
                         | IVSHMEM_PLUGIN_CAP_PEER_VECTORS | IVSHMEM_PLUGIN_CAP_MEMORY_FD | IVSHMEM_PLUGIN_CAP_JOIN;
  const guint64 receiving = IVSHMEM_PLUGIN_CAP_RECEIVE | IVSHMEM_PLUGIN_CAP_VECTOR_FD;

  attach (fixture, 0, "");
  g_assert_cmphex (fixture->region->description.capabilities, ==, always);
  ivt_fake_client_send_vectors (fixture->client, 5, 1);
  expect_reports (fixture, "ready changed");
  g_assert_cmphex (fixture->region->description.capabilities, ==, always | receiving);
  g_assert_cmphex (ivt_plugin_host_plugin (fixture->host)->capabilities, ==, always | receiving);
}

/* The plugin says what the server gave; the host maps it so. */
static void
test_read_only_memory (Fixture *fixture, gconstpointer data)
{
  int memory = memfd_create ("read-only", MFD_CLOEXEC);
  g_autofree char *self = g_strdup_printf ("/proc/self/fd/%d", memory);
  int read_only;

  g_assert_cmpint (ftruncate (memory, MIB), ==, 0);
  read_only = open (self, O_RDONLY | O_CLOEXEC);
  connect_region (fixture, "");
  ivt_fake_client_send (fixture->client, 0, -1);
  ivt_fake_client_send (fixture->client, 5, -1);
  ivt_fake_client_send (fixture->client, -1, read_only);
  close (read_only);
  close (memory);
  expect_reports (fixture, "ready");
  g_assert_cmpuint (fixture->region->memory.flags, ==, IVSHMEM_PLUGIN_MEMORY_READ_ONLY);
  g_assert_cmphex (fixture->region->description.capabilities & (IVSHMEM_PLUGIN_CAP_WRITE | IVSHMEM_PLUGIN_CAP_ATOMIC), ==, 0);
}

static void
test_no_server (Fixture *fixture, gconstpointer data)
{
  g_autofree char *no_directory = g_strdup_printf ("socket=%s/none/server.sock", fixture->dir);

  expect_attach_error (fixture, fixture->options, IVSHMEM_PLUGIN_NOT_FOUND, "server.sock does not exist");
  expect_attach_error (fixture, no_directory, IVSHMEM_PLUGIN_NOT_FOUND, "/none does not exist");
  expect_attach_error (fixture, "", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "socket=PATH is needed");
}

static void
test_stale_socket (Fixture *fixture, gconstpointer data)
{
  g_autofree char *kept = g_strconcat (fixture->path, ".kept", NULL);

  serve (fixture);
  g_assert_cmpint (link (fixture->path, kept), ==, 0);
  g_clear_pointer (&fixture->server, ivt_fake_server_free);
  g_assert_cmpint (rename (kept, fixture->path), ==, 0);
  expect_attach_error (fixture, fixture->options, IVSHMEM_PLUGIN_NOT_FOUND, "nobody listens at");
  g_unlink (fixture->path);
}

static void
test_not_a_socket (Fixture *fixture, gconstpointer data)
{
  g_assert_true (g_file_set_contents (fixture->path, "x", 1, NULL));
  expect_attach_error (fixture, fixture->options, IVSHMEM_PLUGIN_INVALID_ARGUMENT, "is not a socket");
  g_unlink (fixture->path);
}

static void
test_datagram_socket (Fixture *fixture, gconstpointer data)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, fixture->path, sizeof address.sun_path);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  expect_attach_error (fixture, fixture->options, IVSHMEM_PLUGIN_INVALID_ARGUMENT, "is not a stream socket");
  close (fd);
  g_unlink (fixture->path);
}

static void
test_permissions (Fixture *fixture, gconstpointer data)
{
  if (geteuid () != 0)
    {
      g_test_skip ("needs root to become somebody else");
      return;
    }
  serve (fixture);
  g_assert_cmpint (chmod (fixture->dir, 0755), ==, 0);
  g_assert_cmpint (chmod (fixture->path, 0600), ==, 0);
  g_assert_cmpint (seteuid (NOBODY), ==, 0);
  expect_attach_error (fixture, fixture->options, IVSHMEM_PLUGIN_DENIED, "takes write permission");
  g_assert_cmpint (seteuid (0), ==, 0);
  g_assert_cmpint (chmod (fixture->dir, 0700), ==, 0);
  g_assert_cmpint (seteuid (NOBODY), ==, 0);
  expect_attach_error (fixture, fixture->options, IVSHMEM_PLUGIN_DENIED, "cannot open");
  g_assert_cmpint (seteuid (0), ==, 0);
}

static void
test_symbolic_links (Fixture *fixture, gconstpointer data)
{
  g_autofree char *link = g_build_filename (fixture->dir, "link", NULL);
  g_autofree char *to_socket = g_strdup_printf ("socket=%s", link);
  g_autofree char *to_directory = g_strdup_printf ("socket=%s/server.sock", link);

  serve (fixture);
  g_assert_cmpint (symlink (fixture->path, link), ==, 0);
  expect_attach_error (fixture, to_socket, IVSHMEM_PLUGIN_INVALID_ARGUMENT, "nor may it be a symbolic link");
  g_unlink (link);
  g_assert_cmpint (symlink (fixture->dir, link), ==, 0);
  expect_attach_error (fixture, to_directory, IVSHMEM_PLUGIN_DENIED, "symbolic link");
  g_unlink (link);
  g_assert_false (ivt_fake_server_is_called (fixture->server));
}

/* Longer than an address has room for. */
static void
test_long_path (Fixture *fixture, gconstpointer data)
{
  g_autofree char *name = g_strnfill (200, 'd');
  g_autofree char *directory = g_build_filename (fixture->dir, name, NULL);
  g_autofree char *moved = g_build_filename (directory, "server.sock", NULL);
  g_autofree char *options = g_strdup_printf ("socket=%s", moved);

  serve (fixture);
  g_assert_cmpint (g_mkdir (directory, 0700), ==, 0);
  g_assert_cmpint (rename (fixture->path, moved), ==, 0);
  fixture->region = ivt_region_create (fixture->host, "r", options, &fixture->error);
  g_assert_no_error (fixture->error);
  fixture->client = ivt_fake_server_accept (fixture->server);
  g_unlink (moved);
  g_rmdir (directory);
}

static void
test_busy_server (Fixture *fixture, gconstpointer data)
{
  IvtRegion *regions[8] = { NULL };
  gsize n = 0;

  fixture->server = ivt_fake_server_new (fixture->path, 1);
  while (n < G_N_ELEMENTS (regions)
         && (regions[n] = ivt_region_create (fixture->host, "r", fixture->options, &fixture->error)) != NULL)
    n++;
  g_assert_cmpuint (n, <, G_N_ELEMENTS (regions));
  expect_error (fixture, IVSHMEM_PLUGIN_BUSY, "its queue of connections is full");
  for (gsize i = 0; i < n; i++)
    ivt_region_close (regions[i], FALSE);
}

/* --- B3, B5: the greeting ----------------------------------------------- */

static void
test_versions (Fixture *fixture, gconstpointer data)
{
  connect_region (fixture, "");
  ivt_fake_client_send (fixture->client, -1, -1);
  expect_lost (fixture, IVSHMEM_PLUGIN_DENIED, "refused this client (version -1)");
  let_go (fixture);

  connect_region (fixture, "");
  ivt_fake_client_send (fixture->client, 1, -1);
  expect_lost (fixture, IVSHMEM_PLUGIN_NOT_SUPPORTED, "should be protocol version 0");
  let_go (fixture);

  connect_region (fixture, "");
  ivt_fake_client_send (fixture->client, G_MAXINT64, -1);
  expect_lost (fixture, IVSHMEM_PLUGIN_NOT_SUPPORTED, "protocol version 9223372036854775807");
  g_assert_true (ivt_fake_client_is_left (fixture->client));
}

static void
test_old_dialect (Fixture *fixture, gconstpointer data)
{
  int memory = memfd_create ("old", MFD_CLOEXEC);

  g_assert_cmpint (ftruncate (memory, MIB), ==, 0);
  connect_region (fixture, "");
  ivt_fake_client_send (fixture->client, 0, -1);
  ivt_fake_client_send (fixture->client, -1, memory);
  close (memory);
  expect_lost (fixture, IVSHMEM_PLUGIN_NOT_SUPPORTED, "old dialect from before QEMU 2.5");
}

static void
test_bad_memory (Fixture *fixture, gconstpointer data)
{
  connect_region (fixture, "");
  ivt_fake_client_send_start (fixture->client, 5, 0);
  expect_lost (fixture, IVSHMEM_PLUGIN_IO, "a size of 0 bytes");
  let_go (fixture);

  connect_region (fixture, "");
  ivt_fake_client_send (fixture->client, 0, -1);
  ivt_fake_client_send (fixture->client, 5, -1);
  ivt_fake_client_send (fixture->client, -1, -1);
  expect_lost (fixture, IVSHMEM_PLUGIN_IO, "memory without a descriptor");
  let_go (fixture);

  connect_region (fixture, "");
  ivt_fake_client_send (fixture->client, 0, -1);
  ivt_fake_client_send (fixture->client, 5, -1);
  ivt_fake_client_send (fixture->client, -1, STDIN_FILENO);
  expect_lost (fixture, IVSHMEM_PLUGIN_IO, "neither a regular file nor a memfd");
}

/* To write to a pipe whose reader sleeps would stop the daemon. */
static void
test_vector_is_a_pipe (Fixture *fixture, gconstpointer data)
{
  int fds[2];

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  attach (fixture, 1, "");
  ivt_fake_client_send (fixture->client, 7, fds[1]);
  close (fds[0]);
  close (fds[1]);
  expect_reports (fixture, "ready lost");
  g_assert_nonnull (strstr (fixture->region->message, "vector 0 of peer 7 is not an eventfd"));
}

static gboolean
is_greeted_by_bytes (gpointer data)
{
  Fixture *fixture = data;
  const IvtPeer *peer = ivt_region_peer (fixture->region, 7);

  return fixture->region->description.own_vectors == 2 && peer != NULL && peer->vectors == 2;
}

static void
test_byte_by_byte (Fixture *fixture, gconstpointer data)
{
  const gint64 values[] = { 0, 5, -1, 7, 7, 5, 5 };
  int memory = memfd_create ("slow", MFD_CLOEXEC);
  int vector = eventfd (0, EFD_CLOEXEC);

  g_assert_cmpint (ftruncate (memory, MIB), ==, 0);
  connect_region (fixture, "");
  for (gsize i = 0; i < 8 * G_N_ELEMENTS (values); i++)
    {
      guint8 byte = (guint8) ((guint64) values[i / 8] >> (8 * (i % 8)));
      int fd = i / 8 == 2 ? memory : vector;

      /* The descriptor comes with the first byte of one message, and with
       * the last of the next. */
      ivt_fake_client_send_bytes (fixture->client, &byte, 1, &fd, i / 8 >= 2 && i % 8 == (i / 8 % 2) * 7 ? 1 : 0);
      ivt_plugin_host_drain (fixture->host);
    }
  close (memory);
  close (vector);
  wait_for (fixture, is_greeted_by_bytes);
}

static gboolean
is_not_watching_clock (gpointer data)
{
  Fixture *fixture = data;

  return g_hash_table_size (fixture->region->sources) == 0;
}

/* Pauses in the greeting are longer than all times that the plugin knows. */
static void
test_long_pauses (Fixture *fixture, gconstpointer data)
{
  connect_region (fixture, "");
  ivt_fake_client_send_start (fixture->client, 5, MIB);
  expect_reports (fixture, "ready");
  ivt_fake_client_send_vectors (fixture->client, 7, 1);
  expect_reports (fixture, "ready peer(7,1)");
  ivt_fake_client_send_vectors (fixture->client, 7, 1);
  expect_reports (fixture, "ready peer(7,1) peer(7,2)");
  wait_for (fixture, is_not_watching_clock);
  ivt_fake_client_send_vectors (fixture->client, 5, 2);
  expect_reports (fixture, "ready peer(7,1) peer(7,2) changed");
  g_assert_cmpuint (fixture->region->description.own_vectors, ==, 2);
}

static void
test_end_at_every_byte (Fixture *fixture, gconstpointer data)
{
  const gint64 values[] = { 0, 5, -1, 7, 5 };
  int memory = memfd_create ("cut", MFD_CLOEXEC);
  int vector = eventfd (0, EFD_CLOEXEC);

  g_assert_cmpint (ftruncate (memory, MIB), ==, 0);
  for (gsize end = 0; end <= 8 * G_N_ELEMENTS (values); end++)
    {
      connect_region (fixture, "");
      for (gsize i = 0; i < end; i++)
        {
          guint8 byte = (guint8) ((guint64) values[i / 8] >> (8 * (i % 8)));
          int fd = i / 8 == 2 ? memory : vector;

          ivt_fake_client_send_bytes (fixture->client, &byte, 1, &fd, i / 8 >= 2 && i % 8 == 0 ? 1 : 0);
        }
      ivt_fake_client_hang_up (fixture->client);
      expect_reports (fixture, end < 40 ? "lost" : "ready peer(7,1) lost");
      g_assert_cmpint (fixture->region->lost_status, ==, end < 40 ? IVSHMEM_PLUGIN_IO : IVSHMEM_PLUGIN_REGION_LOST);
      g_assert_nonnull (strstr (fixture->region->message, "closed the connection"));
      let_go (fixture);
    }
  close (memory);
  close (vector);
}

static void
test_duplicate_greeting (Fixture *fixture, gconstpointer data)
{
  attach (fixture, 1, "");
  ivt_fake_client_send_start (fixture->client, 5, 2 * MIB);
  ivt_fake_client_send_vectors (fixture->client, 7, 1);
  expect_reports (fixture, "ready peer(7,1)");
  g_assert_true (ivt_region_logged (fixture->region, "a second time"));
}

static void
test_id_reuse (Fixture *fixture, gconstpointer data)
{
  attach (fixture, 2, "");
  ivt_fake_client_send_vectors (fixture->client, 7, 2);
  expect_reports (fixture, "ready peer(7,2)");
  ivt_fake_client_send_leave (fixture->client, 7);
  ivt_fake_client_send_vectors (fixture->client, 7, 3);
  expect_reports (fixture, "ready peer(7,2) gone(7) peer(7,2) peer(7,3)");
  g_assert_true (ivt_region_ring (fixture->region, 7, 2, NULL));
  g_assert_cmpuint (ivt_fake_client_take (fixture->client, 7, 2), ==, 1);
}

static void
test_several_descriptors (Fixture *fixture, gconstpointer data)
{
  int fds[8];
  guint64 raw = GUINT64_TO_LE (7), count = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  attach (fixture, 1, "");
  ivt_fake_client_send_bytes (fixture->client, &raw, sizeof raw, fds, G_N_ELEMENTS (fds));
  expect_reports (fixture, "ready peer(7,1)");
  g_assert_true (ivt_region_ring (fixture->region, 7, 0, NULL));
  g_assert_cmpint (read (fds[0], &count, sizeof count), ==, sizeof count);
  g_assert_cmpuint (count, ==, 1);
  for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
}

static void
test_msg_ctrunc (Fixture *fixture, gconstpointer data)
{
  int fds[9];
  guint64 raw = GUINT64_TO_LE (7);

  for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = eventfd (0, EFD_CLOEXEC);
  attach (fixture, 1, "");
  ivt_fake_client_send_bytes (fixture->client, &raw, sizeof raw, fds, G_N_ELEMENTS (fds));
  for (gsize i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
  expect_reports (fixture, "ready lost");
  g_assert_nonnull (strstr (fixture->region->message, "MSG_CTRUNC"));
  g_assert_true (ivt_fake_client_is_left (fixture->client));
}

/* What cannot be received must not pass for a message without descriptor,
 * which would be a leave. */
static void
test_out_of_descriptors (Fixture *fixture, gconstpointer data)
{
  struct rlimit before, limit;
  int vector = eventfd (0, EFD_CLOEXEC);

  attach (fixture, 1, "");
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &before), ==, 0);
  limit = before;
  limit.rlim_cur = count_fds ();
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  for (guint i = 0; i < 20; i++)
    ivt_fake_client_send (fixture->client, 7, vector);
  wait_for (fixture, is_lost);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
  g_assert_nonnull (strstr (fixture->region->message, "out of descriptors"));
  close (vector);
}

static void
test_descriptor_limit (Fixture *fixture, gconstpointer data)
{
  struct rlimit before, limit;
  int vector = eventfd (0, EFD_CLOEXEC);

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &before), ==, 0);
  limit = before;
  limit.rlim_cur = 200;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  connect_region (fixture, "");
  ivt_fake_client_send_start (fixture->client, 5, MIB);
  /* with the memory as many as may be */
  for (guint i = 0; i < 99; i++)
    ivt_fake_client_send (fixture->client, 5, vector);
  expect_reports (fixture, "ready");
  ivt_fake_client_send (fixture->client, 7, vector);
  expect_reports (fixture, "ready lost");
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
  g_assert_nonnull (strstr (fixture->region->message, "more than the 100 descriptors"));
  close (vector);
}

static void
test_vector_limit (Fixture *fixture, gconstpointer data)
{
  int vector = eventfd (0, EFD_CLOEXEC);

  attach (fixture, 1, "");
  for (guint i = 0; i < 2048; i++)
    {
      ivt_fake_client_send (fixture->client, 7, vector);
      if (i % MESSAGES_IN_FLIGHT == 0)
        ivt_plugin_host_drain (fixture->host);
    }
  ivt_plugin_host_drain (fixture->host);
  g_assert_cmpint (fixture->region->lost, ==, FALSE);
  g_assert_true (ivt_region_ring (fixture->region, 7, 2047, NULL));
  ivt_fake_client_send (fixture->client, 7, vector);
  wait_for (fixture, is_lost);
  expect_lost (fixture, IVSHMEM_PLUGIN_REGION_LOST, "more than 2048 vectors of peer 7");
  close (vector);
}

static gboolean
has_thousand_peers (gpointer data)
{
  Fixture *fixture = data;

  return g_hash_table_size (fixture->region->peers) == 1000;
}

static void
test_thousand_peers (Fixture *fixture, gconstpointer data)
{
  attach (fixture, 4, "");
  for (guint i = 0; i < 1000; i++)
    {
      ivt_fake_client_send_vectors (fixture->client, 100 + i, 4);
      ivt_plugin_host_drain (fixture->host);
    }
  wait_for (fixture, has_thousand_peers);
  g_assert_true (ivt_region_ring (fixture->region, 1099, 3, NULL));
  g_assert_cmpuint (ivt_fake_client_take (fixture->client, 1099, 3), ==, 1);
}

/* --- A6: what the seed did wrong ---------------------------------------- */

static void
test_close_on_exec (Fixture *fixture, gconstpointer data)
{
  attach (fixture, 1, "");
  g_assert_cmpint (fcntl ((int) fixture->region->memory.handle, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
  g_assert_cmpint (fcntl (ivt_region_vector (fixture->region, 0, NULL), F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
}

/* tear_down() counts the descriptors; here it is that no strange one goes. */
static void
test_failed_set_up (Fixture *fixture, gconstpointer data)
{
  connect_region (fixture, "");
  ivt_fake_client_send (fixture->client, 0, -1);
  ivt_fake_client_send (fixture->client, 5, -1);
  ivt_fake_client_send_vectors (fixture->client, 5, 3);
  ivt_fake_client_send_vectors (fixture->client, 7, 3);
  ivt_fake_client_send (fixture->client, 70000, -1);
  expect_lost (fixture, IVSHMEM_PLUGIN_IO, "id 70000, which is not in 0..65535");
  let_go (fixture);
  g_assert_cmpint (fcntl (STDIN_FILENO, F_GETFD), !=, -1);
  g_assert_cmpuint (count_fds (), ==, fixture->fds_before + 1); /* the server's */
}

static void
test_vector_5 (Fixture *fixture, gconstpointer data)
{
  guint64 one = 1, count = 0;

  attach (fixture, 8, "");
  g_assert_cmpint (write (ivt_fake_client_vector (fixture->client, 5, 5), &one, sizeof one), ==, sizeof one);
  for (guint i = 0; i < 8; i++)
    {
      int fd = ivt_region_vector (fixture->region, i, &fixture->error);

      g_assert_no_error (fixture->error);
      g_assert_cmpint (read (fd, &count, sizeof count), ==, i == 5 ? (gssize) sizeof count : -1);
    }
  g_assert_cmpuint (count, ==, 1);
}

static void
test_ring_bounds (Fixture *fixture, gconstpointer data)
{
  attach (fixture, 2, "");
  ivt_fake_client_send_vectors (fixture->client, 7, 3);
  ivt_fake_client_send_vectors (fixture->client, 65535, 1);
  expect_reports (fixture, "ready peer(7,2) peer(7,3) peer(65535,1)");

  g_assert_true (ivt_region_ring (fixture->region, 7, 2, NULL));
  g_assert_cmpuint (ivt_fake_client_take (fixture->client, 7, 2), ==, 1);
  g_assert_cmpuint (ivt_fake_client_take (fixture->client, 7, 1), ==, 0);
  g_assert_true (ivt_region_ring (fixture->region, 65535, 0, NULL));

  g_assert_false (ivt_region_ring (fixture->region, 7, 3, &fixture->error));
  expect_error (fixture, IVSHMEM_PLUGIN_OUT_OF_RANGE, "peer 7 has the vectors 0..2, and no vector 3");
  g_assert_false (ivt_region_ring (fixture->region, 7, G_MAXUINT32, &fixture->error));
  expect_error (fixture, IVSHMEM_PLUGIN_OUT_OF_RANGE, "no vector 4294967295");
  g_assert_false (ivt_region_ring (fixture->region, 8, 0, &fixture->error));
  expect_error (fixture, IVSHMEM_PLUGIN_NOT_FOUND, "no peer has the id 8");
  g_assert_false (ivt_region_ring (fixture->region, G_MAXUINT32, 0, &fixture->error));
  expect_error (fixture, IVSHMEM_PLUGIN_NOT_FOUND, "no peer has the id 4294967295");
  g_assert_false (ivt_region_ring (fixture->region, 65536 + 7, 0, &fixture->error));
  expect_error (fixture, IVSHMEM_PLUGIN_NOT_FOUND, "no peer has the id 65543");

  g_assert_cmpint (ivt_region_vector (fixture->region, 2, &fixture->error), ==, -1);
  expect_error (fixture, IVSHMEM_PLUGIN_OUT_OF_RANGE, "peer 5 has the vectors 0..1");
}

static void
test_ring_oneself (Fixture *fixture, gconstpointer data)
{
  attach (fixture, 2, "");
  g_assert_true (ivt_region_ring (fixture->region, 5, 1, NULL));
  g_assert_cmpuint (ivt_fake_client_take (fixture->client, 5, 1), ==, 1);
}

static void
test_no_own_vectors (Fixture *fixture, gconstpointer data)
{
  connect_region (fixture, "");
  ivt_fake_client_send_start (fixture->client, 5, MIB);
  ivt_fake_client_send_vectors (fixture->client, 7, 2);
  expect_reports (fixture, "ready peer(7,2)");
  g_assert_cmpuint (fixture->region->description.own_vectors, ==, 0);
  g_assert_true (ivt_region_ring (fixture->region, 7, 1, NULL));
  g_assert_false (ivt_region_ring (fixture->region, 5, 0, &fixture->error));
  expect_error (fixture, IVSHMEM_PLUGIN_OUT_OF_RANGE, "peer 5 has no vectors");
}

/* The seed waited 5 s in any case. */
static void
test_no_grace_period (Fixture *fixture, gconstpointer data)
{
  gint64 start = g_get_monotonic_time ();

  attach (fixture, 1, "");
  g_assert_cmpint (g_get_monotonic_time () - start, <, 4 * G_USEC_PER_SEC);
  g_assert_true (is_not_watching_clock (fixture));
}

static void
test_late_own_vectors (Fixture *fixture, gconstpointer data)
{
  attach (fixture, 2, "");
  ivt_fake_client_send_vectors (fixture->client, 7, 2);
  ivt_fake_client_send_vectors (fixture->client, 5, 1);
  ivt_fake_client_send_vectors (fixture->client, 8, 2);
  ivt_fake_client_send_vectors (fixture->client, 5, 1);
  expect_reports (fixture, "ready peer(7,2) peer(8,2) changed");
  g_assert_cmpuint (fixture->region->description.own_vectors, ==, 4);
  g_assert_cmpint (ivt_region_vector (fixture->region, 3, NULL), >=, 0);
}

static void
test_leave_in_greeting (Fixture *fixture, gconstpointer data)
{
  connect_region (fixture, "");
  ivt_fake_client_send_start (fixture->client, 5, MIB);
  ivt_fake_client_send_vectors (fixture->client, 7, 2);
  ivt_fake_client_send_vectors (fixture->client, 8, 2);
  ivt_fake_client_send_leave (fixture->client, 7);
  ivt_fake_client_send_vectors (fixture->client, 5, 1);
  expect_reports (fixture, "ready peer(8,2)");
}

static void
test_server_loss (Fixture *fixture, gconstpointer data)
{
  attach (fixture, 1, "");
  ivt_fake_client_send_vectors (fixture->client, 7, 1);
  expect_reports (fixture, "ready peer(7,1)");
  ivt_fake_client_free (g_steal_pointer (&fixture->client));
  expect_reports (fixture, "ready peer(7,1) lost");
  expect_lost (fixture, IVSHMEM_PLUGIN_REGION_LOST, "the server closed the connection");
  /* Only the listening socket is left: no eventfd, no memory. */
  g_assert_cmpuint (count_fds (), ==, fixture->fds_before + 1);
  g_assert_true (is_not_watching_clock (fixture));
  g_assert_false (ivt_region_ring (fixture->region, 7, 0, &fixture->error));
  expect_error (fixture, IVSHMEM_PLUGIN_REGION_LOST, "no connection to the server");
}

static void
test_more_vectors_than_we (Fixture *fixture, gconstpointer data)
{
  attach (fixture, 1, "");
  ivt_fake_client_send_vectors (fixture->client, 7, 64);
  ivt_fake_client_send_vectors (fixture->client, 8, 1);
  expect_reports (fixture, "ready peer(7,1) peer(7,64) peer(8,1)");
  g_assert_true (ivt_region_ring (fixture->region, 7, 63, NULL));
  g_assert_cmpuint (ivt_fake_client_take (fixture->client, 7, 63), ==, 1);
}

/* Any report may be answered with a detach; the plugin then says no more. */
static void
test_detach_in_report (Fixture *fixture, gconstpointer data)
{
  for (guint stage = 0; stage < 4; stage++)
    {
      connect_region (fixture, "");
      fixture->region->detach_in_report = stage == 0;
      ivt_fake_client_send_start (fixture->client, 5, MIB);
      ivt_fake_client_send_vectors (fixture->client, 7, 1);
      ivt_fake_client_send_vectors (fixture->client, 8, 1);
      ivt_fake_client_send_vectors (fixture->client, 5, 1);
      if (stage > 0)
        expect_reports (fixture, "ready peer(7,1) peer(8,1)");
      fixture->region->detach_in_report = TRUE;
      if (stage == 1)
        ivt_fake_client_send_vectors (fixture->client, 5, 1);
      else if (stage == 2)
        ivt_fake_client_send_leave (fixture->client, 7);
      else if (stage == 3)
        ivt_fake_client_hang_up (fixture->client);
      expect_reports (fixture,
                      stage == 0   ? "ready"
                      : stage == 1 ? "ready peer(7,1) peer(8,1) changed"
                      : stage == 2 ? "ready peer(7,1) peer(8,1) gone(7)"
                                   : "ready peer(7,1) peer(8,1) lost");
      g_assert_true (fixture->region->detached);
      let_go (fixture);
    }
}

/* The count is the host's to read: nothing of it is taken, neither what was
 * there before us nor what came since. */
static void
test_counts_stay (Fixture *fixture, gconstpointer data)
{
  int stale = eventfd (41, EFD_CLOEXEC | EFD_NONBLOCK);
  guint64 one = 1, count = 0;

  connect_region (fixture, "");
  ivt_fake_client_send_start (fixture->client, 5, MIB);
  ivt_fake_client_send (fixture->client, 5, stale);
  expect_reports (fixture, "ready");
  g_assert_cmpint (write (stale, &one, sizeof one), ==, sizeof one);
  ivt_fake_client_send_vectors (fixture->client, 5, 1);
  expect_reports (fixture, "ready changed");
  g_assert_cmpint (read (ivt_region_vector (fixture->region, 0, NULL), &count, sizeof count), ==, sizeof count);
  g_assert_cmpuint (count, ==, 42);
  close (stale);
}

/* With a blocking descriptor, as others may leave it. */
static void
test_full_counter (Fixture *fixture, gconstpointer data)
{
  int full = eventfd (0, EFD_CLOEXEC);
  guint64 most = G_MAXUINT64 - 1;

  g_assert_cmpint (write (full, &most, sizeof most), ==, sizeof most);
  attach (fixture, 1, "");
  ivt_fake_client_send (fixture->client, 7, full);
  expect_reports (fixture, "ready peer(7,1)");
  g_assert_cmpint (fixture->region->ops->ring (fixture->region->instance, 7, 0), ==, IVSHMEM_PLUGIN_BUSY);
  close (full);
}

/* --- reconnecting ------------------------------------------------------- */

static gboolean
is_called (gpointer data)
{
  Fixture *fixture = data;

  return ivt_fake_server_is_called (fixture->server);
}

static void
accept_again (Fixture *fixture)
{
  wait_for (fixture, is_called);
  g_clear_pointer (&fixture->client, ivt_fake_client_free);
  fixture->client = ivt_fake_server_accept (fixture->server);
}

static gboolean
is_not_a_socket (gpointer data)
{
  Fixture *fixture = data;

  return ivt_region_logged (fixture->region, "is not a socket");
}

static void
test_connecting (Fixture *fixture, gconstpointer data)
{
  g_autofree char *options = g_strdup_printf ("%s reconnect=true", fixture->options);

  fixture->region = ivt_region_create (fixture->host, "r", options, &fixture->error);
  g_assert_no_error (fixture->error);
  expect_reports (fixture, "connecting");
  g_assert_true (ivt_region_logged (fixture->region, "does not exist"));
  /* Attempts that fail in other ways are told of, and followed by others. */
  g_assert_true (g_file_set_contents (fixture->path, "x", 1, NULL));
  wait_for (fixture, is_not_a_socket);
  serve (fixture);
  accept_again (fixture);
  ivt_fake_client_send_start (fixture->client, 5, MIB);
  ivt_fake_client_send_vectors (fixture->client, 5, 1);
  expect_reports (fixture, "connecting ready");
  g_assert_true (is_not_watching_clock (fixture));
}

/* Another region, size and id, and none of the old peers. */
static void
test_server_returns (Fixture *fixture, gconstpointer data)
{
  attach (fixture, 2, "reconnect=true");
  ivt_fake_client_send_vectors (fixture->client, 7, 2);
  expect_reports (fixture, "ready peer(7,2)");
  ivt_fake_client_hang_up (fixture->client);
  g_clear_pointer (&fixture->server, ivt_fake_server_free);
  expect_reports (fixture, "ready peer(7,2) lost");
  g_assert_cmpint (fixture->region->lost_status, ==, IVSHMEM_PLUGIN_REGION_LOST);
  g_assert_cmpuint (g_hash_table_size (fixture->region->peers), ==, 0);

  serve (fixture);
  accept_again (fixture);
  ivt_fake_client_send_start (fixture->client, 9, 4 * MIB);
  ivt_fake_client_send_vectors (fixture->client, 3, 1);
  ivt_fake_client_send_vectors (fixture->client, 9, 1);
  expect_reports (fixture, "ready peer(7,2) lost ready peer(3,1)");
  g_assert_cmpint (fixture->region->description.own_id, ==, 9);
  g_assert_cmpuint (fixture->region->description.own_vectors, ==, 1);
  g_assert_cmpuint (fixture->region->memory.size, ==, 4 * MIB);
  g_assert_cmpuint (fixture->region->n_ready, ==, 2);
  g_assert_false (ivt_region_ring (fixture->region, 7, 0, &fixture->error));
  expect_error (fixture, IVSHMEM_PLUGIN_NOT_FOUND, "no peer has the id 7");
}

/* Whatever the server does wrong, the next attempt comes. */
static void
test_failures_are_tried_again (Fixture *fixture, gconstpointer data)
{
  connect_region (fixture, "reconnect=true");
  ivt_fake_client_send (fixture->client, -1, -1);
  expect_reports (fixture, "connecting");
  accept_again (fixture);
  ivt_fake_client_send (fixture->client, 77, -1);
  accept_again (fixture);
  ivt_fake_client_hang_up (fixture->client);
  accept_again (fixture);
  ivt_fake_client_send_start (fixture->client, 5, MIB);
  ivt_fake_client_send_vectors (fixture->client, 5, 1);
  expect_reports (fixture, "connecting ready");
  g_assert_true (ivt_region_logged (fixture->region, "refused this client"));
  g_assert_true (ivt_region_logged (fixture->region, "first message is 77"));
}

/* A server that takes the connection and says nothing. */
static void
test_silent_server (Fixture *fixture, gconstpointer data)
{
  connect_region (fixture, "reconnect=true");
  expect_reports (fixture, "connecting");
  ivt_fake_client_send_start (fixture->client, 5, MIB);
  ivt_fake_client_send_vectors (fixture->client, 5, 1);
  expect_reports (fixture, "connecting ready");
}

/* 100 ms, then twice as long each time: five attempts take more than a
 * second, and the log has one line for all of them. */
static void
test_back_off (Fixture *fixture, gconstpointer data)
{
  gint64 start = g_get_monotonic_time ();

  connect_region (fixture, "reconnect=true");
  for (guint i = 0; i < 4; i++)
    {
      ivt_fake_client_hang_up (fixture->client);
      accept_again (fixture);
    }
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 1125 * G_TIME_SPAN_MILLISECOND);
  g_assert_cmpuint (fixture->region->log->len, ==, 1);

  /* Who was ready begins anew. */
  ivt_fake_client_send_start (fixture->client, 5, MIB);
  ivt_fake_client_send_vectors (fixture->client, 5, 1);
  expect_reports (fixture, "connecting ready");
  start = g_get_monotonic_time ();
  ivt_fake_client_hang_up (fixture->client);
  accept_again (fixture);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 75 * G_TIME_SPAN_MILLISECOND);
}

static void
test_memory_is_refused (Fixture *fixture, gconstpointer data)
{
  connect_region (fixture, "");
  fixture->region->refuse_memory = TRUE;
  ivt_fake_client_send_start (fixture->client, 5, MIB);
  ivt_fake_client_send_vectors (fixture->client, 5, 1);
  expect_reports (fixture, "ready lost");
  g_assert_cmpint (fixture->region->lost_status, ==, IVSHMEM_PLUGIN_IO);
  let_go (fixture);

  connect_region (fixture, "reconnect=true");
  fixture->region->refuse_memory = TRUE;
  ivt_fake_client_send_start (fixture->client, 5, MIB);
  ivt_fake_client_send_vectors (fixture->client, 5, 1);
  expect_reports (fixture, "ready connecting");
  fixture->region->refuse_memory = FALSE;
  accept_again (fixture);
  ivt_fake_client_send_start (fixture->client, 6, MIB);
  ivt_fake_client_send_vectors (fixture->client, 6, 1);
  expect_reports (fixture, "ready connecting ready");
}

/* The daemon's own limits. */
static void
test_services_are_refused (Fixture *fixture, gconstpointer data)
{
  attach (fixture, 1, "reconnect=true");
  fixture->region->refuse_services = IVT_SERVICE_WATCH;
  ivt_fake_client_hang_up (fixture->client);
  accept_again (fixture);
  fixture->region->refuse_services = 0;
  accept_again (fixture);
  g_assert_true (ivt_region_logged (fixture->region, "cannot be watched"));
  ivt_fake_client_send_start (fixture->client, 5, MIB);
  ivt_fake_client_send_vectors (fixture->client, 5, 1);
  expect_reports (fixture, "ready lost ready");

  fixture->region->refuse_services = IVT_SERVICE_TIMER;
  ivt_fake_client_hang_up (fixture->client);
  expect_reports (fixture, "ready lost ready lost");
  g_assert_true (ivt_region_logged (fixture->region, "no timer could be had"));
}

static void
test_detach_while_waiting (Fixture *fixture, gconstpointer data)
{
  g_autofree char *options = g_strdup_printf ("%s reconnect=true", fixture->options);

  fixture->region = ivt_region_create (fixture->host, "r", options, &fixture->error);
  g_assert_no_error (fixture->error);
  expect_reports (fixture, "connecting");
  g_assert_true (ivt_region_detach (fixture->region, FALSE));
  g_assert_true (is_not_watching_clock (fixture));
}

/* --- joining ------------------------------------------------------------ */

static void
test_join (Fixture *fixture, gconstpointer data)
{
  IvtFakeClient *joined;
  guint64 raw;
  int fd;

  attach (fixture, 1, "");
  fd = ivt_region_join (fixture->region, 0, 0, &fixture->error);
  g_assert_no_error (fixture->error);
  g_assert_cmpint (fcntl (fd, F_GETFL) & O_NONBLOCK, ==, 0);
  g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);

  joined = ivt_fake_server_accept (fixture->server);
  ivt_fake_client_send (joined, 0, -1);
  g_assert_cmpint (read (fd, &raw, sizeof raw), ==, sizeof raw);
  g_assert_cmpuint (raw, ==, 0);
  close (fd);
  g_assert_true (ivt_fake_client_is_left (joined));
  ivt_fake_client_free (joined);
  g_assert_cmpstr (fixture->region->reports->str, ==, "ready");
}

static void
test_join_fails (Fixture *fixture, gconstpointer data)
{
  int fds[8], n = 0;

  fixture->server = ivt_fake_server_new (fixture->path, 1);
  attach (fixture, 1, "");
  while (n < 8 && (fds[n] = ivt_region_join (fixture->region, 0, 0, &fixture->error)) >= 0)
    n++;
  expect_error (fixture, IVSHMEM_PLUGIN_BUSY, "its queue of connections is full");
  while (n > 0)
    close (fds[--n]);

  g_clear_pointer (&fixture->server, ivt_fake_server_free);
  g_assert_cmpint (ivt_region_join (fixture->region, 0, 0, &fixture->error), ==, -1);
  expect_error (fixture, IVSHMEM_PLUGIN_NOT_FOUND, "does not exist");
}

int
main (int argc, char **argv)
{
  const struct
  {
    const char *path;
    void (*func) (Fixture *fixture, gconstpointer data);
  } tests[] = {
    { "attach", test_attach },
    { "capabilities", test_capabilities },
    { "read-only-memory", test_read_only_memory },
    { "no-server", test_no_server },
    { "stale-socket", test_stale_socket },
    { "not-a-socket", test_not_a_socket },
    { "datagram-socket", test_datagram_socket },
    { "permissions", test_permissions },
    { "symbolic-links", test_symbolic_links },
    { "long-path", test_long_path },
    { "busy-server", test_busy_server },
    { "b3-versions", test_versions },
    { "b3-old-dialect", test_old_dialect },
    { "b3-bad-memory", test_bad_memory },
    { "b3-vector-is-a-pipe", test_vector_is_a_pipe },
    { "b5-byte-by-byte", test_byte_by_byte },
    { "b5-long-pauses", test_long_pauses },
    { "b5-a6-12-end-at-every-byte", test_end_at_every_byte },
    { "b5-duplicate-greeting", test_duplicate_greeting },
    { "b5-id-reuse", test_id_reuse },
    { "b5-several-descriptors", test_several_descriptors },
    { "b5-msg-ctrunc", test_msg_ctrunc },
    { "b5-out-of-descriptors", test_out_of_descriptors },
    { "b5-stale-counters", test_counts_stay },
    { "b5-full-counter", test_full_counter },
    { "b5-server-returns-with-another-region", test_server_returns },
    { "limit-descriptors", test_descriptor_limit },
    { "limit-vectors", test_vector_limit },
    { "thousand-peers", test_thousand_peers },
    { "a6-1-close-on-exec", test_close_on_exec },
    { "a6-3-failed-set-up", test_failed_set_up },
    { "a6-4-vector-5-is-vector-5", test_vector_5 },
    { "a6-5-ring-bounds", test_ring_bounds },
    { "a4-7-ring-oneself", test_ring_oneself },
    { "a6-6-no-own-vectors", test_no_own_vectors },
    { "a6-7-no-grace-period", test_no_grace_period },
    { "a6-7-late-own-vectors", test_late_own_vectors },
    { "a6-7-leave-in-greeting", test_leave_in_greeting },
    { "a6-8-server-loss", test_server_loss },
    { "a6-9-more-vectors-than-we", test_more_vectors_than_we },
    { "a6-10-detach-in-report", test_detach_in_report },
    { "a6-11-counts-stay", test_counts_stay },
    { "reconnect-connecting", test_connecting },
    { "reconnect-failures-are-tried-again", test_failures_are_tried_again },
    { "reconnect-silent-server", test_silent_server },
    { "reconnect-back-off", test_back_off },
    { "reconnect-memory-is-refused", test_memory_is_refused },
    { "reconnect-services-are-refused", test_services_are_refused },
    { "reconnect-detach-while-waiting", test_detach_while_waiting },
    { "join", test_join },
    { "join-fails", test_join_fails },
  };

  g_test_init (&argc, &argv, NULL);
  /* What GLib opens once is open before anybody counts. */
  g_main_context_iteration (NULL, FALSE);
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strconcat ("/doorbell/", tests[i].path, NULL);

      g_test_add (path, Fixture, NULL, set_up, tests[i].func, tear_down);
    }
  return g_test_run ();
}
