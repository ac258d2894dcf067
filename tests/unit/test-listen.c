/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "platform/ivd-listen-address.h"
#include "platform/ivd-listen-socket.h"
#include "platform/ivd-socket-peer.h"

#define ROOT 0
#define SOME_GROUP 41002
#define MODE_BITS 07777
/* Of sun_path, without its NUL. */
#define PATH_BYTES 107

/* A directory for the sockets of one test. */
typedef struct
{
  char *dir;
  char *path; /* DIR/s */
} Place;

static void
set_up (Place *place, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  place->dir = g_dir_make_tmp ("ivd-listen-XXXXXX", &error);
  g_assert_no_error (error);
  place->path = g_build_filename (place->dir, "s", NULL);
}

static void
tear_down (Place *place, gconstpointer data)
{
  /* Nothing may be left in it. */
  g_assert_no_errno (g_rmdir (place->dir));
  g_free (place->dir);
  g_free (place->path);
}

/* --- addresses --- */

static void
test_addresses (void)
{
  const struct
  {
    const char *text, *again;
    gboolean loopback;
  } good[] = {
    { "unix:/run/x/http.sock", "unix:/run/x/http.sock", TRUE },
    { "127.0.0.1:8086", "127.0.0.1:8086", TRUE },
    { "127.8.9.10:1", "127.8.9.10:1", TRUE },
    { "localhost:0", "127.0.0.1:0", TRUE },
    { "[::1]:65535", "[::1]:65535", TRUE },
    { "0.0.0.0:80", "0.0.0.0:80", FALSE },
    { "[::]:80", "[::]:80", FALSE },
    { "192.0.2.1:80", "192.0.2.1:80", FALSE },
    { "[2001:db8:0::1]:80", "[2001:db8::1]:80", FALSE },
    { "[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:80", FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (IvdListenAddress) address = ivd_listen_address_parse (good[i].text, &error);
      g_autofree char *again = NULL;

      g_assert_no_error (error);
      again = ivd_listen_address_format (address);
      g_assert_cmpstr (again, ==, good[i].again);
      g_assert_cmpint (address->loopback, ==, good[i].loopback);
      g_assert_cmpint (address->path != NULL, ==, g_str_has_prefix (good[i].text, IVD_LISTEN_UNIX_PREFIX));
      g_assert_cmpint (address->address != NULL, ==, address->path == NULL);
    }
}

static void
test_bad_addresses (void)
{
  const char *bad[] = {
    "",
    ":",
    ":80",
    "80",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:65536",
    "127.0.0.1:-1",
    "127.0.0.1:+1",
    "127.0.0.1:0x50",
    "127.0.0.1: 80",
    "127.0.0.1 :80",
    "127.1:80",
    "0127.0.0.1:80",
    "256.0.0.1:80",
    "::1:80",
    "::1",
    "[::1]",
    "[::1]80",
    "[::1:80",
    "::1]:80",
    "[]:80",
    "[[::1]]:80",
    "[127.0.0.1]:80",
    "[localhost]:80",
    "LOCALHOST:80",
    "localhost.:80",
    "example.org:80",
    "*:80",
    "http://127.0.0.1:80",
    "unix:",
    "unix:http.sock",
    "unix:/run/../x",
    "unix:/run//x",
    "unix:@abstract",
    "UNIX:/run/x",
    "/run/x",
    "127.0.0.1:80\x1b[0m",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", bad[i]);
      g_assert_null (ivd_listen_address_parse (bad[i], &error));
      g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
      g_assert_null (strchr (error->message, '\x1b'));
    }
}

static void
test_path_length (void)
{
  g_autofree char *tail = g_strnfill (PATH_BYTES - 1, 'x');
  g_autofree char *longest = g_strconcat ("unix:/", tail, NULL);
  g_autofree char *too_long = g_strconcat (longest, "x", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdListenAddress) address = ivd_listen_address_parse (longest, &error);

  g_assert_no_error (error);
  g_assert_null (ivd_listen_address_parse (too_long, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
}

/* --- listening --- */

static GSocket *
connect_to (GSocketAddress *address)
{
  g_autoptr (GError) error = NULL;
  GSocket *client = g_socket_new (g_socket_address_get_family (address), G_SOCKET_TYPE_STREAM,
                                  G_SOCKET_PROTOCOL_DEFAULT, &error);

  g_assert_no_error (error);
  g_socket_connect (client, address, NULL, &error);
  g_assert_no_error (error);
  return client;
}

/* It takes connections, does not wait for them, and no child gets it. */
static void
assert_listens (IvdListenSocket *listener)
{
  GSocket *socket = ivd_listen_socket_get_socket (listener);
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (socket, &error);
  g_autoptr (GSocket) client = NULL;
  g_autoptr (GSocket) served = NULL;
  int flags = fcntl (g_socket_get_fd (socket), F_GETFL);

  g_assert_cmpint (fcntl (g_socket_get_fd (socket), F_GETFD) & FD_CLOEXEC, !=, 0);
  g_assert_cmpint (flags & O_NONBLOCK, !=, 0);
  g_assert_null (g_socket_accept (socket, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  g_clear_error (&error);
  client = connect_to (address);
  served = g_socket_accept (socket, NULL, &error);
  g_assert_no_error (error);
}

/* Who only wanted to know whether somebody listens. */
static void
drop_one (IvdListenSocket *listener)
{
  g_autoptr (GSocket) served = g_socket_accept (ivd_listen_socket_get_socket (listener), NULL, NULL);

  g_assert_nonnull (served);
}

static mode_t
mode_of (const char *path)
{
  struct stat file;

  g_assert_no_errno (lstat (path, &file));
  return file.st_mode & MODE_BITS;
}

static void
test_unix (Place *place, gconstpointer data)
{
  g_autofree char *text = g_strconcat ("unix:", place->path, NULL);
  g_autoptr (GError) error = NULL;
  mode_t mask = umask (0077);
  IvdListenSocket *listener = ivd_listen_socket_new_unix (place->path, 0666, -1, &error);
  g_autofree char *url = NULL;
  struct stat file;

  umask (mask);
  g_assert_no_error (error);
  g_assert_true (ivd_listen_socket_is_unix (listener));
  g_assert_true (ivd_listen_socket_is_loopback (listener));
  g_assert_cmpstr (ivd_listen_socket_get_address (listener), ==, text);
  url = ivd_listen_socket_dup_url (listener, TRUE);
  g_assert_cmpstr (url, ==, text);
  /* As it was said, whatever the umask. */
  g_assert_cmpuint (mode_of (place->path), ==, 0666);
  assert_listens (listener);
  ivd_listen_socket_free (listener);
  g_assert_cmpint (lstat (place->path, &file), <, 0);
}

static void
test_unix_permissions (Place *place, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  mode_t mask = umask (0);
  gint64 gid = geteuid () == ROOT ? SOME_GROUP : (gint64) getegid ();
  g_autoptr (IvdListenSocket) listener = ivd_listen_socket_new_unix (place->path, 0660, gid, &error);
  struct stat file;

  umask (mask);
  g_assert_no_error (error);
  g_assert_cmpuint (mode_of (place->path), ==, 0660);
  g_assert_no_errno (lstat (place->path, &file));
  g_assert_cmpint (file.st_gid, ==, gid);
}

/* What a daemon left that did not end well. */
static void
test_unix_stale (Place *place, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (place->path);
  g_autoptr (GSocket) dead = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, 0, &error);
  g_autoptr (IvdListenSocket) listener = NULL;

  g_assert_true (g_socket_bind (dead, address, FALSE, &error));
  g_assert_true (g_socket_listen (dead, &error));
  g_assert_true (g_socket_close (dead, &error));
  listener = ivd_listen_socket_new_unix (place->path, 0600, -1, &error);
  g_assert_no_error (error);
  assert_listens (listener);
}

static void
assert_unix_fails (const char *path, gint code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (ivd_listen_socket_new_unix (path, 0600, -1, &error));
  g_assert_error (error, IVD_ERROR, code);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, path));
}

static void
test_unix_taken (Place *place, gconstpointer data)
{
  g_autofree char *missing = g_build_filename (place->dir, "none", "s", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdListenSocket) listener = ivd_listen_socket_new_unix (place->path, 0600, -1, &error);

  g_assert_no_error (error);
  assert_unix_fails (place->path, IVD_ERROR_BUSY);
  drop_one (listener);
  assert_listens (listener);
  g_clear_pointer (&listener, ivd_listen_socket_free);

  g_assert_true (g_file_set_contents (place->path, "precious", -1, &error));
  assert_unix_fails (place->path, IVD_ERROR_EXISTS);
  g_assert_no_errno (g_unlink (place->path));

  g_assert_no_errno (symlink ("/nonexistent", place->path));
  assert_unix_fails (place->path, IVD_ERROR_EXISTS);
  g_assert_no_errno (g_unlink (place->path));

  assert_unix_fails (missing, IVD_ERROR_NOT_FOUND);
}

/* Somebody else's is not removed with ours. */
static void
test_unix_replaced (Place *place, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  IvdListenSocket *first = ivd_listen_socket_new_unix (place->path, 0600, -1, &error);
  g_autoptr (IvdListenSocket) second = NULL;

  g_assert_no_error (error);
  g_assert_no_errno (g_unlink (place->path));
  second = ivd_listen_socket_new_unix (place->path, 0600, -1, &error);
  g_assert_no_error (error);
  ivd_listen_socket_free (first);
  assert_listens (second);
}

static IvdListenSocket *
listen_tcp (const char *text, GError **error)
{
  g_autoptr (IvdListenAddress) address = ivd_listen_address_parse (text, NULL);

  return ivd_listen_socket_new_tcp (G_INET_SOCKET_ADDRESS (address->address), error);
}

static void
test_tcp (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdListenSocket) listener = listen_tcp ("127.0.0.1:0", &error);
  g_autofree char *plain = NULL;
  g_autofree char *secure = NULL;
  const char *address;

  g_assert_no_error (error);
  address = ivd_listen_socket_get_address (listener);
  g_assert_true (g_str_has_prefix (address, "127.0.0.1:"));
  g_assert_cmpstr (address, !=, "127.0.0.1:0");
  plain = ivd_listen_socket_dup_url (listener, FALSE);
  secure = ivd_listen_socket_dup_url (listener, TRUE);
  g_assert_cmpstr (plain + strlen ("http://"), ==, address);
  g_assert_cmpstr (secure + strlen ("https://"), ==, address);
  g_assert_false (ivd_listen_socket_is_unix (listener));
  g_assert_true (ivd_listen_socket_is_loopback (listener));
  assert_listens (listener);
  /* Not twice, but again at once, although the connection of just now lingers. */
  {
    g_autofree char *text = g_strdup (address);
    g_autoptr (IvdListenSocket) again = listen_tcp (text, &error);

    g_assert_null (again);
    g_assert_error (error, IVD_ERROR, IVD_ERROR_BUSY);
    g_assert_nonnull (strstr (error->message, text));
    g_clear_error (&error);
    g_clear_pointer (&listener, ivd_listen_socket_free);
    again = listen_tcp (text, &error);
    g_assert_no_error (error);
    assert_listens (again);
  }
}

/* One port for both families, each with its own socket. */
/* What the kernel lets wait to be accepted: our limit, or its own. */
static void
test_backlog (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdListenSocket) listener = listen_tcp ("127.0.0.1:0", &error);
  g_autofree char *text = NULL;
  struct tcp_info info;
  socklen_t length = sizeof info;
  int fd;

  g_assert_no_error (error);
  g_assert_true (g_file_get_contents ("/proc/sys/net/core/somaxconn", &text, NULL, &error));
  fd = g_socket_get_fd (ivd_listen_socket_get_socket (listener));
  g_assert_no_errno (getsockopt (fd, IPPROTO_TCP, TCP_INFO, &info, &length));
  g_assert_cmpuint (info.tcpi_sacked, ==, MIN (IVD_LIMIT_LISTEN_BACKLOG, g_ascii_strtoull (text, NULL, 10)));
}

