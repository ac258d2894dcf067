/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

/*
 * Clients that do not take what they are sent, and a server that runs out of
 * descriptors: each costs itself time and nobody else.
 */

#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <unistd.h>

#include <gio/gunixfdmessage.h>

#include "ivt-server.h"

/* The design's "about 64 messages, no more in flight". */
#define WINDOW 64
/* Users that nobody has: descriptors in flight are counted by user. */
#define FIRST_UID 60000
#define N_UIDS 5000

/* Joins n clients who read everything. */
static void
join_many (IvtServer *server, guint n)
{
  for (guint i = 0; i < n; i++)
    ivt_server_join (server);
}

static gboolean
has_full_socket (gpointer data)
{
  return ivt_wire_client_unread (data) >= WINDOW;
}

/* A client that has read nothing, and whose socket is full. */
static IvtWireClient *
connect_stalled (IvtServer *server)
{
  guint before = g_hash_table_size (server->region->peers);
  IvtWireClient *client = ivt_server_connect (server);

  client->paused = TRUE;
  ivt_server_wait_peers (server, before + 1);
  g_assert_true (ivt_plugin_host_wait (server->host, has_full_socket, client));
  ivt_plugin_host_drain (server->host);
  return client;
}

static gboolean
was_told_of (const IvtWireClient *client, gint64 id)
{
  for (guint i = 2; i < client->messages->len; i++)
    if (g_array_index (client->messages, IvtWireMessage, i).value == id)
      return TRUE;
  return FALSE;
}

static void
test_little_is_in_flight (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=4");
  IvtWireClient *stalled;

  join_many (server, 30);
  stalled = connect_stalled (server);
  g_assert_cmpuint (ivt_wire_client_unread (stalled), <=, WINDOW + 1);
  /* And it is all there once it reads. */
  stalled->paused = FALSE;
  ivt_server_settle (server);
  g_assert_cmpuint (stalled->messages->len, ==, 3 + 4 * (1 + 30 + 1));
}

/* Others come and go while one is in mid-greeting. */
static void
test_greeting_is_interrupted_by_nothing (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=4");
  IvtWireClient *stalled, *visitor;

  join_many (server, 30);
  stalled = connect_stalled (server);
  /* One that it was told of, one that it was not, one whom it never met. */
  ivt_server_leave (server, g_ptr_array_index (server->clients, 0));
  ivt_server_leave (server, g_ptr_array_index (server->clients, 29));
  visitor = ivt_server_join (server);
  g_assert_cmpint (visitor->own_id, ==, 31);
  ivt_server_leave (server, visitor);
  join_many (server, 1);

  stalled->paused = FALSE;
  ivt_server_settle (server);
  g_assert_cmpuint (stalled->n_leaves, ==, 1);
  g_assert_true (was_told_of (stalled, 0));
  g_assert_false (was_told_of (stalled, 29));
  g_assert_false (was_told_of (stalled, 31));
  g_assert_true (was_told_of (stalled, 32));
}

/* A peer of which it heard some vectors leaves. */
static void
test_leave_of_one_half_told (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=100 max-peers=10");
  IvtWireClient *stalled, *half;
  guint told;

  half = ivt_server_join (server);
  stalled = ivt_server_connect (server);
  stalled->paused = TRUE;
  ivt_server_wait_peers (server, 2);
  ivt_plugin_host_drain (server->host);
  /* Through the daemon's own vectors, and into the first peer's. */
  ivt_wire_client_read (stalled, WINDOW);
  ivt_plugin_host_drain (server->host);
  told = ivt_wire_client_unread (stalled) + WINDOW;
  g_assert_cmpuint (told, >, 3 + 100);
  g_assert_cmpuint (told, <, 3 + 200);

  ivt_server_leave (server, half);
  stalled->paused = FALSE;
  ivt_server_settle (server);
  g_assert_cmpuint (stalled->n_leaves, ==, 1);
  g_assert_cmpuint (stalled->messages->len, ==, told + 100 + 1);
}

