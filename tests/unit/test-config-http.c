/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "config/ivd-config.h"
#include "export/ivd-http-listeners.h"

/* What [http] and --http come to; texts that are no good are under
 * tests/data/configs/bad. */

#define HEX "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
/* Where passed descriptors begin. */
#define PASSED_FIRST 3
#define PASSED_COUNT 2
#define OTHER_HEX "0000000000000000000000000000000000000000000000000000000000000001"

typedef struct
{
  char *dir; /* also the runtime directory */
  char *file;
} Place;

static void
set_up (Place *place, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  place->dir = g_dir_make_tmp ("ivd-http-XXXXXX", &error);
  g_assert_no_error (error);
  place->file = g_build_filename (place->dir, "main.conf", NULL);
}

static void
tear_down (Place *place, gconstpointer data)
{
  g_autoptr (GDir) dir = g_dir_open (place->dir, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (place->dir, name, NULL);

      g_assert_no_errno (g_unlink (path));
    }
  g_assert_no_errno (g_rmdir (place->dir));
  g_free (place->dir);
  g_free (place->file);
}

static char *
write_file (const Place *place, const char *name, const char *text)
{
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (place->dir, name, NULL);

  g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error);
  g_assert_no_error (error);
  return path;
}

static IvdConfig *
load (const Place *place, const char *text, const char *const *listen, GError **error)
{
  g_autofree char *path = write_file (place, "main.conf", text);
  const IvdConfigSource source = { .file = path,
                                   .directory = "/nonexistent",
                                   .directory_may_miss = TRUE,
                                   .runtime_dir = place->dir,
                                   .http_listen = listen };

  return ivd_config_load (&source, error);
}

static IvdConfig *
load_good (const Place *place, const char *text, const char *const *listen)
{
  g_autoptr (GError) error = NULL;
  IvdConfig *config = load (place, text, listen, &error);

  g_assert_no_error (error);
  return config;
}

static void
assert_bad (const Place *place, const char *text, const char *const *listen, gint code, const char *expected)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (load (place, text, listen, &error));
  g_assert_error (error, IVD_ERROR, code);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, expected));
}

