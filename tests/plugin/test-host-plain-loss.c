/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "ivt-plain.h"

/*
 * How the plugin "host-plain" notices that its file is lost, and finds
 * another. Names begin with the fact of ivshmem-facts that a test is about.
 */

/* --- losing it ---------------------------------------------------------- */

static void
test_truncation (IvtPlain *fixture, gconstpointer data)
{
  ivt_plain_make_file (fixture->path, IVT_MIB);
  ivt_plain_attach (fixture, "");
  g_assert_cmpint (truncate (fixture->path, IVT_MIB - 1), ==, 0);
  ivt_plain_expect_lost (fixture, "was truncated from 1048576 to 1048575 bytes");
  g_assert_cmpstr (fixture->region->reports->str, ==, "ready lost");
  ivt_plain_wait_for (fixture, ivt_plain_is_at_rest);
  /* Without reattach it stays lost. */
  g_assert_cmpint (truncate (fixture->path, IVT_MIB), ==, 0);
  ivt_plugin_host_drain (fixture->host);
  g_assert_true (ivt_plain_is_at_rest (fixture));
  g_assert_cmpuint (g_hash_table_size (fixture->region->watches), ==, 0);
}

static void
test_deletion (IvtPlain *fixture, gconstpointer data)
{
  ivt_plain_make_file (fixture->path, IVT_MIB);
  ivt_plain_attach (fixture, "");
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  ivt_plain_expect_lost (fixture, "was deleted or moved away");
}

static void
test_moved_away (IvtPlain *fixture, gconstpointer data)
{
  g_autofree char *other = g_build_filename (fixture->dir, "other", NULL);

  ivt_plain_make_file (fixture->path, IVT_MIB);
  ivt_plain_attach (fixture, "");
  g_assert_cmpint (g_rename (fixture->path, other), ==, 0);
  ivt_plain_expect_lost (fixture, "was deleted or moved away");
  g_unlink (other);
}

static void
test_replaced (IvtPlain *fixture, gconstpointer data)
{
  g_autofree char *other = g_build_filename (fixture->dir, "other", NULL);
  g_autofree char *kept = g_build_filename (fixture->dir, "kept", NULL);

  ivt_plain_make_file (fixture->path, IVT_MIB);
  ivt_plain_make_file (other, IVT_MIB);
  g_assert_cmpint (link (fixture->path, kept), ==, 0);
  ivt_plain_attach (fixture, "");
  g_assert_cmpint (g_rename (other, fixture->path), ==, 0);
  ivt_plain_expect_lost (fixture, "was replaced by another file");
  g_unlink (kept);
}

/* What happens to a file without it being lost. */
static void
test_harmless_changes (IvtPlain *fixture, gconstpointer data)
{
  g_autofree char *other = g_build_filename (fixture->dir, "other", NULL);
  int fd;

  ivt_plain_make_file (fixture->path, IVT_MIB);
  ivt_plain_attach (fixture, "");
  ivt_plain_wait_for (fixture, ivt_plain_is_at_rest);

  g_assert_cmpint (truncate (fixture->path, 2 * IVT_MIB), ==, 0);
  g_assert_cmpint (link (fixture->path, other), ==, 0);
  g_assert_cmpint (g_unlink (other), ==, 0);
  g_assert_cmpint (chmod (fixture->path, 0640), ==, 0);
  fd = open (fixture->path, O_RDWR | O_CLOEXEC);
  g_assert_cmpint (write (fd, "x", 1), ==, 1);
  close (fd);
  ivt_plain_make_file (other, 5);
  g_unlink (other);
  ivt_plain_wait_for (fixture, ivt_plain_is_at_rest);
  g_assert_cmpint (truncate (fixture->path, IVT_MIB), ==, 0);
  ivt_plain_wait_for (fixture, ivt_plain_is_at_rest);
  g_assert_cmpstr (fixture->region->reports->str, ==, "ready");
}

/* Somebody who writes all the time costs a look now and then. */
static void
test_write_storm (IvtPlain *fixture, gconstpointer data)
{
  int fd;
  guint wakes = 0;

  ivt_plain_make_file (fixture->path, IVT_MIB);
  ivt_plain_attach (fixture, "");
  fd = open (fixture->path, O_RDWR | O_CLOEXEC);
  for (guint i = 0; i < 20000; i++)
    {
      g_assert_cmpint (pwrite (fd, "xy", 1 + i % 2, i % IVT_MIB), >=, 1);
      if (g_main_context_pending (NULL))
        {
          wakes++;
          g_main_context_iteration (NULL, FALSE);
        }
    }
  close (fd);
  g_assert_cmpuint (wakes, <, 10000);
  g_assert_cmpint (truncate (fixture->path, 0), ==, 0);
  ivt_plain_expect_lost (fixture, "was truncated from 1048576 to 0 bytes");
}