static void
test_tcp_families (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdListenSocket) v6 = listen_tcp ("[::]:0", &error);
  g_autoptr (IvdListenSocket) v4 = NULL;
  g_autofree char *text = NULL;

  if (v6 == NULL)
    {
      g_test_skip ("this machine has no IPv6");
      return;
    }
  g_assert_false (ivd_listen_socket_is_loopback (v6));
  text = g_strconcat ("0.0.0.0:", ivd_listen_socket_get_address (v6) + strlen ("[::]:"), NULL);
  v4 = listen_tcp (text, &error);
  g_assert_no_error (error);
  g_assert_false (ivd_listen_socket_is_loopback (v4));
  assert_listens (v4);
  assert_listens (v6);
}

static void
assert_fd_fails (int take_fd)
{
  g_autoptr (GError) error = NULL;
  int probe = fcntl (take_fd, F_DUPFD_CLOEXEC, 0);

  g_assert_null (ivd_listen_socket_new_for_fd (take_fd, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  g_test_message ("%s", error->message);
  /* It was closed. */
  g_assert_cmpint (fcntl (take_fd, F_GETFD), <, 0);
  if (probe >= 0)
    close (probe);
}

static void
test_passed (Place *place, gconstpointer data)
{
  g_autofree char *text = g_strconcat ("unix:", place->path, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdListenSocket) made = ivd_listen_socket_new_unix (place->path, 0600, -1, &error);
  g_autoptr (IvdListenSocket) tcp = listen_tcp ("127.0.0.1:0", &error);
  g_autoptr (IvdListenSocket) passed = NULL;
  g_autoptr (IvdListenSocket) passed_tcp = NULL;
  int pair[2];

  passed = ivd_listen_socket_new_for_fd (dup (g_socket_get_fd (ivd_listen_socket_get_socket (made))), &error);
  g_assert_no_error (error);
  g_assert_cmpstr (ivd_listen_socket_get_address (passed), ==, text);
  g_assert_true (ivd_listen_socket_is_unix (passed));
  passed_tcp = ivd_listen_socket_new_for_fd (dup (g_socket_get_fd (ivd_listen_socket_get_socket (tcp))), &error);
  g_assert_no_error (error);
  g_assert_cmpstr (ivd_listen_socket_get_address (passed_tcp), ==, ivd_listen_socket_get_address (tcp));
  g_assert_true (ivd_listen_socket_is_loopback (passed_tcp));
  /* The file is of who made it. */
  g_clear_pointer (&passed, ivd_listen_socket_free);
  assert_listens (made);

  assert_fd_fails (open ("/dev/null", O_RDONLY | O_CLOEXEC));
  assert_fd_fails (socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  assert_fd_fails (socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  g_assert_no_errno (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
  assert_fd_fails (pair[0]);
  close (pair[1]);
}

/* --- who connects --- */

static void
test_peer (Place *place, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdListenSocket) listener = ivd_listen_socket_new_unix (place->path, 0600, -1, &error);
  g_autoptr (GSocketAddress) address = g_unix_socket_address_new (place->path);
  g_autoptr (GSocket) client = connect_to (address);
  g_autoptr (GSocket) served = g_socket_accept (ivd_listen_socket_get_socket (listener), NULL, &error);
  g_auto (IvdSocketPeer) peer = { 0 };
  int n_groups = getgroups (0, NULL);
  g_autofree gid_t *groups = g_new0 (gid_t, (gsize) n_groups);

  g_assert_no_error (error);
  g_assert_true (ivd_socket_peer_read (served, &peer, &error));
  g_assert_no_error (error);
  g_assert_cmpint (peer.pid, ==, getpid ());
  g_assert_cmpint (peer.uid, ==, geteuid ());
  g_assert_cmpint (peer.gid, ==, getegid ());
  g_assert_cmpint (getgroups (n_groups, groups), ==, n_groups);
  g_assert_cmpmem (peer.groups, peer.n_groups * sizeof peer.groups[0], groups, (gsize) n_groups * sizeof groups[0]);
}

static void
test_peer_of_tcp (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdListenSocket) listener = listen_tcp ("127.0.0.1:0", &error);
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (ivd_listen_socket_get_socket (listener), &error);
  g_autoptr (GSocket) client = connect_to (address);
  g_auto (IvdSocketPeer) peer = { 0 };
  gboolean known = ivd_socket_peer_read (client, &peer, &error);

  /* Nobody vouches for who is at the other end: never root by mistake. */
  g_assert_true (!known || peer.uid < 0 || (guint32) peer.uid == G_MAXUINT32);
  g_assert_cmpuint (peer.n_groups, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/listen/addresses", test_addresses);
  g_test_add_func ("/ivd/listen/bad-addresses", test_bad_addresses);
  g_test_add_func ("/ivd/listen/path-length", test_path_length);
  g_test_add ("/ivd/listen/unix", Place, NULL, set_up, test_unix, tear_down);
  g_test_add ("/ivd/listen/unix-permissions", Place, NULL, set_up, test_unix_permissions, tear_down);
  g_test_add ("/ivd/listen/unix-stale", Place, NULL, set_up, test_unix_stale, tear_down);
  g_test_add ("/ivd/listen/unix-taken", Place, NULL, set_up, test_unix_taken, tear_down);
  g_test_add ("/ivd/listen/unix-replaced", Place, NULL, set_up, test_unix_replaced, tear_down);
  g_test_add_func ("/ivd/listen/tcp", test_tcp);
  g_test_add_func ("/ivd/listen/backlog", test_backlog);
  g_test_add_func ("/ivd/listen/tcp-families", test_tcp_families);
  g_test_add ("/ivd/listen/passed", Place, NULL, set_up, test_passed, tear_down);
  g_test_add ("/ivd/listen/peer", Place, NULL, set_up, test_peer, tear_down);
  g_test_add_func ("/ivd/listen/peer-of-tcp", test_peer_of_tcp);
  return g_test_run ();
}