/* Greeted, and then it takes nothing while hundreds come and go. */
static void
test_backlog_is_bounded (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=2");
  IvtWireClient *stalled = ivt_server_join (server);
  guint before = stalled->messages->len;

  stalled->paused = TRUE;
  for (guint i = 0; i < 300; i++)
    {
      IvtWireClient *visitor = ivt_server_join (server);

      ivt_server_leave (server, visitor);
      g_ptr_array_remove (server->clients, visitor);
    }
  join_many (server, 1);

  stalled->paused = FALSE;
  ivt_server_settle (server);
  g_assert_cmpuint (ivt_wire_client_n_peers (stalled), ==, 2);
  /* What was in flight, the leaves of those, and the one that stayed. */
  g_assert_cmpuint (stalled->messages->len - before, <=, 2 * WINDOW + 2);
  g_assert_cmpuint (stalled->n_leaves, <=, WINDOW);
}

static void
test_client_dies_in_mid_greeting (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=4");
  IvtWireClient *first;

  join_many (server, 30);
  first = g_ptr_array_index (server->clients, 0);
  ivt_server_leave (server, connect_stalled (server));
  g_assert_cmpuint (first->n_leaves, ==, 1);
}

/* Everything up to its own vectors, nothing after, and an ordinary end. */
static void
assert_greeted_and_closed (IvtServer *server, IvtWireClient *client, guint n_others)
{
  ivt_server_wait_ended (server, client);
  g_assert_false (client->reset);
  g_assert_cmpuint (client->messages->len, ==, 3 + 4 * (1 + n_others + 1));
  g_assert_cmpuint (ivt_wire_client_vectors (client, (guint) client->own_id), ==, 4);
  g_assert_cmpuint (client->n_leaves, ==, 0);
}

static void
test_kick_waits_for_the_greeting (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=4");
  g_autoptr (GError) error = NULL;
  IvtWireClient *stalled;

  join_many (server, 30);
  stalled = connect_stalled (server);
  g_assert_true (ivt_region_kick (server->region, 30, &error));
  g_assert_true (ivt_region_kick (server->region, 30, &error));
  ivt_server_leave (server, g_ptr_array_index (server->clients, 0));
  join_many (server, 1);
  g_assert_nonnull (ivt_region_peer (server->region, 30));

  /* The leave and the newcomer are no concern of its any more. */
  assert_greeted_and_closed (server, stalled, 30);
  ivt_server_wait_peers (server, 30);
  ivt_server_settle (server);
}

/* All of its greeting lies in its socket. QEMU drops that when it notices a
 * hang-up before it has looked. */
static void
test_kick_waits_until_the_greeting_is_taken (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=4");
  g_autoptr (GError) error = NULL;
  IvtWireClient *client = ivt_server_connect (server);

  client->paused = TRUE;
  ivt_server_wait_peers (server, 1);
  ivt_plugin_host_drain (server->host);
  g_assert_cmpuint (ivt_wire_client_unread (client), ==, 3 + 4 * 2);
  g_assert_true (ivt_region_kick (server->region, 0, &error));
  ivt_plugin_host_drain (server->host);
  g_assert_nonnull (ivt_region_peer (server->region, 0));
  assert_greeted_and_closed (server, client, 0);
  ivt_server_wait_peers (server, 0);
}

/* But not for ever. */
static void
test_detach_does_not_wait_for_one_who_never_looks (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=4");
  IvtWireClient *client = ivt_server_connect (server);

  client->paused = TRUE;
  ivt_server_wait_peers (server, 1);
  ivt_plugin_host_drain (server->host);
  g_assert_false (ivt_region_detach (server->region, FALSE));
  ivt_server_close (server, FALSE);
  g_assert_cmpuint (ivt_wire_client_unread (client), ==, 3 + 4 * 2);
}

static gboolean
is_detached (gpointer data)
{
  const IvtRegion *region = data;

  return region->detached;
}