static void
test_idle (IvtPlain *fixture, gconstpointer data)
{
  ivt_plain_make_file (fixture->path, IVT_MIB);
  ivt_plain_attach (fixture, "reattach=true");
  ivt_plain_wait_for (fixture, ivt_plain_is_at_rest);
}

/* A user namespace of our own has limits of its own, and takes none of what
 * others on this machine need. FALSE: there can be none. */
static gboolean
forbid_inotify (void)
{
  int fd;
  gboolean written;

  if (unshare (CLONE_NEWUSER) < 0)
    return FALSE;

  fd = open ("/proc/sys/user/max_inotify_instances", O_WRONLY | O_CLOEXEC);
  written = fd >= 0 && write (fd, "0", 1) == 1;
  if (fd >= 0)
    close (fd);
  return written;
}

static void
test_inotify_limit (IvtPlain *fixture, gconstpointer data)
{
  pid_t child;
  int status;

  if (g_test_subprocess ())
    {
      ivt_plain_make_file (fixture->path, IVT_MIB);
      g_assert_true (forbid_inotify ());
      ivt_plain_expect_refusal (fixture, fixture->path, "", IVSHMEM_PLUGIN_LIMIT, "fs.inotify.max_user_instances");
      return;
    }

  child = fork ();
  if (child == 0)
    _exit (forbid_inotify () ? 0 : 1);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  if (status != 0)
    {
      g_test_skip ("no user namespace can be had to set a limit in");
      return;
    }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
  g_test_trap_assert_passed ();
}

/* --- attaching again ---------------------------------------------------- */

