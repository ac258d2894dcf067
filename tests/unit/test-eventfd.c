/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include "platform/ivd-eventfd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "platform/ivd-alarm.h"

/* What design section 6 promises of a ring. */
/* The promise is 100 ms; a machine that gives the test no processor for a while
 * must not fail it. What is looked for is a call that stays blocked. */
#define PROMISE_USEC (2 * G_USEC_PER_SEC)
#define COUNTER_MAX (G_MAXUINT64 - 1)
#define HOSTILE_ROUNDS 200000

static int
eventfd_or_die (void)
{
  g_autoptr (GError) error = NULL;
  int fd = ivd_eventfd_new (&error);

  g_assert_no_error (error);
  g_assert_cmpint (fd, >=, 0);
  return fd;
}

static void
set_blocking (int fd)
{
  g_assert_cmpint (fcntl (fd, F_SETFL, 0), ==, 0);
}

static void
test_flags (void)
{
  int fd = eventfd_or_die ();

  g_assert_cmpint (fcntl (fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
  g_assert_cmpint (fcntl (fd, F_GETFL) & O_NONBLOCK, ==, O_NONBLOCK);
  close (fd);
}

static void
test_counts (void)
{
  g_autoptr (GError) error = NULL;
  int fd = eventfd_or_die ();

  g_assert_cmpuint (ivd_eventfd_take (fd), ==, 0);
  g_assert_true (ivd_eventfd_add (fd, 1, &error));
  g_assert_true (ivd_eventfd_add (fd, 41, &error));
  g_assert_true (ivd_eventfd_add (fd, 0, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (ivd_eventfd_take (fd), ==, 42);
  g_assert_cmpuint (ivd_eventfd_take (fd), ==, 0);
  g_assert_true (ivd_eventfd_add (fd, COUNTER_MAX, &error));
  g_assert_cmpuint (ivd_eventfd_take (fd), ==, COUNTER_MAX);
  close (fd);
}

/* QEMU clears O_NONBLOCK on the description that it shares with us. */
static void
test_take_from_blocking (void)
{
  int fd = eventfd_or_die ();

  set_blocking (fd);
  g_assert_cmpuint (ivd_eventfd_take (fd), ==, 0);
  g_assert_true (ivd_eventfd_add (fd, 7, NULL));
  g_assert_cmpuint (ivd_eventfd_take (fd), ==, 7);
  g_assert_cmpuint (ivd_eventfd_take (fd), ==, 0);
  /* And it stays as its other holder wants it. */
  g_assert_cmpint (fcntl (fd, F_GETFL) & O_NONBLOCK, ==, 0);
  close (fd);
}

static void
assert_busy (int fd, guint64 count)
{
  g_autoptr (GError) error = NULL;
  gint64 begin = g_get_monotonic_time ();

  g_assert_false (ivd_eventfd_add (fd, count, &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_BUSY);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, PROMISE_USEC);
}

static void
test_full_is_busy (void)
{
  int fd = eventfd_or_die ();

  g_assert_true (ivd_eventfd_add (fd, COUNTER_MAX, NULL));
  assert_busy (fd, 1);
  set_blocking (fd);
  assert_busy (fd, 1);
  g_assert_cmpuint (ivd_eventfd_take (fd), ==, COUNTER_MAX);
  g_assert_true (ivd_eventfd_add (fd, 1, NULL));
  close (fd);
}

/* There is room, so that nothing can be known beforehand, but not enough: the
 * write does wait, and is broken off. */
static void
test_waiting_write_is_broken (void)
{
  int fd = eventfd_or_die ();

  set_blocking (fd);
  g_assert_true (ivd_eventfd_add (fd, COUNTER_MAX - 5, NULL));
  for (guint i = 0; i < 20; i++)
    assert_busy (fd, 10);
  g_assert_true (ivd_eventfd_add (fd, 5, NULL));
  g_assert_cmpuint (ivd_eventfd_take (fd), ==, COUNTER_MAX);
  close (fd);
}

typedef struct
{
  int fd;
  gint stop;
} Hostile;

/* Empties the counter, and fills it and makes it blocking in the moment in
 * which somebody may have seen that there is room. */
static gpointer
hostile_thread (gpointer data)
{
  Hostile *hostile = data;
  const guint64 all = COUNTER_MAX;
  guint64 count = 0;

  while (!g_atomic_int_get (&hostile->stop))
    {
      fcntl (hostile->fd, F_SETFL, O_NONBLOCK);
      count = read (hostile->fd, &count, sizeof count);
      count = write (hostile->fd, &all, sizeof all);
      fcntl (hostile->fd, F_SETFL, 0);
    }
  return NULL;
}

static void
test_hostile_holder (void)
{
  Hostile hostile = { eventfd_or_die (), 0 };
  GThread *thread = g_thread_new ("hostile", hostile_thread, &hostile);
  gint64 longest = 0, end = g_get_monotonic_time () + 2 * G_USEC_PER_SEC;
  guint busy = 0, done = 0;

  while (busy + done < HOSTILE_ROUNDS && g_get_monotonic_time () < end)
    {
      g_autoptr (GError) error = NULL;
      gint64 begin = g_get_monotonic_time ();

      if (ivd_eventfd_add (hostile.fd, 1, &error))
        done++;
      else
        busy++;
      longest = MAX (longest, g_get_monotonic_time () - begin);
    }
  g_atomic_int_set (&hostile.stop, 1);
  g_thread_join (thread);
  g_test_message ("%u added, %u busy, the longest call took %" G_GINT64_FORMAT " us", done, busy, longest);
  g_assert_cmpuint (busy + done, >, 0);
  g_assert_cmpint (longest, <, PROMISE_USEC);
  close (hostile.fd);
}

/* A kernel without RWF_NOWAIT for eventfds, played by a filter on one thread. */
static gpointer
old_kernel_thread (gpointer data)
{
  struct sock_filter code[] = {
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, nr)),
    BPF_JUMP (BPF_JMP | BPF_JEQ | BPF_K, SYS_preadv2, 0, 1),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
    BPF_STMT (BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = { G_N_ELEMENTS (code), code };
  int fd = eventfd_or_die ();

  g_assert_cmpint (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), ==, 0);
  g_assert_cmpint (prctl (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), ==, 0);
  g_assert_cmpint (preadv2 (fd, NULL, 0, -1, 0), ==, -1);
  g_assert_cmpint (errno, ==, EOPNOTSUPP);

  set_blocking (fd);
  g_assert_cmpuint (ivd_eventfd_take (fd), ==, 0);
  g_assert_true (ivd_eventfd_add (fd, 3, NULL));
  g_assert_cmpuint (ivd_eventfd_take (fd), ==, 3);
  close (fd);
  return NULL;
}

static void
test_old_kernel (void)
{
  g_thread_join (g_thread_new ("old-kernel", old_kernel_thread, NULL));
}

static void
test_check (void)
{
  g_autoptr (GError) error = NULL;
  int good = eventfd_or_die ();
  int ends[2];

  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  g_assert_true (ivd_eventfd_check (good, &error));
  g_assert_no_error (error);
  g_assert_false (ivd_eventfd_check (ends[1], &error));
  g_assert_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT);
  close (good);
  close (ends[0]);
  close (ends[1]);
  g_assert_false (ivd_eventfd_check (good, NULL));
  g_assert_false (ivd_eventfd_check (-1, NULL));
}

static void
test_closed_descriptor (void)
{
  g_autoptr (GError) error = NULL;
  int fd = eventfd_or_die ();

  close (fd);
  g_assert_cmpuint (ivd_eventfd_take (fd), ==, 0);
  g_assert_false (ivd_eventfd_add (fd, 1, &error));
  g_assert_nonnull (error);
}

static void
test_out_of_descriptors (void)
{
  g_autoptr (GError) error = NULL;
  struct rlimit saved, none;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &saved), ==, 0);
  none = saved;
  none.rlim_cur = 0;
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &none), ==, 0);
  g_assert_cmpint (ivd_eventfd_new (&error), ==, -1);
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &saved), ==, 0);
  g_assert_error (error, IVD_ERROR, IVD_ERROR_LIMIT);
}

