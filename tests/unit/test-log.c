/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib-unix.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "platform/ivd-log.h"

/* stderr, caught in a pipe for one test. */
typedef struct
{
  int saved, reader;
} Caught;

static void
caught_set_up (Caught *caught, gconstpointer data)
{
  int ends[2];
  g_autoptr (GError) error = NULL;

  g_assert_true (g_unix_open_pipe (ends, FD_CLOEXEC, &error));
  g_assert_true (g_unix_set_fd_nonblocking (ends[0], TRUE, &error));
  caught->reader = ends[0];
  caught->saved = fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
  g_assert_cmpint (caught->saved, >=, 0);
  g_assert_cmpint (dup2 (ends[1], STDERR_FILENO), ==, STDERR_FILENO);
  close (ends[1]);
  ivd_log_set_level (IVD_LOG_NOTICE);
}

static void
caught_tear_down (Caught *caught, gconstpointer data)
{
  dup2 (caught->saved, STDERR_FILENO);
  close (caught->saved);
  close (caught->reader);
}

/* What came since the last time. */
static char *
take (const Caught *caught)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char buffer[4096];
  gssize n;

  while ((n = read (caught->reader, buffer, sizeof buffer)) > 0)
    g_string_append_len (text, buffer, n);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
assert_took (const Caught *caught, const char *expected)
{
  g_autofree char *text = take (caught);

  g_assert_cmpstr (text, ==, expected);
}

static void
test_level_names (void)
{
  g_autoptr (GError) error = NULL;
  IvdLogLevel level;

  for (guint i = 0; i < IVD_LOG_LEVEL_COUNT; i++)
    {
      g_assert_true (ivd_log_level_parse (ivd_log_level_name (i), &level, &error));
      g_assert_no_error (error);
      g_assert_cmpint (level, ==, i);
    }
  g_assert_false (ivd_log_level_parse ("loud", &level, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
}

static void
test_lines (Caught *caught, gconstpointer data)
{
  const IvdLogContext context = { .region = "web", .plugin = "doorbell", .peer = 3 };

  ivd_log (IVD_LOG_NOTICE, NULL, "started %d", 1);
  assert_took (caught, "notice started 1\n");
  ivd_log (IVD_LOG_WARNING, "web", "%s", "peer 3 was kicked");
  assert_took (caught, "warning [web] peer 3 was kicked\n");
  ivd_log_about (IVD_LOG_ERROR, &context, "it lies");
  assert_took (caught, "error [web] it lies\n");
  ivd_log_about (IVD_LOG_NOTICE, &IVD_LOG_NO_CONTEXT, "nothing");
  assert_took (caught, "notice nothing\n");
}

static void
test_levels (Caught *caught, gconstpointer data)
{
  for (guint lowest = 0; lowest < IVD_LOG_LEVEL_COUNT; lowest++)
    {
      ivd_log_set_level (lowest);
      for (guint level = 0; level < IVD_LOG_LEVEL_COUNT; level++)
        {
          g_autofree char *text = NULL;

          ivd_log (level, NULL, "x");
          text = take (caught);
          g_assert_cmpint (text[0] != '\0', ==, level >= lowest);
          g_assert_cmpint (ivd_log_wants (level), ==, level >= lowest);
        }
    }
}

static void
test_glib_debug (Caught *caught, gconstpointer data)
{
  g_log_writer_default_set_use_stderr (TRUE);
  g_setenv ("G_MESSAGES_DEBUG", "ivshmemd", TRUE);
  ivd_log (IVD_LOG_DEBUG, NULL, "x");
  g_unsetenv ("G_MESSAGES_DEBUG");
  assert_took (caught, "debug x\n");
  ivd_log (IVD_LOG_DEBUG, NULL, "x");
  assert_took (caught, "");
}

/* From GLib and its users; a message there is a notice here. */
static void
test_from_glib (Caught *caught, gconstpointer data)
{
  g_log_structured ("GLib-GIO", G_LOG_LEVEL_MESSAGE, "MESSAGE", "hello\n%d", 7);
  assert_took (caught, "notice hello\\x0a7\n");
  g_log_structured ("GLib-GIO", G_LOG_LEVEL_DEBUG, "MESSAGE", "hello");
  assert_took (caught, "");
}

static void
test_hostile_text (Caught *caught, gconstpointer data)
{
  g_autofree char *endless = g_strnfill (100 * 1000, 'y');
  g_autofree char *longest = g_strnfill (IVD_LIMIT_LOG_MESSAGE_BYTES, 'y');
  g_autofree char *expected = g_strconcat ("notice ", longest, "\n", NULL);

  ivd_log (IVD_LOG_NOTICE, "a\nb", "x\nerror [web] forged\x1b[2J\xff");
  assert_took (caught, "notice [a\\x0ab] x\\x0aerror [web] forged\\x1b[2J\357\277\275\n");
  ivd_log (IVD_LOG_NOTICE, NULL, "%s", longest);
  assert_took (caught, expected);
  ivd_log (IVD_LOG_NOTICE, NULL, "%s", endless);
  assert_took (caught, expected);
}

/* A full pipe: this must return, and say later what was lost. */
static void
test_no_reader (Caught *caught, gconstpointer data)
{
  g_autofree char *text = NULL;
  guint lines = 0;

  for (guint i = 0; i < 20000; i++)
    ivd_log (IVD_LOG_NOTICE, NULL, "line %u of many", i);
  text = take (caught);
  for (const char *p = text; (p = strchr (p, '\n')) != NULL; p++)
    lines++;
  g_assert_cmpuint (lines, >, 0);
  g_assert_cmpuint (lines, <, 20000);
  g_assert_true (g_str_has_suffix (text, " of many\n"));
  g_free (text);
  ivd_log (IVD_LOG_NOTICE, NULL, "and on");
  text = take (caught);
  g_assert_true (g_str_has_prefix (text, "warning "));
  g_assert_nonnull (strstr (text, " lines were dropped"));
  g_assert_true (g_str_has_suffix (text, "\nnotice and on\n"));
}

static void
add_test (const char *name, void (*func) (Caught *, gconstpointer))
{
  g_test_add (name, Caught, NULL, caught_set_up, func, caught_tear_down);
}

int
main (int argc, char **argv)
{
  g_unsetenv ("G_MESSAGES_DEBUG");
  g_test_init (&argc, &argv, NULL);
  ivd_log_install ();
  g_test_add_func ("/ivd/log/level-names", test_level_names);
  add_test ("/ivd/log/lines", test_lines);
  add_test ("/ivd/log/levels", test_levels);
  add_test ("/ivd/log/glib-debug", test_glib_debug);
  add_test ("/ivd/log/from-glib", test_from_glib);
  add_test ("/ivd/log/hostile-text", test_hostile_text);
  add_test ("/ivd/log/no-reader", test_no_reader);
  return g_test_run ();
}
