/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Modules from a directory: the good ones are there, and each bad one is a
 * row that says what is wrong with it.
 */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/ivd-error.h"
#include "plugin/ivd-plugin-store.h"
#include "plugin/ivd-options.h"

typedef struct
{
  char *dir;
  IvdPluginStore *store;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->dir = g_dir_make_tmp ("ivd-load-XXXXXX", NULL);
  f->store = ivd_plugin_store_new ();
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_autoptr (GDir) dir = g_dir_open (f->dir, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (f->dir, name, NULL);

      g_assert_cmpint (g_remove (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (f->dir), ==, 0);
  ivd_plugin_store_free (f->store);
  g_free (f->dir);
}

/* A copy of a module's first bytes; length < 0: all but so many. */
static char *
copy_module (Fixture *f, const char *from, const char *to, gssize length)
{
  g_autofree char *source = g_build_filename (IVT_MODULES, from, NULL);
  char *path = g_build_filename (f->dir, to, NULL);
  g_autofree char *bytes = NULL;
  gsize size;

  g_assert_true (g_file_get_contents (source, &bytes, &size, NULL));
  if (length <= 0)
    length += (gssize) size;
  g_assert_true (g_file_set_contents_full (path, bytes, length, G_FILE_SET_CONTENTS_NONE, 0644, NULL));
  return path;
}

static void
load (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (ivd_plugin_store_load (f->store, f->dir, &error));
  g_assert_no_error (error);
}

static const IvdPluginRow *
row_of (Fixture *f, const char *name)
{
  const GPtrArray *rows = ivd_plugin_store_list (f->store);

  for (guint i = 0; i < rows->len; i++)
    {
      const IvdPluginRow *row = g_ptr_array_index (rows, i);

      if (strcmp (row->name, name) == 0)
        return row;
    }
  g_error ("there is no row of %s", name);
}

static void
assert_refused (Fixture *f, const char *name, const char *word)
{
  const IvdPluginRow *row = row_of (f, name);
  g_autoptr (GError) error = NULL;

  g_assert_null (row->plugin);
  if (row->error == NULL || strstr (row->error, word) == NULL)
    g_error ("%s: \"%s\" says nothing of \"%s\"", name, row->error, word);
  g_assert_null (ivd_plugin_store_find (f->store, name, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (error->message, row->error));
}

static void
test_modules (Fixture *f, gconstpointer data)
{
  const struct
  {
    const char *name, *word;
  } bad[] = {
    { "bad-future", "needs a daemon with plugin ABI 1.99 or later" },
    { "bad-major", "speaks version 2 of the plugin ABI, and this daemon speaks version 1" },
    { "bad-monitor", "it has a monitor, but not the operation 'monitor_take', which a monitor needs" },
    { "bad-name", "it calls itself 'fake', so its file must be called 'fake.so', not 'bad-name.so'" },
    { "bad-null", "its name is missing" },
    { "bad-operation", "its operation 'destroy' is missing" },
    { "bad-option", "option 'colour' of its table has the unknown type 77" },
    { "bad-short", "its table says that it has" },
    { "bad-symbol", "it is no ivshmem plugin: it does not export ivshmem_plugin_v1" },
    { "bad-unresolved", "nobody_has_this_function" },
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) none = g_variant_ref_sink (g_variant_new_parsed ("{'second': <5>}"));
  g_autoptr (IvdOptions) options = NULL;
  IvdPlugin *plugin;

  g_assert_true (ivd_plugin_store_load (f->store, IVT_MODULES, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (ivd_plugin_store_list (f->store)->len, ==, G_N_ELEMENTS (bad) + 4);
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_refused (f, bad[i].name, bad[i].word);
  plugin = ivd_plugin_store_find (f->store, "fake", NULL);
  g_assert_nonnull (plugin);
  g_assert_true (ivd_plugin_can_probe (plugin) && ivd_plugin_can_monitor (plugin));

  /* A shorter one, of minor version 0. */
  plugin = ivd_plugin_store_find (f->store, "good-first", &error);
  g_assert_no_error (error);
  g_assert_true (ivd_plugin_can_probe (plugin) && !ivd_plugin_can_monitor (plugin));

  /* A longer one, of a later minor version. */
  plugin = ivd_plugin_store_find (f->store, "good-long", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (ivd_plugin_get_capabilities (plugin), ==, IVSHMEM_PLUGIN_CAP_READ);
  g_assert_false (ivd_plugin_can_monitor (plugin));
  options = ivd_options_new (ivd_plugin_get_table (plugin), none, NULL, NULL, &error);
  g_assert_no_error (error);
  g_clear_error (&error);
  g_assert_null (ivd_plugin_store_find (f->store, "absent", &error));
  g_assert_cmpstr (error->message, ==, "there is no plugin 'absent'; loaded: devices, fake, good-first, good-long");
}

static void
test_damaged_files (Fixture *f, gconstpointer data)
{
  g_autofree char *text = g_build_filename (f->dir, "text.so", NULL);
  g_autofree char *empty = g_build_filename (f->dir, "empty.so", NULL);

  g_assert_true (g_file_set_contents (text, "#!/bin/sh\necho no\n", -1, NULL));
  g_assert_true (g_file_set_contents (empty, "", 0, NULL));
  g_free (copy_module (f, "fake.so", "header.so", 40));
  g_free (copy_module (f, "fake.so", "segments.so", 100));
  g_free (copy_module (f, "fake.so", "cut.so", 9000));
  load (f);
  assert_refused (f, "text", "no ELF header");
  assert_refused (f, "empty", "no ELF header");
  assert_refused (f, "header", "cut short: not even its ELF header is whole");
  assert_refused (f, "segments", "cut short: its program headers are not there");
  assert_refused (f, "cut", "cut short: some of its segments are not there");
}

/* Cut anywhere, it is refused or loaded, but never kills us. Each cut has a
 * name of its own, or the dynamic linker would give back the first one. */
static void
test_cut_anywhere (Fixture *f, gconstpointer data)
{
  struct stat st;
  guint n = 0;

  if (!g_test_subprocess ())
    {
      g_test_trap_subprocess (NULL, 60 * G_USEC_PER_SEC, 0);
      g_test_trap_assert_passed ();
      return;
    }
  g_assert_cmpint (stat (IVT_MODULES "/fake.so", &st), ==, 0);
  for (gssize length = st.st_size - 1; length > 64; length -= 1013)
    {
      g_autofree char *name = g_strdup_printf ("cut-%u.so", n++);
      g_autofree char *path = copy_module (f, "fake.so", name, length);
      g_autoptr (GError) error = NULL;

      g_assert_null (ivd_plugin_load (path, &error));
      g_assert_nonnull (error);
    }
  g_assert_cmpuint (n, >, 10);
}

static void
test_wrong_machine (Fixture *f, gconstpointer data)
{
  g_autofree char *path = copy_module (f, "fake.so", "alien.so", 0);
  int fd = open (path, O_WRONLY | O_CLOEXEC);
  char class = sizeof (void *) == 8 ? 1 : 2;

  g_assert_cmpint (pwrite (fd, &class, 1, 4), ==, 1);
  close (fd);
  load (f);
  assert_refused (f, "alien", "built for another kind of machine");
}

static void
test_kinds (Fixture *f, gconstpointer data)
{
  g_autofree char *fifo = g_build_filename (f->dir, "fifo.so", NULL);
  g_autofree char *directory = g_build_filename (f->dir, "directory.so", NULL);
  g_autofree char *link = g_build_filename (f->dir, "link.so", NULL);
  g_autofree char *other = g_build_filename (f->dir, "README", NULL);
  g_autofree char *odd = g_build_filename (f->dir, "od\td.so", NULL);

  g_assert_cmpint (mkfifo (fifo, 0644), ==, 0);
  g_assert_cmpint (g_mkdir (directory, 0755), ==, 0);
  g_assert_cmpint (symlink (IVT_MODULES "/fake.so", link), ==, 0);
  g_assert_true (g_file_set_contents (other, "read me", -1, NULL));
  g_assert_true (g_file_set_contents (odd, "", 0, NULL));
  load (f);
  g_assert_cmpuint (ivd_plugin_store_list (f->store)->len, ==, 4);
  assert_refused (f, "fifo", "no regular file");
  assert_refused (f, "directory", "no regular file");
  assert_refused (f, "link", "no regular file");
  g_assert_nonnull (strstr (row_of (f, "od\\x09d")->error, "plugin name"));
}

static void
test_writable_by_others (Fixture *f, gconstpointer data)
{
  g_autofree char *group = copy_module (f, "fake.so", "group.so", 0);
  g_autofree char *world = copy_module (f, "fake.so", "world.so", 0);
  g_autofree char *foreign = copy_module (f, "fake.so", "foreign.so", 0);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (chmod (group, 0664), ==, 0);
  g_assert_cmpint (chmod (world, 0646), ==, 0);
  if (geteuid () == 0)
    g_assert_cmpint (chown (foreign, 4711, 0), ==, 0);
  else
    g_assert_cmpint (chmod (foreign, 0622), ==, 0);
  load (f);
  assert_refused (f, "group", "others than its owner can write it");
  assert_refused (f, "world", "others than its owner can write it");
  assert_refused (f, "foreign", geteuid () == 0 ? "belongs to user 4711" : "can write it");

  g_assert_cmpint (chmod (f->dir, 0770), ==, 0);
  g_assert_false (ivd_plugin_store_load (f->store, f->dir, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_DENIED);
  g_assert_nonnull (strstr (error->message, f->dir));
}

static void
test_directories (Fixture *f, gconstpointer data)
{
  g_autofree char *absent = g_build_filename (f->dir, "absent", NULL);
  g_autofree char *file = copy_module (f, "fake.so", "fake.so", 0);
  g_autoptr (GError) error = NULL;

  g_assert_false (ivd_plugin_store_load (f->store, absent, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_false (ivd_plugin_store_load (f->store, file, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  load (f);
  g_clear_error (&error);
  g_assert_nonnull (ivd_plugin_store_find (f->store, "fake", &error));
  /* The first of a name stays. */
  g_assert_true (ivd_plugin_store_load (f->store, IVT_MODULES, &error));
  g_assert_cmpstr (ivd_plugin_get_file (ivd_plugin_store_find (f->store, "fake", NULL)), ==, file);
  g_assert_nonnull (strstr (row_of (f, "fake")->file, "/"));
}

#define ADD(name, func) g_test_add ("/ivd/plugin-load/" name, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("modules", test_modules);
  ADD ("damaged-files", test_damaged_files);
  ADD ("cut-anywhere", test_cut_anywhere);
  ADD ("wrong-machine", test_wrong_machine);
  ADD ("kinds", test_kinds);
  ADD ("writable-by-others", test_writable_by_others);
  ADD ("directories", test_directories);
  return g_test_run ();
}
