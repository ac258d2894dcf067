/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Is this a good plugin? For anybody's module:
 *
 *   check-module PATH [KEY=VALUE...] [-- PATH KEY=VALUE...]
 *
 * The options are those with which it can open a region here; without them
 * that is tried with none. After "--" comes another module that is opened
 * first, for plugins that need one (a server). %d in a value is a temporary
 * directory, %p the number of this process. Prints TAP.
 */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "ivt-backend.h"
#include "memory/ivd-memory.h"
#include "platform/ivd-process.h"
#include "plugin/ivd-backend-private.h"
#include "plugin/ivd-plugin-table.h"
#include "plugin/ivd-probe.h"

#define CYCLES 20

typedef struct
{
  IvtBackend backend;
  char *dir;
  IvdPlugin *plugin;
  GVariant *options; /* a{sv} */
  IvdPlugin *other;  /* NULL: none needed */
  GVariant *other_options;
} Check;

/* An error that a user can do something with. */
static void
assert_explains (const GError *error, const char *what)
{
  g_assert_nonnull (error);
  g_test_message ("%s: %s", what, error->message);
  if (error->domain != IVD_ERROR || error->code == IVD_ERROR_INTERNAL || error->message[0] == '\0'
      || strstr (error->message, "did not say why") != NULL)
    g_error ("%s: \"%s\" (%s) tells the user nothing", what, error->message,
             ivd_error_info ((gint) ivd_error_code (error))->name);
}

static void
wait_until_gone (Check *check, guint instances)
{
  ivt_wait_until (ivd_plugin_host_count (check->backend.host) == instances);
  ivt_backend_iterate ();
}

/* Attaches and detaches again; what is left is an explained error. */
static void
try_options (Check *check, GVariant *options, const char *what)
{
  guint instances = ivd_plugin_host_count (check->backend.host);
  g_autoptr (GError) error = NULL;
  IvdRegion *region = ivt_backend_attach_options (&check->backend, check->plugin, "tried", options, &error);

  if (region == NULL)
    assert_explains (error, what);
  else
    ivt_backend_detach (&check->backend, region);
  wait_until_gone (check, instances);
}

/* --- checks --- */

static void
check_texts (gconstpointer data)
{
  const Check *check = data;
  const IvshmemPlugin *table = ivd_plugin_get_table (check->plugin);

  g_test_message ("%s %s, %s: %s", table->name, table->version, table->license, table->description);
  g_assert_cmpuint (strlen (table->version), >, 0);
  g_assert_cmpuint (strlen (table->license), >, 0);
  g_assert_cmpuint (strlen (table->description), >, 0);
  for (guint i = 0; i < table->n_options; i++)
    g_assert_cmpuint (strlen (ivd_plugin_table_get_option (table, i)->description), >, 0);
}

typedef struct
{
  gboolean answered;
  GVariant *candidates;
  GError *error;
} Answer;

static void
on_probed (GObject *source, GAsyncResult *result, gpointer data)
{
  Answer *answer = data;

  answer->answered = TRUE;
  answer->candidates = ivd_probe_finish (result, &answer->error);
}

static void
check_probe (gconstpointer data)
{
  const Check *check = data;
  Answer answer = { FALSE };

  if (!ivd_plugin_can_probe (check->plugin))
    {
      g_test_skip ("allowed: it lists no candidates");
      return;
    }
  for (guint i = 0; i < 3; i++)
    {
      answer = (Answer){ FALSE };
      ivd_probe_start (check->backend.host, check->plugin, on_probed, &answer);
      ivt_wait_until (answer.answered);
      g_assert_no_error (answer.error);
      g_test_message ("%" G_GSIZE_FORMAT " candidates", g_variant_n_children (answer.candidates));
      g_variant_unref (answer.candidates);
    }
}

