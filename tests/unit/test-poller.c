/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-poller.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "platform/ivd-eventfd.h"

#define MANY 1000

typedef struct
{
  GMainContext *context;
  IvdPoller *poller;
} Fixture;

typedef struct
{
  IvdPoller *poller;
  guint64 id;
  guint64 other; /* removed by the callback, when set */
  guint calls;
  IvdPollFlags ready;
  gboolean take;
} Seen;

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  f->context = g_main_context_new ();
  f->poller = ivd_poller_new (f->context, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_pointer (&f->poller, ivd_poller_free);
  g_main_context_unref (f->context);
}

static void
on_ready (int fd, IvdPollFlags ready, gpointer data)
{
  Seen *seen = data;

  seen->calls++;
  seen->ready |= ready;
  if (seen->take)
    ivd_eventfd_take (fd);
  if (seen->other != 0)
    ivd_poller_remove (seen->poller, seen->other);
}

static int
eventfd_with (guint64 count)
{
  int fd = ivd_eventfd_new (NULL);

  g_assert_cmpint (fd, >=, 0);
  g_assert_true (ivd_eventfd_add (fd, count, NULL));
  return fd;
}

static guint64
add (Fixture *f, int fd, IvdPollFlags flags, Seen *seen)
{
  g_autoptr (GError) error = NULL;

  seen->poller = f->poller;
  seen->id = ivd_poller_add (f->poller, fd, flags, on_ready, seen, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (seen->id, !=, 0);
  return seen->id;
}

static void
iterate (Fixture *f)
{
  while (g_main_context_iteration (f->context, FALSE))
    ;
}

static void
test_level (Fixture *f, gconstpointer data)
{
  Seen seen = { 0 };
  int fd = eventfd_with (1);

  add (f, fd, IVD_POLL_IN, &seen);
  g_main_context_iteration (f->context, FALSE);
  g_main_context_iteration (f->context, FALSE);
  g_assert_cmpuint (seen.calls, ==, 2);
  g_assert_cmpuint (seen.ready, ==, IVD_POLL_IN);
  seen.take = TRUE;
  iterate (f);
  g_assert_cmpuint (seen.calls, ==, 3);
  ivd_poller_modify (f->poller, seen.id, IVD_POLL_OUT);
  seen.ready = 0;
  g_main_context_iteration (f->context, FALSE);
  g_assert_cmpuint (seen.ready, ==, IVD_POLL_OUT);
  ivd_poller_remove (f->poller, seen.id);
  ivd_poller_remove (f->poller, seen.id);
  ivd_poller_modify (f->poller, seen.id, IVD_POLL_IN);
  g_assert_false (g_main_context_iteration (f->context, FALSE));
  close (fd);
}

/* More than a batch, each once and all in the end. */
static void
test_many (Fixture *f, gconstpointer data)
{
  g_autofree Seen *seen = g_new0 (Seen, MANY);
  g_autofree int *fds = g_new0 (int, MANY);

  for (guint i = 0; i < MANY; i++)
    {
      fds[i] = eventfd_with (1);
      seen[i].take = TRUE;
      add (f, fds[i], IVD_POLL_IN, &seen[i]);
    }
  iterate (f);
  for (guint i = 0; i < MANY; i++)
    {
      g_assert_cmpuint (seen[i].calls, ==, 1);
      ivd_poller_remove (f->poller, seen[i].id);
      close (fds[i]);
    }
}

static void
test_hang_up_once (Fixture *f, gconstpointer data)
{
  Seen seen = { 0 };
  int ends[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
  add (f, ends[0], 0, &seen);
  g_assert_cmpint (write (ends[1], "x", 1), ==, 1);
  iterate (f);
  g_assert_cmpuint (seen.calls, ==, 0);
  close (ends[1]);
  iterate (f);
  g_assert_cmpuint (seen.calls, ==, 1);
  g_assert_cmpuint (seen.ready, ==, IVD_POLL_HUP);
  /* Asked again, it is told again. */
  ivd_poller_modify (f->poller, seen.id, IVD_POLL_IN);
  g_main_context_iteration (f->context, FALSE);
  g_assert_cmpuint (seen.calls, ==, 2);
  g_assert_cmpuint (seen.ready, ==, IVD_POLL_HUP | IVD_POLL_IN);
  ivd_poller_remove (f->poller, seen.id);
  close (ends[0]);
}

/* Whichever comes first removes the other, whose event was fetched already. */
static void
test_remove_from_callback (Fixture *f, gconstpointer data)
{
  Seen a = { 0 }, b = { 0 };
  int fd_a = eventfd_with (1), fd_b = eventfd_with (1);

  add (f, fd_a, IVD_POLL_IN, &a);
  add (f, fd_b, IVD_POLL_IN, &b);
  a.other = b.id;
  b.other = a.id;
  g_main_context_iteration (f->context, FALSE);
  g_assert_cmpuint (a.calls + b.calls, ==, 1);
  ivd_poller_remove (f->poller, a.id);
  ivd_poller_remove (f->poller, b.id);
  close (fd_a);
  close (fd_b);
}

static void
free_poller (int fd, IvdPollFlags ready, gpointer data)
{
  Fixture *f = data;

  g_clear_pointer (&f->poller, ivd_poller_free);
}

static void
test_free_from_callback (Fixture *f, gconstpointer data)
{
  int fds[2] = { eventfd_with (1), eventfd_with (1) };

  for (guint i = 0; i < 2; i++)
    g_assert_cmpuint (ivd_poller_add (f->poller, fds[i], IVD_POLL_IN, free_poller, f, NULL), !=, 0);
  iterate (f);
  g_assert_null (f->poller);
  close (fds[0]);
  close (fds[1]);
}

static void
test_refused (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  Seen seen = { 0 };
  int fd = eventfd_with (0);
  int file = open ("/proc/self/exe", O_RDONLY | O_CLOEXEC);

  add (f, fd, IVD_POLL_IN, &seen);
  g_assert_cmpuint (ivd_poller_add (f->poller, fd, IVD_POLL_IN, on_ready, &seen, &error), ==, 0);
  g_assert_error (error, IVD_ERROR, IVD_ERROR_EXISTS);
  g_clear_error (&error);
  g_assert_cmpuint (ivd_poller_add (f->poller, -1, IVD_POLL_IN, on_ready, &seen, &error), ==, 0);
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_cmpuint (ivd_poller_add (f->poller, file, IVD_POLL_IN, on_ready, &seen, &error), ==, 0);
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  ivd_poller_remove (f->poller, seen.id);
  close (fd);
  close (file);
}

static void
test_ids_are_never_used_again (Fixture *f, gconstpointer data)
{
  Seen a = { 0 }, b = { 0 };
  int fd = eventfd_with (0);

  add (f, fd, IVD_POLL_IN, &a);
  ivd_poller_remove (f->poller, a.id);
  add (f, fd, IVD_POLL_IN, &b);
  g_assert_cmpuint (b.id, >, a.id);
  ivd_poller_remove (f->poller, b.id);
  close (fd);
}

/* A descriptor closed before its removal while a copy of it lives on: the
 * kernel goes on telling, and nobody can make it stop but by a new set. */
static void
test_closed_too_early (Fixture *f, gconstpointer data)
{
  Seen gone = { 0 }, stays = { 0 };
  int fd = eventfd_with (1), good = eventfd_with (1);
  int copy = fcntl (fd, F_DUPFD_CLOEXEC, 0);
  guint rounds = 0;

  add (f, fd, IVD_POLL_IN, &gone);
  close (fd);
  ivd_poller_remove (f->poller, gone.id);
  stays.take = TRUE;
  add (f, good, IVD_POLL_IN, &stays);
  while (g_main_context_iteration (f->context, FALSE))
    g_assert_cmpuint (++rounds, <, 10);
  g_assert_cmpuint (gone.calls, ==, 0);
  g_assert_cmpuint (stays.calls, ==, 1);
  g_assert_true (ivd_eventfd_add (good, 1, NULL));
  iterate (f);
  g_assert_cmpuint (stays.calls, ==, 2);
  ivd_poller_remove (f->poller, stays.id);
  close (copy);
  close (good);
}

/* Its number was given to another descriptor before its entry was removed:
 * the removal must not hit the other. */
static void
test_number_used_again (Fixture *f, gconstpointer data)
{
  Seen old = { 0 }, new = { 0 };
  int fd = eventfd_with (0);
  int copy = fcntl (fd, F_DUPFD_CLOEXEC, 0);
  int next;

  add (f, fd, IVD_POLL_IN, &old);
  next = eventfd_with (1);
  g_assert_cmpint (dup3 (next, fd, O_CLOEXEC), ==, fd);
  close (next);
  add (f, fd, IVD_POLL_IN, &new);
  new.take = TRUE;
  ivd_poller_modify (f->poller, old.id, IVD_POLL_OUT);
  ivd_poller_remove (f->poller, old.id);
  iterate (f);
  g_assert_cmpuint (old.calls, ==, 0);
  g_assert_cmpuint (new.calls, ==, 1);
  g_assert_true (ivd_eventfd_add (copy, 1, NULL)); /* the stale one speaks */
  g_assert_true (ivd_eventfd_add (fd, 1, NULL));
  iterate (f);
  g_assert_cmpuint (old.calls, ==, 0);
  g_assert_cmpuint (new.calls, ==, 2);
  ivd_poller_remove (f->poller, new.id);
  close (copy);
  close (fd);
}

#define ADD(name, func) g_test_add ("/ivd/poller/" name, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("level", test_level);
  ADD ("many", test_many);
  ADD ("hang-up-once", test_hang_up_once);
  ADD ("remove-from-callback", test_remove_from_callback);
  ADD ("free-from-callback", test_free_from_callback);
  ADD ("refused", test_refused);
  ADD ("ids-are-never-used-again", test_ids_are_never_used_again);
  ADD ("closed-too-early", test_closed_too_early);
  ADD ("number-used-again", test_number_used_again);
  return g_test_run ();
}
