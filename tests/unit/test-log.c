/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
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

/* --- with a journal in place of stderr --- */

#define JOURNAL_DIR "/run/systemd/journal"

static int
listen_at (const char *path, int type)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, type | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_assert_no_errno (bind (fd, (struct sockaddr *) &address, sizeof address));
  if (type == SOCK_STREAM)
    g_assert_no_errno (listen (fd, 1));
  return fd;
}

/* stderr becomes the journal's stream, as that of a service is. */
static void
connect_stderr (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_strlcpy (address.sun_path, path, sizeof address.sun_path);
  g_assert_no_errno (connect (fd, (struct sockaddr *) &address, sizeof address));
  g_assert_cmpint (dup2 (fd, STDERR_FILENO), ==, STDERR_FILENO);
  close (fd);
}

static void
assert_record (int journal, const char *const *lines)
{
  char buffer[4096];
  gssize n = recv (journal, buffer, sizeof buffer - 1, 0);
  g_auto (GStrv) got = NULL;

  g_assert_cmpint (n, >, 0);
  buffer[n] = '\0';
  got = g_strsplit (buffer, "\n", -1);
  for (gsize i = 0; lines[i] != NULL; i++)
    g_assert_true (g_strv_contains ((const char *const *) got, lines[i]));
  /* And nothing but those, and what is after the last newline. */
  g_assert_cmpuint (g_strv_length (got), ==, g_strv_length ((GStrv) lines) + 1);
}

/* In a mount namespace of its own, where /run is empty. */
static void
test_journal_subprocess (void)
{
  const IvdLogContext context = { .region = "web", .plugin = "doorbell", .peer = 3 };
  const char *const about[] = { "MESSAGE=it lies\\x0aPRIORITY=0", "PRIORITY=4", "SYSLOG_IDENTIFIER=ivshmemd",
                                "IVSHMEM_REGION=web", "IVSHMEM_PLUGIN=doorbell", "IVSHMEM_PEER=3", NULL };
  const char *const plain[] = { "MESSAGE=hello", "PRIORITY=5", "SYSLOG_IDENTIFIER=ivshmemd", NULL };
  int journal, stream;

  g_assert_no_errno (unshare (CLONE_NEWNS));
  g_assert_no_errno (mount ("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
  g_assert_no_errno (mount ("none", "/run", "tmpfs", 0, NULL));
  g_assert_no_errno (g_mkdir_with_parents (JOURNAL_DIR, 0755));
  journal = listen_at (JOURNAL_DIR "/socket", SOCK_DGRAM);
  stream = listen_at (JOURNAL_DIR "/stdout", SOCK_STREAM);
  connect_stderr (JOURNAL_DIR "/stdout");
  ivd_log_about (IVD_LOG_WARNING, &context, "it lies\nPRIORITY=0");
  assert_record (journal, about);
  ivd_log (IVD_LOG_NOTICE, NULL, "hello");
  assert_record (journal, plain);
  close (stream);
  close (journal);
}

static void
test_journal (void)
{
  gint status = 0;

  if (!g_spawn_command_line_sync ("unshare --mount true", NULL, NULL, &status, NULL) || status != 0)
    {
      g_test_skip ("allowed: only root with CAP_SYS_ADMIN can put a journal in its place");
      return;
    }
  g_test_trap_subprocess ("/ivd/log/journal/subprocess", 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_passed ();
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
  g_test_add_func ("/ivd/log/journal", test_journal);
  g_test_add_func ("/ivd/log/journal/subprocess", test_journal_subprocess);
  return g_test_run ();
}
