/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

/*
 * The socket file, and who may come in through it.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "ivt-server.h"

#define OTHER_UID 12345
#define OTHER_GID 23456

static void
assert_fails (const char *options, IvshmemPluginStatus status, const char *because)
{
  g_autoptr (IvtServer) server = ivt_server_new_empty ();
  g_autoptr (GError) error = NULL;

  g_assert_false (ivt_server_attach (server, options, &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, status);
  if (strstr (error->message, because) == NULL)
    g_error ("'%s' does not say '%s'", error->message, because);
}

static mode_t
mode_of (const char *path)
{
  GStatBuf file;

  g_assert_cmpint (g_lstat (path, &file), ==, 0);
  return file.st_mode;
}

/* --- the file ---------------------------------------------------------- */

static void
test_default (void)
{
  g_autoptr (IvtServer) server = NULL;
  g_autofree char *sockets = NULL;
  mode_t mask = umask (0);

  server = ivt_server_new ("");
  umask (mask);
  g_assert_cmphex (mode_of (server->socket), ==, S_IFSOCK | 0660);
  /* People find it where they look for sockets. */
  g_assert_true (g_file_get_contents ("/proc/net/unix", &sockets, NULL, NULL));
  g_assert_nonnull (strstr (sockets, server->socket));
}

static void
test_no_runtime_directory (void)
{
  g_autoptr (IvtPluginHost) host = ivt_plugin_host_new (IVT_DOORBELL_SERVER, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (ivt_region_create (host, "r", "", &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, "runtime directory"));
}

/* The umask takes nothing away, and adds nothing. */
static void
test_mode (void)
{
  g_autoptr (IvtServer) server = NULL;
  g_autofree char *path = NULL;
  mode_t mask = umask (0777);

  server = ivt_server_new ("socket=DIR/other.sock mode=0602");
  umask (mask);
  path = g_build_filename (server->directory, "other.sock", NULL);
  g_assert_cmphex (mode_of (path), ==, S_IFSOCK | 0602);
  g_assert_false (g_file_test (server->socket, G_FILE_TEST_EXISTS));
}

static void
test_owner (void)
{
  g_autoptr (IvtServer) server = NULL;
  GStatBuf file;

  if (getuid () != 0)
    {
      g_test_skip ("only root may give a file away");
      return;
    }
  server = ivt_server_new ("owner=12345 group=23456 mode=0640");
  g_assert_cmpint (g_lstat (server->socket, &file), ==, 0);
  g_assert_cmpuint (file.st_uid, ==, OTHER_UID);
  g_assert_cmpuint (file.st_gid, ==, OTHER_GID);
  g_assert_cmphex (file.st_mode, ==, S_IFSOCK | 0640);
}

static void
test_files_go_with_the_region (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("");
  g_autoptr (GError) error = NULL;

  ivt_server_close (server, FALSE);
  g_assert_false (g_file_test (server->socket, G_FILE_TEST_EXISTS));
  g_assert_true (ivt_server_attach (server, "", &error));
  /* Also when the daemon stops: nobody could connect. */
  ivt_server_close (server, TRUE);
  g_assert_false (g_file_test (server->socket, G_FILE_TEST_EXISTS));
}

/* Somebody else put another file there. */
static void
test_foreign_file_stays (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("");
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_unlink (server->socket), ==, 0);
  g_assert_true (g_file_set_contents (server->socket, "mine", -1, &error));
  ivt_server_close (server, FALSE);
  g_assert_true (g_file_test (server->socket, G_FILE_TEST_IS_REGULAR));

  g_assert_false (ivt_server_attach (server, "", &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_EXISTS);
  g_assert_true (g_file_test (server->socket, G_FILE_TEST_IS_REGULAR));
  g_assert_cmpint (g_unlink (server->socket), ==, 0);
}

/* A socket of somebody else's making. */
static int
bind_socket (const char *path, int type, gboolean listening)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, type | SOCK_CLOEXEC, 0);

  g_assert_cmpuint (strlen (path), <, sizeof address.sun_path);
  memcpy (address.sun_path, path, strlen (path) + 1);
  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  if (listening)
    g_assert_cmpint (listen (fd, 0), ==, 0);
  return fd;
}

static void
test_stale_socket_is_replaced (void)
{
  g_autoptr (IvtServer) server = ivt_server_new_empty ();
  g_autofree char *lock = g_strconcat (server->socket, ".lock", NULL);
  g_autoptr (GError) error = NULL;

  /* What a server of ours leaves behind that was killed. */
  close (bind_socket (server->socket, SOCK_STREAM, TRUE));
  g_assert_true (g_file_set_contents (lock, "", 0, &error));
  (void) ivt_server_attach (server, "", &error);
  g_assert_no_error (error);
  ivt_server_join (server);
}