static void
test_detach_waits_for_greetings (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=4");
  IvtWireClient *greeted, *stalled, *another;

  join_many (server, 30);
  greeted = g_ptr_array_index (server->clients, 0);
  stalled = connect_stalled (server);
  another = connect_stalled (server);

  g_assert_false (ivt_region_detach (server->region, FALSE));
  ivt_server_wait_ended (server, greeted);
  g_assert_cmpuint (greeted->n_leaves, ==, 0);
  g_assert_false (g_file_test (server->socket, G_FILE_TEST_EXISTS));

  /* The others have been closed, but they live, and belong to the greeting. */
  assert_greeted_and_closed (server, stalled, 30);
  g_assert_false (server->region->detached);
  assert_greeted_and_closed (server, another, 31);
  g_assert_true (ivt_plugin_host_wait (server->host, is_detached, server->region));
}

/* The host has waited long enough. */
static void
test_destroy_cuts (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=4");
  IvtWireClient *stalled;

  join_many (server, 30);
  stalled = connect_stalled (server);
  g_assert_false (ivt_region_detach (server->region, FALSE));
  ivt_region_destroy (g_steal_pointer (&server->region));
  ivt_server_wait_ended (server, stalled);
}

static void
test_detach_while_opening (void)
{
  g_autoptr (IvtServer) server = ivt_server_new_empty ();
  g_autoptr (GError) error = NULL;
  IvtRegion *region = ivt_region_create (server->host, "r", "", &error);

  g_assert_no_error (error);
  g_assert_false (ivt_region_detach (region, FALSE));
  ivt_region_close (region, FALSE);
  g_assert_false (g_file_test (server->socket, G_FILE_TEST_EXISTS));
}

/* --- stall-timeout ----------------------------------------------------- */

static void
test_stalled_client_is_cut (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=4 stall-timeout=500ms");
  IvtWireClient *reads, *in_greeting, *stalled;

  join_many (server, 30);
  reads = g_ptr_array_index (server->clients, 0);
  /* Stalled for longer than the one that is cut, but in mid-greeting. */
  in_greeting = connect_stalled (server);
  stalled = ivt_server_join (server);
  g_assert_cmpint (stalled->own_id, ==, 31);
  stalled->paused = TRUE;
  join_many (server, 1);

  ivt_server_wait_peers (server, 32);
  g_assert_null (ivt_region_peer (server->region, 31));
  g_assert_true (ivt_region_logged (server->region, "peer 31"));
  ivt_server_settle (server);
  g_assert_true (g_hash_table_contains (reads->leavers, GUINT_TO_POINTER (31)));

  g_assert_nonnull (ivt_region_peer (server->region, 30));
  in_greeting->paused = FALSE;
  ivt_server_settle (server);
  g_assert_cmpuint (ivt_wire_client_n_peers (in_greeting), ==, 32);
}

typedef struct
{
  IvtWireClient *slow;
  gint64 next;
  guint taken;
} SlowRead;

#define READ_USEC (G_USEC_PER_SEC / 4)

/* One message in a quarter of the time that it has for it. */
static gboolean
read_slowly (gpointer data)
{
  SlowRead *read = data;

  if (g_get_monotonic_time () < read->next)
    return FALSE;
  read->next = g_get_monotonic_time () + READ_USEC;
  read->taken += ivt_wire_client_read (read->slow, 1);
  return read->taken == 12;
}

/* A message now and then is slow, but not nothing. */
static void
test_slow_client_is_not_cut (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=4 stall-timeout=1s");
  SlowRead read = { .slow = ivt_server_join (server) };

  read.slow->paused = TRUE;
  join_many (server, 30);
  g_assert_true (ivt_plugin_host_wait (server->host, read_slowly, &read));
  g_assert_nonnull (ivt_region_peer (server->region, 0));
  read.slow->paused = FALSE;
  ivt_server_settle (server);
}

/* --- descriptors ------------------------------------------------------- */

/* So that this process can open n more descriptors. */
static void
leave_descriptors (guint n)
{
  int next = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  struct rlimit limit;

  g_assert_cmpint (next, >=, 0);
  close (next);
  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  limit.rlim_cur = (rlim_t) next + n;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
}

static void
limit_descriptors (rlim_t n)
{
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  limit.rlim_cur = n;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &limit), ==, 0);
}