static char *
describe (const IvdConfigHttp *http)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < http->listen->len; i++)
    {
      g_autofree char *address = ivd_listen_address_format (g_ptr_array_index (http->listen, i));

      g_string_append_printf (text, "%s%s", i > 0 ? " " : "", address);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
test_defaults (Place *place, gconstpointer data)
{
  g_autoptr (IvdConfig) config = load_good (place, "", NULL);
  const IvdConfigHttp *http = ivd_config_get_http (config);
  g_autofree char *socket = g_build_filename (place->dir, "http.sock", NULL);

  g_assert_true (http->enabled);
  g_assert_cmpuint (http->listen->len, ==, 0);
  g_assert_cmpstr (http->default_path, ==, socket);
  g_assert_cmpuint (http->socket_mode, ==, 0660);
  g_assert_cmpint (http->socket_gid, ==, -1);
  g_assert_false (http->insecure);
  g_assert_true (http->sessions);
  g_assert_null (http->allowed_hosts);
  g_assert_null (http->certificate);
  g_assert_cmpuint (ivd_tokens_count (http->tokens), ==, 0);
}

static void
test_everything (Place *place, gconstpointer data)
{
  g_autofree char *first = write_file (place, "a", "ci sha256:" HEX " viewer\n");
  g_autofree char *second = write_file (place, "b", "web sha256:" OTHER_HEX " admin\n");
  g_autofree char *text = g_strdup_printf ("[http]\nlisten=unix:/x/s, 127.0.0.1:1 ,0.0.0.0:2\nsocket-mode=600\n"
                                           "socket-group=0\ntokens=%s:%s\ninsecure=true\n"
                                           "allowed-hosts=A.example.org, b\nsessions=false\n",
                                           first, second);
  g_autoptr (IvdConfig) config = load_good (place, text, NULL);
  const IvdConfigHttp *http = ivd_config_get_http (config);
  g_autofree char *listen = describe (http);
  const char *const hosts[] = { "a.example.org", "b", NULL };

  g_assert_cmpstr (listen, ==, "unix:/x/s 127.0.0.1:1 0.0.0.0:2");
  g_assert_cmpuint (http->socket_mode, ==, 0600);
  g_assert_cmpint (http->socket_gid, ==, 0);
  g_assert_true (http->insecure);
  g_assert_false (http->sessions);
  g_assert_cmpstrv (http->allowed_hosts, hosts);
  g_assert_cmpuint (ivd_tokens_count (http->tokens), ==, 2);
}

static void
test_override (Place *place, gconstpointer data)
{
  const char *const two[] = { "unix:/x/t", "[::1]:3", NULL };
  const char *const none[] = { "none", NULL };
  const char *const none_and_more[] = { "none", "127.0.0.1:1", NULL };
  const char *const open[] = { "0.0.0.0:80", NULL };
  const char *const twice[] = { "127.0.0.1:1", "127.0.0.1:1", NULL };
  g_autoptr (IvdConfig) replaced = load_good (place, "[http]\nenabled=false\nlisten=0.0.0.0:1", two);
  g_autoptr (IvdConfig) off = load_good (place, "[http]\nlisten=127.0.0.1:1", none);
  g_autofree char *listen = describe (ivd_config_get_http (replaced));

  g_assert_true (ivd_config_get_http (replaced)->enabled);
  g_assert_cmpstr (listen, ==, "unix:/x/t [::1]:3");
  g_assert_false (ivd_config_get_http (off)->enabled);
  assert_bad (place, "", none_and_more, IVD_ERROR_INVALID_ARGUMENT, "--http: 'none' is no address");
  assert_bad (place, "", twice, IVD_ERROR_INVALID_ARGUMENT, "--http: '127.0.0.1:1' is there twice");
  assert_bad (place, "", open, IVD_ERROR_INVALID_ARGUMENT, "--http: other machines can reach 0.0.0.0:80");
}

/* Of port 0 each is another one. */
static void
test_any_port (Place *place, gconstpointer data)
{
  const char *const two[] = { "127.0.0.1:0", "127.0.0.1:0", NULL };
  g_autoptr (IvdConfig) config = load_good (place, "", two);

  g_assert_cmpuint (ivd_config_get_http (config)->listen->len, ==, 2);
}

static char *
repeat (const char *format, guint n)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < n; i++)
    {
      g_auto (GStrv) around = g_strsplit (format, "#", 2);

      g_string_append_printf (text, "%s%s%u%s", i > 0 ? "," : "", around[0], i + 1, around[1]);
    }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
assert_limit (const Place *place, const char *key, const char *format, guint limit)
{
  g_autofree char *most = repeat (format, limit);
  g_autofree char *more = repeat (format, limit + 1);
  g_autofree char *good = g_strdup_printf ("[http]\n%s=%s", key, most);
  g_autofree char *bad = g_strdup_printf ("[http]\n%s=%s", key, more);
  g_autofree char *expected = g_strdup_printf ("at most %u", limit);
  g_autoptr (IvdConfig) config = load_good (place, good, NULL);

  assert_bad (place, bad, NULL, IVD_ERROR_INVALID_ARGUMENT, expected);
}

static void
test_limits (Place *place, gconstpointer data)
{
  g_autofree char *host = g_strnfill (IVD_LIMIT_HTTP_HOST_BYTES, 'x');
  g_autofree char *good = g_strdup_printf ("[http]\nallowed-hosts=%s", host);
  g_autofree char *bad = g_strconcat (good, "x", NULL);
  g_autoptr (IvdConfig) config = load_good (place, good, NULL);

  assert_bad (place, bad, NULL, IVD_ERROR_INVALID_ARGUMENT, "is no name of a host");
  assert_limit (place, "listen", "127.0.0.1:#", IVD_LIMIT_HTTP_ADDRESSES);
  assert_limit (place, "allowed-hosts", "h#", IVD_LIMIT_HTTP_HOSTS);
}

static void
test_token_files (Place *place, gconstpointer data)
{
  g_autofree char *path = write_file (place, "t", "ci sha256:" HEX " viewer\nci viewer\n");
  g_autofree char *text = g_strdup_printf ("[http]\ntokens=%s", path);
  g_autofree char *off = g_strconcat (text, "\nenabled=false", NULL);
  g_autofree char *expected = g_strdup_printf ("main.conf:2: tokens: %s:2: 2 words are no token", path);
  g_autoptr (IvdConfig) unused = load_good (place, off, NULL);

  assert_bad (place, text, NULL, IVD_ERROR_INVALID_ARGUMENT, expected);
  assert_bad (place, "[http]\ntokens=/nonexistent/t", NULL, IVD_ERROR_NOT_FOUND, "main.conf:2: tokens: cannot open");
  g_assert_no_errno (chmod (path, 0622));
  assert_bad (place, text, NULL, IVD_ERROR_DENIED, "chmod go-w");
}