static gpointer
alarm_thread (gpointer data)
{
  char byte;
  int ends[2];

  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  for (guint i = 0; i < 50; i++)
    {
      g_assert_true (ivd_alarm_set (100 + i, NULL));
      g_assert_cmpint (read (ends[0], &byte, 1), ==, -1);
      g_assert_cmpint (errno, ==, EINTR);
      ivd_alarm_clear ();
      g_assert_cmpint (errno, ==, EINTR);
    }
  close (ends[0]);
  close (ends[1]);
  return NULL;
}

/* Each thread's alarm breaks that thread's calls, and its timer goes with it. */
static void
test_alarm_per_thread (void)
{
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("alarm", alarm_thread, NULL);
  alarm_thread (NULL);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

/* A full one is no reason to wait: its reader is awake. */
static void
test_wake (void)
{
  g_autoptr (GError) error = NULL;
  int fd = ivd_eventfd_new (&error);

  g_assert_no_error (error);
  ivd_eventfd_wake (fd);
  ivd_eventfd_wake (fd);
  g_assert_cmpuint (ivd_eventfd_take (fd), ==, 2);
  g_assert_true (ivd_eventfd_add (fd, G_MAXUINT64 - 1, &error));
  ivd_eventfd_wake (fd);
  g_assert_cmpuint (ivd_eventfd_take (fd), ==, G_MAXUINT64 - 1);
  close (fd);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ivd/eventfd/flags", test_flags);
  g_test_add_func ("/ivd/eventfd/counts", test_counts);
  g_test_add_func ("/ivd/eventfd/take-from-blocking", test_take_from_blocking);
  g_test_add_func ("/ivd/eventfd/full-is-busy", test_full_is_busy);
  g_test_add_func ("/ivd/eventfd/waiting-write-is-broken", test_waiting_write_is_broken);
  g_test_add_func ("/ivd/eventfd/hostile-holder", test_hostile_holder);
  g_test_add_func ("/ivd/eventfd/old-kernel", test_old_kernel);
  g_test_add_func ("/ivd/eventfd/check", test_check);
  g_test_add_func ("/ivd/eventfd/closed-descriptor", test_closed_descriptor);
  g_test_add_func ("/ivd/eventfd/out-of-descriptors", test_out_of_descriptors);
  g_test_add_func ("/ivd/eventfd/wake", test_wake);
  g_test_add_func ("/ivd/eventfd/alarm-per-thread", test_alarm_per_thread);
  return g_test_run ();
}
