/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/ivd-error.h"
#include "ivt-backend.h"
#include "lib/ivt-fake-server.h"
#include "memory/ivd-memory.h"
#include "platform/ivd-eventfd.h"
#include "plugin/ivd-probe.h"

/*
 * The plugins "doorbell" and "host-plain" behind the daemon's own wrapper:
 * what they report is believed, and what a server does wrong is never held
 * against the plugin.
 */

#define MIB G_GUINT64_CONSTANT (1048576)

typedef struct
{
  IvtBackend backend;
  IvdPlugin *plugin;
  char *dir;
  char *path;
  IvtFakeServer *server;
  IvtFakeClient *client;
  GAsyncResult *answer;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer module)
{
  g_autoptr (GError) error = NULL;

  ivt_backend_set_up (&fixture->backend, NULL);
  fixture->plugin = ivd_plugin_load (module, &error);
  g_assert_no_error (error);
  fixture->dir = g_strdup ("/dev/shm/ivt-clients-XXXXXX");
  g_assert_nonnull (g_mkdtemp (fixture->dir));
  fixture->path = g_build_filename (fixture->dir, "it", NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer module)
{
  g_clear_pointer (&fixture->client, ivt_fake_client_free);
  ivt_backend_tear_down (&fixture->backend, NULL);
  ivt_fake_server_free (fixture->server);
  ivd_plugin_unref (fixture->plugin);
  g_unlink (fixture->path);
  g_assert_cmpint (g_rmdir (fixture->dir), ==, 0);
  g_free (fixture->path);
  g_free (fixture->dir);
}

static gboolean
has_seen (Fixture *fixture, const char *event)
{
  return strstr (fixture->backend.events->str, event) != NULL;
}

static void
forget_events (Fixture *fixture)
{
  g_string_truncate (fixture->backend.events, 0);
}

static void
on_attached (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *fixture = data;

  fixture->answer = g_object_ref (result);
}

/* Option texts: "{'path': <'...'>}", with %s for the path. */
static void
begin_to_attach (Fixture *fixture, const char *format)
{
  g_auto (GStrv) parts = g_strsplit (format, "%s", -1);
  g_autofree char *text = g_strjoinv (fixture->path, parts);
  g_autoptr (GVariant) given = g_variant_parse (G_VARIANT_TYPE_VARDICT, text, NULL, NULL, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdOptions) options
      = ivd_options_new (ivd_plugin_get_table (fixture->plugin), given, NULL, NULL, &error);

  g_assert_no_error (error);
  ivd_backend_attach (fixture->backend.host, fixture->plugin, "r", options, NULL, on_attached, fixture);
}

static IvdRegion *
end_of_attach (Fixture *fixture, GError **error)
{
  g_autoptr (GAsyncResult) answer = NULL;
  IvdRegion *region;

  ivt_wait_until (fixture->answer != NULL);
  answer = g_steal_pointer (&fixture->answer);
  region = ivd_backend_attach_finish (answer, error);
  if (region != NULL)
    g_object_unref (region); /* the registry holds it */
  return region;
}

static IvdRegion *
attach (Fixture *fixture, const char *format)
{
  g_autoptr (GError) error = NULL;
  IvdRegion *region;

  begin_to_attach (fixture, format);
  region = end_of_attach (fixture, &error);
  g_assert_no_error (error);
  return region;
}

static void
accept_and_greet (Fixture *fixture, guint own_id, guint own_vectors, guint64 size)
{
  ivt_wait_until (ivt_fake_server_is_called (fixture->server));
  g_clear_pointer (&fixture->client, ivt_fake_client_free);
  fixture->client = ivt_fake_server_accept (fixture->server);
  ivt_fake_client_send_start (fixture->client, own_id, size);
  ivt_fake_client_send_vectors (fixture->client, 7, 2);
  ivt_fake_client_send_vectors (fixture->client, own_id, own_vectors);
}

static IvdRegion *
attach_doorbell (Fixture *fixture, const char *format)
{
  g_autoptr (GError) error = NULL;
  IvdRegion *region;

  fixture->server = ivt_fake_server_new (fixture->path, 16);
  begin_to_attach (fixture, format);
  accept_and_greet (fixture, 5, 2, MIB);
  region = end_of_attach (fixture, &error);
  g_assert_no_error (error);
  ivt_wait_until (ivd_region_get_peer (region, 7) != NULL && ivd_region_get_vectors (region) == 2);
  return region;
}

/* --- doorbell ----------------------------------------------------------- */

static void
test_doorbell (Fixture *fixture, gconstpointer module)
{
  IvdRegion *region = attach_doorbell (fixture, "{'socket': <'%s'>}");
  g_autoptr (GError) error = NULL;
  guint sent = 0;

  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_READY);
  g_assert_cmpint (ivd_region_get_own_id (region), ==, 5);
  g_assert_cmpuint (ivd_region_get_size (region), ==, MIB);
  g_assert_cmpuint (ivd_region_get_peer (region, 7)->vectors, ==, 2);

  g_assert_true (ivd_region_ring (region, 7, 1, &sent, NULL));
  g_assert_cmpuint (sent, ==, 1);
  g_assert_cmpuint (ivt_fake_client_take (fixture->client, 7, 1), ==, 1);
  g_assert_false (ivd_region_ring (region, 7, 2, &sent, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_OUT_OF_RANGE);
  g_clear_error (&error);
  g_assert_false (ivd_region_ring (region, 8, 0, &sent, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND);

  /* three rings, one event */
  g_assert_true (ivd_eventfd_add (ivt_fake_client_vector (fixture->client, 5, 1), 3, NULL));
  ivt_wait_until (has_seen (fixture, "interrupt 1 3; "));
  g_assert_false (has_seen (fixture, "interrupt 0"));

  /* a late vector is one too */
  ivt_fake_client_send_vectors (fixture->client, 5, 1);
  ivt_wait_until (ivd_region_get_vectors (region) == 3);
  g_assert_true (ivd_eventfd_add (ivt_fake_client_vector (fixture->client, 5, 2), 1, NULL));
  ivt_wait_until (has_seen (fixture, "interrupt 2 1; "));

  ivt_fake_client_send_leave (fixture->client, 7);
  ivt_wait_until (has_seen (fixture, "peer-disconnected 7; "));
  g_assert_cmpuint (ivd_region_get_peer_count (region), ==, 0);
}

static void
test_doorbell_fails (Fixture *fixture, gconstpointer module)
{
  g_autoptr (GError) error = NULL;

  begin_to_attach (fixture, "{'socket': <'%s'>}");
  g_assert_null (end_of_attach (fixture, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, "does not exist"));
  g_clear_error (&error);

  fixture->server = ivt_fake_server_new (fixture->path, 16);
  begin_to_attach (fixture, "{'socket': <'%s'>}");
  fixture->client = ivt_fake_server_accept (fixture->server);
  ivt_fake_client_send (fixture->client, -1, -1);
  g_assert_null (end_of_attach (fixture, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_DENIED);
  g_assert_nonnull (strstr (error->message, "refused this client"));
  g_assert_cmpuint (ivd_registry_count (fixture->backend.registry), ==, 0);
}

/* Whatever a server sends ends in a loss and in another attempt, and never
 * makes the plugin a liar. */
static void
test_doorbell_hostile_server (Fixture *fixture, gconstpointer module)
{
  IvdRegion *region = attach_doorbell (fixture, "{'socket': <'%s'>, 'reconnect': <true>}");
  int fds[2], sealed;

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  sealed = open ("/dev/zero", O_RDWR | O_CLOEXEC);
  for (guint i = 0; i < 6; i++)
    {
      forget_events (fixture);
      if (i == 0)
        ivt_fake_client_hang_up (fixture->client);
      else if (i == 1)
        ivt_fake_client_send (fixture->client, 20, fds[1]);
      else if (i == 2)
        ivt_fake_client_send (fixture->client, 70000, -1);
      else if (i == 3)
        ivt_fake_client_send (fixture->client, 9, sealed);
      else if (i == 4)
        ivt_fake_client_send_bytes (fixture->client, "\0\0\0\0\0\0\0\1", 8, NULL, 0);
      else
        ivt_fake_client_hang_up (fixture->client);
      ivt_wait_until (has_seen (fixture, "state-changed lost; "));
      g_assert_cmpuint (ivd_region_get_peer_count (region), ==, 0);
      accept_and_greet (fixture, 20 + i, i, MIB << (i % 3));
      ivt_wait_until (has_seen (fixture, "state-changed ready; ")
                      && has_seen (fixture, "peer-connected 7 2; "));
      ivt_wait_until (ivd_region_get_vectors (region) == i);
      g_assert_cmpint (ivd_region_get_own_id (region), ==, 20 + (gint) i);
      g_assert_cmpuint (ivd_region_get_size (region), ==, MIB << (i % 3));
      g_assert_cmpuint (ivd_region_get_generation (region), ==, 2 + i);
    }
  close (fds[0]);
  close (fds[1]);
  close (sealed);
}

static void
test_doorbell_connecting (Fixture *fixture, gconstpointer module)
{
  IvdRegion *region = attach (fixture, "{'socket': <'%s'>, 'reconnect': <true>}");

  g_assert_cmpint (ivd_region_get_state (region), ==, IVD_REGION_CONNECTING);
  fixture->server = ivt_fake_server_new (fixture->path, 16);
  accept_and_greet (fixture, 5, 1, MIB);
  ivt_wait_until (ivd_region_get_state (region) == IVD_REGION_READY);
  g_assert_cmpuint (ivd_region_get_generation (region), ==, 1);
}

static void
test_doorbell_join (Fixture *fixture, gconstpointer module)
{
  IvdRegion *region = attach_doorbell (fixture, "{'socket': <'%s'>}");
  IvtFakeClient *joined;
  const IvdCredentials credentials = IVD_CREDENTIALS_UNKNOWN;
  g_autoptr (GError) error = NULL;
  int fd = ivd_region_join (region, &credentials, &error);

  g_assert_no_error (error);
  joined = ivt_fake_server_accept (fixture->server);
  close (fd);
  g_assert_true (ivt_fake_client_is_left (joined));
  ivt_fake_client_free (joined);
}

/* --- host-plain --------------------------------------------------------- */

static void
make_file (const char *path, guint64 size)
{
  int fd = open (path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (ftruncate (fd, (off_t) size), ==, 0);
  close (fd);
}

static void
test_plain (Fixture *fixture, gconstpointer module)
{
  IvdRegion *region
      = attach (fixture, "{'path': <'%s'>, 'create': <true>, 'size': <'4M'>, 'mode': <'0640'>}");
  g_autoptr (IvdMapping) mapping = ivd_region_ref_mapping (region, NULL);
  g_autoptr (GError) error = NULL;
  struct stat info;
  char byte = 0;

  g_assert_cmpint (stat (fixture->path, &info), ==, 0);
  g_assert_cmpint (info.st_mode & 07777, ==, 0640);
  g_assert_cmpuint (ivd_region_get_size (region), ==, 4 * MIB);
  g_assert_true (ivd_memory_write (mapping, 4 * MIB - 1, "x", 1, NULL));
  g_assert_cmpint (truncate (fixture->path, 4096), ==, 0);
  g_assert_false (ivd_memory_read (mapping, 4 * MIB - 1, &byte, 1, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_REGION_LOST);
  ivt_wait_until (ivd_region_get_state (region) == IVD_REGION_LOST);
}

/* The inotify of the plugin and the SIGBUS of the host may both tell. */
static void
test_plain_returns (Fixture *fixture, gconstpointer module)
{
  IvdRegion *region;

  make_file (fixture->path, MIB);
  region = attach (fixture, "{'path': <'%s'>, 'reattach': <true>, 'size': <'1M'>}");
  for (guint i = 0; i < 6; i++)
    {
      g_autoptr (IvdMapping) mapping = ivd_region_ref_mapping (region, NULL);
      char byte = 0;

      g_assert_cmpuint (ivd_region_get_generation (region), ==, 1 + i);
      if (i % 3 == 0)
        g_assert_cmpint (truncate (fixture->path, 0), ==, 0);
      if (i % 3 == 0)
        g_assert_false (ivd_memory_read (mapping, 5000, &byte, 1, NULL));
      if (i % 3 != 1)
        g_assert_cmpint (g_unlink (fixture->path), ==, 0);
      else
        g_assert_cmpint (truncate (fixture->path, 4096), ==, 0);
      ivt_wait_until (ivd_region_get_state (region) == IVD_REGION_LOST);
      if (i % 3 != 1)
        make_file (fixture->path, MIB);
      else
        g_assert_cmpint (truncate (fixture->path, MIB), ==, 0);
      ivt_wait_until (ivd_region_get_state (region) == IVD_REGION_READY);
    }
}

static void
test_plain_fails (Fixture *fixture, gconstpointer module)
{
  g_autoptr (GError) error = NULL;

  begin_to_attach (fixture, "{'path': <'%s'>}");
  g_assert_null (end_of_attach (fixture, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND);
  g_clear_error (&error);
  begin_to_attach (fixture, "{'path': <'%s'>, 'create': <true>}");
  g_assert_null (end_of_attach (fixture, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, "create=true needs size"));
}

static void
test_plain_candidates (Fixture *fixture, gconstpointer module)
{
  g_autoptr (GVariant) candidates = NULL;
  g_autoptr (GAsyncResult) answer = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  make_file (fixture->path, MIB);
  ivd_probe_start (fixture->backend.host, fixture->plugin, on_attached, fixture);
  ivt_wait_until (fixture->answer != NULL);
  answer = g_steal_pointer (&fixture->answer);
  candidates = ivd_probe_finish (answer, &error);
  g_assert_no_error (error);
  text = g_variant_print (candidates, FALSE);
  g_assert_nonnull (strstr (text, fixture->path));
}

int
main (int argc, char **argv)
{
  const struct
  {
    const char *path, *module;
    void (*func) (Fixture *fixture, gconstpointer module);
  } tests[] = {
    { "doorbell/attach", IVT_DOORBELL, test_doorbell },
    { "doorbell/fails", IVT_DOORBELL, test_doorbell_fails },
    { "doorbell/hostile-server", IVT_DOORBELL, test_doorbell_hostile_server },
    { "doorbell/connecting", IVT_DOORBELL, test_doorbell_connecting },
    { "doorbell/join", IVT_DOORBELL, test_doorbell_join },
    { "host-plain/attach", IVT_HOST_PLAIN, test_plain },
    { "host-plain/returns", IVT_HOST_PLAIN, test_plain_returns },
    { "host-plain/fails", IVT_HOST_PLAIN, test_plain_fails },
    { "host-plain/candidates", IVT_HOST_PLAIN, test_plain_candidates },
  };

  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strconcat ("/backend-clients/", tests[i].path, NULL);

      g_test_add (path, Fixture, tests[i].module, set_up, tests[i].func, tear_down);
    }
  return g_test_run ();
}
