/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/ivd-error.h"
#include "config/ivd-saved-region.h"

typedef struct
{
  char *dir;
} Store;

static void
store_set_up (Store *store, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  store->dir = g_dir_make_tmp ("ivd-saved-XXXXXX", &error);
  g_assert_no_error (error);
}

static void
store_tear_down (Store *store, gconstpointer data)
{
  g_autoptr (GDir) dir = g_dir_open (store->dir, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (store->dir, name, NULL);

      g_assert_no_errno (g_unlink (path));
    }
  g_assert_no_errno (g_rmdir (store->dir));
  g_free (store->dir);
}

static void
write_text (const Store *store, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (store->dir, name, NULL);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

static IvdConfigRegion *
make_region (const char *name, const char *options)
{
  g_autoptr (GVariant) parsed = g_variant_ref_sink (g_variant_new_parsed (options));
  IvdConfigRegion *region = ivd_config_region_new (name, "host-plain");
  g_autoptr (GError) error = NULL;

  g_assert_true (ivd_config_region_add_options (region, parsed, &error));
  g_assert_no_error (error);
  return region;
}

static void
write_region (const Store *store, const IvdConfigRegion *region)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (ivd_saved_region_write (store->dir, region, &error));
  g_assert_no_error (error);
}

static guint
count_files (const Store *store)
{
  g_autoptr (GDir) dir = g_dir_open (store->dir, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

static void
test_there_and_back (Store *store, gconstpointer data)
{
  g_autoptr (IvdConfigRegion) first
      = make_region ("b.x", "{'path': <'/dev/shm/ä b'>, 'create': <true>, "
                            "'grow': <false>, "
                            "'size': <uint64 18446744073709551615>, "
                            "'n': <int32 -5>, 'empty': <''>, 'b': <byte 0x20>}");
  g_autoptr (IvdConfigRegion) second = make_region ("a", "@a{sv} {}");
  g_autofree char *path = g_build_filename (store->dir, "b.x.conf", NULL);
  g_autoptr (GPtrArray) regions = NULL;
  g_autoptr (GPtrArray) errors = NULL;
  g_autoptr (GVariant) options = NULL;
  const IvdConfigRegion *region;
  struct stat info;

  second->activity = TRUE;
  second->hotplug = TRUE;
  write_region (store, first);
  write_region (store, second);
  g_assert_cmpuint (count_files (store), ==, 2);
  g_assert_no_errno (g_stat (path, &info));
  g_assert_cmpuint (info.st_mode & 07777, ==, 0600);
  regions = ivd_saved_region_read_all (store->dir, &errors);
  g_assert_cmpuint (errors->len, ==, 0);
  g_assert_cmpuint (regions->len, ==, 2);
  region = g_ptr_array_index (regions, 0);
  g_assert_cmpstr (region->name, ==, "a");
  g_assert_cmpuint (region->options->len, ==, 0);
  g_assert_true (region->activity);
  g_assert_true (region->hotplug);
  region = g_ptr_array_index (regions, 1);
  g_assert_cmpstr (region->name, ==, "b.x");
  g_assert_cmpstr (region->plugin, ==, "host-plain");
  g_assert_true (region->persist);
  g_assert_false (region->activity);
  g_assert_false (region->hotplug);
  options = ivd_config_region_dup_options (region);
  g_assert_cmpvariant (options, g_variant_new_parsed ("{'path': <'/dev/shm/ä b'>, 'create': <'true'>, "
                                                      "'grow': <'false'>, 'size': <'18446744073709551615'>, "
                                                      "'n': <'-5'>, 'empty': <''>, 'b': <'32'>}"));
}

static void
test_replace_and_remove (Store *store, gconstpointer data)
{
  g_autoptr (IvdConfigRegion) before = make_region ("a", "{'path': <'/one'>}");
  g_autoptr (IvdConfigRegion) after = make_region ("a", "{'path': <'/two'>}");
  g_autoptr (GPtrArray) regions = NULL;
  g_autoptr (GError) error = NULL;

  write_region (store, before);
  write_region (store, after);
  regions = ivd_saved_region_read_all (store->dir, NULL);
  g_assert_cmpuint (regions->len, ==, 1);
  g_assert_cmpstr (ivd_config_region_find (g_ptr_array_index (regions, 0), "path")->value, ==, "/two");
  g_assert_true (ivd_saved_region_remove (store->dir, "a", &error));
  g_assert_no_error (error);
  g_assert_cmpuint (count_files (store), ==, 0);
  g_assert_false (ivd_saved_region_remove (store->dir, "a", &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_false (ivd_saved_region_remove (store->dir, "../a", &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
}

/* The format has no escapes: such a value must not come back as another, nor
 * as a second key or group. */
static void
test_not_writable (Store *store, gconstpointer data)
{
  const char *bad[] = { "{'path': <'a\\nallow-admin=*'>}", "{'path': <'a '>}", "{'path': <' a'>}",
                        "{'path': <'a\\u0007'>}", "{'persist': <'true'>}", "{'activity': <'true'>}", "{'hotplug': <'true'>}",
                        "{'plugin': <'x'>}",
                        "{'allow-see': <'*'>}", "{'Path': <'x'>}", "{'a=b': <'x'>}", "{'#': <'x'>}" };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (IvdConfigRegion) region = make_region ("a", bad[i]);
      g_autoptr (GError) error = NULL;

      g_test_message ("%s", bad[i]);
      g_assert_false (ivd_saved_region_write (store->dir, region, &error));
      g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, "'a'"));
    }
  g_assert_cmpuint (count_files (store), ==, 0);
}

static void
test_bad_types (void)
{
  const char *bad[] = { "{'x': <1.5>}", "{'x': <['a']>}", "{'x': <@o '/a'>}", "{'x': <<'a'>>}" };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GVariant) parsed = g_variant_ref_sink (g_variant_new_parsed (bad[i]));
      g_autoptr (IvdConfigRegion) region = ivd_config_region_new ("a", "host-plain");
      g_autoptr (GError) error = NULL;

      g_assert_false (ivd_config_region_add_options (region, parsed, &error));
      g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, "option 'x'"));
    }
}