/* Opened, read with nothing there, and closed, more than once. */
static void
check_monitor (gconstpointer data)
{
  const Check *check = data;
  const IvshmemPluginOps *ops = ivd_plugin_get_table (check->plugin)->ops;

  if (!ivd_plugin_can_monitor (check->plugin))
    {
      g_test_skip ("allowed: it does not tell when candidates change");
      return;
    }
  for (guint i = 0; i < 3; i++)
    {
      IvshmemPluginMonitor *monitor = NULL;
      IvshmemPluginHandle handle = IVSHMEM_PLUGIN_NO_HANDLE;
      IvshmemPluginStatus status
          = ops->monitor_open (&check->backend.host->table, &monitor, &handle);

      if (status == IVSHMEM_PLUGIN_NOT_SUPPORTED)
        {
          g_test_skip ("allowed: it cannot tell when candidates change here");
          return;
        }
      g_assert_cmpint (status, ==, IVSHMEM_PLUGIN_OK);
      g_assert_nonnull (monitor);
      g_assert_cmpint (fcntl ((int) handle, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
      (void) ops->monitor_take (monitor);
      ops->monitor_close (monitor);
    }
}

/* The options that work, with one of them another. (transfer full) */
static GVariant *
with_value (const Check *check, const char *key, GVariant *value)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, check->options);
  g_variant_dict_insert_value (&dict, key, value);
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

static void
try_text (Check *check, const IvshmemPluginOption *option, const char *text)
{
  g_autoptr (GVariant) options = with_value (check, option->name, g_variant_new_string (text));
  g_autofree char *what = g_strdup_printf ("%s=%.40s", option->name, text);

  try_options (check, options, what);
}

static void
try_number (Check *check, const IvshmemPluginOption *option, guint64 number)
{
  g_autofree char *text = g_strdup_printf ("%" G_GUINT64_FORMAT "%s", number,
                                           option->type == IVSHMEM_PLUGIN_DURATION ? "us" : "");

  try_text (check, option, text);
}

/* Sizes that no machine has the memory for are left out, but for one that no
 * file can have: some plugin might try. */
static void
try_values (Check *check, const IvshmemPluginOption *option)
{
  g_autofree char *longest = g_strnfill (IVD_LIMIT_OPTION_TEXT_BYTES, 'x');
  g_autofree char *long_path = g_strdup_printf ("/dev/shm/%.4000s", longest);

  switch (option->type)
    {
    case IVSHMEM_PLUGIN_PATH:
      try_text (check, option, "/nonexistent/directory/of/ivshmem");
      try_text (check, option, "/dev/null");
      try_text (check, option, "/dev");
      try_text (check, option, long_path);
      break;
    case IVSHMEM_PLUGIN_SIZE:
      for (guint i = 0; i < 5; i++)
        try_number (check, option, ((guint64[]){ 0, 1, 4095, 3 << 20, G_MAXUINT64 })[i]);
      break;
    case IVSHMEM_PLUGIN_NUMBER:
    case IVSHMEM_PLUGIN_DURATION:
      for (guint i = 0; i < 4; i++)
        try_number (check, option, ((guint64[]){ 0, option->minimum, option->maximum, G_MAXUINT64 })[i]);
      break;
    case IVSHMEM_PLUGIN_BOOLEAN:
      try_text (check, option, "true");
      try_text (check, option, "false");
      break;
    case IVSHMEM_PLUGIN_MODE:
      try_text (check, option, "0");
      try_text (check, option, "777");
      break;
    case IVSHMEM_PLUGIN_USER:
    case IVSHMEM_PLUGIN_GROUP:
      try_text (check, option, "0");
      try_text (check, option, "4294967294");
      break;
    default:
      try_text (check, option, "");
      try_text (check, option, ",,,");
      try_text (check, option, "no such thing");
      try_text (check, option, longest);
      break;
    }
}

static void
check_values (gconstpointer data)
{
  Check *check = (Check *) data;
  const IvshmemPlugin *table = ivd_plugin_get_table (check->plugin);
  g_autoptr (GVariant) none = g_variant_ref_sink (g_variant_new_parsed ("@a{sv} {}"));
  g_autoptr (GVariant) unknown = with_value (check, "no-such-option", g_variant_new_string ("x"));
  g_autoptr (GError) error = NULL;

  try_options (check, none, "no options");
  g_assert_null (ivt_backend_attach_options (&check->backend, check->plugin, "tried", unknown, &error));
  assert_explains (error, "an unknown option");
  for (guint i = 0; i < table->n_options; i++)
    try_values (check, ivd_plugin_table_get_option (table, i));
}

/* What an open region says of itself must hold. */
static void
use_region (IvdRegion *region)
{
  guint capabilities = ivd_region_get_capabilities (region);
  g_autoptr (IvdMapping) mapping = NULL;
  g_autoptr (GError) error = NULL;
  guint64 size = ivd_region_get_size (region), offset;
  guint8 byte;
  guint sent;
  int fd;

  if (ivd_region_get_state (region) != IVD_REGION_READY)
    return;
  g_assert_cmpuint (size, >, 0);
  mapping = ivd_region_ref_mapping (region, &error);
  g_assert_no_error (error);
  if (capabilities & IVD_CAP_READ)
    g_assert_true (ivd_memory_read (mapping, size - 1, &byte, 1, &error));
  if ((capabilities & IVD_CAP_READ) && (capabilities & IVD_CAP_WRITE))
    g_assert_true (ivd_memory_write (mapping, size - 1, &byte, 1, &error));
  g_assert_no_error (error);
  if (capabilities & IVD_CAP_MEMORY_FD)
    {
      fd = ivd_mapping_open (mapping, TRUE, &offset, &error);
      g_assert_no_error (error);
      close (fd);
    }
  if ((capabilities & IVD_CAP_RING) && (capabilities & IVD_CAP_OWN_ID) && ivd_region_get_vectors (region) > 0)
    {
      g_assert_true (ivd_region_ring (region, (guint) ivd_region_get_own_id (region), 0, &sent, &error));
      g_assert_no_error (error);
      if (capabilities & IVD_CAP_RECEIVE)
        ivt_wait_until (ivd_region_get_vector_count (region, 0) > 0);
    }
  if (capabilities & IVD_CAP_RING)
    {
      g_assert_false (ivd_region_ring (region, IVD_LIMIT_PEER_ID, 0, &sent, &error));
      assert_explains (error, "a ring of nobody");
    }
}

static void
use_join (IvdRegion *region)
{
  const IvdCredentials self = { getpid (), getuid (), getgid (), NULL };
  g_autoptr (GError) error = NULL;
  int fd;

  if (ivd_region_get_state (region) != IVD_REGION_READY
      || (ivd_region_get_capabilities (region) & IVD_CAP_JOIN) == 0)
    return;
  fd = ivd_region_join (region, &self, &error);
  g_assert_no_error (error);
  ivt_backend_iterate ();
  close (fd);
  ivt_backend_iterate ();
}

static void
check_cycles (gconstpointer data)
{
  Check *check = (Check *) data;
  guint instances = ivd_plugin_host_count (check->backend.host);
  guint64 free_before = 0;

  for (guint i = 0; i < CYCLES; i++)
    {
      g_autoptr (GError) error = NULL;
      IvdRegion *region
          = ivt_backend_attach_options (&check->backend, check->plugin, "cycled", check->options, &error);

      if (region == NULL)
        {
          assert_explains (error, "the options that were given");
          g_test_skip ("allowed: it opens nothing with these options");
          return;
        }
      use_region (region);
      use_join (region);
      ivt_backend_detach (&check->backend, region);
      wait_until_gone (check, instances);
      /* After the first round everything is there that stays. */
      if (i == 0)
        free_before = ivd_process_free_descriptors ();
    }
  ivt_wait_until (ivd_process_free_descriptors () >= free_before);
}

static void
check_twice_at_once (gconstpointer data)
{
  Check *check = (Check *) data;
  guint instances = ivd_plugin_host_count (check->backend.host);
  g_autoptr (GError) error = NULL;
  IvdRegion *first
      = ivt_backend_attach_options (&check->backend, check->plugin, "first", check->options, &error);
  IvdRegion *second;

  if (first == NULL)
    {
      g_test_skip ("allowed: it opens nothing with these options");
      return;
    }
  second = ivt_backend_attach_options (&check->backend, check->plugin, "second", check->options, &error);
  if (second != NULL)
    ivt_backend_detach (&check->backend, second);
  else
    assert_explains (error, "the same options twice at once");
  use_region (first);
  ivt_backend_detach (&check->backend, first);
  wait_until_gone (check, instances);
}

static void
on_attached (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdRegion) region = ivd_backend_attach_finish (result, &error);

  *(gboolean *) data = TRUE;
}

