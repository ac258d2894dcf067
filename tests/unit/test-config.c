/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "config/ivd-config.h"

#define RUNTIME_DIR "/run/ivshmemd"

/* A directory for the config of one test. */
typedef struct
{
  char *dir;
  char *file;    /* DIR/main.conf */
  char *regions; /* DIR/regions.d */
} Place;

static void
place_set_up (Place *place, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  place->dir = g_dir_make_tmp ("ivd-config-XXXXXX", &error);
  g_assert_no_error (error);
  place->file = g_build_filename (place->dir, "main.conf", NULL);
  place->regions = g_build_filename (place->dir, "regions.d", NULL);
  g_assert_no_errno (g_mkdir (place->regions, 0700));
}

static void
remove_files (const char *directory)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (directory, name, NULL);

      g_assert_no_errno (g_remove (path));
    }
  g_assert_no_errno (g_rmdir (directory));
}

static void
place_tear_down (Place *place, gconstpointer data)
{
  remove_files (place->regions);
  remove_files (place->dir);
  g_free (place->regions);
  g_free (place->file);
  g_free (place->dir);
}

static void
write_text (const char *directory, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

static IvdConfig *
load (const Place *place, GError **error)
{
  const IvdConfigSource source = { .file = place->file,
                                   .directory = place->regions,
                                   .runtime_dir = RUNTIME_DIR };

  return ivd_config_load (&source, error);
}

static IvdConfig *
parse (const char *text, GError **error)
{
  const IvdConfigSource source = { .runtime_dir = RUNTIME_DIR };
  g_autoptr (IvdKeyFile) key_file = ivd_key_file_new ();

  if (!ivd_key_file_read_text (key_file, "test.conf", text, strlen (text), error))
    return NULL;
  return ivd_config_new (key_file, &source, error);
}

static IvdConfig *
parse_good (const char *text)
{
  g_autoptr (GError) error = NULL;
  IvdConfig *config = parse (text, &error);

  g_assert_no_error (error);
  g_assert_nonnull (config);
  return config;
}

static void
assert_bad (const char *text, const char *expected)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (parse (text, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  g_assert_cmpstr (error->message, ==, expected);
}

/* --- files under tests/data/configs --- */

static void
test_good_file (gconstpointer data)
{
  const char *path = data;
  const IvdConfigSource source = { .file = path,
                                   .directory = "/nonexistent",
                                   .directory_may_miss = TRUE,
                                   .runtime_dir = RUNTIME_DIR };
  g_autoptr (GError) error = NULL;
  g_autoptr (IvdConfig) config = ivd_config_load (&source, &error);

  g_assert_no_error (error);
  g_assert_nonnull (config);
}

/* The expected message has names of files without their directory. */
static void
test_bad_file (gconstpointer data)
{
  const char *path = data;
  const IvdConfigSource source = { .file = path,
                                   .directory = "/nonexistent",
                                   .directory_may_miss = TRUE,
                                   .runtime_dir = RUNTIME_DIR };
  g_autofree char *directory = g_path_get_dirname (path);
  g_autofree char *prefix = g_strconcat (directory, "/", NULL);
  g_autofree char *stem = g_strndup (path, strlen (path) - strlen (".conf"));
  g_autofree char *expected_path = g_strconcat (stem, ".expected", NULL);
  g_autofree char *expected = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) message = NULL;

  g_file_get_contents (expected_path, &expected, NULL, &error);
  g_assert_no_error (error);
  g_assert_null (ivd_config_load (&source, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  message = g_string_new (error->message);
  g_string_replace (message, prefix, "", 0);
  g_assert_cmpstr (message->str, ==, g_strchomp (expected));
}

static void
add_file_tests (const char *folder, GTestDataFunc func)
{
  g_autofree char *directory = g_test_build_filename (G_TEST_DIST, "..", "data", "configs", folder, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) dir = g_dir_open (directory, 0, &error);
  guint count = 0;
  const char *name;

  g_assert_no_error (error);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *test = NULL;

      if (!g_str_has_suffix (name, ".conf"))
        continue;
      test = g_strdup_printf ("/ivd/config/%s/%.*s", folder, (int) (strlen (name) - strlen (".conf")), name);
      g_test_add_data_func_full (test, g_build_filename (directory, name, NULL), func, g_free);
      count++;
    }
  g_assert_cmpuint (count, >, 0);
}

/* --- the sample that is installed --- */

/* Its keys and groups, out of their comments. */
static char *
uncomment (const char *text)
{
  g_autoptr (GRegex) regex = g_regex_new ("^#(?=\\[|[a-z-]+=)", G_REGEX_MULTILINE, 0, NULL);
  g_autofree char *plain = g_regex_replace_literal (regex, text, -1, 0, "", 0, NULL);
  g_autoptr (GString) known = g_string_new (plain);

  /* A group that this machine need not have. */
  g_assert_cmpuint (g_string_replace (known, "group:ivshmem", "group:0", 0), >, 0);
  g_assert_cmpuint (g_string_replace (known, "socket-group=ivshmem", "socket-group=0", 0), ==, 1);
  return g_string_free (g_steal_pointer (&known), FALSE);
}

static void
test_sample (void)
{
  const char *keys[] = { "allowed-dirs", "state-dir", "log-level", "enabled", "bus", "plugin", "persist", "listen",
                         "socket-mode", "socket-group", "tokens", "tls-certificate", "tls-key", "insecure",
                         "allowed-hosts", "sessions", "activity", "hotplug" };
  g_autofree char *path = g_test_build_filename (G_TEST_BUILT, "..", "..", "data", "ivshmemd.conf", NULL);
  g_autofree char *text = NULL;
  g_autofree char *plain = NULL;
  g_autoptr (IvdConfig) as_it_is = NULL;
  g_autoptr (IvdConfig) full = NULL;
  g_autoptr (GError) error = NULL;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  as_it_is = parse_good (text);
  g_assert_cmpuint (ivd_config_get_regions (as_it_is)->len, ==, 0);
  plain = uncomment (text);
  full = parse_good (plain);
  g_assert_cmpuint (ivd_config_get_regions (full)->len, ==, 4);
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autofree char *line = g_strdup_printf ("\n%s=", keys[i]);

      g_assert_nonnull (strstr (plain, line));
    }
  for (guint i = 0; i < IVD_PERMISSION_COUNT; i++)
    {
      g_autofree char *line = g_strdup_printf ("\n%s=", ivd_permission_key (i));

      g_assert_nonnull (strstr (plain, line));
    }
}

/* --- what it says --- */

static void
test_defaults (void)
{
  g_autoptr (IvdConfig) config = parse_good ("");
  IvdLogLevel level;

  g_assert_null (ivd_config_get_state_dir (config));
  g_assert_false (ivd_config_get_log_level (config, &level));
  g_assert_true (ivd_config_get_dbus_enabled (config));
  g_assert_null (ivd_config_get_bus (config));
  g_assert_cmpuint (ivd_config_get_regions (config)->len, ==, 0);
  g_assert_nonnull (ivd_config_get_access (config));
}

static void
test_values (void)
{
  g_autoptr (IvdConfig) config = parse_good ("[daemon]\nstate-dir=/var/lib/x\nlog-level=warning\n"
                                             "[dbus]\nenabled=false\nbus=session\n");
  IvdLogLevel level;

  g_assert_cmpstr (ivd_config_get_state_dir (config), ==, "/var/lib/x");
  g_assert_true (ivd_config_get_log_level (config, &level));
  g_assert_cmpint (level, ==, IVD_LOG_WARNING);
  g_assert_false (ivd_config_get_dbus_enabled (config));
  g_assert_cmpstr (ivd_config_get_bus (config), ==, "session");
}

static void
assert_option (const IvdConfigRegion *region, guint i, const char *key, const char *value, guint line)
{
  const IvdConfigOption *option = g_ptr_array_index (region->options, i);

  g_assert_cmpstr (option->key, ==, key);
  g_assert_cmpstr (option->value, ==, value);
  g_assert_cmpstr (option->file, ==, "test.conf");
  g_assert_cmpuint (option->line, ==, line);
}

static void
test_region (void)
{
  g_autoptr (IvdConfig) config = parse_good ("[region b]\nzebra = 1\nplugin=host-plain\nallow-see=*\n\n"
                                             "allow-uids=7\npersist=true\nactivity=true\nhotplug=true\n[region a]\nallow-read=*\n");
  const GPtrArray *regions = ivd_config_get_regions (config);
  const IvdConfigRegion *region;
  g_autoptr (GVariant) options = NULL;

  g_assert_cmpuint (regions->len, ==, 2);
  region = g_ptr_array_index (regions, 0);
  g_assert_cmpstr (region->name, ==, "b");
  g_assert_cmpstr (region->plugin, ==, "host-plain");
  g_assert_true (region->persist);
  g_assert_true (region->activity);
  g_assert_true (region->hotplug);
  g_assert_cmpuint (region->line, ==, 1);
  g_assert_cmpuint (region->options->len, ==, 2);
  assert_option (region, 0, "zebra", "1", 2);
  assert_option (region, 1, "allow-uids", "7", 6);
  options = ivd_config_region_dup_options (region);
  g_assert_cmpvariant (options, g_variant_new_parsed ("{'zebra': <'1'>, 'allow-uids': <'7'>}"));
  g_variant_unref (options);
  options = ivd_config_region_dup_attach_options (region);
  g_assert_cmpvariant (options, g_variant_new_parsed ("{'zebra': <'1'>, 'allow-uids': <'7'>, 'activity': <'true'>, "
                                                      "'hotplug': <'true'>}"));
  region = g_ptr_array_index (regions, 1);
  g_assert_cmpstr (region->name, ==, "a");
  g_assert_null (region->plugin);
}

static void
test_error_places (void)
{
  g_autoptr (IvdConfig) config = parse_good ("[region a]\nplugin=host-plain\n\npath=x\n");
  const IvdConfigRegion *region = g_ptr_array_index (ivd_config_get_regions (config), 0);
  g_autoptr (IvdConfigRegion) made = ivd_config_region_new ("a", "host-plain");
  g_autoptr (GError) option = g_error_new_literal (IVD_ERROR, IVD_ERROR_NOT_FOUND, "no");
  g_autoptr (GError) whole = g_error_copy (option);
  g_autoptr (GError) unsaid = g_error_copy (option);
  g_autoptr (GError) nowhere = g_error_copy (option);

  ivd_config_region_prefix_error (region, "path", &option);
  g_assert_cmpstr (option->message, ==, "test.conf:4: no");
  ivd_config_region_prefix_error (region, NULL, &whole);
  g_assert_cmpstr (whole->message, ==, "test.conf:1: no");
  ivd_config_region_prefix_error (region, "size", &unsaid);
  g_assert_cmpstr (unsaid->message, ==, "test.conf:1: no");
  ivd_config_region_prefix_error (made, "path", &nowhere);
  g_assert_cmpstr (nowhere->message, ==, "no");
}

static IvdCaller *
make_stranger (void)
{
  const IvdCredentials credentials = { .pid = 1, .uid = 41001, .gid = 41002 };

  return ivd_caller_new ("x", &credentials, NULL, 0);
}

/* The rules arrive, with [daemon]'s for every region. */
static void
test_rules (void)
{
  g_autoptr (IvdConfig) config = parse_good ("[region a]\nallow-read=user:41001\n"
                                             "[daemon]\nallow-ring=group:41002\n"
                                             "allowed-dirs=/srv/shm\n");
  IvdAccess *access = ivd_config_get_access (config);
  g_autoptr (IvdCaller) stranger = make_stranger ();
  g_autoptr (GError) error = NULL;

  g_assert_true (ivd_access_allows (access, stranger, IVD_PERMISSION_READ, "a"));
  g_assert_false (ivd_access_allows (access, stranger, IVD_PERMISSION_READ, "b"));
  g_assert_true (ivd_access_allows (access, stranger, IVD_PERMISSION_RING, "a"));
  g_assert_true (ivd_access_allows (access, stranger, IVD_PERMISSION_RING, "b"));
  g_assert_true (ivd_access_check_path (access, stranger, "/srv/shm/x", &error));
  g_assert_false (ivd_access_check_path (access, stranger, "/dev/shm/x", &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_DENIED);
}

/* --- limits: at, and one past --- */

static void
test_line_limit (void)
{
  const char *start = "[region a]\nplugin=p\nx=";
  g_autofree char *value = g_strnfill (IVD_LIMIT_CONFIG_LINE_BYTES - strlen ("x="), 'y');
  g_autofree char *longest = g_strconcat (start, value, "\n", NULL);
  g_autofree char *too_long = g_strconcat (start, value, "y\n", NULL);
  g_autoptr (IvdConfig) config = parse_good (longest);
  const IvdConfigRegion *region = g_ptr_array_index (ivd_config_get_regions (config), 0);

  g_assert_cmpstr (ivd_config_region_find (region, "x")->value, ==, value);
  assert_bad (too_long, "test.conf:3: the line has 8193 bytes: at most 8192");
}

static void
test_key_limit (void)
{
  g_autofree char *key = g_strnfill (IVD_LIMIT_NAME_BYTES, 'k');
  g_autofree char *longest = g_strconcat ("[region a]\nplugin=p\n", key, "=1\n", NULL);
  g_autofree char *too_long = g_strconcat ("[region a]\nplugin=p\nk", key, "=1\n", NULL);
  g_autofree char *expected = g_strconcat ("test.conf:3: 'k", key,
                                           "=1' has no key before its '=': "
                                           "a key is 1 to 64 of a-z 0-9 -",
                                           NULL);
  g_autoptr (IvdConfig) config = parse_good (longest);

  assert_bad (too_long, expected);
}

static void
test_option_limit (void)
{
  g_autoptr (GString) text = g_string_new ("[region a]\nplugin=p\n");
  g_autoptr (IvdConfig) config = NULL;

  for (guint i = 0; i < IVD_LIMIT_OPTIONS; i++)
    g_string_append_printf (text, "o%u=1\n", i);
  config = parse_good (text->str);
  g_string_append (text, "more=1\n");
  assert_bad (text->str, "test.conf:1: [region a] has 65 options: at most 64");
}

static void
test_region_limit (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (IvdConfig) config = NULL;

  for (guint i = 0; i < IVD_LIMIT_REGIONS; i++)
    g_string_append_printf (text, "[region r%u]\n", i);
  config = parse_good (text->str);
  g_string_append (text, "[region more]\n");
  assert_bad (text->str, "test.conf:4097: this is one region too many: at most 4096");
}

static void
test_file_limit (Place *place, gconstpointer data)
{
  g_autofree char *text = g_strnfill (IVD_LIMIT_CONFIG_FILE_BYTES + 1, '\n');
  g_autoptr (IvdConfig) config = NULL;
  g_autoptr (GError) error = NULL;

  g_file_set_contents (place->file, text, IVD_LIMIT_CONFIG_FILE_BYTES, &error);
  config = load (place, &error);
  g_assert_no_error (error);
  g_file_set_contents (place->file, text, IVD_LIMIT_CONFIG_FILE_BYTES + 1, &error);
  g_assert_null (load (place, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_TOO_LARGE);
  g_assert_nonnull (strstr (error->message, place->file));
}

static void
test_files_limit (Place *place, gconstpointer data)
{
  g_autoptr (IvdConfig) config = NULL;
  g_autoptr (GError) error = NULL;

  write_text (place->dir, "main.conf", "");
  /* One file under many names: a new name is cheap, a new file is not. */
  for (guint i = 0; i < IVD_LIMIT_CONFIG_FILES; i++)
    {
      g_autofree char *path = g_strdup_printf ("%s/%u.conf", place->regions, i);

      g_assert_no_errno (link (place->file, path));
    }
  config = load (place, &error);
  g_assert_no_error (error);
  write_text (place->regions, "more.conf", "");
  g_assert_null (load (place, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_LIMIT);
}

/* --- files and directories --- */

static void
test_order (Place *place, gconstpointer data)
{
  const char *expected[] = { "main", "upper", "ten", "two", "lower" };
  g_autoptr (IvdConfig) config = NULL;
  g_autoptr (GError) error = NULL;
  const GPtrArray *regions;

  write_text (place->dir, "main.conf", "[region main]\n");
  write_text (place->regions, "a.conf", "[region lower]\n");
  write_text (place->regions, "2.conf", "");
  write_text (place->regions, "B.conf", "[region two]\n");
  write_text (place->regions, "A.conf", "[region ten]\n");
  write_text (place->regions, "10.conf", "[region upper]\n");
  write_text (place->regions, ".hidden.conf", "junk");
  write_text (place->regions, "README", "junk");
  write_text (place->regions, "a.conf~", "junk");
  config = load (place, &error);
  g_assert_no_error (error);
  regions = ivd_config_get_regions (config);
  g_assert_cmpuint (regions->len, ==, G_N_ELEMENTS (expected));
  for (gsize i = 0; i < G_N_ELEMENTS (expected); i++)
    g_assert_cmpstr (((IvdConfigRegion *) g_ptr_array_index (regions, i))->name, ==, expected[i]);
}

static void
test_duplicate_across_files (Place *place, gconstpointer data)
{
  g_autofree char *expected = g_strdup_printf ("%s/b.conf:2: [region a] is there twice, first at %s:3: "
                                               "put it all in one place",
                                               place->regions, place->file);
  g_autoptr (GError) error = NULL;

  write_text (place->dir, "main.conf", "\n\n[region a]\n");
  write_text (place->regions, "b.conf", "\n[region a]\n");
  g_assert_null (load (place, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  g_assert_cmpstr (error->message, ==, expected);
}

static void
test_missing (Place *place, gconstpointer data)
{
  IvdConfigSource source = { .file = place->file, .directory = place->regions, .runtime_dir = RUNTIME_DIR };
  g_autofree char *nowhere = g_build_filename (place->dir, "nowhere", NULL);
  g_autoptr (IvdConfig) config = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_null (ivd_config_load (&source, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, place->file));
  g_clear_error (&error);
  source.file_may_miss = TRUE;
  config = ivd_config_load (&source, &error);
  g_assert_no_error (error);
  g_clear_pointer (&config, ivd_config_unref);
  source.directory = nowhere;
  g_assert_null (ivd_config_load (&source, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, nowhere));
  g_clear_error (&error);
  source.directory_may_miss = TRUE;
  config = ivd_config_load (&source, &error);
  g_assert_no_error (error);
}

/* Neither waited for nor read. */
static void
test_no_regular_file (Place *place, gconstpointer data)
{
  g_autofree char *fifo = g_build_filename (place->regions, "fifo.conf", NULL);
  g_autofree char *directory = g_build_filename (place->regions, "a.conf", NULL);
  g_autoptr (GError) error = NULL;

  write_text (place->dir, "main.conf", "");
  g_assert_no_errno (mkfifo (fifo, 0600));
  g_assert_null (load (place, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, "fifo.conf is not a regular file"));
  g_clear_error (&error);
  g_assert_no_errno (g_mkdir (directory, 0700));
  g_assert_null (load (place, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, "a.conf is not a regular file"));
}

static void
test_odd_file_name (Place *place, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  write_text (place->dir, "main.conf", "");
  write_text (place->regions, "\x1b[31m\xff.conf", "junk");
  g_assert_null (load (place, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  g_assert_nonnull (strstr (error->message, "\\x1b[31m"));
}

static void
add_place_test (const char *name, void (*func) (Place *, gconstpointer))
{
  g_test_add (name, Place, NULL, place_set_up, func, place_tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_file_tests ("good", test_good_file);
  add_file_tests ("bad", test_bad_file);
  g_test_add_func ("/ivd/config/sample", test_sample);
  g_test_add_func ("/ivd/config/defaults", test_defaults);
  g_test_add_func ("/ivd/config/values", test_values);
  g_test_add_func ("/ivd/config/region", test_region);
  g_test_add_func ("/ivd/config/error-places", test_error_places);
  g_test_add_func ("/ivd/config/rules", test_rules);
  g_test_add_func ("/ivd/config/limit/line", test_line_limit);
  g_test_add_func ("/ivd/config/limit/key", test_key_limit);
  g_test_add_func ("/ivd/config/limit/options", test_option_limit);
  g_test_add_func ("/ivd/config/limit/regions", test_region_limit);
  add_place_test ("/ivd/config/limit/file", test_file_limit);
  add_place_test ("/ivd/config/limit/files", test_files_limit);
  add_place_test ("/ivd/config/order", test_order);
  add_place_test ("/ivd/config/duplicate-across-files", test_duplicate_across_files);
  add_place_test ("/ivd/config/missing", test_missing);
  add_place_test ("/ivd/config/no-regular-file", test_no_regular_file);
  add_place_test ("/ivd/config/odd-file-name", test_odd_file_name);
  return g_test_run ();
}