static void
test_no_descriptor_for_vectors (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=64");
  g_autoptr (GError) error = NULL;
  IvtWireClient *client;
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  join_many (server, 2);
  client = ivt_server_connect (server);
  leave_descriptors (10);
  ivt_server_wait_ended (server, client);
  g_assert_true (client->refused);
  g_assert_cmpint (ivt_region_join (server->region, 0, 0, &error), ==, -1);
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_LIMIT);
  limit_descriptors (limit.rlim_cur);
  g_assert_true (ivt_region_logged (server->region, "eventfd"));
  join_many (server, 1);
}

static void
test_no_descriptor_to_accept (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("");
  IvtWireClient *first, *second;
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  join_many (server, 2);
  first = ivt_server_connect (server);
  second = ivt_server_connect (server);
  leave_descriptors (0);
  ivt_server_wait_ended (server, first);
  ivt_server_wait_ended (server, second);
  g_assert_true (first->refused && second->refused);
  limit_descriptors (limit.rlim_cur);
  join_many (server, 1);
}

/* Not even the spare one helps: nobody is taken in, and nothing spins. */
static void
test_accepting_pauses (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("");
  IvtWireClient *client = ivt_server_connect (server);
  struct rlimit limit;
  guint iterations = 0;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  limit_descriptors (3);
  while (!ivt_region_logged (server->region, "has to wait"))
    g_main_context_iteration (NULL, TRUE);
  while (g_main_context_iteration (NULL, FALSE))
    iterations++;
  limit_descriptors (limit.rlim_cur);
  g_assert_cmpuint (iterations, <, 10);
  g_assert_cmpuint (ivt_wire_client_unread (client), ==, 0);

  /* It comes back by itself. */
  ivt_server_wait_peers (server, 1);
  ivt_server_settle (server);
  g_assert_cmpint (client->own_id, ==, 0);
}

/* Whoever leaves makes room, and the pause is over. */
static void
test_leave_ends_the_pause (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("");
  IvtWireClient *leaves = ivt_server_join (server);
  gint64 began;
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  ivt_server_connect (server);
  limit_descriptors (3);
  while (!ivt_region_logged (server->region, "has to wait"))
    g_main_context_iteration (NULL, TRUE);
  limit_descriptors (limit.rlim_cur);
  began = g_get_monotonic_time ();
  ivt_wire_client_hang_up (leaves);
  while (ivt_region_peer (server->region, 1) == NULL)
    g_main_context_iteration (NULL, TRUE);
  /* The pause alone would have taken half a second from its beginning. */
  if (g_get_monotonic_time () - began > 400 * 1000)
    g_test_message ("the machine is too slow to tell a leave from the timer");
}

/* --- descriptors in flight --------------------------------------------- */

static void
become_nobody (const char *directory)
{
  uid_t uid = FIRST_UID + (uid_t) getpid () % N_UIDS;

  if (getuid () != 0)
    return;
  g_assert_cmpint (chown (directory, uid, uid), ==, 0);
  g_assert_cmpint (setgroups (0, NULL), ==, 0);
  g_assert_cmpint (setresgid (uid, uid, uid), ==, 0);
  g_assert_cmpint (setresuid (uid, uid, uid), ==, 0);
}

/* Puts descriptors into a socket until the kernel has enough of it. */
static void
fill_with_descriptors (int fd)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = g_socket_new_from_fd (dup (fd), &error);
  int null = open ("/dev/null", O_RDONLY | O_CLOEXEC);

  g_assert_no_error (error);
  g_socket_set_blocking (socket, FALSE);
  for (;;)
    {
      g_autoptr (GUnixFDMessage) message = G_UNIX_FD_MESSAGE (g_unix_fd_message_new ());
      GOutputVector vector = { .buffer = "x", .size = 1 };
      GSocketControlMessage *messages[] = { G_SOCKET_CONTROL_MESSAGE (message) };

      g_assert_true (g_unix_fd_message_append_fd (message, null, &error));
      if (g_socket_send_message (socket, NULL, &vector, 1, messages, 1, G_SOCKET_MSG_NONE, NULL, &error) < 0)
        break;
    }
  close (null);
  /* Not for want of room in the socket. */
  g_assert_false (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK));
}

static guint
total_unread (const IvtServer *server)
{
  guint total = 0;

  for (guint i = 0; i < server->clients->len; i++)
    total += ivt_wire_client_unread (g_ptr_array_index (server->clients, i));
  return total;
}