/* Detached before it could answer, and with its memory in use. */
static void
check_called_off (gconstpointer data)
{
  Check *check = (Check *) data;
  guint instances = ivd_plugin_host_count (check->backend.host);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (IvdOptions) options
      = ivd_options_new (ivd_plugin_get_table (check->plugin), check->options, NULL, NULL, NULL);
  g_autoptr (IvdMapping) mapping = NULL;
  gboolean answered = FALSE;
  IvdRegion *region;

  if (options == NULL)
    {
      g_test_skip ("allowed: it opens nothing with these options");
      return;
    }
  ivd_backend_attach (check->backend.host, check->plugin, "off", options, cancellable, on_attached,
                      &answered);
  g_cancellable_cancel (cancellable);
  ivt_wait_until (answered);
  if (ivd_registry_has (check->backend.registry, "off"))
    {
      region = ivd_registry_find (check->backend.registry, "off", NULL);
      if (region != NULL)
        ivt_backend_detach (&check->backend, region);
    }
  wait_until_gone (check, instances);

  region = ivt_backend_attach_options (&check->backend, check->plugin, "used", check->options, NULL);
  if (region == NULL)
    return;
  mapping = ivd_region_ref_mapping (region, NULL);
  ivt_backend_detach (&check->backend, region);
  g_clear_pointer (&mapping, ivd_mapping_unref);
  wait_until_gone (check, instances);
}

