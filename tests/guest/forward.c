/* SPDX-License-Identifier: LGPL-3.0-or-later */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * forward FROM TO [UID]: listens at FROM, and carries what it hears to TO and
 * back. Each is unix:PATH, or tcp:PORT (of every address of this machine to
 * listen at, of the loopback to connect to). Two of them, one in a guest and
 * one on the host, bring a bus that has a unix socket in the guest to a unix
 * socket of the host; descriptors do not come along. UID: who does this, for
 * servers that ask the kernel. A test program; one process for each connection.
 */

#define BACKLOG 16
#define BUFFER_BYTES 65536

typedef struct
{
  struct sockaddr_storage address;
  socklen_t length;
} Place;

static void
fail (const char *what)
{
  fprintf (stderr, "forward: %s: %s\n", what, strerror (errno));
  exit (1);
}

static Place
parse_place (const char *text, in_addr_t host)
{
  Place place = { 0 };

  if (strncmp (text, "unix:", 5) == 0)
    {
      struct sockaddr_un *address = (struct sockaddr_un *) &place.address;

      address->sun_family = AF_UNIX;
      snprintf (address->sun_path, sizeof address->sun_path, "%s", text + 5);
      place.length = sizeof *address;
    }
  else if (strncmp (text, "tcp:", 4) == 0)
    {
      struct sockaddr_in *address = (struct sockaddr_in *) &place.address;

      address->sin_family = AF_INET;
      address->sin_addr.s_addr = htonl (host);
      address->sin_port = htons ((uint16_t) strtoul (text + 4, NULL, 10));
      place.length = sizeof *address;
    }
  else
    {
      errno = EINVAL;
      fail (text);
    }
  return place;
}

static int
make_socket (const Place *place)
{
  int fd = socket (place->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd < 0)
    fail ("socket");
  return fd;
}

static bool
write_all (int fd, const char *data, size_t length)
{
  while (length > 0)
    {
      ssize_t written = send (fd, data, length, MSG_NOSIGNAL);

      if (written < 0 && errno != EINTR)
        return false;
      if (written > 0)
        {
          data += written;
          length -= (size_t) written;
        }
    }
  return true;
}

/* Until either side has closed. */
static void
carry (int here, int there)
{
  static char buffer[BUFFER_BYTES];
  struct pollfd sides[2] = { { .fd = here, .events = POLLIN }, { .fd = there, .events = POLLIN } };

  while (poll (sides, 2, -1) > 0)
    for (int i = 0; i < 2; i++)
      {
        ssize_t got;

        if (sides[i].revents == 0)
          continue;
        got = recv (sides[i].fd, buffer, sizeof buffer, 0);
        if (got <= 0 || !write_all (sides[1 - i].fd, buffer, (size_t) got))
          return;
      }
}

static void
serve (int connection, const Place *to, uid_t uid)
{
  int there;

  /* Who forwards must not outlive who was asked to. */
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  if (uid != getuid () && setuid (uid) < 0)
    fail ("setuid");
  there = make_socket (to);
  if (connect (there, (const struct sockaddr *) &to->address, to->length) < 0)
    fail ("connect");
  setsockopt (there, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof (int));
  setsockopt (connection, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof (int));
  carry (connection, there);
}

int
main (int argc, char **argv)
{
  Place from, to;
  uid_t uid = getuid ();
  int listener;

  if (argc != 3 && argc != 4)
    {
      fputs ("forward unix:PATH|tcp:PORT unix:PATH|tcp:PORT [UID]\n", stderr);
      return 2;
    }
  from = parse_place (argv[1], INADDR_ANY);
  to = parse_place (argv[2], INADDR_LOOPBACK);
  if (argc == 4)
    uid = (uid_t) strtoul (argv[3], NULL, 10);
  signal (SIGCHLD, SIG_IGN);
  listener = make_socket (&from);
  setsockopt (listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof (int));
  if (bind (listener, (const struct sockaddr *) &from.address, from.length) < 0 || listen (listener, BACKLOG) < 0)
    fail (argv[1]);
  puts ("ready");
  fflush (stdout);
  for (;;)
    {
      int connection = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);
      pid_t child;

      if (connection < 0)
        continue;
      child = fork ();
      if (child < 0)
        fail ("fork");
      if (child == 0)
        {
          close (listener);
          serve (connection, &to, uid);
          _exit (0);
        }
      close (connection);
    }
}