/* The kernel lets a user have as many descriptors in flight as one process of
 * it may have open. */
#define FEW_DESCRIPTORS 256

static IvtServer *
new_server_with_few_descriptors (void)
{
  IvtServer *server = ivt_server_new_empty ();
  g_autoptr (GError) error = NULL;

  become_nobody (server->directory);
  limit_descriptors (FEW_DESCRIPTORS);
  (void) ivt_server_attach (server, "vectors=8 max-peers=20", &error);
  g_assert_no_error (error);
  return server;
}

static void
connect_many (IvtServer *server, guint n, gboolean paused)
{
  for (guint i = 0; i < n; i++)
    {
      guint before = g_hash_table_size (server->region->peers);
      IvtWireClient *client = ivt_server_connect (server);

      client->paused = paused;
      client->discard = TRUE;
      ivt_server_wait_peers (server, before + 1);
    }
  ivt_plugin_host_drain (server->host);
}

/* Somebody else of this user has taken all of them. */
static void
too_many_in_flight (void)
{
  g_autoptr (IvtServer) server = new_server_with_few_descriptors ();
  int pair[2];

  connect_many (server, 2, FALSE);
  ivt_server_settle (server);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
  fill_with_descriptors (pair[0]);
  connect_many (server, 10, TRUE);
  /* Version and id need no descriptor. */
  g_assert_cmpuint (total_unread (server), ==, 10 * 2);
  g_assert_cmpuint (g_hash_table_size (server->region->peers), ==, 12);

  close (pair[0]);
  close (pair[1]);
  for (guint i = 0; i < server->clients->len; i++)
    ((IvtWireClient *) g_ptr_array_index (server->clients, i))->paused = FALSE;
  ivt_server_settle (server);
}

/* Some take nothing; it is their loss alone. */
static void
stalled_clients_leave_room (void)
{
  g_autoptr (IvtServer) server = new_server_with_few_descriptors ();

  connect_many (server, 6, TRUE);
  connect_many (server, 6, FALSE);
  ivt_server_settle (server);
}

static void
test_too_many_in_flight (void)
{
  if (g_test_subprocess ())
    {
      too_many_in_flight ();
      return;
    }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();
}

static void
test_stalled_clients_leave_room (void)
{
  if (g_test_subprocess ())
    {
      stalled_clients_leave_room ();
      return;
    }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();
}

#define ADD(path, test) g_test_add_func ("/doorbell-server/slow/" path, test)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("little-is-in-flight", test_little_is_in_flight);
  ADD ("greeting-is-interrupted-by-nothing", test_greeting_is_interrupted_by_nothing);
  ADD ("leave-of-one-half-told", test_leave_of_one_half_told);
  ADD ("backlog-is-bounded", test_backlog_is_bounded);
  ADD ("client-dies-in-mid-greeting", test_client_dies_in_mid_greeting);
  ADD ("kick-waits-for-the-greeting", test_kick_waits_for_the_greeting);
  ADD ("kick-waits-until-the-greeting-is-taken", test_kick_waits_until_the_greeting_is_taken);
  ADD ("detach-does-not-wait-for-one-who-never-looks", test_detach_does_not_wait_for_one_who_never_looks);
  ADD ("detach-waits-for-greetings", test_detach_waits_for_greetings);
  ADD ("destroy-cuts", test_destroy_cuts);
  ADD ("detach-while-opening", test_detach_while_opening);
  ADD ("stalled-client-is-cut", test_stalled_client_is_cut);
  ADD ("slow-client-is-not-cut", test_slow_client_is_not_cut);
  ADD ("no-descriptor-for-vectors", test_no_descriptor_for_vectors);
  ADD ("no-descriptor-to-accept", test_no_descriptor_to_accept);
  ADD ("accepting-pauses", test_accepting_pauses);
  ADD ("leave-ends-the-pause", test_leave_ends_the_pause);
  ADD ("too-many-in-flight", test_too_many_in_flight);
  ADD ("stalled-clients-leave-room", test_stalled_clients_leave_room);
  return g_test_run ();
}