static void
test_credential (Place *place, gconstpointer data)
{
  g_autofree char *path = write_file (place, "ivshmemd.tokens", "ci sha256:" HEX " viewer\n");
  g_autoptr (IvdConfig) config = NULL;

  g_setenv ("CREDENTIALS_DIRECTORY", place->dir, TRUE);
  config = load_good (place, "", NULL);
  g_assert_cmpuint (ivd_tokens_count (ivd_config_get_http (config)->tokens), ==, 1);
  g_assert_no_errno (g_unlink (path));
  g_free (write_file (place, "ivshmemd.tokens", "ci\n"));
  assert_bad (place, "", NULL, IVD_ERROR_INVALID_ARGUMENT, "credential ivshmemd.tokens: ");
  g_unsetenv ("CREDENTIALS_DIRECTORY");
}

static void
test_certificate_files (Place *place, gconstpointer data)
{
  g_autofree char *there = write_file (place, "there", "");
  g_autofree char *certificate = g_strdup_printf ("[http]\ntls-certificate=%s\ntls-key=/nonexistent/k", there);
  g_autofree char *key = g_strdup_printf ("[http]\ntls-certificate=/nonexistent/c\ntls-key=%s", there);

  assert_bad (place, certificate, NULL, IVD_ERROR_NOT_FOUND, "main.conf:3: tls-key: cannot open /nonexistent/k");
  assert_bad (place, key, NULL, IVD_ERROR_NOT_FOUND, "main.conf:2: tls-certificate: cannot open /nonexistent/c");
}

/* --- the sockets --- */

static GPtrArray *
open_sockets (IvdConfig *config, GError **error)
{
  g_autoptr (IvdListenFds) passed = ivd_listen_fds_new ();

  return ivd_http_listeners_open (ivd_config_get_http (config), passed, error);
}