static void
test_bad_names (Store *store, gconstpointer data)
{
  g_autoptr (IvdConfigRegion) name = ivd_config_region_new ("../a", "host-plain");
  g_autoptr (IvdConfigRegion) plugin = ivd_config_region_new ("a", "host plain");
  g_autoptr (GError) error = NULL;

  g_assert_false (ivd_saved_region_write (store->dir, name, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (ivd_saved_region_write (store->dir, plugin, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
}

/* One bad file costs nothing but itself. */
static void
test_bad_files (Store *store, gconstpointer data)
{
  const struct
  {
    const char *name, *text, *expected;
  } bad[] = {
    { "1.conf", "", "does not have [region 1] and nothing else" },
    { "2.conf", "[region other]\nplugin=x\n", "does not have [region 2] and nothing else" },
    { "3.conf", "[region 3]\nplugin=x\n[daemon]\nallow-see=*\n",
      "does not have [region 3] and nothing else" },
    { "4.conf", "[region 4]\n", "4.conf:1: [region 4] has no plugin" },
    { "5.conf", "[region 5]\nplugin=x\njunk\n", "5.conf:3: 'junk' is neither" },
    { "6 x.conf", "[region 6]\nplugin=x\n", "'6 x' is no region name" },
    { "7.conf", "[daemon 7]\n", "does not have [region 7] and nothing else" },
    { "8.conf", "[region 8]\nplugin=x\nallow-read=*\n", "8.conf:1: [region 8] has rules" },
  };
  g_autoptr (IvdConfigRegion) good = make_region ("good", "{'path': <'/x'>}");
  g_autoptr (GPtrArray) regions = NULL;
  g_autoptr (GPtrArray) errors = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    write_text (store, bad[i].name, bad[i].text);
  write_text (store, "good.conf.AbCdEf", "a crash left this");
  write_region (store, good);
  regions = ivd_saved_region_read_all (store->dir, &errors);
  g_assert_cmpuint (regions->len, ==, 1);
  g_assert_cmpstr (((IvdConfigRegion *) g_ptr_array_index (regions, 0))->name, ==, "good");
  g_assert_cmpuint (errors->len, ==, G_N_ELEMENTS (bad));
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      const GError *error = g_ptr_array_index (errors, i);

      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, bad[i].expected));
      g_assert_nonnull (strstr (error->message, store->dir));
    }
}

static void
test_no_directory (void)
{
  g_autoptr (IvdConfigRegion) region = make_region ("a", "@a{sv} {}");
  g_autoptr (GPtrArray) errors = NULL;
  g_autoptr (GPtrArray) regions = ivd_saved_region_read_all ("/nonexistent/regions.d", &errors);
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (regions->len, ==, 0);
  g_assert_cmpuint (errors->len, ==, 0);
  g_assert_false (ivd_saved_region_write ("/nonexistent/regions.d", region, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND);
}

static void
add_store_test (const char *name, void (*func) (Store *, gconstpointer))
{
  g_test_add (name, Store, NULL, store_set_up, func, store_tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_store_test ("/ivd/saved-region/there-and-back", test_there_and_back);
  add_store_test ("/ivd/saved-region/replace-and-remove", test_replace_and_remove);
  add_store_test ("/ivd/saved-region/not-writable", test_not_writable);
  g_test_add_func ("/ivd/saved-region/bad-types", test_bad_types);
  add_store_test ("/ivd/saved-region/bad-names", test_bad_names);
  add_store_test ("/ivd/saved-region/bad-files", test_bad_files);
  g_test_add_func ("/ivd/saved-region/no-directory", test_no_directory);
  return g_test_run ();
}