/* --- arguments --- */

static char *
expand (const Check *check, const char *text)
{
  g_autoptr (GString) out = g_string_new (text);
  g_autofree char *pid = g_strdup_printf ("%d", (gint) getpid ());

  g_string_replace (out, "%d", check->dir, 0);
  g_string_replace (out, "%p", pid, 0);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

/* KEY=VALUE up to the end or "--". */
static GVariant *
take_options (const Check *check, char ***arguments)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (; **arguments != NULL && strcmp (**arguments, "--") != 0; (*arguments)++)
    {
      g_auto (GStrv) pair = g_strsplit (**arguments, "=", 2);

      if (g_strv_length (pair) != 2)
        g_error ("'%s' is no KEY=VALUE", **arguments);
      g_variant_builder_add (&builder, "{sv}", pair[0], g_variant_new_take_string (expand (check, pair[1])));
    }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

static IvdPlugin *
load_or_die (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);
  IvdPlugin *plugin = ivd_plugin_load (absolute, &error);

  if (plugin == NULL)
    g_error ("%s: %s", path, error->message);
  return plugin;
}

static void
take_arguments (Check *check, char **arguments)
{
  if (*arguments == NULL)
    g_error ("usage: check-module PATH [KEY=VALUE...] [-- PATH KEY=VALUE...]");
  check->plugin = load_or_die (*arguments++);
  check->options = take_options (check, &arguments);
  if (*arguments == NULL || *++arguments == NULL)
    return;
  check->other = load_or_die (*arguments++);
  check->other_options = take_options (check, &arguments);
}

static void
open_other (Check *check)
{
  g_autoptr (GError) error = NULL;

  if (check->other != NULL
      && ivt_backend_attach_options (&check->backend, check->other, "other", check->other_options, &error)
             == NULL)
    g_error ("the other module: %s", error->message);
}

static void
remove_directory (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *entry = g_build_filename (path, name, NULL);

      g_remove (entry);
    }
  g_rmdir (path);
}

int
main (int argc, char **argv)
{
  Check check = { .dir = g_dir_make_tmp ("check-module-XXXXXX", NULL) };
  int status;

  g_test_init (&argc, &argv, NULL);
  ivt_backend_set_up_bare (&check.backend, check.dir);
  take_arguments (&check, argv + 1);
  open_other (&check);
  g_test_add_data_func ("/check-module/texts", &check, check_texts);
  g_test_add_data_func ("/check-module/probe", &check, check_probe);
  g_test_add_data_func ("/check-module/monitor", &check, check_monitor);
  g_test_add_data_func ("/check-module/values", &check, check_values);
  g_test_add_data_func ("/check-module/cycles", &check, check_cycles);
  g_test_add_data_func ("/check-module/twice-at-once", &check, check_twice_at_once);
  g_test_add_data_func ("/check-module/called-off", &check, check_called_off);
  status = g_test_run ();

  ivt_backend_tear_down (&check.backend, NULL);
  remove_directory (check.dir);
  g_clear_pointer (&check.other, ivd_plugin_unref);
  g_clear_pointer (&check.other_options, g_variant_unref);
  g_variant_unref (check.options);
  ivd_plugin_unref (check.plugin);
  g_free (check.dir);
  return status;
}