static void
test_default_socket (Place *place, gconstpointer data)
{
  g_autoptr (IvdConfig) config = load_good (place, "", NULL);
  g_autoptr (IvdConfig) off = load_good (place, "[http]\nenabled=false", NULL);
  g_autofree char *address = g_strconcat ("unix:", place->dir, "/http.sock", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) sockets = open_sockets (config, &error);
  g_autoptr (GPtrArray) again = NULL;
  g_autoptr (GPtrArray) none = NULL;

  g_assert_no_error (error);
  g_assert_cmpuint (sockets->len, ==, 1);
  g_assert_cmpstr (ivd_listen_socket_get_address (g_ptr_array_index (sockets, 0)), ==, address);
  /* A second daemon does without. */
  again = open_sockets (config, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (again->len, ==, 0);
  none = open_sockets (off, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (none->len, ==, 0);
}

static void
test_listed_sockets (Place *place, gconstpointer data)
{
  g_autofree char *path = g_build_filename (place->dir, "s", NULL);
  g_autofree char *text = g_strdup_printf ("[http]\nlisten=unix:%s,127.0.0.1:0", path);
  g_autoptr (IvdConfig) config = load_good (place, text, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) sockets = open_sockets (config, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (sockets->len, ==, 2);
  /* What was asked for must be had. */
  g_assert_null (open_sockets (config, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_BUSY);
  g_assert_nonnull (strstr (error->message, "main.conf:2: listen: "));
}

/* --- sockets that the service manager passes; in a process of their own, for
 * the descriptors have fixed numbers --- */

static void
run_passed (const char *mode)
{
  const gboolean open = strcmp (mode, "open") == 0;
  g_autoptr (IvdConfig) config = NULL;
  g_autoptr (IvdListenFds) passed = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) sockets = NULL;
  Place place = { 0 };

  g_setenv ("LISTEN_PID", g_getenv ("IVT_PID"), TRUE);
  set_up (&place, NULL);
  config = load_good (&place, g_getenv ("IVT_CONFIG"), NULL);
  passed = ivd_listen_fds_new ();
  g_assert_null (g_getenv ("LISTEN_FDS"));
  sockets = ivd_http_listeners_open (ivd_config_get_http (config), passed, &error);
  if (open)
    {
      g_assert_error (error, IVD_ERROR, IVD_ERROR_DENIED);
      g_assert_nonnull (strstr (error->message, "insecure=true"));
    }
  else
    {
      g_assert_no_error (error);
      g_assert_cmpuint (sockets->len, ==, 1);
      g_assert_cmpstr (ivd_listen_fds_peek_left (passed), ==, "other");
    }
  tear_down (&place, NULL);
}

#if IVD_WITH_SYSTEMD
static IvdListenSocket *
listen_any (const char *text)
{
  g_autoptr (IvdListenAddress) address = ivd_listen_address_parse (text, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdListenSocket) listener = ivd_listen_socket_new_tcp (G_INET_SOCKET_ADDRESS (address->address), &error);

  g_assert_no_error (error);
  return g_steal_pointer (&listener);
}

static int
fd_of (IvdListenSocket *listener)
{
  return g_socket_get_fd (ivd_listen_socket_get_socket (listener));
}

/* Out of the way of the fixed numbers. */
static int
move_away (int fd)
{
  return fcntl (fd, F_DUPFD, PASSED_FIRST + PASSED_COUNT);
}

/* "listed": the config has the same address. */
static void
test_passed (gconstpointer data)
{
  const char *mode = data;
  g_autoptr (IvdListenSocket) http = listen_any (strcmp (mode, "open") == 0 ? "0.0.0.0:0" : "127.0.0.1:0");
  g_autoptr (IvdListenSocket) other = listen_any ("127.0.0.1:0");
  g_autofree char *config = g_strdup_printf ("[http]\n%s%s", strcmp (mode, "listed") == 0 ? "listen=" : "#",
                                             ivd_listen_socket_get_address (http));
  int status;
  pid_t child = fork ();

  if (child == 0)
    {
      g_autofree char *pid = g_strdup_printf ("%d", (int) getpid ());
      int first = move_away (fd_of (http));
      int second = move_away (fd_of (other));

      dup2 (first, PASSED_FIRST);
      dup2 (second, PASSED_FIRST + 1);
      g_setenv ("IVT_PID", pid, TRUE);
      g_setenv ("IVT_CONFIG", config, TRUE);
      g_setenv ("LISTEN_FDS", "2", TRUE);
      g_setenv ("LISTEN_FDNAMES", "http:other", TRUE);
      execl ("/proc/self/exe", "test-config-http", "--passed", mode, NULL);
      _exit (EXIT_FAILURE);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
}
#endif

int
main (int argc, char **argv)
{
  if (argc == 3 && strcmp (argv[1], "--passed") == 0)
    {
      run_passed (argv[2]);
      return 0;
    }
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/ivd/config-http/defaults", Place, NULL, set_up, test_defaults, tear_down);
  g_test_add ("/ivd/config-http/everything", Place, NULL, set_up, test_everything, tear_down);
  g_test_add ("/ivd/config-http/override", Place, NULL, set_up, test_override, tear_down);
  g_test_add ("/ivd/config-http/any-port", Place, NULL, set_up, test_any_port, tear_down);
  g_test_add ("/ivd/config-http/limits", Place, NULL, set_up, test_limits, tear_down);
  g_test_add ("/ivd/config-http/token-files", Place, NULL, set_up, test_token_files, tear_down);
  g_test_add ("/ivd/config-http/credential", Place, NULL, set_up, test_credential, tear_down);
  g_test_add ("/ivd/config-http/certificate-files", Place, NULL, set_up, test_certificate_files, tear_down);
  g_test_add ("/ivd/config-http/default-socket", Place, NULL, set_up, test_default_socket, tear_down);
  g_test_add ("/ivd/config-http/listed-sockets", Place, NULL, set_up, test_listed_sockets, tear_down);
#if IVD_WITH_SYSTEMD
  g_test_add_data_func ("/ivd/config-http/passed", "loopback", test_passed);
  g_test_add_data_func ("/ivd/config-http/passed-listed", "listed", test_passed);
  g_test_add_data_func ("/ivd/config-http/passed-open", "open", test_passed);
#endif
  return g_test_run ();
}