static void
assert_not_taken (IvtServer *server)
{
  g_autoptr (GError) error = NULL;
  GStatBuf before, after;

  g_assert_cmpint (g_lstat (server->socket, &before), ==, 0);
  g_assert_false (ivt_server_attach (server, "", &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_BUSY);
  g_assert_cmpint (g_lstat (server->socket, &after), ==, 0);
  g_assert_cmpuint (before.st_ino, ==, after.st_ino);
}

static void
test_living_socket_is_not_taken (void)
{
  g_autoptr (IvtServer) server = ivt_server_new_empty ();
  int fd = bind_socket (server->socket, SOCK_STREAM, TRUE);

  assert_not_taken (server);
  /* Nor when it is behind with accepting: the first try still waits there. */
  assert_not_taken (server);
  close (fd);
  g_assert_cmpint (g_unlink (server->socket), ==, 0);
}

static void
test_socket_of_another_kind_is_not_taken (void)
{
  g_autoptr (IvtServer) server = ivt_server_new_empty ();
  g_autoptr (GError) error = NULL;
  int fd = bind_socket (server->socket, SOCK_DGRAM, FALSE);

  g_assert_false (ivt_server_attach (server, "", &error));
  g_assert_true (g_file_test (server->socket, G_FILE_TEST_EXISTS));
  close (fd);
  g_assert_cmpint (g_unlink (server->socket), ==, 0);
}

/* Two of ours: not even a connect, which the first would take for a client. */
static void
test_two_servers (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("");
  g_autoptr (GError) error = NULL;
  g_autofree char *option = g_strconcat ("socket=", server->socket, NULL);
  IvtWireClient *client = ivt_server_join (server);

  g_assert_null (ivt_region_attach (server->host, "second", option, &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_BUSY);
  ivt_server_join (server);
  g_assert_cmpuint (server->region->n_joins, ==, 2);
  g_assert_cmpuint (client->n_leaves, ==, 0);
}

static void
test_lock_of_others_is_respected (void)
{
  g_autoptr (IvtServer) server = ivt_server_new_empty ();
  g_autofree char *lock = g_strconcat (server->socket, ".lock", NULL);
  g_autoptr (GError) error = NULL;
  int fd = open (lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

  g_assert_cmpint (flock (fd, LOCK_EX), ==, 0);
  g_assert_false (ivt_server_attach (server, "", &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_BUSY);
  /* It is not ours to remove. */
  g_assert_true (g_file_test (lock, G_FILE_TEST_EXISTS));
  close (fd);
  g_assert_cmpint (g_unlink (lock), ==, 0);
}

static void
test_long_path (void)
{
  g_autoptr (IvtServer) server = ivt_server_new_empty ();
  g_autofree char *part = g_strnfill (200, 'd');
  g_autofree char *deep = g_build_filename (server->directory, part, part, NULL);
  g_autofree char *path = g_build_filename (deep, "r.sock", NULL);
  g_autofree char *option = g_strconcat ("socket=", path, NULL);
  g_autofree char *parent = g_path_get_dirname (deep);
  g_autoptr (GError) error = NULL;
  IvtWireClient *client;

  g_assert_cmpint (g_mkdir_with_parents (deep, 0700), ==, 0);
  (void) ivt_server_attach (server, option, &error);
  g_assert_no_error (error);
  client = ivt_wire_client_new (path);
  g_ptr_array_add (server->clients, client);
  ivt_server_wait_peers (server, 1);
  ivt_server_settle (server);
  ivt_server_close (server, FALSE);
  g_assert_cmpint (g_rmdir (deep), ==, 0);
  g_assert_cmpint (g_rmdir (parent), ==, 0);
}

static void
test_long_name (void)
{
  g_autofree char *name = g_strnfill (120, 'n');
  g_autofree char *option = g_strconcat ("socket=DIR/", name, NULL);

  assert_fails (option, IVSHMEM_PLUGIN_INVALID_ARGUMENT, "too long");
}

static void
test_bad_places (void)
{
  g_autoptr (IvtServer) server = ivt_server_new_empty ();
  g_autofree char *link = g_build_filename (server->directory, "link", NULL);
  g_autoptr (GError) error = NULL;

  assert_fails ("socket=DIR/missing/r.sock", IVSHMEM_PLUGIN_NOT_FOUND, "missing");
  g_assert_cmpint (symlink (server->directory, link), ==, 0);
  g_assert_false (ivt_server_attach (server, "socket=DIR/link/r.sock", &error));
  g_assert_nonnull (strstr (error->message, "symbolic link"));
  g_clear_error (&error);
  /* In place of the socket, of the lock. */
  g_assert_false (ivt_server_attach (server, "socket=DIR/link", &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_EXISTS);
  g_clear_error (&error);
  g_assert_cmpint (g_unlink (link), ==, 0);
  g_free (link);
  link = g_strconcat (server->socket, ".lock", NULL);
  g_assert_cmpint (symlink ("/nowhere", link), ==, 0);
  g_assert_false (ivt_server_attach (server, "", &error));
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_INVALID_ARGUMENT);
  g_assert_cmpint (g_unlink (link), ==, 0);
}

/* --- who may come in --------------------------------------------------- */

static IvtWireClient *
connect_in_vain (IvtServer *server)
{
  IvtWireClient *client = ivt_server_connect (server);

  ivt_server_wait_ended (server, client);
  g_assert_true (client->refused);
  g_assert_cmpuint (client->messages->len, ==, 1);
  g_assert_false (client->reset);
  return client;
}

static void
test_list_of_users (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("allow-uids=12345");
  g_autoptr (GError) error = NULL;
  int fd;

  connect_in_vain (server);
  g_assert_true (ivt_region_logged (server->region, "allow-uids"));
  g_assert_cmpuint (server->region->n_joins, ==, 0);
  /* The same for those whom the daemon brings. */
  g_assert_cmpint (ivt_region_join (server->region, OTHER_UID + 1, OTHER_GID, &error), ==, -1);
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_DENIED);
  g_clear_error (&error);
  g_assert_cmpint (ivt_region_join (server->region, -1, -1, &error), ==, -1);
  g_assert_error (error, IVT_PLUGIN_ERROR, IVSHMEM_PLUGIN_DENIED);
  g_clear_error (&error);
  fd = ivt_region_join (server->region, OTHER_UID, OTHER_GID, &error);
  g_assert_no_error (error);
  close (fd);
}

static void
test_list_with_oneself (void)
{
  g_autofree char *uids = g_strdup_printf ("allow-uids=12345,%u", getuid ());
  g_autofree char *gids = g_strdup_printf ("allow-gids=%u", getgid ());
  g_autofree char *either = g_strdup_printf ("allow-uids=12345 allow-gids=%u,23456", getgid ());
  const char *options[] = { uids, gids, either };

  for (guint i = 0; i < G_N_ELEMENTS (options); i++)
    {
      g_autoptr (IvtServer) server = ivt_server_new (options[i]);

      ivt_server_join (server);
    }
}

static void
test_list_of_groups (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("allow-gids=23456");
  g_autoptr (GError) error = NULL;
  int fd = ivt_region_join (server->region, OTHER_UID, OTHER_GID, &error);

  g_assert_no_error (error);
  close (fd);
  connect_in_vain (server);
}

/* A group that it has besides its first one. */
static void
test_supplementary_group (void)
{
  g_autoptr (IvtServer) server = NULL;
  gid_t groups[] = { OTHER_GID };
  gid_t before[256];
  int n_before = getgroups (G_N_ELEMENTS (before), before);

  if (getuid () != 0 || setgroups (1, groups) < 0)
    {
      g_test_skip ("only root may give itself groups");
      return;
    }
  server = ivt_server_new ("allow-gids=23456");
  ivt_server_join (server);
  g_assert_cmpint (setgroups ((size_t) n_before, before), ==, 0);
}

static void
test_names_on_the_list (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("allow-uids=root allow-gids=root,daemon");
  g_autoptr (GError) error = NULL;
  int fd = ivt_region_join (server->region, 0, 99, &error);

  g_assert_no_error (error);
  close (fd);
}

static void
test_bad_lists (void)
{
  assert_fails ("allow-uids=no-such-user-here", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "no-such-user-here");
  assert_fails ("allow-gids=0,no-such-group", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "no-such-group");
  assert_fails ("allow-uids=", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "allow-uids");
  assert_fails ("allow-uids=0,,1", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "allow-uids");
  assert_fails ("allow-uids=-1", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "-1");
  assert_fails ("allow-uids=4294967295", IVSHMEM_PLUGIN_INVALID_ARGUMENT, "4294967295");
}

static void
test_max_peers (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("max-peers=3");

  for (guint i = 0; i < 3; i++)
    ivt_server_join (server);
  connect_in_vain (server);
  g_assert_cmpuint (server->region->n_joins, ==, 3);
  ivt_server_leave (server, g_ptr_array_index (server->clients, 0));
  ivt_server_join (server);
  connect_in_vain (server);
}

static gboolean
hangs (const IvtWireClient *client)
{
  GPollFD poll_fd = { .fd = client->fd, .events = G_IO_HUP };

  g_poll (&poll_fd, 1, 0);
  return (poll_fd.revents & G_IO_HUP) != 0;
}

/* A refused client sees the end, but no hang-up: a QEMU that will add the
 * device yet would drop the refusal with it. Only so many are kept. */
static void
test_refused_clients_are_not_hung_up_on (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("allow-uids=12345");
  IvtWireClient *first = connect_in_vain (server);

  for (guint i = 1; i < 64; i++)
    connect_in_vain (server);
  g_assert_false (hangs (first));
  connect_in_vain (server);
  g_assert_true (hangs (first));
  g_assert_false (hangs (g_ptr_array_index (server->clients, 1)));
  ivt_server_close (server, FALSE);
  g_assert_true (hangs (g_ptr_array_index (server->clients, 64)));
}

/* 900 / vectors. */
static void
test_default_max_peers (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=64");

  for (guint i = 0; i < 900 / 64; i++)
    ivt_server_join (server);
  connect_in_vain (server);
  g_assert_false (ivt_region_logged (server->region, "descriptors in each client"));
}

static void
test_large_max_peers_only_warns (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=64 max-peers=15");

  g_assert_true (ivt_region_logged (server->region, "descriptors in each client"));
  for (guint i = 0; i < 15; i++)
    ivt_server_join (server);
  connect_in_vain (server);
}

static void
test_descriptor_warning (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("vectors=2048 max-peers=1000");
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &limit), ==, 0);
  if (limit.rlim_cur > 2049 * 1000)
    g_test_skip ("this process may have more descriptors than the server can want");
  else
    g_assert_true (ivt_region_logged (server->region, "LimitNOFILE"));
}

/* Connected, but not taken in before the end: refused, not just closed. */
static void
test_waiting_clients_are_refused_at_the_end (void)
{
  g_autoptr (IvtServer) server = ivt_server_new ("");
  IvtWireClient *waiting[3];

  for (guint i = 0; i < G_N_ELEMENTS (waiting); i++)
    waiting[i] = ivt_server_connect (server);
  ivt_server_close (server, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (waiting); i++)
    {
      ivt_wire_client_read (waiting[i], G_MAXUINT);
      g_assert_true (waiting[i]->refused && waiting[i]->ended);
    }
}

static void
test_memory_that_the_host_refuses (void)
{
  g_autoptr (IvtServer) server = ivt_server_new_empty ();
  g_autoptr (GError) error = NULL;
  IvtRegion *region = ivt_region_create (server->host, "r", "", &error);

  region->refuse_memory = TRUE;
  while (!region->lost)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (region->lost_status, ==, IVSHMEM_PLUGIN_IO);
  g_assert_false (g_file_test (server->socket, G_FILE_TEST_EXISTS));
  ivt_region_close (region, FALSE);
}

#define ADD(path, test) g_test_add_func ("/doorbell-server/socket/" path, test)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("default", test_default);
  ADD ("no-runtime-directory", test_no_runtime_directory);
  ADD ("mode", test_mode);
  ADD ("owner", test_owner);
  ADD ("files-go-with-the-region", test_files_go_with_the_region);
  ADD ("foreign-file-stays", test_foreign_file_stays);
  ADD ("stale-socket-is-replaced", test_stale_socket_is_replaced);
  ADD ("living-socket-is-not-taken", test_living_socket_is_not_taken);
  ADD ("socket-of-another-kind-is-not-taken", test_socket_of_another_kind_is_not_taken);
  ADD ("two-servers", test_two_servers);
  ADD ("lock-of-others-is-respected", test_lock_of_others_is_respected);
  ADD ("long-path", test_long_path);
  ADD ("long-name", test_long_name);
  ADD ("bad-places", test_bad_places);
  ADD ("list-of-users", test_list_of_users);
  ADD ("list-with-oneself", test_list_with_oneself);
  ADD ("list-of-groups", test_list_of_groups);
  ADD ("supplementary-group", test_supplementary_group);
  ADD ("names-on-the-list", test_names_on_the_list);
  ADD ("bad-lists", test_bad_lists);
  ADD ("max-peers", test_max_peers);
  ADD ("refused-clients-are-not-hung-up-on", test_refused_clients_are_not_hung_up_on);
  ADD ("default-max-peers", test_default_max_peers);
  ADD ("large-max-peers-only-warns", test_large_max_peers_only_warns);
  ADD ("descriptor-warning", test_descriptor_warning);
  ADD ("waiting-clients-are-refused-at-the-end", test_waiting_clients_are_refused_at_the_end);
  ADD ("memory-that-the-host-refuses", test_memory_that_the_host_refuses);
  return g_test_run ();
}