static void
test_recreated (IvtPlain *fixture, gconstpointer data)
{
  guint64 first;
  int fd;

  ivt_plain_make_file (fixture->path, IVT_MIB);
  first = ivt_plain_look_at (fixture->path).st_ino;
  ivt_plain_attach (fixture, "size=1M reattach=true");
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  ivt_plain_expect_lost (fixture, "was deleted or moved away");
  ivt_plain_wait_for (fixture, ivt_plain_is_at_rest);

  /* As a program does it: first there is an empty file. */
  fd = open (fixture->path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  ivt_plain_wait_for (fixture, ivt_plain_is_at_rest);
  g_assert_cmpint (ftruncate (fd, 4096), ==, 0);
  ivt_plain_wait_for (fixture, ivt_plain_is_at_rest);
  g_assert_cmpuint (fixture->region->n_ready, ==, 1);
  g_assert_cmpint (ftruncate (fd, IVT_MIB), ==, 0);
  ivt_plain_wait_for (fixture, ivt_plain_is_ready_again);
  g_assert_cmpstr (fixture->region->reports->str, ==, "ready lost ready");
  g_assert_cmpuint (ivt_plain_look_at (fixture->path).st_ino, !=, first);
  close (fd);

  /* And it is watched like the first. */
  ivt_plain_wait_for (fixture, ivt_plain_is_at_rest);
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  ivt_plain_expect_lost (fixture, "was deleted");
}

static gboolean
has_size_of_last_write (gpointer data)
{
  IvtPlain *fixture = data;

  return fixture->region->n_ready == 2 && fixture->region->memory.size == 64 * IVT_KIB;
}

/* Of unknown size: it is taken when its writer has come to an end. */
static void
test_recreated_without_size (IvtPlain *fixture, gconstpointer data)
{
  g_autofree char *block = g_malloc0 (IVT_KIB);
  int fd;

  ivt_plain_make_file (fixture->path, IVT_MIB);
  ivt_plain_attach (fixture, "reattach=true");
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  ivt_plain_expect_lost (fixture, "was deleted");
  fd = open (fixture->path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  for (guint i = 0; i < 64; i++)
    {
      g_assert_cmpint (write (fd, block, IVT_KIB), ==, IVT_KIB);
      ivt_plugin_host_drain (fixture->host);
    }
  close (fd);
  ivt_plain_wait_for (fixture, has_size_of_last_write);
}

static void
test_truncated_and_grown (IvtPlain *fixture, gconstpointer data)
{
  ivt_plain_make_file (fixture->path, IVT_MIB);
  ivt_plain_attach (fixture, "size=1M reattach=true");
  g_assert_cmpint (truncate (fixture->path, 0), ==, 0);
  ivt_plain_expect_lost (fixture, "was truncated");
  ivt_plain_wait_for (fixture, ivt_plain_is_at_rest);
  g_assert_cmpint (truncate (fixture->path, IVT_MIB), ==, 0);
  ivt_plain_wait_for (fixture, ivt_plain_is_ready_again);
}

static void
test_replaced_again (IvtPlain *fixture, gconstpointer data)
{
  g_autofree char *other = g_build_filename (fixture->dir, "other", NULL);

  ivt_plain_make_file (fixture->path, IVT_MIB);
  ivt_plain_make_file (other, IVT_MIB);
  ivt_plain_attach (fixture, "size=1M reattach=true");
  g_assert_cmpint (g_rename (other, fixture->path), ==, 0);
  ivt_plain_wait_for (fixture, ivt_plain_is_ready_again);
  g_assert_cmpstr (fixture->region->reports->str, ==, "ready lost ready");
}

static void
test_directory_recreated (IvtPlain *fixture, gconstpointer data)
{
  g_autofree char *outer = g_build_filename (fixture->dir, "outer", NULL);
  g_autofree char *inner = g_build_filename (outer, "inner", NULL);
  g_autofree char *path = g_build_filename (inner, "file", NULL);

  for (guint round = 0; round < 2; round++)
    {
      g_assert_cmpint (g_mkdir_with_parents (inner, 0700), ==, 0);
      ivt_plain_make_file (path, IVT_MIB);
      if (round == 0)
        ivt_plain_attach_path (fixture, path, "size=1M reattach=true");
      else
        ivt_plain_wait_for (fixture, ivt_plain_is_ready_again);
      g_assert_no_error (fixture->error);
      g_assert_cmpint (g_unlink (path), ==, 0);
      g_assert_cmpint (g_rmdir (inner), ==, 0);
      g_assert_cmpint (g_rmdir (outer), ==, 0);
      ivt_plain_expect_lost (fixture, "was deleted");
      ivt_plain_wait_for (fixture, ivt_plain_is_at_rest);
    }
}

/* Neither made nor grown anew, and no link is followed. */
static void
test_reattach_takes_it_as_it_is (IvtPlain *fixture, gconstpointer data)
{
  g_autofree char *other = g_build_filename (fixture->dir, "other", NULL);

  ivt_plain_attach (fixture, "create=true grow=true size=1M reattach=true");
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  ivt_plain_expect_lost (fixture, "was deleted");
  ivt_plain_wait_for (fixture, ivt_plain_is_at_rest);
  ivt_plain_expect_empty (fixture->dir);
  ivt_plain_make_file (fixture->path, 4096);
  ivt_plain_wait_for (fixture, ivt_plain_is_at_rest);
  g_assert_cmpint (ivt_plain_look_at (fixture->path).st_size, ==, 4096);
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  ivt_plain_make_file (other, IVT_MIB);
  g_assert_cmpint (symlink (other, fixture->path), ==, 0);
  ivt_plain_wait_for (fixture, ivt_plain_is_at_rest);
  g_assert_cmpuint (fixture->region->n_ready, ==, 1);
  g_assert_cmpint (g_rename (other, fixture->path), ==, 0);
  ivt_plain_wait_for (fixture, ivt_plain_is_ready_again);
}

static gboolean
is_given_up (gpointer data)
{
  IvtPlain *fixture = data;

  return ivt_region_logged (fixture->region, "will not be attached again");
}

/* What ends the waiting is told. */
static void
test_reattach_gives_up (IvtPlain *fixture, gconstpointer data)
{
  const guint lacking[] = { IVT_SERVICE_RUN, IVT_SERVICE_WATCH };

  for (gsize i = 0; i < G_N_ELEMENTS (lacking); i++)
    {
      ivt_plain_make_file (fixture->path, IVT_MIB);
      ivt_plain_attach (fixture, "reattach=true");
      ivt_plain_wait_for (fixture, ivt_plain_is_at_rest);
      fixture->region->refuse_services = lacking[i];
      g_assert_cmpint (g_unlink (fixture->path), ==, 0);
      ivt_plain_wait_for (fixture, is_given_up);
      ivt_plain_let_go (fixture);
    }
}

static gboolean
is_not_mapped (gpointer data)
{
  IvtPlain *fixture = data;

  return ivt_region_logged (fixture->region, "cannot map the file");
}

static void
test_reattach_is_refused (IvtPlain *fixture, gconstpointer data)
{
  ivt_plain_make_file (fixture->path, IVT_MIB);
  ivt_plain_attach (fixture, "size=1M reattach=true");
  fixture->region->refuse_memory = TRUE;
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  ivt_plain_make_file (fixture->path, IVT_MIB);
  ivt_plain_wait_for (fixture, is_not_mapped);
  fixture->region->refuse_memory = FALSE;
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  ivt_plain_make_file (fixture->path, IVT_MIB);
  ivt_plain_wait_for (fixture, ivt_plain_is_ready_again);
}

/* Without a timer or a thread it looks at once. */
static void
test_services_are_refused (IvtPlain *fixture, gconstpointer data)
{
  for (guint lacking = 0; lacking < 2; lacking++)
    {
      ivt_plain_make_file (fixture->path, IVT_MIB);
      ivt_plain_attach (fixture, "keep=false");
      ivt_plain_wait_for (fixture, ivt_plain_is_at_rest);
      fixture->region->refuse_services = lacking == 0 ? IVT_SERVICE_TIMER : IVT_SERVICE_RUN;
      g_assert_cmpint (truncate (fixture->path, 0), ==, 0);
      ivt_plain_expect_lost (fixture, "was truncated");
      ivt_plain_let_go (fixture);
      ivt_plain_expect_empty (fixture->dir);
    }
}

static void
test_detach_while_lost (IvtPlain *fixture, gconstpointer data)
{
  ivt_plain_make_file (fixture->path, IVT_MIB);
  ivt_plain_attach (fixture, "reattach=true keep=false");
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  ivt_plain_expect_lost (fixture, "was deleted");
  ivt_plain_make_file (fixture->path, IVT_MIB);
  ivt_plain_let_go (fixture);
  g_assert_cmpint (ivt_plain_look_at (fixture->path).st_size, ==, IVT_MIB);
}

static void
test_detach_in_report (IvtPlain *fixture, gconstpointer data)
{
  g_autofree char *options = g_strdup_printf ("path=%s reattach=true", fixture->path);

  ivt_plain_make_file (fixture->path, IVT_MIB);
  fixture->region = ivt_region_create (fixture->host, "r", options, &fixture->error);
  g_assert_no_error (fixture->error);
  fixture->region->detach_in_report = TRUE;
  while (!fixture->region->detached)
    g_main_context_iteration (NULL, TRUE);
  ivt_plain_let_go (fixture);

  ivt_plain_attach (fixture, "reattach=true");
  fixture->region->detach_in_report = TRUE;
  g_assert_cmpint (g_unlink (fixture->path), ==, 0);
  while (!fixture->region->detached)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpstr (fixture->region->reports->str, ==, "ready lost");
}

int
main (int argc, char **argv)
{
  const struct
  {
    const char *path;
    void (*func) (IvtPlain *fixture, gconstpointer data);
  } tests[] = {
    { "a6-13-truncation", test_truncation },
    { "a6-13-deletion", test_deletion },
    { "a6-13-moved-away", test_moved_away },
    { "a6-13-replaced", test_replaced },
    { "harmless-changes", test_harmless_changes },
    { "write-storm", test_write_storm },
    { "idle", test_idle },
    { "inotify-limit", test_inotify_limit },
    { "e5-recreated", test_recreated },
    { "e5-recreated-without-size", test_recreated_without_size },
    { "e5-truncated-and-grown", test_truncated_and_grown },
    { "e5-replaced", test_replaced_again },
    { "e5-directory-recreated", test_directory_recreated },
    { "e5-reattach-takes-it-as-it-is", test_reattach_takes_it_as_it_is },
    { "reattach-gives-up", test_reattach_gives_up },
    { "reattach-is-refused", test_reattach_is_refused },
    { "services-are-refused", test_services_are_refused },
    { "detach-while-lost", test_detach_while_lost },
    { "detach-in-report", test_detach_in_report },
  };

  g_test_init (&argc, &argv, NULL);
  /* What GLib opens once is open before anybody counts. */
  g_main_context_iteration (NULL, FALSE);
  for (gsize i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strconcat ("/host-plain-loss/", tests[i].path, NULL);

      g_test_add (path, IvtPlain, NULL, ivt_plain_set_up, tests[i].func, ivt_plain_tear_down);
    }
  return g_test_run ();
}
