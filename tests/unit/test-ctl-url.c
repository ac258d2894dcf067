/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include <glib.h>

#include "ctl-error.h"
#include "ctl-url.h"

static void
test_good (void)
{
  static const struct
  {
    const char *text, *base, *socket_path;
  } cases[] = {
    { "http://127.0.0.1:8086", "http://127.0.0.1:8086", NULL },
    { "http://127.0.0.1:8086/", "http://127.0.0.1:8086", NULL },
    { "http://localhost", "http://localhost", NULL },
    { "https://host.example:443/shm//", "https://host.example:443/shm", NULL },
    { "http://[::1]:8086", "http://[::1]:8086", NULL },
    { "http://host.example/a%20b", "http://host.example/a%20b", NULL },
    { "unix:/run/ivshmemd/http.sock", "http://localhost", "/run/ivshmemd/http.sock" },
    { "unix:///run/http.sock", "http://localhost", "/run/http.sock" },
    { "unix:/tmp/100%25", "http://localhost", "/tmp/100%25" },
    { "http+unix:/tmp/a%20b", "http://localhost", "/tmp/a b" },
    { "http+unix://%2Ftmp%2Fa.sock", "http://localhost", "/tmp/a.sock" },
    { "http+unix://%2Ftmp%2Fa.sock/", "http://localhost", "/tmp/a.sock" },
    { "http+unix:///tmp/a.sock", "http://localhost", "/tmp/a.sock" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CtlUrl) url = ctl_url_parse (cases[i].text, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (url->base, ==, cases[i].base);
      g_assert_cmpstr (url->socket_path, ==, cases[i].socket_path);
      g_assert_cmpstr (url->text, ==, cases[i].text);
    }
}

static void
test_bad (void)
{
  static const struct
  {
    const char *text, *complaint;
  } cases[] = {
    { "", "" },
    { "127.0.0.1:8086", "http://HOST:PORT" },
    { "localhost:8086", "http://HOST:PORT" },
    { "ftp://host", "http://HOST:PORT" },
    { "http://", "host" },
    { "http://:8086", "host" },
    { "http://host:99999", "" },
    { "http://host:port", "" },
    { "http://user@host", "--token-file" },
    { "http://:secret@host", "--token-file" },
    { "http://host/?token=x", "may follow" },
    { "http://host/#login=x", "may follow" },
    { "unix:run/http.sock", "absolute" },
    { "unix:", "absolute" },
    { "http+unix:a", "absolute" },
    { "http+unix:/a%00b", "absolute" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (ctl_url_parse (cases[i].text, &error));
      g_assert_error (error, CTL_ERROR, CTL_ERROR_USAGE);
      g_assert_nonnull (strstr (error->message, cases[i].complaint));
    }
}

static void
test_longest_socket (void)
{
  g_autofree char *name = g_strnfill (106, 'a');
  g_autofree char *fits = g_strconcat ("unix:/", name, NULL);
  g_autofree char *too_long = g_strconcat (fits, "a", NULL);
  g_autoptr (CtlUrl) url = ctl_url_parse (fits, NULL);
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (url);
  g_assert_null (ctl_url_parse (too_long, &error));
  g_assert_error (error, CTL_ERROR, CTL_ERROR_USAGE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ctl/url/good", test_good);
  g_test_add_func ("/ctl/url/bad", test_bad);
  g_test_add_func ("/ctl/url/longest-socket", test_longest_socket);
  return g_test_run ();
}
