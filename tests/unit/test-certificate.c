/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "platform/ivd-certificate.h"

#define RSA "rsa:2048"
#define EC "ec:prime256v1"

/* A directory with certificates that openssl made: NAME.pem and NAME-key.pem. */
typedef struct
{
  char *dir;
} Place;

static char *
path_of (const Place *place, const char *name)
{
  return g_build_filename (place->dir, name, NULL);
}

static void
make (const Place *place, const char *name, const char *kind)
{
  gboolean is_ec = g_str_has_prefix (kind, "ec:");
  g_autofree char *key_name = g_strconcat (name, "-key.pem", NULL);
  g_autofree char *certificate_name = g_strconcat (name, ".pem", NULL);
  g_autofree char *key = path_of (place, key_name);
  g_autofree char *certificate = path_of (place, certificate_name);
  const char *arguments[] = { "openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                              "-keyout", key, "-out", certificate, "-newkey", is_ec ? "ec" : kind,
                              is_ec ? "-pkeyopt" : NULL, "ec_paramgen_curve:prime256v1", NULL };
  g_autoptr (GError) error = NULL;
  int status;

  g_spawn_sync (NULL, (char **) arguments, NULL,
                G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL,
                NULL, &status, &error);
  g_assert_no_error (error);
  g_assert_cmpint (status, ==, 0);
}

static void
set_up (Place *place, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  place->dir = g_dir_make_tmp ("ivd-certificate-XXXXXX", &error);
  g_assert_no_error (error);
}

static void
tear_down (Place *place, gconstpointer data)
{
  g_autoptr (GDir) dir = g_dir_open (place->dir, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = path_of (place, name);

      g_assert_no_errno (g_unlink (path));
    }
  g_assert_no_errno (g_rmdir (place->dir));
  g_free (place->dir);
}

static GTlsCertificate *
load (const Place *place, const char *certificate_name, const char *key_name, GError **error)
{
  g_autofree char *certificate = path_of (place, certificate_name);
  g_autofree char *key = path_of (place, key_name);

  return ivd_certificate_load (certificate, key, error);
}

static void
assert_bad (const Place *place, const char *certificate, const char *key, gint code, const char *expected)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (load (place, certificate, key, &error));
  g_assert_error (error, IVD_ERROR, code);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, expected));
  g_assert_nonnull (strstr (error->message, place->dir));
}

static void
append (const Place *place, const char *from, const char *to)
{
  g_autofree char *source = path_of (place, from);
  g_autofree char *target = path_of (place, to);
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  g_autofree char *both = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (g_file_get_contents (target, &first, NULL, &error));
  g_assert_true (g_file_get_contents (source, &second, NULL, &error));
  both = g_strconcat (first, second, NULL);
  g_assert_true (g_file_set_contents (target, both, -1, &error));
}

static void
test_good (Place *place, gconstpointer data)
{
  g_autoptr (GTlsCertificate) rsa = NULL;
  g_autoptr (GTlsCertificate) ec = NULL;
  g_autoptr (GTlsCertificate) one_file = NULL;
  g_autoptr (GError) error = NULL;

  make (place, "rsa", RSA);
  make (place, "ec", EC);
  rsa = load (place, "rsa.pem", "rsa-key.pem", &error);
  g_assert_no_error (error);
  ec = load (place, "ec.pem", "ec-key.pem", &error);
  g_assert_no_error (error);
  append (place, "ec-key.pem", "ec.pem");
  one_file = load (place, "ec.pem", "ec.pem", &error);
  g_assert_no_error (error);
  g_assert_true (g_tls_certificate_is_same (ec, one_file));
}

/* GIO takes each of these; only a handshake shows that they do not fit. */
static void
test_mismatch (Place *place, gconstpointer data)
{
  make (place, "a", RSA);
  make (place, "b", RSA);
  make (place, "c", EC);
  make (place, "d", EC);
  assert_bad (place, "a.pem", "b-key.pem", IVD_ERROR_INVALID_ARGUMENT, "do not belong together");
  assert_bad (place, "a.pem", "c-key.pem", IVD_ERROR_INVALID_ARGUMENT, "do not belong together");
  assert_bad (place, "c.pem", "d-key.pem", IVD_ERROR_INVALID_ARGUMENT, "do not belong together");
}

static void
test_files (Place *place, gconstpointer data)
{
  g_autofree char *empty = path_of (place, "empty");
  g_autofree char *big = path_of (place, "big");
  g_autofree char *blanks = g_strnfill (IVD_LIMIT_CERTIFICATE_FILE_BYTES + 1, '\n');
  g_autoptr (GError) error = NULL;

  make (place, "a", EC);
  g_assert_true (g_file_set_contents (empty, "", 0, &error));
  g_assert_true (g_file_set_contents (big, blanks, IVD_LIMIT_CERTIFICATE_FILE_BYTES, &error));
  assert_bad (place, "none", "a-key.pem", IVD_ERROR_NOT_FOUND, "none");
  assert_bad (place, "a.pem", "none", IVD_ERROR_NOT_FOUND, "none");
  assert_bad (place, "empty", "a-key.pem", IVD_ERROR_INVALID_ARGUMENT, "no certificate to serve with");
  assert_bad (place, "a.pem", "empty", IVD_ERROR_INVALID_ARGUMENT, "no certificate to serve with");
  assert_bad (place, "a-key.pem", "a.pem", IVD_ERROR_INVALID_ARGUMENT, "no certificate to serve with");
  assert_bad (place, "big", "a-key.pem", IVD_ERROR_INVALID_ARGUMENT, "no certificate to serve with");
  g_assert_true (g_file_set_contents (big, blanks, IVD_LIMIT_CERTIFICATE_FILE_BYTES + 1, &error));
  assert_bad (place, "big", "a-key.pem", IVD_ERROR_TOO_LARGE, "big");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/ivd/certificate/good", Place, NULL, set_up, test_good, tear_down);
  g_test_add ("/ivd/certificate/mismatch", Place, NULL, set_up, test_mismatch, tear_down);
  g_test_add ("/ivd/certificate/files", Place, NULL, set_up, test_files, tear_down);
  return g_test_run ();
}
