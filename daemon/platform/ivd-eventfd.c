/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Reads never wait, by RWF_NOWAIT. Writes have no such flag: what room the
 * counter has is asked first, and the write then made under an alarm, because
 * another holder may clear O_NONBLOCK and fill the counter in between. An
 * eventfd's write waits only when the counter is full, so a short alarm takes
 * nothing from a write that can be done.
 */
#include "config.h"

#include "platform/ivd-eventfd.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/ivd-error.h"
#include "base/ivd-limits.h"
#include "platform/ivd-alarm.h"

/* How soon a call that waits after all is broken off: far below the limit, so
 * that a hostile holder cannot slow the main loop down, and above a scheduler
 * tick, because a timer that is due earlier costs three times as much to set. */
#define ALARM_USEC 5000
G_STATIC_ASSERT (ALARM_USEC * 10 <= IVD_LIMIT_RING_USEC);

int
ivd_eventfd_new (GError **error)
{
  int fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);

  if (fd < 0)
    g_set_error (error, IVD_ERROR, errno == EMFILE || errno == ENFILE ? IVD_ERROR_LIMIT : IVD_ERROR_IO,
                 "no eventfd can be made: %s", g_strerror (errno));
  return fd;
}

gboolean
ivd_eventfd_check (int fd, GError **error)
{
  static const char expected[] = "anon_inode:[eventfd]";
  char path[sizeof "/proc/self/fd/" + 3 * sizeof fd];
  char target[sizeof expected] = "";

  g_snprintf (path, sizeof path, "/proc/self/fd/%d", fd);
  if (readlink (path, target, sizeof target) == sizeof expected - 1
      && memcmp (target, expected, sizeof expected - 1) == 0)
    return TRUE;
  g_set_error (error, IVD_ERROR, IVD_ERROR_INVALID_ARGUMENT, "descriptor %d is no eventfd", fd);
  return FALSE;
}

/* TRUE if events are there now. */
static gboolean
poll_now (int fd, short events)
{
  struct pollfd p = { .fd = fd, .events = events };

  return poll (&p, 1, 0) == 1 && (p.revents & events) != 0;
}

/* For kernels whose eventfds do not know RWF_NOWAIT. */
static guint64
take_with_alarm (int fd)
{
  guint64 count = 0;
  ssize_t n;

  if (!poll_now (fd, POLLIN) || !ivd_alarm_set (ALARM_USEC, NULL))
    return 0;
  n = read (fd, &count, sizeof count);
  ivd_alarm_clear ();
  return n == sizeof count ? count : 0;
}

guint64
ivd_eventfd_take (int fd)
{
  guint64 count = 0;
  struct iovec io = { &count, sizeof count };
  ssize_t n = preadv2 (fd, &io, 1, -1, RWF_NOWAIT);

  if (n < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
    return take_with_alarm (fd);
  return n == sizeof count ? count : 0;
}

gboolean
ivd_eventfd_add (int fd, guint64 count, GError **error)
{
  ssize_t n;

  if (count == 0)
    return TRUE;
  if (poll_now (fd, POLLOUT))
    {
      if (!ivd_alarm_set (ALARM_USEC, error))
        return FALSE;
      n = write (fd, &count, sizeof count);
      ivd_alarm_clear ();
    }
  else
    {
      n = -1;
      errno = EAGAIN;
    }
  if (n == sizeof count)
    return TRUE;
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    g_set_error (error, IVD_ERROR, IVD_ERROR_BUSY, "the event counter is full: its reader does not read");
  else
    g_set_error (error, IVD_ERROR, IVD_ERROR_IO, "the event counter cannot be written: %s",
                 n < 0 ? g_strerror (errno) : "short write");
  return FALSE;
}

void
ivd_eventfd_wake (int fd)
{
  const guint64 one = 1;

  /* Fails only when it is full, and then whoever waits for it is awake. */
  (void) !write (fd, &one, sizeof one);
}
